"""Deliveries: the one outbox for everything that must reach somebody."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from batchd.store.named import named_queries
from batchd.store.session import Row, Session
from batchd.store.store import DELIVERIES, Body, Delivery

_SQL = named_queries("deliveries")
_ADD = _SQL["add_delivery"]
_LANES = _SQL["lanes"]
_DUE = _SQL["due_deliveries"]
_PUT_OFF = _SQL["put_off_delivery"]
_HOLD = _SQL["hold_delivery"]
_BURY = _SQL["bury_delivery"]
_REVIVE = _SQL["revive_delivery"]
_REMOVE = _SQL["remove_delivery"]
_DEAD = _SQL["dead_deliveries"]
_GET = _SQL["get_delivery"]
_TRIM = _SQL["trim_dead"]
_COUNT = _SQL["count_deliveries"]


class DeliveryRows:
    """`store.DeliveryTable` over a session; `tell` of what is due now."""

    def __init__(self, session: Session, tell: Callable[[str], None]) -> None:
        self._session = session
        self._tell = tell

    def add(self, lane: str, due_at: int, body: Body) -> None:
        self._session.change(_ADD, (lane, due_at, due_at, orjson.dumps(body).decode()))
        self._tell(DELIVERIES)

    def lanes(self) -> dict[str, int]:
        return dict(self._session.rows(_LANES))

    def due(self, lane: str, now: int, limit: int) -> list[Delivery]:
        return [_delivery(row) for row in self._session.rows(_DUE, (lane, now, limit))]

    def get(self, number: int) -> Delivery | None:
        row = self._session.row(_GET, (number,))
        return _delivery(row) if row else None

    def put_off(self, number: int, due_at: int, problem: str) -> None:
        self._session.change(_PUT_OFF, (due_at, problem, number))

    def hold(self, number: int, due_at: int) -> None:
        self._session.change(_HOLD, (due_at, number))

    def bury(self, number: int, now: int, problem: str) -> None:
        self._session.change(_BURY, (now, problem, number))

    def revive(self, number: int, now: int) -> bool:
        self._tell(DELIVERIES)
        return self._session.change(_REVIVE, (now, now, number)) > 0

    def remove(self, number: int) -> bool:
        return self._session.change(_REMOVE, (number,)) > 0

    def dead(self, after: int, limit: int) -> list[Delivery]:
        return [_delivery(row) for row in self._session.rows(_DEAD, (after, limit))]

    def trim_dead(self, before: int, limit: int) -> int:
        return self._session.change(_TRIM, (before, limit))

    def counts(self) -> tuple[int, int]:
        row = self._session.row(_COUNT)
        return (row[0], row[1]) if row else (0, 0)


def _delivery(row: Row) -> Delivery:
    number, lane, due_at, first_due_at, attempts, body, problem = row
    return Delivery(number, lane, due_at, first_due_at, attempts, orjson.loads(body), problem)
