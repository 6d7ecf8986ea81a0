"""Reads the files engines write into, line by line, and keeps how far it got with the lines themselves.

A piece and the offset behind it are written in one transaction: after a crash reading goes on where the log ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batchd.engines.engine import Engine
from batchd.store.store import Key, StreamKey, Tx
from batchd.task import LogDestination

log = logging.getLogger(__name__)
LOG_GROUP = "logs.group"
_PIECE = 1024 * 1024  # bytes read at once
_LONGEST_LINE = 256 * 1024  # a longer line becomes several events, as CloudWatch's limit would have it


class Destinations(Protocol):
    """Task id -> (container, destination); controllers/launch keeps it."""

    def get(self, task_id: str, /) -> list[tuple[str, LogDestination]] | None: ...


@dataclass(slots=True, eq=False)
class Source:
    """One container's file. `offset` is how far it is in the log; `stuck` the size at which it held no whole line
    behind that, so that it need not be read again before it has grown."""

    task_id: str
    path: Path
    cursor: str
    destination: LogDestination
    offset: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one container's output, up to `offset`; `more` waits behind it."""

    source: Source
    offset: int
    lines: tuple[str, ...]
    more: bool

    @property
    def size(self) -> int:
        """In bytes of the file."""
        return self.offset - self.source.offset


class Output:
    """The files of every live task. `read` gives the same again until `recorded` says that its pieces are safe."""

    def __init__(self, engine: Engine, destinations: Destinations) -> None:
        self._engine = engine
        self._destinations = destinations
        self._sources: dict[str, list[Source]] = {}

    def resume(self, tx: Tx, task_ids: Iterable[str]) -> None:
        """After a restart: go on where the log ends."""
        for task_id in task_ids:
            for source in self._sources_of(task_id):
                source.offset = tx.log_cursors.get(source.cursor)

    def read(self, task_id: str, *, final: bool = False) -> list[Piece]:
        """What came since the last recorded piece; with `final` the last line needs no newline."""
        found = (_read_piece(source, final) for source in self._sources_of(task_id))
        return [piece for piece in found if piece is not None]

    def append(self, tx: Tx, pieces: Iterable[Piece], now: int, ending: Container[str] = ()) -> None:
        """`ending` are tasks that `end` in this transaction. Lines whose group is gone are dropped."""
        for piece in pieces:
            to = piece.source.destination
            if piece.lines and tx.resources.get(Key(LOG_GROUP, to.region, to.group)) is not None:
                lines = [(now, line) for line in piece.lines]
                tx.logs.append(StreamKey(to.region, to.group, to.stream), lines, now)
            if piece.source.task_id not in ending:
                tx.log_cursors.put(piece.source.cursor, piece.offset)

    def recorded(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            piece.source.offset = piece.offset

    def end(self, tx: Tx, task_id: str) -> None:
        """The task's last pieces are in this transaction: its cursors are not needed any more."""
        for source in self._sources_of(task_id):
            if source.offset:
                tx.log_cursors.delete(source.cursor)

    def forget(self, task_id: str) -> None:
        self._sources.pop(task_id, None)

    def _sources_of(self, task_id: str) -> Sequence[Source]:
        sources = self._sources.get(task_id)
        if sources is not None:
            return sources
        destinations = self._destinations.get(task_id)
        if destinations is None:
            return ()
        sources = self._sources[task_id] = [
            Source(task_id, self._engine.log_path(task_id, container), f"{task_id}/{container}", destination)
            for container, destination in destinations
        ]
        return sources


def _read_piece(source: Source, final: bool) -> Piece | None:
    try:
        size = os.stat(source.path).st_size  # noqa: PTH116 - thousands of files are looked at, a few times a second
        if size <= source.offset or (size == source.stuck and not final):
            return None
        with source.path.open("rb", buffering=0) as file:
            file.seek(source.offset)
            data = file.read(_PIECE) or b""
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("output is lost, for its file cannot be read: %s", error)
        return None
    full = len(data) == _PIECE
    used = _whole_lines(data, full, final)
    if used == 0:
        source.stuck = size
        return None
    return Piece(source, source.offset + used, tuple(_lines(data[:used])), full)


def _whole_lines(data: bytes, full: bool, final: bool) -> int:
    """How many bytes make whole lines; a line that fills the piece is cut."""
    if final and not full:
        return len(data)
    end = data.rfind(b"\n") + 1
    return _before_character(data, len(data)) if end == 0 and full else end


def _lines(data: bytes) -> Iterable[str]:
    """Events of the data. Empty lines make none, as with the awslogs driver. [logs.md 3]"""
    for raw in data.split(b"\n"):
        line = raw.rstrip(b"\r")
        while line:
            end = _before_character(line, _LONGEST_LINE) if len(line) > _LONGEST_LINE else len(line)
            yield line[:end].decode("utf-8", errors="replace")
            line = line[end:]


def _before_character(data: bytes, end: int) -> int:
    """The largest place up to `end` that does not cut a character of UTF-8 in two."""
    for back in range(1, 4):
        lead = data[end - back]
        if lead & 0xC0 != 0x80:
            length = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
            return end - back if length > back else end
    return end
