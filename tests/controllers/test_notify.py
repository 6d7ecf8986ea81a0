"""Events of jobs: each told once, in order, wherever the server stops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchd.clock import ManualClock
from batchd.controllers import notify
from batchd.controllers.notify import CURSOR, Notify
from batchd.errors import StoreError
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Transition
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Body, ChildCounts, JobRow, Key, Store, Tx
from batchd.store.writer import Writer
from tests.contract.stores import job_row, job_spec, submit


@dataclass
class Paper:
    """A bus whose readers are where they are told to be."""

    store: Store
    writer: Writer
    regions: set[str] = field(default_factory=set)
    statuses: Set[JobStatus] = frozenset(JobStatus)
    fails_at: int = -1  # at the event of this number

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """As a server that starts."""
        self.notify = Notify(self.store, self.writer, self, events_of)

    def interested(self, tx: Tx) -> Mapping[str, Set[JobStatus]]:
        return dict.fromkeys(self.regions, self.statuses)

    def tell(self, tx: Tx, event: Body) -> None:
        number = len(tx.resources.page("told", ""))
        if number == self.fails_at:
            raise StoreError("the disk is full")
        tx.resources.insert(Key("told", "", f"{number:04}"), event)

    @property
    def told(self) -> list[str]:
        with self.store.read() as tx:
            return [body["text"] for _, body in tx.resources.page("told", "")]

    def move(self, *moved: Transition) -> None:
        self.store.transact(lambda tx: tx.journal.append_transitions(moved))

    def cursor(self) -> Body | None:
        with self.store.read() as tx:
            return tx.resources.get(CURSOR)


def events_of(tx: Tx, row: JobRow, moved: Transition) -> list[Body]:
    if moved.status is JobStatus.FAILED:
        raise KeyError("oops")
    return [{"text": f"{row.job_id} {moved.status.value}"}]


def entered(job_id: str, status: JobStatus = JobStatus.RUNNING, **more: Any) -> Transition:
    return Transition(job_id, status, 7_000, 1, None, **more)


@asynccontextmanager
async def open_paper() -> AsyncIterator[Paper]:
    store = open_sqlite(MEMORY, ManualClock())
    writer = Writer(store)
    try:
        paper = Paper(store, writer)
        for job_id in ("a", "b"):
            store.transact(submit(job_id))
        array = job_row("array", children=ChildCounts((5, 0, 0, 0, 0, 0, 0), 0))
        store.transact(lambda tx: tx.jobs.insert(array, job_spec("array", size=5)))
        store.transact(submit("far", region="eu-west-1"))
        yield paper
    finally:
        await writer.close()
        store.close()


async def test_each_state_is_told_once_in_order() -> None:
    async with open_paper() as paper:
        paper.regions = {"us-east-1"}
        assert await paper.notify.go_on()
        paper.move(entered("a"), entered("b"))
        paper.move(entered("a", JobStatus.SUCCEEDED))
        await paper.notify.go_on()
        await paper.notify.go_on()
        assert paper.told == ["a RUNNING", "b RUNNING", "a SUCCEEDED"]


async def test_children_of_an_array_are_told_one_by_one() -> None:
    async with open_paper() as paper:
        paper.regions = {"us-east-1"}
        await paper.notify.go_on()
        paper.move(entered("array", children=range(2, 4)))
        await paper.notify.go_on()
        assert paper.told == ["array:2 RUNNING", "array:3 RUNNING"]


async def test_a_region_without_readers_and_jobs_that_are_gone_are_left_out() -> None:
    async with open_paper() as paper:
        paper.regions = {"us-east-1"}
        await paper.notify.go_on()
        paper.move(entered("far"), entered("gone"), entered("a"))
        await paper.notify.go_on()
        assert paper.told == ["a RUNNING"]


async def test_states_that_nobody_wants_are_left_out() -> None:
    async with open_paper() as paper:
        paper.regions, paper.statuses = {"us-east-1"}, {JobStatus.SUCCEEDED}
        await paper.notify.go_on()
        paper.move(entered("a"), entered("a", JobStatus.SUCCEEDED), entered("b"))
        await paper.notify.go_on()
        assert paper.told == ["a SUCCEEDED"]


async def test_where_nobody_is_interested_nothing_is_written_or_kept_for_later() -> None:
    async with open_paper() as paper:
        paper.move(entered("a"))
        assert not await paper.notify.go_on()
        assert paper.cursor() is None
        paper.regions = {"us-east-1"}
        await paper.notify.go_on()
        assert paper.told == []
        paper.move(entered("b"))
        await paper.notify.go_on()
        assert paper.told == ["b RUNNING"]


async def test_what_happened_before_the_first_start_is_not_told() -> None:
    async with open_paper() as paper:
        paper.move(entered("a"))
        paper.regions = {"us-east-1"}
        await paper.notify.go_on()
        assert paper.told == []


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
async def test_a_server_that_stops_anywhere_goes_on_where_it_was(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "_AT_ONCE", at_once)
    expected = ["a RUNNING", *(f"array:{index} RUNNING" for index in range(5)), "b RUNNING"]
    for stop in range(1, len(expected)):
        async with open_paper() as paper:
            paper.regions = {"us-east-1"}
            await paper.notify.go_on()
            paper.move(entered("a"), entered("array", children=range(5)))
            paper.move(entered("b"))
            paper.fails_at = stop
            with pytest.raises(StoreError):
                await paper.notify.go_on()
            paper.fails_at = -1
            paper.open()
            await paper.notify.go_on()
            told = paper.told
        assert told == expected


async def test_an_event_that_cannot_be_made_holds_up_no_other() -> None:
    async with open_paper() as paper:
        paper.regions = {"us-east-1"}
        await paper.notify.go_on()
        paper.move(entered("a", JobStatus.FAILED), entered("b"))
        await paper.notify.go_on()
        assert paper.told == ["b RUNNING"]
