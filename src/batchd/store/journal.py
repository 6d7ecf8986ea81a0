"""What happened, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from batchd.clock import Clock
from batchd.errors import StoreError
from batchd.scheduler.events import Event
from batchd.scheduler.state import Transition
from batchd.store.codec import decode, encode
from batchd.store.named import named_queries
from batchd.store.session import Session
from batchd.store.state_changes import KIND, decode_transitions, encode_transitions
from batchd.store.store import TRANSITIONS

_SQL = named_queries("journal")
_APPEND = _SQL["append_event"]
_READ = _SQL["read_events"]
_READ_KIND = _SQL["read_kind"]
_TRIM = _SQL["trim_events"]
_LAST = _SQL["last_event"]
_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


class JournalRows:
    """`store.Journal` over a session; `appended` is what the open group wrote."""

    def __init__(self, session: Session, clock: Clock, tell: Callable[[str], None]) -> None:
        self._session = session
        self._clock = clock
        self._tell = tell
        self.appended: list[Event] = []

    def append(self, event: Event) -> None:
        self._session.queue(_APPEND, (self._clock.now_ms(), type(event).__name__, encode(event)))
        self.appended.append(event)

    def read(self, after: int, limit: int) -> list[tuple[int, int, Event]]:
        rows = self._session.rows(_READ, (after, KIND, limit))
        return [(number, at, _event(kind, body)) for number, at, kind, body in rows]

    def append_transitions(self, moved: Sequence[Transition]) -> None:
        if moved:
            self._session.queue(_APPEND, (self._clock.now_ms(), KIND, encode_transitions(moved)))
            self._tell(TRANSITIONS)

    def transitions(self, after: int, limit: int) -> list[tuple[int, list[Transition]]]:
        rows = self._session.rows(_READ_KIND, (after, KIND, limit))
        return [(number, decode_transitions(body)) for number, body in rows]

    def last(self) -> int:
        row = self._session.row(_LAST)
        return row[0] or 0 if row else 0

    def trim(self, before: int) -> int:
        return self._session.change(_TRIM, (before,))


def _event(kind: str, body: str) -> Event:
    known = _KINDS.get(kind)
    if known is None:
        raise StoreError(f"the journal holds a {kind}, which this version does not know: a newer batchd wrote it")
    return decode(known, body)
