"""Ticks: each is fired once, with what follows from it, and what was missed is told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from batchd.clock import ManualClock
from batchd.controllers.ticks import Source, Tick, Ticks
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Key, Store, Tx
from batchd.store.writer import Writer

MINUTE = 60_000


@dataclass
class Tower:
    """Bells that strike every minute."""

    store: Store
    writer: Writer
    clock: ManualClock
    struck: list[Tick] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources["bell"] = self.strike
        self.ticks = Ticks(self.store, self.writer, self.clock, self.sources)

    def strike(self, tx: Tx, tick: Tick) -> int | None:
        self.struck.append(tick)
        tx.resources.put(Key("struck", "", f"{tick.name}-{tick.due_at}"), {})
        return tick.due_at + MINUTE

    def put(self, source: str, name: str, in_s: float) -> int:
        due = self.clock.now_ms() + round(in_s * 1000)
        self.store.transact(lambda tx: tx.ticks.put(source, name, due))
        return due

    def due(self, source: str, name: str) -> int | None:
        with self.store.read() as tx:
            return tx.ticks.get(source, name)


@asynccontextmanager
async def open_tower() -> AsyncIterator[Tower]:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    writer = Writer(store)
    try:
        yield Tower(store, writer, clock)
    finally:
        await writer.close()
        store.close()


async def test_what_is_due_is_fired_once_and_due_again_at_its_next_time() -> None:
    async with open_tower() as tower:
        due = tower.put("bell", "a", 0.5)
        assert await tower.ticks.fire_due() == 0.5
        assert tower.struck == []

        tower.clock.advance(0.5)
        await tower.ticks.fire_due()
        await tower.ticks.fire_due()

        assert tower.struck == [Tick("a", due)]
        assert tower.due("bell", "a") == due + MINUTE


async def test_all_that_is_due_is_fired() -> None:
    async with open_tower() as tower:
        for number in range(600):
            tower.put("bell", str(number), 0)
        assert await tower.ticks.fire_due() == 1.0
        assert len(tower.struck) == 600


async def test_a_tick_that_was_missed_is_fired_once_and_told_apart() -> None:
    async with open_tower() as tower:

        def strike(tx: Tx, tick: Tick) -> int:
            tower.struck.append(tick)
            return tower.clock.now_ms() + MINUTE

        tower.sources["bell"] = strike
        due = tower.put("bell", "a", 0)
        tower.clock.advance(3600)
        await tower.ticks.fire_due()
        assert tower.struck == [Tick("a", due, is_missed=True)]


async def test_missed_ticks_may_be_left_out() -> None:
    async with open_tower() as tower:
        ticks = Ticks(tower.store, tower.writer, tower.clock, tower.sources, leave_out_missed=True)
        due = tower.put("bell", "a", 0)
        tower.put("bell", "b", 59 * 60)
        tower.clock.advance(3600)
        tower.sources["bell"] = lambda tx, tick: tower.struck.append(tick)  # type: ignore[func-returns-value]
        await ticks.fire_due()
        assert tower.struck[0] == Tick("a", due, is_missed=True, is_left_out=True)
        assert not tower.struck[1].is_left_out


async def test_what_is_never_due_again_is_gone() -> None:
    async with open_tower() as tower:
        tower.sources["once"] = lambda tx, tick: None
        tower.put("once", "a", 0)
        tower.put("nobody's", "a", 0)
        await tower.ticks.fire_due()
        assert tower.due("once", "a") is None
        assert tower.due("nobody's", "a") is None


async def test_one_that_cannot_be_fired_leaves_nothing_behind_and_holds_up_no_other() -> None:
    async with open_tower() as tower:

        def fail(tx: Tx, tick: Tick) -> int | None:
            tower.strike(tx, tick)
            raise KeyError("oops")

        tower.sources["broken"] = fail
        due = tower.put("broken", "a", 0)
        tower.put("bell", "b", 0)
        await tower.ticks.fire_due()
        with tower.store.read() as tx:
            assert tx.resources.get(Key("struck", "", f"a-{due}")) is None
            assert tx.resources.get(Key("struck", "", f"b-{due}")) is not None
        assert tower.due("broken", "a") == due + MINUTE


async def test_a_tick_that_was_moved_meanwhile_is_not_fired() -> None:
    async with open_tower() as tower:
        due = tower.put("bell", "a", 0)

        def move(tx: Tx, tick: Tick) -> int | None:
            tx.ticks.put("bell", "a", due + 5 * MINUTE)
            return None

        tower.sources["mover"] = move
        tower.put("mover", "a", -1)
        await tower.ticks.fire_due()
        assert tower.struck == []
        assert tower.due("bell", "a") == due + 5 * MINUTE
