"""Infrastructure updates end, and the old jobs with them. [batch.md 6.5]"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from batchd.clock import ManualClock
from batchd.controllers.launch import Launch, Surroundings
from batchd.controllers.replacement import Replacement
from batchd.controllers.schedule import Schedule
from batchd.engines.engine import Exited, FailedToStart, Lost, Report, Started
from batchd.engines.fake import FakeEngine, FakeTask
from batchd.scheduler.events import (
    EnvironmentSaved,
    EnvironmentSpec,
    JobSpec,
    JobSubmitted,
    MachineSized,
    QueueSaved,
    QueueSpec,
    Resources,
    TaskExited,
    TaskStarted,
)
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Body, JobRow, Key, Tx
from batchd.store.writer import Writer
from batchd.task import ContainerSpec, TaskSpec, encode_task
from tests.contract.stores import job_row
from tests.patience import LONG_S

KEY = Key("batch.compute-environment", "us-east-1", "ce")
TASK = encode_task(TaskSpec("", (ContainerSpec("default", "busybox"),)))
LOST = "Host EC2 (instance i-"


class World:
    """Two environments with a queue each, on a fake engine whose tasks take an hour; `reported` is what it said."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.store = open_sqlite(MEMORY, self.clock)
        self.engine = FakeEngine(self.clock, directory, FakeTask(run_s=3600), timers=False)
        self.reported: list[Report] = []
        self.engine.attach(self._record, ())
        surroundings = Surroundings("http://127.0.0.1:1", "123456789012", lambda job, task, role: "token")
        self.launch = Launch(self.store, self.engine, surroundings)
        self.schedule = Schedule(self.store, self.clock, MachineSized(Resources(64_000, 64_000)), self.launch.perform)
        self.store.follow(self.schedule)
        self.writer = Writer(self.store)
        self.replacement = Replacement(self.store, self.writer, self.schedule, self.launch, self.clock)
        for name in ("ce", "other"):
            self.store.transact(lambda tx, name=name: _make(tx, name))

    def submit(self, name: str, queue: str = "ce", attempts: int = 1) -> None:
        spec = JobSpec(name, queue, Resources(1000, 64), attempts)

        def work(tx: Tx) -> None:
            tx.jobs.insert(replace(job_row(name), queue=queue, task=TASK), spec)
            tx.journal.append(JobSubmitted(spec))

        self.store.transact(work)
        self.pass_time(1)

    def update(self, minutes: int) -> None:
        """As an infrastructure update does: jobs may run for so long."""
        now = self.clock.now_ms()
        aws = {"status": "UPDATING", "statusReason": "…"}
        replacing = {"since": now, "until": now + minutes * 60_000}
        body = {"spec": {"arn": "ce"}, "aws": aws, "desired_at": 5, "replacing": replacing}
        self.store.transact(lambda tx: tx.resources.put(KEY, body))

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.engine.advance()

    def body(self) -> Body:
        with self.store.read() as tx:
            found = tx.resources.get(KEY)
        assert found is not None
        return found

    def job(self, name: str) -> JobRow:
        with self.store.read() as tx:
            found = tx.jobs.get(name)
        assert found is not None
        return found

    def _record(self, report: Report) -> None:
        self.reported.append(report)
        match report:
            case Started(task_id, at):
                self.store.transact(lambda tx: tx.journal.append(TaskStarted(task_id, at)))
            case Exited(task_id, at, code):
                self.store.transact(lambda tx: tx.journal.append(TaskExited(task_id, at, code)))
            case FailedToStart() | Lost():
                raise AssertionError(f"nothing of the kind is expected: {report}")


def _make(tx: Tx, name: str) -> None:
    spec = {"arn": name, "available": True}
    tx.resources.put(Key(KEY.kind, KEY.region, name), {"spec": spec, "aws": {"status": "VALID"}})
    tx.journal.append(EnvironmentSaved(EnvironmentSpec(name, True)))
    tx.journal.append(QueueSaved(QueueSpec(name, 1, (name,))))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "logs")
    yield made
    await made.writer.close()
    made.store.close()


async def test_an_update_is_over_when_the_last_old_job_is(world: World) -> None:
    world.submit("old")
    world.pass_time(1)
    world.update(120)
    world.submit("new")
    await world.replacement.go_on()
    assert world.body()["aws"]["status"] == "UPDATING"
    world.pass_time(3598)
    assert (world.job("old").status, world.job("new").status) == ("SUCCEEDED", "RUNNING")
    await world.replacement.go_on()
    aws = {"status": "VALID", "statusReason": "ComputeEnvironment Healthy"}
    assert world.body() == {"spec": {"arn": "ce"}, "aws": aws, "desired_at": 5}


async def test_jobs_that_take_too_long_lose_their_machine_and_are_tried_again_on_a_new_one(world: World) -> None:
    world.submit("once")
    world.submit("twice", attempts=2)
    world.submit("elsewhere", queue="other")
    world.pass_time(1)
    world.update(30)
    world.submit("new")
    world.pass_time(30 * 60 - 2)
    await world.replacement.go_on()
    assert [world.job(name).status for name in ("once", "twice")] == ["RUNNING", "RUNNING"]
    first = world.job("twice").task_id
    world.pass_time(1)
    await world.replacement.go_on()
    world.pass_time(1)
    assert [world.job(name).status for name in ("new", "elsewhere")] == ["RUNNING", "RUNNING"]
    once, twice = world.job("once"), world.job("twice")
    assert (once.status, twice.status) == ("FAILED", "RUNNING")
    assert once.status_reason is not None
    assert once.status_reason.startswith(LOST)
    assert once.reason == "The instance was replaced by an update of its compute environment"
    assert twice.attempts[0].status_reason.startswith(LOST)
    assert twice.task_id != first
    stopped = [report.task_id for report in world.reported if isinstance(report, Exited)]
    assert stopped == [once.task_id, first]
    await world.replacement.go_on()
    assert world.body()["aws"]["status"] == "VALID"


async def test_an_environment_that_was_deleted_or_updated_anew_is_left_alone(world: World) -> None:
    world.update(30)
    first = world.body()
    world.pass_time(1)
    world.update(60)
    second = world.body()
    await world.replacement._go_on_with(KEY, first)
    assert world.body() == second
    world.store.transact(lambda tx: tx.resources.delete(KEY))
    await world.replacement._go_on_with(KEY, second)
    with world.store.read() as tx:
        assert tx.resources.get(KEY) is None


async def test_it_looks_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchd.controllers.replacement._EVERY_S", 0.0)
    world.update(30)
    looking = asyncio.create_task(world.replacement.run())
    async with asyncio.timeout(LONG_S):
        while "replacing" in world.body():  # noqa: ASYNC110 - the commit is another thread's and tells only its writer
            await asyncio.sleep(0)
    looking.cancel()
