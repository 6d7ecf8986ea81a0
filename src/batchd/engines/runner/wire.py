"""What the engine and the runner say to each other: one JSON array a line, over a unix socket.

engine to runner
    ["open", adopt, keep, defaults, room]
                                      first; task ids to report the state of, ids to keep silently (all others are
                                      forgotten), the variables a task gets unless it sets them itself, and how much
                                      tasks may need together (thousandths of a vCPU, MiB; null: whatever they do)
    ["start", task_id, program]       program: `Program`
    ["stop", task_id, grace_s]
    ["forget", task_id]
runner to engine
    ["hello", facts]                  first; facts: `Facts`
    ["busy"]                          instead of hello: another server holds the line
    ["opened"]                        every adopted task has been reported
    ["started", task_id, at]  ["exited", task_id, at, code, reason, more]  ["failed", task_id, at, reason, more]
    ["lost", task_id, at, reason, more]  ["returned", task_id, at]
                                      more: an object; `containers` are [name, code, reason] of each of several,
                                      `usage` is [MiB of memory at the most, seconds of CPU]
"""

from __future__ import annotations

import json
import socket
import struct

PROTOCOL = 3
_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps makes one a call
_PLAIN = frozenset(("started", "returned", "run", "up", "forget"))  # an id and numbers
_LONGEST_LINE = 16 << 20
_CHUNK = 1 << 16  # a larger buffer is mapped anew for every call

TYPE_CHECKING = False  # as typing has it; importing typing costs the runner a megabyte
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class Program(TypedDict):
        """What one task runs. `refuse` is a reason for which it shall fail instead. `needs` are thousandths of a vCPU
        and MiB; with null it begins whatever room there is."""

        containers: list[Process]
        stop_timeout_s: float
        refuse: str | None
        needs: tuple[int, int] | None

    class Process(TypedDict):
        """What one of its containers runs. `refuse` is a reason for which it shall fail instead."""

        name: str
        essential: bool
        depends_on: list[tuple[str, str]]
        start_timeout_s: float | None
        stop_timeout_s: float | None
        argv: list[str]
        env: dict[str, str]
        log: bool
        memory_mib: int
        swap_mib: int | None
        vcpus: float
        user: str | None
        ulimits: list[tuple[str, int, int]]
        refuse: str | None

    class Facts(TypedDict):
        """What the runner says of itself."""

        protocol: int
        pid: int
        limits_memory: bool
        limits_cpu: bool
        notes: list[str]

    Message = list[Any]  # JSON: the first element says what the others are


def encode(message: Message) -> str:
    """One line of JSON, without its end."""
    if message[0] in _PLAIN and message[1].isalnum():
        return f'["{message[0]}","{message[1]}"{"".join([f",{number}" for number in message[2:]])}]'
    return _encode(message)


class Closed(Exception):
    """The other side has hung up, or speaks no sense."""


class Wire:
    """The runner's end: never blocks; what cannot be sent yet waits in memory."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._received = b""
        self._unsent = bytearray()

    def fileno(self) -> int:
        return self._connection.fileno()

    def of_our_user(self, uid: int) -> bool:
        """Whether the process at the other end runs as `uid` or as root."""
        raw = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return struct.unpack("3i", raw)[1] in (uid, 0)

    def receive(self) -> list[Message]:
        """The messages that have come whole. Raises Closed."""
        try:
            chunk = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Closed from error
        if not chunk or len(self._received) > _LONGEST_LINE:
            raise Closed
        *lines, self._received = (self._received + chunk).split(b"\n")
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise Closed from error

    def send(self, message: Message) -> None:
        """Queue a message; `flush` sends it."""
        self._unsent += encode(message).encode() + b"\n"

    def flush(self) -> bool:
        """Send what fits; True when all is sent. Raises Closed."""
        while self._unsent:
            try:
                del self._unsent[: self._connection.send(self._unsent)]
            except BlockingIOError:
                return False
            except OSError as error:
                raise Closed from error
        return True

    def close(self) -> None:
        self._connection.close()
