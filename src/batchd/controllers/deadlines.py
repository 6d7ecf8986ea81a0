"""Wakes the scheduler when a deadline of its own (an attempt's timeout) comes."""

from __future__ import annotations

import asyncio
import logging

from batchd.clock import Clock
from batchd.controllers.schedule import Schedule
from batchd.errors import StoreError
from batchd.scheduler.events import TimePassed
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_LONGEST_S = 1.0  # deadlines are looked at anew at least this often, so that a new one needs no signal


class Deadlines:
    """A loop that appends TimePassed when the earliest deadline has passed, or the schedule asks for a step."""

    def __init__(self, writer: Writer, schedule: Schedule, clock: Clock) -> None:
        self._writer = writer
        self._schedule = schedule
        self._clock = clock

    async def run(self) -> None:
        while True:
            wait_s = self._wait_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            if not await self._step():
                await asyncio.sleep(_LONGEST_S)  # at once it would not help either

    async def _step(self) -> bool:
        """Whether all is well now."""
        try:
            await self._writer.write(lambda tx: tx.journal.append(TimePassed()))
        except StoreError as error:
            log.warning("cannot record that time passed, trying again: %s", error)
            return False
        return not self._schedule.is_stale

    def _wait_s(self) -> float:
        if self._schedule.is_stale:
            return 0.0
        deadline = self._schedule.scheduler.next_deadline()
        if deadline is None:
            return _LONGEST_S
        return min((deadline - self._clock.now_ms()) / 1000, _LONGEST_S)
