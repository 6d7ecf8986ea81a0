"""Ticks: when something with a schedule is due next."""

from __future__ import annotations

from batchd.store.named import named_queries
from batchd.store.session import Session

_SQL = named_queries("ticks")
_PUT = _SQL["put_tick"]
_DELETE = _SQL["delete_tick"]
_GET = _SQL["get_tick"]
_DUE = _SQL["due_ticks"]
_NEXT = _SQL["next_tick"]


class TickRows:
    """`store.TickTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, source: str, name: str, due_at: int) -> None:
        self._session.change(_PUT, (source, name, due_at))

    def delete(self, source: str, name: str) -> None:
        self._session.change(_DELETE, (source, name))

    def get(self, source: str, name: str) -> int | None:
        row = self._session.row(_GET, (source, name))
        return row[0] if row else None

    def due(self, now: int, limit: int) -> list[tuple[str, str, int]]:
        return list(self._session.rows(_DUE, (now, limit)))

    def next_due(self) -> int | None:
        row = self._session.row(_NEXT)
        return row[0] if row else None
