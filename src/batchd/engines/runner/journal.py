"""The runner's memory: an append-only file of what it began and what ended, until forgotten.

One JSON array a line: ["boot", boot id] first, then
    ["begin", id, at, containers]  ["run", id, pid, ticks]  ["up", id, at]  ["exit", id, at, code, reason, more]
    ["fail", id, at, reason, more]  ["lost", id, at, reason, more]  ["forget", id]
with a "run" for each process that was begun for the task.
It survives the death of the runner, which is all it is for: no fsync, since the machine's death ends every task.
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import json
import os

from batchd.engines.runner.wire import encode

_WORTH_COMPACTING = 20_000  # lines beyond what is still true

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchd.engines.runner.wire import Message


class Journal:
    """`write` queues, `flush` appends in one write. `load` comes first, once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._unwritten = b""
        self._lines = 0

    def load(self) -> list[Message]:
        """Every record of the file that can be read; the last line may be torn."""
        try:
            with open(self._path, "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return []
        return [record for record in map(_record, lines) if record]

    def write(self, record: Message) -> None:
        self._unwritten += encode(record).encode() + b"\n"
        self._lines += 1

    def flush(self) -> bool:
        """False when the disk does not take it: the rest is kept and tried again at the next flush."""
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._fd, self._unwritten) :]
        except OSError:
            return False
        return True

    def wants_compacting(self, alive: int) -> bool:
        return self._lines > 4 * alive + _WORTH_COMPACTING

    def rewrite(self, records: list[Message]) -> None:
        """Put a file with just these records in the place of the old one. Raises OSError; the old one then stays."""
        fresh = self._path + ".new"
        lines = [encode(record) for record in [["boot", boot_id()], *records]]
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            with open(fd, "w", closefd=False) as file:
                file.write("\n".join(lines) + "\n")
            os.replace(fresh, self._path)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._unwritten, self._lines = fd, b"", len(lines)


def boot_id() -> str:
    """Which run of the machine this is: process ids mean nothing in another one."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def _record(line: bytes) -> Message | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, list) and len(record) > 1 else None
