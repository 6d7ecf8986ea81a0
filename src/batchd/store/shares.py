"""What shares of queues used."""

from __future__ import annotations

from collections.abc import Iterable

from batchd.scheduler.state import Share
from batchd.store.named import named_queries
from batchd.store.session import Session

_SQL = named_queries("shares")
_GET = _SQL["get_share"]
_COUNT = _SQL["count_active"]
_ADD = _SQL["add_share"]
_SAVE = _SQL["save_share"]
_DELETE = _SQL["delete_share"]
_EVERY = _SQL["every_share"]


class ShareRows:
    """`store.ShareTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def join(self, queue: str, share: str, now: int, active_since: int, most: int) -> bool:
        row = self._session.row(_GET, (queue, share))
        if row is not None and (row[0] or row[1] >= active_since):
            return True
        if most:
            active = self._session.row(_COUNT, (queue, active_since))
            if active is not None and active[0] >= most:
                return False
        self._session.change(_ADD, (queue, share, now))
        return True

    def save(self, shares: Iterable[Share], forgotten: Iterable[tuple[str, str]]) -> None:
        values = [(share.queue, share.name, share.used, share.used_at, share.is_live) for share in shares]
        self._session.change_many(_SAVE, values)
        self._session.change_many(_DELETE, list(forgotten))

    def every(self) -> list[Share]:
        rows = self._session.rows(_EVERY)
        return [Share(queue, name, used, used_at, bool(is_live)) for queue, name, used, used_at, is_live in rows]
