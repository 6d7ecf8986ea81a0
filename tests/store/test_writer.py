"""Group commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from batchd.clock import ManualClock
from batchd.errors import EventsRefused, StoreError
from batchd.scheduler.events import TimePassed
from batchd.store.sqlite import DatabaseFile, SqliteStore
from batchd.store.store import Key, Outcome, Tx
from batchd.store.writer import Writer
from tests.patience import LONG_S


class GatedStore(SqliteStore):
    """Writes down its groups; a commit waits until the gate is open."""

    def __init__(self, path: Path) -> None:
        super().__init__(DatabaseFile(path), ManualClock())
        self.gate = Event()
        self.gate.set()
        self.groups: list[int] = []

    def apply(self, works: Iterable[Callable[[Tx], Any]]) -> list[Outcome]:
        units = list(works)
        self.groups.append(len(units))
        return super().apply(units)

    def commit(self) -> None:
        self.gate.wait(LONG_S)
        super().commit()


class Follower:
    """Counts what it hears; falls over where told to."""

    def __init__(self, fails_on: str = "") -> None:
        self.heard: list[str] = []
        self._fails_on = fails_on

    def on_events(self, tx: Tx, events: object) -> None:
        self._hear("events")

    def on_commit(self) -> None:
        self._hear("commit")

    def on_rollback(self) -> None:
        self._hear("rollback")

    def _hear(self, what: str) -> None:
        self.heard.append(what)
        if what == self._fails_on:
            raise RuntimeError("the follower fell over")


@asynccontextmanager
async def writing(path: Path, limit: int = 256) -> AsyncIterator[tuple[Writer, GatedStore]]:
    store = GatedStore(path / "store.db")
    writer = Writer(store, limit)
    try:
        yield writer, store
    finally:
        store.gate.set()
        await writer.close()
        store.close()


def put(name: str) -> Callable[[Tx], str]:
    def work(tx: Tx) -> str:
        tx.resources.put(Key("test.noun", "", name), {})
        return name

    return work


def fail(tx: Tx) -> None:
    put("failed")(tx)
    raise ValueError("no")


def announce(tx: Tx) -> None:
    tx.journal.append(TimePassed())


def names(store: SqliteStore) -> list[str]:
    with store.read() as tx:
        return [name for name, _ in tx.resources.page("test.noun", "")]


async def a_turn() -> None:
    """Let the loop run what is due."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_write_returns_its_result_once_it_is_committed(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        store.gate.clear()
        write = asyncio.create_task(writer.write(put("a")))
        await a_turn()
        assert (write.done(), names(store)) == (False, [])
        store.gate.set()
        assert await write == "a"
        assert names(store) == ["a"]


async def test_writes_that_come_while_a_commit_runs_share_the_next_one(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        store.gate.clear()
        first = asyncio.create_task(writer.write(put("a")))
        await a_turn()
        rest = [asyncio.create_task(writer.write(put(name))) for name in "bcd"]
        await a_turn()
        store.gate.set()
        assert await asyncio.gather(first, *rest) == ["a", "b", "c", "d"]
        assert store.groups == [1, 3]


async def test_writes_of_one_turn_of_the_loop_share_a_commit(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        await asyncio.gather(*[writer.write(put(name)) for name in "abc"])
        assert store.groups == [3]


async def test_a_group_is_no_larger_than_its_limit(tmp_path: Path) -> None:
    async with writing(tmp_path, limit=2) as (writer, store):
        await asyncio.gather(*[writer.write(put(name)) for name in "abcde"])
        assert store.groups == [2, 2, 1]
        assert names(store) == list("abcde")


async def test_a_unit_that_raises_fails_alone(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        first, failed, last = await asyncio.gather(
            writer.write(put("a")), writer.write(fail), writer.write(put("b")), return_exceptions=True
        )
        assert (first, repr(failed), last) == ("a", "ValueError('no')", "b")
        assert names(store) == ["a", "b"]


async def test_a_unit_that_raises_what_a_future_refuses_fails_alone_too(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await writer.write(lambda tx: next(iter([])))
        await writer.write(put("a"))
        assert names(store) == ["a"]


async def test_followers_hear_of_the_commit_before_the_caller_does(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        follower = Follower()
        store.follow(follower)
        await writer.write(announce)
        assert follower.heard == ["events", "commit"]


async def test_what_a_follower_breaks_down_over_fails_alone(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        follower = Follower(fails_on="events")
        store.follow(follower)
        works = (put("a"), announce, fail, put("b"))
        results = await asyncio.gather(*map(writer.write, works), return_exceptions=True)
        assert [type(result) for result in results] == [str, EventsRefused, ValueError, str]
        assert follower.heard == ["events", "rollback", "events", "rollback"]
        assert store.groups == [4, 1, 1, 1]
        assert await asyncio.gather(writer.write(put("c")), writer.write(put("d"))) == ["c", "d"]
        assert store.groups[-1] == 2
        assert names(store) == ["a", "b", "c", "d"]


async def test_a_caller_that_gives_up_before_its_unit_began_leaves_no_trace(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        store.gate.clear()
        first = asyncio.create_task(writer.write(put("a")))
        await a_turn()
        second = asyncio.create_task(writer.write(put("b")))
        await a_turn()
        second.cancel()
        store.gate.set()
        await first
        await writer.write(put("c"))
        assert names(store) == ["a", "c"]


async def test_a_caller_that_gives_up_during_the_commit_does_not_stop_it(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        store.gate.clear()
        write = asyncio.create_task(writer.write(put("a")))
        await a_turn()
        write.cancel()
        store.gate.set()
        await writer.write(put("b"))
        assert names(store) == ["a", "b"]


async def test_close_finishes_what_was_asked_for_and_then_refuses(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, store):
        store.gate.clear()
        writes = [asyncio.create_task(writer.write(put("a")))]
        await a_turn()
        writes.append(asyncio.create_task(writer.write(put("b"))))
        await a_turn()
        closing = asyncio.create_task(writer.close())
        await a_turn()
        with pytest.raises(StoreError, match="closed"):
            await writer.write(put("c"))
        store.gate.set()
        await closing
        assert [write.result() for write in writes] == ["a", "b"]
        assert names(store) == ["a", "b"]


async def test_a_writer_that_was_never_used_closes(tmp_path: Path) -> None:
    async with writing(tmp_path) as (writer, _):
        await writer.close()


@pytest.mark.parametrize("moment", ["commit", "rollback"])
async def test_a_follower_that_loses_track_stops_the_writer_and_nobody_waits_for_ever(
    tmp_path: Path, moment: str
) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    async with writing(tmp_path) as (writer, store):
        store.follow(Follower(fails_on=moment))
        store.follow(Follower(fails_on="events" if moment == "rollback" else ""))
        results = await asyncio.gather(writer.write(announce), writer.write(put("a")), return_exceptions=True)
        is_durable = moment == "commit"
        assert [isinstance(result, StoreError) for result in results] == [not is_durable] * 2
        assert names(store) == (["a"] if is_durable else [])
        with pytest.raises(StoreError, match="the writer has stopped: RuntimeError"):
            await writer.write(put("b"))
    assert [str(error) for error in told] == ["the follower fell over"]
