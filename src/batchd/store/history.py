"""Lists of jobs that ListJobs does not have: those that ended, whatever their queue, and a queue's live ones.

A search looks at so many index entries a call and says where to go on, so that no question holds up the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from batchd.scheduler.events import JobStatus
from batchd.store.joblist import name_key
from batchd.store.named import named_queries, prefix_range
from batchd.store.session import Row, Session, Value
from batchd.store.store import Place, Search

_SQL = named_queries("history")
_BY_TIME = (_SQL["floor"], _SQL["search"])
_BY_NAME = (_SQL["floor_of_name"], _SQL["search_name"])
_TAGS = _SQL["tags"]
_LIVE = _SQL["live_places"]
_LOOKED_AT = 5_000  # index entries a call
_TAGS_LOOKED_AT = 500  # where each job's tags must be read
_LAST: Place = (2**63 - 1, "")


class HistoryRows:
    """`store.HistoryTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def search(self, wanted: Search, after: Place | None, limit: int) -> tuple[list[str], Place | None]:
        top = after or (_LAST if wanted.stopped_before is None else (wanted.stopped_before, ""))
        floor = self._floor(wanted, top)
        found: list[str] = []
        for stopped_at, job_id, number in self._rows(wanted, top, floor or (wanted.stopped_after, "")):
            if wanted.tags and not self._has_tags(number, wanted.tags):
                continue
            found.append(job_id)
            if len(found) == limit:
                return found, (stopped_at, job_id)
        return found, floor

    def live(self, queue: str, status: JobStatus, after: Place | None, limit: int) -> list[Place]:
        rows = self._session.rows(_LIVE, (queue, status.value, *(after or _LAST), limit))
        return [(created_at, job_id) for created_at, job_id in rows]

    def _floor(self, wanted: Search, top: Place) -> Place | None:
        """The last place this call looks at; None: it looks at all there is."""
        (sql, _), key = _way(wanted)
        most = _TAGS_LOOKED_AT if wanted.tags else _LOOKED_AT
        row = self._session.row(sql, (*key, wanted.stopped_after, *top, most - 1))
        return (row[0], row[1]) if row else None

    def _rows(self, wanted: Search, top: Place, floor: Place) -> Iterator[Row]:
        (_, sql), key = _way(wanted)
        conditions, values = _conditions(wanted)
        params = (*key, floor[0], *top, *floor, *wanted.queues, *values)  # SQLite finds its way by the plain bound
        return self._session.rows(sql.format(conditions=conditions), params)

    def _has_tags(self, number: int, tags: tuple[tuple[str, str], ...]) -> bool:
        row = self._session.row(_TAGS, (number,))
        held: dict[str, str] = orjson.loads(row[0]) if row else {}
        return all(key in held and _agrees(held[key], value) for key, value in tags)


def _way(wanted: Search) -> tuple[tuple[str, str], tuple[Value, ...]]:
    """The queries of the index that suits, and what they ask for first: a whole name has an index of its own."""
    if wanted.name is None or wanted.name.endswith("*"):
        return _BY_TIME, ()
    return _BY_NAME, (name_key(wanted.name),)


def _conditions(wanted: Search) -> tuple[str, list[Value]]:
    sql = ""
    values: list[Value] = []
    if wanted.name is not None and wanted.name.endswith("*"):
        sql += " AND name_key >= ? AND name_key < ?"
        values += prefix_range(name_key(wanted.name[:-1]))
    if wanted.status is not None:
        sql += " AND status = ?"
        values.append(wanted.status.value)
    if wanted.exit_code is not None:
        sql += " AND exit_code = ?"
        values.append(wanted.exit_code)
    return sql, values


def _agrees(value: str, pattern: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
