"""What happened on the event buses of late."""

from __future__ import annotations

import orjson

from batchd.store.named import named_queries
from batchd.store.session import Session
from batchd.store.store import BusRecord

_SQL = named_queries("records")
_ADD = _SQL["add_record"]
_READ = _SQL["read_records"]
_LAST = _SQL["last_record"]
_TRIM = _SQL["trim_records"]


class BusRecordRows:
    """`store.BusRecordTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: BusRecord) -> None:
        self._session.change(
            _ADD, (record.at, record.region, record.bus, record.kind, orjson.dumps(record.body).decode())
        )

    def read(self, region: str, after: int, limit: int) -> list[tuple[int, BusRecord]]:
        rows = self._session.rows(_READ, (after, region, limit))
        return [(number, BusRecord(at, region, bus, kind, orjson.loads(body))) for number, at, bus, kind, body in rows]

    def last(self) -> int:
        row = self._session.row(_LAST)
        return row[0] or 0 if row else 0

    def trim(self, keep: int) -> int:
        return self._session.change(_TRIM, (self.last() - keep,))
