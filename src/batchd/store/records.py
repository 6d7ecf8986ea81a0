"""What happened on the event buses of late."""

from __future__ import annotations

import orjson

from batchd.store.named import named_queries
from batchd.store.session import Session
from batchd.store.store import BusRecord

KEPT = 20_000
_AT_A_TIME = 256  # how many may be there beyond that, before some go

_SQL = named_queries("records")
_ADD = _SQL["add_record"]
_READ = _SQL["read_records"]
_LAST = _SQL["last_record"]
_TRIM = _SQL["trim_records"]


class BusRecordRows:
    """`store.BusRecordTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._since_trim = _AT_A_TIME

    def add(self, record: BusRecord) -> None:
        text = orjson.dumps(record.body).decode()
        self._session.change(_ADD, (record.at, record.region, record.bus, record.kind, text))
        self._since_trim += 1
        if self._since_trim >= _AT_A_TIME:
            self._since_trim = 0
            self._session.change(_TRIM, (self.last() - KEPT,))

    def read(self, region: str, after: int, limit: int) -> list[tuple[int, BusRecord]]:
        rows = self._session.rows(_READ, (after, region, limit))
        return [(number, BusRecord(at, region, bus, kind, orjson.loads(body))) for number, at, bus, kind, body in rows]

    def last(self) -> int:
        row = self._session.row(_LAST)
        return row[0] or 0 if row else 0
