"""Reads the files engines write into, line by line, and keeps how far it got with the lines themselves.

A piece and the offset behind it are written in one transaction: after a crash reading goes on where the log ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batchd.engines.engine import Engine
from batchd.store.store import StreamKey, Tx
from batchd.task import LogDestination

_PIECE = 1024 * 1024  # bytes read at once
_LONGEST_LINE = 256 * 1024  # a longer line becomes several events, as CloudWatch's limit would have it


class Destinations(Protocol):
    """Task id -> (container, destination); controllers/launch keeps it."""

    def get(self, task_id: str, /) -> list[tuple[str, LogDestination]] | None: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one container's output. `offset` is where the next piece begins; `more` waits behind it."""

    cursor: str
    destination: LogDestination
    offset: int
    lines: tuple[str, ...]
    more: bool


class Output:
    """Offsets of every live task's files. `read` has no effect until `recorded` says that its pieces are safe."""

    def __init__(self, engine: Engine, destinations: Destinations) -> None:
        self._engine = engine
        self._destinations = destinations
        self._offsets: dict[str, int] = {}

    def resume(self, tx: Tx, task_ids: Iterable[str]) -> None:
        """After a restart: go on where the log ends."""
        for task_id in task_ids:
            for container, _ in self._destinations.get(task_id) or []:
                self._offsets[_cursor(task_id, container)] = tx.log_cursors.get(_cursor(task_id, container))

    def read(self, task_id: str, *, final: bool = False) -> list[Piece]:
        """What came since the last recorded piece; with `final` the last line needs no newline."""
        pieces = []
        for container, destination in self._destinations.get(task_id) or []:
            cursor = _cursor(task_id, container)
            path = self._engine.log_path(task_id, container)
            if piece := _read_piece(path, cursor, destination, self._offsets.get(cursor, 0), final):
                pieces.append(piece)
        return pieces

    def append(self, tx: Tx, pieces: Sequence[Piece], now: int) -> None:
        for piece in pieces:
            to = piece.destination
            if piece.lines:
                key = StreamKey(to.region, to.group, to.stream)
                tx.logs.append(key, [(now, line) for line in piece.lines], now)
            tx.log_cursors.put(piece.cursor, piece.offset)

    def recorded(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self._offsets[piece.cursor] = piece.offset

    def end(self, tx: Tx, task_id: str) -> None:
        """The task's last piece is in this transaction: its cursors are not needed any more."""
        for container, _ in self._destinations.get(task_id) or []:
            if _cursor(task_id, container) in self._offsets:
                tx.log_cursors.delete(_cursor(task_id, container))

    def forget(self, task_id: str) -> None:
        for container, _ in self._destinations.get(task_id) or []:
            self._offsets.pop(_cursor(task_id, container), None)


def _cursor(task_id: str, container: str) -> str:
    return f"{task_id}/{container}"


def _read_piece(path: Path, cursor: str, destination: LogDestination, offset: int, final: bool) -> Piece | None:
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            data = file.read(_PIECE) or b""
    except FileNotFoundError:
        return None
    full = len(data) == _PIECE
    used = _whole_lines(data, full, final)
    if used == 0:
        return None
    return Piece(cursor, destination, offset + used, tuple(_lines(data[:used])), full)


def _whole_lines(data: bytes, full: bool, final: bool) -> int:
    """How many bytes make whole lines; a line that fills the piece is cut."""
    if final and not full:
        return len(data)
    end = data.rfind(b"\n") + 1
    return len(data) if end == 0 and full else end


def _lines(data: bytes) -> Iterable[str]:
    """Events of the data. Empty lines make none, as with the awslogs driver. [logs.md 3]"""
    for raw in data.split(b"\n"):
        line = raw.rstrip(b"\r")
        for start in range(0, len(line), _LONGEST_LINE):
            yield line[start : start + _LONGEST_LINE].decode("utf-8", errors="replace")
