"""Tells the event bus what becomes of jobs: from the journal, in order, each event once.

How far it has come is stored with the events it told. Where nobody could want any, it follows the journal in memory
only, and looks no further than at its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from itertools import islice
from typing import Protocol

from batchd.errors import StoreError
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Transition
from batchd.store.store import TRANSITIONS, Body, JobRow, Key, Store, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
CURSOR = Key("controllers.cursor", "", "notify")
_AT_ONCE = 200  # events a unit of work tells: it must not hold up anybody's answer
_STEPS = 100
_EVERY_S = 1.0  # between two looks while nobody is interested, and where nothing wakes us
_TROUBLE_S = 1.0

Place = tuple[int, int]  # the last step all of which is told, and how many jobs of the next


class Bus(Protocol):
    """Where events go."""

    def interested(self, tx: Tx) -> Mapping[str, Set[JobStatus]]:
        """Where somebody may want events of jobs: by region, of which states."""

    def tell(self, tx: Tx, event: Body) -> None:
        """Give an event to those who want it, in this unit of work."""


class Notify:
    """A loop. `events_of` makes the events of a job that entered a state."""

    def __init__(
        self, store: Store, writer: Writer, bus: Bus, events_of: Callable[[Tx, JobRow, Transition], list[Body]]
    ) -> None:
        self._store = store
        self._writer = writer
        self._bus = bus
        self._events_of = events_of
        self._news = asyncio.Event()
        store.listen(self._hear)
        self._place: Place | None = None  # None: as stored
        self._is_stored = False

    async def run(self) -> None:
        while True:
            self._news.clear()
            try:
                is_busy = await self.go_on()
            except StoreError as error:
                log.warning("events of jobs wait: %s", error)
                await asyncio.sleep(_TROUBLE_S)
                continue
            if not is_busy:
                await asyncio.sleep(_EVERY_S)
                continue
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def go_on(self) -> bool:
        """Tell all there is to tell; False if nobody is interested."""
        while True:
            with self._store.read() as tx:
                if not self._bus.interested(tx):
                    self._place, self._is_stored = (tx.journal.last(), 0), False
                    return False
                # what happened before there was anybody to tell is not told
                place = self._place or _stored(tx) or (tx.journal.last(), 0)
                if self._is_stored and not tx.journal.transitions(place[0], 1):
                    return True
            self._place = await self._writer.write(partial(self._tell, place))
            self._is_stored = True

    def _events(self, tx: Tx, row: JobRow, moved: Transition) -> list[Body]:
        """None where they cannot be made: it would be no better the next time, and nobody's events would follow."""
        try:
            return self._events_of(tx, row, moved)
        except Exception as error:
            log.error("job %s entered %s and nobody is told", row.job_id, moved.status, exc_info=error)
            return []

    def _hear(self, topic: str) -> None:
        if topic == TRANSITIONS:
            self._news.set()

    def _tell(self, place: Place, tx: Tx) -> Place:
        """Some of what follows the place; where it has come to is stored with it."""
        wanted = self._bus.interested(tx)
        anywhere = frozenset[JobStatus]().union(*wanted.values())
        for reached, job_id, moved in islice(_moves(tx, place), _AT_ONCE):
            place = reached
            if moved is None or moved.status not in anywhere:
                continue
            row = tx.jobs.get(job_id)
            if row is not None and moved.status in wanted.get(row.region, ()):
                for event in self._events(tx, row, moved):
                    self._bus.tell(tx, event)
        tx.resources.put(CURSOR, {"step": place[0], "jobs": place[1]})
        return place


def _stored(tx: Tx) -> Place | None:
    body = tx.resources.get(CURSOR)
    return (body["step"], body["jobs"]) if body is not None else None


def _moves(tx: Tx, place: Place) -> Iterator[tuple[Place, str, Transition | None]]:
    """Each job that entered a state after the place, where that is, and after each step nobody."""
    after, told = place
    for number, moved in tx.journal.transitions(after, _STEPS):
        jobs = ((job_id, one) for one in moved for job_id in one.job_ids())
        for count, (job_id, one) in enumerate(islice(jobs, told, None), told + 1):
            yield (number - 1, count), job_id, one
        yield (number, 0), "", None
        told = 0
