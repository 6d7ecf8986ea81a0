"""What a sandbox logs: its output as it stands in the engine's file, between the platform's own lines. [lambda.md 7]"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from batchd.invocation import Invocation

TAIL_BYTES = 4096
_LONGEST_LINE = 256 * 1024  # bytes, an event's most
_MOST_BYTES = 8 * 1024 * 1024  # read at once: what is beyond is logged with the next invocation

Line = tuple[int, str]  # time (ms), text


@dataclass(slots=True)
class Ran:
    """What the REPORT line tells. Times are ms."""

    duration_ms: float
    init_ms: float | None = None
    peak_mib: int | None = None


@dataclass(slots=True)
class SandboxLog:
    """`stream` is the sandbox's own. Lines go out once, in their order."""

    path: Path
    stream: str
    now_ms: Callable[[], int]
    _read: int = 0
    _lines: list[Line] = field(default_factory=list)

    def began(self, invocation: Invocation) -> None:
        self._collect()
        self._add(f"START RequestId: {invocation.request_id} Version: {invocation.function.version}")

    def ended(self, invocation: Invocation, ran: Ran, note: str) -> tuple[list[Line], bytes]:
        """All lines since the last time, and their end as bytes."""
        self._collect()
        if note:
            self._add(note)
        self._add(f"END RequestId: {invocation.request_id}")
        self._add(report_line(invocation, ran))
        lines, self._lines = self._lines, []
        return lines, "".join(f"{text}\n" for _, text in lines).encode()[-TAIL_BYTES:]

    def initialised(self, runtime: str) -> None:
        self._add(f"INIT_START Runtime Version: {runtime}")

    def _add(self, text: str) -> None:
        self._lines.append((self.now_ms(), text))

    def _collect(self) -> None:
        """What has been written since; the runtime flushes before it answers."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                data = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return
        self._read += len(data)
        for line in data.splitlines():
            for start in range(0, max(len(line), 1), _LONGEST_LINE):
                self._add(line[start : start + _LONGEST_LINE].decode(errors="replace"))


def report_line(invocation: Invocation, ran: Ran) -> str:
    """Parts are set apart, and closed, by tabs."""
    parts = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {ran.duration_ms:.2f} ms",
        f"Billed Duration: {max(1, -int(-ran.duration_ms // 1))} ms",
        f"Memory Size: {invocation.function.memory_mib} MB",
    ]
    if ran.peak_mib is not None:
        parts.append(f"Max Memory Used: {ran.peak_mib} MB")
    if ran.init_ms is not None:
        parts.append(f"Init Duration: {ran.init_ms:.2f} ms")
    return "\t".join([*parts, ""])
