"""Fires what has a schedule, when it is due: a tick, what follows from it and the time of the next are one unit.

So a tick happens exactly once, whatever crashes. What was due while no server ran has been missed: it is fired once,
however often it was due, or left out; either way whoever fires it is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from batchd.clock import Clock
from batchd.errors import StoreError
from batchd.store.store import Store, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_LONGEST_S = 1.0  # ticks are looked at anew at least this often, so that a new one needs no signal
_AT_ONCE = 256
_GRACE_MS = 60_000  # later than this, nobody was here
_AFTER_A_MISTAKE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Tick:
    """What is due. A missed one is so late that no server can have run; if `is_left_out` it must have no effect."""

    name: str
    due_at: int
    is_missed: bool = False
    is_left_out: bool = False


Source = Callable[[Tx, Tick], int | None]
"""Makes happen what a tick means, and returns when it is due next (ms); None: never again."""


class Ticks:
    """A loop. `sources` are by the name under which ticks were put; `leave_out_missed` says what missed ticks do."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        clock: Clock,
        sources: Mapping[str, Source],
        leave_out_missed: bool = False,
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._sources = sources
        self._leave_out_missed = leave_out_missed

    async def run(self) -> None:
        while True:
            try:
                wait_s = await self.fire_due()
            except StoreError as error:
                log.warning("what is due waits: %s", error)
                wait_s = _LONGEST_S
            await asyncio.sleep(wait_s)

    async def fire_due(self) -> float:
        """Fire all that is due; returns seconds until another look is worth it."""
        while True:
            now = self._clock.now_ms()
            with self._store.read() as tx:
                due = tx.ticks.due(now, _AT_ONCE)
                following = tx.ticks.next_due()
            if not due:
                return _LONGEST_S if following is None else min(_LONGEST_S, (following - now) / 1000)
            await asyncio.gather(*(self._fire(source, name, due_at) for source, name, due_at in due))

    async def _fire(self, source: str, name: str, due_at: int) -> None:
        is_missed = self._clock.now_ms() - due_at > _GRACE_MS
        tick = Tick(name, due_at, is_missed, is_missed and self._leave_out_missed)
        if is_missed:
            told = "is left out" if tick.is_left_out else "is fired now"
            log.warning("%s %s was due %d s ago and %s", source, name, (self._clock.now_ms() - due_at) // 1000, told)
        try:
            await self._writer.write(partial(self._work, source, tick))
        except StoreError:
            raise
        except Exception as error:
            log.error("%s %s cannot be fired", source, name, exc_info=error)
            later = self._clock.now_ms() + _AFTER_A_MISTAKE_MS
            await self._writer.write(lambda tx: tx.ticks.put(source, name, later))

    def _work(self, source: str, tick: Tick, tx: Tx) -> None:
        if tx.ticks.get(source, tick.name) != tick.due_at:
            return  # it was changed meanwhile
        fire = self._sources.get(source)
        following = fire(tx, tick) if fire is not None else None
        if following is None:
            tx.ticks.delete(source, tick.name)
        else:
            tx.ticks.put(source, tick.name, following)
