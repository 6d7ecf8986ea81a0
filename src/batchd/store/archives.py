"""The events that archives keep."""

from __future__ import annotations

import orjson

from batchd.store.named import named_queries
from batchd.store.session import Session
from batchd.store.store import Body

_SQL = named_queries("archives")
_ADD = _SQL["archive_event"]
_READ = _SQL["read_archive"]
_MEASURE = _SQL["measure_archive"]
_TRIM = _SQL["trim_archive"]


class ArchiveRows:
    """`store.ArchiveTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, archive: str, at: int, event: Body) -> None:
        self._session.change(_ADD, (archive, at, orjson.dumps(event).decode()))

    def read(self, archive: str, after: tuple[int, int], until: int, limit: int) -> list[tuple[int, int, Body]]:
        rows = self._session.rows(_READ, (archive, *after, until, limit))
        return [(at, number, orjson.loads(body)) for at, number, body in rows]

    def measure(self, archive: str) -> tuple[int, int]:
        row = self._session.row(_MEASURE, (archive,))
        return (row[0], row[1]) if row else (0, 0)

    def trim(self, archive: str, before: int, limit: int) -> int:
        return self._session.change(_TRIM, (archive, before, limit))
