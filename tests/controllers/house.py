"""The controllers of a server, composed as server.py does it, over a store in memory and an engine that pretends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event as Gate
from typing import Any

from batchd.clock import ManualClock
from batchd.controllers.deadlines import Deadlines
from batchd.controllers.launch import Launch, Surroundings
from batchd.controllers.output import LOG_GROUP, Output
from batchd.controllers.schedule import ENVIRONMENT, QUEUE, Schedule
from batchd.controllers.watch import Watch
from batchd.engines.engine import FailedToStart
from batchd.engines.fake import FakeEngine
from batchd.errors import StoreError
from batchd.scheduler.events import (
    EnvironmentSaved,
    EnvironmentSpec,
    JobSpec,
    JobStatus,
    JobSubmitted,
    MachineSized,
    QueueSaved,
    QueueSpec,
    Resources,
)
from batchd.store.sqlite import MemoryFile, SqliteStore
from batchd.store.store import JobRow, Key, StreamKey, Tx
from batchd.store.writer import Writer
from batchd.task import ContainerSpec, LogDestination, TaskSpec, encode_task
from tests.contract.stores import job_row
from tests.patience import LONG_S, Patience

CE, LINE = "arn:aws:batch:us-east-1:1:compute-environment/ec2", "arn:aws:batch:us-east-1:1:job-queue/night"
GROUP = "/aws/batch/job"


class TroubledStore(SqliteStore):
    """Counts its groups. A commit waits until the gate is open, and fails as long as the disk is full."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(MemoryFile(), clock)
        self.gate = Gate()
        self.gate.set()
        self.is_full = False
        self.commits = 0

    def commit(self) -> None:
        self.gate.wait(LONG_S)
        if self.is_full:
            self._transaction.rollback()
            raise StoreError("database or disk is full")
        self.commits += 1
        super().commit()


class House:
    """`submit` a job, let the `engine` pretend, look at what became of it."""

    def __init__(self, folder: Path, engine: FakeEngine | None = None) -> None:
        self.clock = ManualClock()
        self.store = TroubledStore(self.clock)
        self.engine = engine or FakeEngine(self.clock, folder, timers=False)
        self.surroundings = Surroundings("http://127.0.0.1:4580", "1", lambda job, task, role: f"token-{role}")
        self.store.transact(_furnish)
        self._compose()

    def _compose(self) -> None:
        self.launch = Launch(self.store, self.engine, self.surroundings, self._refuse)
        self.schedule = Schedule(self.store, self.clock, MachineSized(Resources(10**7, 10**7)), self.launch.perform)
        self.store.follow(self.schedule)
        self.writer = Writer(self.store)
        self.output = Output(self.engine, self.launch.logs)
        self.watch = Watch(self.writer, self.launch, self.output, self.clock)
        self.deadlines = Deadlines(self.writer, self.schedule, self.clock)
        self.engine.attach(self.watch.report, [])

    def _refuse(self, task_id: str, reason: str) -> None:
        self.watch.report(FailedToStart(task_id, self.clock.now_ms(), reason))

    async def submit(self, name: str = "job", *, timeout_s: int | None = None, **container: Any) -> str:
        """The id of the task that runs it."""
        log = LogDestination("us-east-1", GROUP, f"{name}/default/")
        spec = ContainerSpec("default", "busybox", ("true",), log=log)
        template = encode_task(TaskSpec("", (replace(spec, **container),)))
        await self.submit_row(job_row(name, queue=LINE, task=template), timeout_s)
        return self.task_of(name)

    async def submit_row(self, row: JobRow, timeout_s: int | None = None) -> None:
        spec = JobSpec(row.job_id, row.queue, Resources(1000, 64), timeout_s=timeout_s)

        def work(tx: Tx) -> None:
            tx.jobs.insert(row, spec)
            tx.journal.append(JobSubmitted(spec))

        await self.writer.write(work)

    def write(self, task_id: str, data: bytes) -> None:
        """What the task prints."""
        with self.engine.log_path(task_id, "default").open("ab") as file:
            file.write(data)

    def row(self, job: str) -> JobRow:
        with self.store.read() as tx:
            found = tx.jobs.get(job)
        assert found is not None
        return found

    def task_of(self, job: str) -> str:
        return str(self.row(job).task_id)

    def status(self, job: str) -> JobStatus:
        return self.row(job).status

    def lines(self, job: str) -> list[str]:
        """Of the attempt in hand, or the last one."""
        stream = StreamKey("us-east-1", GROUP, f"{job}/default/{self.task_of(job)}")
        with self.store.read() as tx:
            return [event.message for event in tx.logs.forward(stream, (0, 0), None, 1_000_000)]


def _furnish(tx: Tx) -> None:
    environment, queue = EnvironmentSpec(CE, True), QueueSpec(LINE, 1, (CE,))
    tx.resources.put(Key(ENVIRONMENT, "us-east-1", "ec2"), {"spec": asdict(environment)})
    tx.resources.put(Key(QUEUE, "us-east-1", "night"), {"spec": asdict(queue)})
    tx.resources.put(Key(LOG_GROUP, "us-east-1", GROUP), {})
    tx.journal.append(EnvironmentSaved(environment))
    tx.journal.append(QueueSaved(queue))


@asynccontextmanager
async def open_house(engine: Callable[[ManualClock, Path], FakeEngine] | None = None) -> AsyncIterator[House]:
    """A house with its watch going."""
    with TemporaryDirectory() as name:
        house = House(Path(name), engine(ManualClock(), Path(name)) if engine else None)
        watching = asyncio.create_task(house.watch.run())
        try:
            yield house
        finally:
            house.store.gate.set()
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await house.writer.close()
            house.store.close()


async def until(holds: Callable[[], object]) -> None:
    """Let the loops go on until this is so: what is asked for is what a client can see, which nothing signals."""
    patience = Patience()
    while not holds():
        if patience.ran_out():
            raise TimeoutError
        await asyncio.sleep(0.002)
