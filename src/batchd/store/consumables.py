"""Which jobs were submitted with claims on which consumable resources.

A list looks at so many jobs a call and says where to go on, so that no question holds up the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from batchd.scheduler.events import Claim
from batchd.store.joblist import name_key
from batchd.store.named import named_queries, prefix_range
from batchd.store.session import Session, Value
from batchd.store.store import HolderFilter

_SQL = named_queries("consumables")
_INSERT = _SQL["insert_claim"]
_DELETE = _SQL["delete_claims"]
_FLOOR = _SQL["floor"]
_PAGE = _SQL["page_claims"]
_FIND_LIVE = _SQL["find_live"]
_LOOKED_AT = 5_000  # jobs a call
_TOP = 2**63 - 1


class ConsumableRows:
    """`store.ConsumableTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def insert(self, job_id: str, claims: Iterable[Claim]) -> None:
        """Of a job that has just got its row; claims with a limit are none of a consumable resource."""
        for claim in claims:
            if claim.limit is None:
                self._session.change(_INSERT, (claim.pool, claim.quantity, job_id))

    def delete(self, numbers: Iterable[tuple[int]]) -> None:
        """Jobs are forgotten."""
        self._session.change_many(_DELETE, numbers)

    def holders(
        self, resource: str, wanted: HolderFilter, after: int | None, limit: int
    ) -> tuple[list[tuple[str, int]], int | None]:
        top = _TOP if after is None else after
        row = self._session.row(_FLOOR, (resource, top, _LOOKED_AT - 1))
        floor = row[0] if row else None
        conditions, values = _conditions(wanted)
        params = (resource, top, floor or 0, *values, limit)
        found = list(self._session.rows(_PAGE.format(conditions=conditions), params))
        place = found[-1][0] if len(found) == limit else floor
        return [(job_id, quantity) for _, job_id, quantity in found], place

    def is_claimed(self, resource: str) -> bool:
        return self._session.row(_FIND_LIVE, (resource,)) is not None


def _conditions(wanted: HolderFilter) -> tuple[str, list[Value]]:
    """Any of the statuses and any of the names, where there are some."""
    sql = ""
    values: list[Value] = []
    if wanted.statuses:
        sql += f" AND j.status IN ({', '.join('?' * len(wanted.statuses))})"
        values += [status.value for status in wanted.statuses]
    if wanted.names:
        sql += f" AND ({' OR '.join(['j.name_key >= ? AND j.name_key < ?'] * len(wanted.names))})"
        for name in wanted.names:
            values += _bounds(name_key(name))
    return sql, values


def _bounds(name: str) -> tuple[str, str]:
    return prefix_range(name[:-1]) if name.endswith("*") else (name, f"{name}\x00")
