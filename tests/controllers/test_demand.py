"""How busy environments have been. [batch.md 6.3]"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from batchd.clock import ManualClock
from batchd.controllers.demand import Demand
from batchd.controllers.schedule import Schedule
from batchd.scheduler.events import (
    EnvironmentDeleted,
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    JobSpec,
    JobSubmitted,
    MachineSized,
    QueueSaved,
    QueueSpec,
    Resources,
    TaskExited,
)
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Tx
from tests.contract.stores import job_row

HOUR_MS = 3_600_000


class World:
    """A queue on an environment of plenty; jobs run until they are told to end."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = open_sqlite(MEMORY, self.clock)
        self.schedule = Schedule(self.store, self.clock, MachineSized(Resources(64_000, 64_000)), lambda commands: None)
        self.store.follow(self.schedule)
        self.demand = Demand(self.schedule, self.clock)
        self.tell(EnvironmentSaved(EnvironmentSpec("ce", True)), QueueSaved(QueueSpec("q", 1, ("ce",))))

    def tell(self, *events: Event) -> None:
        def work(tx: Tx) -> None:
            for event in events:
                if isinstance(event, JobSubmitted):
                    tx.jobs.insert(replace(job_row(event.job.job_id), queue=event.job.queue), event.job)
                tx.journal.append(event)

        self.store.transact(work)

    def run(self, name: str, vcpus: float) -> None:
        self.tell(JobSubmitted(JobSpec(name, "q", Resources(round(vcpus * 1000), 64))))

    def end(self, name: str) -> None:
        job = self.schedule.scheduler.state.jobs[name]
        self.tell(TaskExited(str(job.task_id), self.clock.now_ms(), 0))

    def since(self, seconds: float) -> float:
        """The most vCPUs within so many seconds."""
        return self.demand.vcpus("ce", self.clock.now_ms() - round(seconds * 1000))


@pytest.fixture
def world() -> World:
    return World()


def test_what_runs_now_counts_and_what_does_not_exist_is_idle(world: World) -> None:
    assert world.since(0) == 0
    world.run("a", 2)
    world.run("b", 1.5)
    assert world.since(0) == 3.5
    assert world.demand.vcpus("nowhere", 0) == 0


def test_a_peak_is_remembered_from_the_last_time_it_was_seen(world: World) -> None:
    world.run("a", 8)
    world.run("b", 1)
    world.clock.advance(60)
    world.demand.observe()
    world.end("a")
    world.clock.advance(30)
    assert [world.since(0), world.since(29), world.since(30), world.since(600)] == [1, 1, 9, 9]
    world.end("b")
    world.clock.advance(10)
    assert [world.since(0), world.since(10), world.since(39), world.since(40)] == [0, 1, 1, 9]


def test_a_higher_peak_puts_the_lower_ones_behind_it(world: World) -> None:
    for name in ("a", "b", "c"):
        world.run(name, 4)
        world.demand.observe()
        world.clock.advance(1)
    assert world.since(0) == 12
    assert world.since(1000) == 12


def test_nothing_is_remembered_for_longer_than_the_longest_delay(world: World) -> None:
    world.run("a", 4)
    world.demand.observe()
    world.end("a")
    world.clock.advance(7 * 24 * 3600)
    assert world.since(8 * 24 * 3600) == 4
    world.clock.advance(1)
    assert world.since(8 * 24 * 3600) == 0


def test_a_deleted_environment_is_forgotten(world: World) -> None:
    world.run("a", 4)
    assert world.since(0) == 4
    world.tell(EnvironmentDeleted("ce"))
    assert world.since(0) == 4, "it drains"
    world.end("a")
    assert world.since(1000) == 0


def test_the_vcpus_of_a_queue_are_those_of_its_running_jobs(world: World) -> None:
    world.tell(QueueSaved(QueueSpec("other", 1, ("ce",))))
    world.run("a", 2)
    world.run("b", 0.25)
    world.run("huge", 63)
    assert (world.demand.queue_vcpus("q"), world.demand.queue_vcpus("other")) == (2.25, 0)


async def test_it_looks_by_itself(world: World) -> None:
    world.run("a", 2)
    looking = asyncio.create_task(world.demand.run())
    await asyncio.sleep(0)
    looking.cancel()
    world.end("a")
    world.clock.advance(5)
    assert [world.since(4), world.since(5)] == [0, 2]
