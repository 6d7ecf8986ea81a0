"""The scheduler and the tables say the same, whatever becomes of a group."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable

import pytest

from batchd.controllers.schedule import Schedule
from batchd.errors import StoreError
from batchd.scheduler import invariants
from batchd.scheduler.commands import Command, StartTask, StopTask
from batchd.scheduler.events import (
    JobSpec,
    JobStatus,
    JobSubmitted,
    MachineSized,
    Resources,
    TaskExited,
    TaskStarted,
    TerminateRequested,
    TimePassed,
)
from batchd.store.store import Tx
from tests.contract.stores import job_row
from tests.controllers.house import LINE, House, open_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as made:
        yield made


class Hands:
    """Takes commands, or cannot read what it needs for them."""

    def __init__(self) -> None:
        self.taken: list[Command] = []
        self.is_blind = False

    def perform(self, commands: list[Command]) -> None:
        if self.is_blind:
            raise StoreError("disk I/O error")
        self.taken += commands


@pytest.fixture
def hands(house: House) -> Hands:
    hands = Hands()
    house.store._followers.clear()
    house.schedule = Schedule(house.store, house.clock, MachineSized(Resources(2000, 10_000)), hands.perform)
    house.store.follow(house.schedule)
    return hands


def submit(name: str) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        spec = JobSpec(name, LINE, Resources(1000, 64))
        tx.jobs.insert(job_row(name, queue=LINE), spec)
        tx.journal.append(JobSubmitted(spec))

    return work


def live(house: House) -> dict[str, JobStatus]:
    with house.store.read() as tx:
        return {job.job_id: job.status for job in tx.jobs.live()}


def remembered(house: House) -> dict[str, JobStatus]:
    assert invariants.check(house.schedule.scheduler.state) == []
    return {job_id: job.status for job_id, job in house.schedule.scheduler.state.jobs.items()}


async def test_commands_are_performed_after_the_commit_and_not_before(house: House, hands: Hands) -> None:
    house.store.apply([submit("a"), submit("b")])
    assert hands.taken == []
    house.store.commit()
    assert hands.taken == []
    house.store.settle(True)

    assert [type(command) for command in hands.taken] == [StartTask, StartTask]
    assert live(house) == remembered(house) == {"a": JobStatus.STARTING, "b": JobStatus.STARTING}


async def test_of_a_lost_group_nothing_is_remembered_and_nothing_performed(house: House, hands: Hands) -> None:
    house.store.transact(submit("a"))
    house.store.is_full = True
    with pytest.raises(StoreError):
        house.store.transact(submit("b"))
    house.store.is_full = False

    assert [command.job_id for command in hands.taken] == ["a"]
    assert live(house) == remembered(house) == {"a": JobStatus.STARTING}
    assert house.schedule.is_stale
    house.store.transact(submit("b"))
    assert [command.job_id for command in hands.taken] == ["a", "b"]
    assert not house.schedule.is_stale


async def test_a_restarted_schedule_is_what_the_old_one_was(house: House, hands: Hands) -> None:
    for name in ("ends", "runs", "stops", "waits", "waits-too"):
        house.store.transact(submit(name))
    ends, runs = (house.task_of(name) for name in ("ends", "runs"))
    house.store.transact(lambda tx: tx.journal.append(TaskStarted(ends, 1)))
    house.store.transact(lambda tx: tx.journal.append(TaskExited(ends, 2, 0)))
    house.store.transact(lambda tx: tx.journal.append(TaskStarted(runs, 3)))
    house.store.transact(lambda tx: tx.journal.append(TerminateRequested("stops", "enough")))

    new = Schedule(house.store, house.clock, MachineSized(Resources(2000, 10_000)), lambda commands: None).scheduler
    old = house.schedule.scheduler

    assert new.state.jobs == old.state.jobs
    assert [job.job_id for job in new.front(LINE, 10)] == [job.job_id for job in old.front(LINE, 10)]
    assert new.wanted() == old.wanted()
    assert [type(command) for command in new.wanted()] == [StartTask, StopTask]
    assert [task.job_id for task in new.running()] == ["runs"]
    assert new.step([TimePassed()], house.clock.now_ms()).commands == []


async def test_commands_that_cannot_be_performed_now_are_repeated_with_the_next_step(
    house: House, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    hands.is_blind = True
    with caplog.at_level(logging.WARNING):
        house.store.transact(submit("a"))
        house.store.transact(submit("b"))
    assert "cannot be performed now" in caplog.text
    assert house.schedule.is_stale
    hands.is_blind = False
    house.store.transact(lambda tx: tx.journal.append(TimePassed()))

    assert [command.job_id for command in hands.taken] == ["a", "b"]
    house.store.transact(lambda tx: tx.journal.append(TimePassed()))
    assert len(hands.taken) == 2


async def test_even_a_lost_group_in_between_does_not_lose_them(house: House, hands: Hands) -> None:
    hands.is_blind = True
    house.store.transact(submit("a"))
    house.store.is_full = True
    with pytest.raises(StoreError):
        house.store.transact(submit("b"))
    house.store.is_full = hands.is_blind = False
    house.store.transact(lambda tx: tx.journal.append(TimePassed()))

    assert [command.job_id for command in hands.taken] == ["a"]
