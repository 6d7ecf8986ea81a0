"""Results: what tasks wrote to the file named in BATCHD_OUTPUT."""

from __future__ import annotations

from batchd.store.named import named_queries
from batchd.store.session import Session
from batchd.store.store import Result

_SQL = named_queries("results")
_PUT = _SQL["put_result"]
_GET = _SQL["get_result"]
_TRIM = _SQL["trim_results"]


class ResultRows:
    """`store.ResultTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, task_id: str, result: Result, at: int) -> None:
        self._session.change(_PUT, (task_id, at, result.text, result.problem))

    def get(self, task_id: str) -> Result | None:
        row = self._session.row(_GET, (task_id,))
        return Result(row[0], row[1]) if row else None

    def trim(self, before: int, limit: int) -> int:
        return self._session.change(_TRIM, (before, limit))
