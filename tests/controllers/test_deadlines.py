"""Time makes itself heard: timeouts of attempts, and steps that nothing else would cause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from batchd.controllers import deadlines
from batchd.controllers.schedule import Schedule
from batchd.engines.engine import Exited, Started
from batchd.scheduler.events import JobStatus, MachineSized, Resources, TimePassed
from tests.controllers.house import House, open_house, until


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as made:
        yield made


@asynccontextmanager
async def going(house: House) -> AsyncIterator[None]:
    loop = asyncio.create_task(house.deadlines.run())
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


def steps(house: House) -> int:
    """How often time has passed."""
    with house.store.read() as tx:
        return sum(isinstance(event, TimePassed) for _, _, event in tx.journal.read(0, 1000))


async def running(house: House, timeout_s: int | None) -> str:
    task = await house.submit(timeout_s=timeout_s)
    house.watch.report(Started(task, house.clock.now_ms()))
    await until(lambda: house.status("job") is JobStatus.RUNNING)
    return task


async def test_an_attempt_that_takes_too_long_is_stopped_and_fails_of_it(house: House) -> None:
    task = await running(house, 60)
    house.clock.advance(60)
    async with going(house):
        await until(lambda: house.engine.world.tasks[task].ensemble.stopping)
        house.engine.advance()
        await until(lambda: house.status("job") is JobStatus.FAILED)

    assert house.row("job").status_reason == "Job attempt duration exceeded timeout"


async def test_nothing_is_stopped_before_its_time(house: House) -> None:
    task = await running(house, 60)
    house.clock.advance(59.9)
    before = steps(house)
    async with going(house):
        await until(lambda: steps(house) == before)
    assert house.schedule.scheduler.state.tasks[task].stop_reason is None


async def test_a_task_that_ended_in_time_is_left_alone(house: House) -> None:
    task = await running(house, 60)
    house.watch.report(Exited(task, house.clock.now_ms(), 0))
    await until(lambda: house.status("job") is JobStatus.SUCCEEDED)
    house.clock.advance(3600)

    assert house.schedule.scheduler.next_deadline() is None


async def test_jobs_that_waited_when_the_server_died_are_started_though_nothing_happens(house: House) -> None:
    small = Schedule(house.store, house.clock, MachineSized(Resources(0, 0)), lambda commands: None)
    assert small.is_stale
    house.schedule.restore()
    async with going(house):
        await until(lambda: not house.schedule.is_stale)
    assert steps(house) == 1


async def test_a_full_disk_only_delays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_LONGEST_S", 0.001)
    task = await running(house, 60)
    house.clock.advance(60)
    house.store.is_full = True
    async with going(house):
        await until(lambda: house.schedule.is_stale)
        assert house.schedule.scheduler.state.tasks[task].stop_reason is None
        house.store.is_full = False
        await until(lambda: house.schedule.scheduler.state.tasks[task].stop_reason)
