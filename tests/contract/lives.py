"""A scheduler over a store: every step is saved, and what would be restored is compared with what is remembered."""

from __future__ import annotations

from batchd.scheduler.children import new_children
from batchd.scheduler.events import (
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    JobStatus,
    JobSubmitted,
    MachineSized,
    QueueSaved,
    QueueSpec,
    Resources,
    TaskExited,
    TaskStarted,
)
from batchd.scheduler.gangs import find
from batchd.scheduler.scheduler import Scheduler
from batchd.store.store import ChildCounts, JobRow, Store, Tx
from tests.contract.stores import QUEUE, job_row, job_spec


class Life:
    """A scheduler on a machine of two vCPUs whose every step is saved."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 1000
        self.scheduler = Scheduler()
        environment = EnvironmentSaved(EnvironmentSpec("main", True))
        self.scheduler.step([environment, QueueSaved(QueueSpec(QUEUE, 1, ("main",)))], 1)
        self.scheduler.step([MachineSized(Resources(2000, 9000))], 1)

    def submit(self, job_id: str, size: int, **changes: object) -> None:
        spec = job_spec(job_id, size=size, **changes)
        counts = ChildCounts(tuple(new_children(size, spec.succeeded).counts), self.now) if size else None
        self.store.transact(lambda tx: tx.jobs.insert(job_row(job_id, created_at=self.now, children=counts), spec))
        self.tell(JobSubmitted(spec))

    def tell(self, *events: Event) -> None:
        self.now += 1000
        step = self.scheduler.step(events, self.now)

        def save(tx: Tx) -> None:
            tx.jobs.save(step.changed)
            tx.jobs.save_arrays(step.counted, step.reshaped, self.now)

        self.store.transact(save)
        with self.store.read() as tx:
            assert {job.job_id: job for job in tx.jobs.live()} == self.scheduler.state.jobs

    def end(self, job_id: str, code: int = 0) -> None:
        self.tell(TaskExited(self.task(job_id), self.now, code))

    def start(self, job_id: str) -> None:
        self.tell(TaskStarted(self.task(job_id), self.now))

    def task(self, job_id: str) -> str:
        """Of a job, or of a node of one."""
        state = self.scheduler.state
        job = state.jobs.get(job_id) or find(state, job_id)
        assert job is not None
        return str(job.task_id)

    def get(self, job_id: str) -> JobRow:
        with self.store.read() as tx:
            found = tx.jobs.get(job_id)
        assert found is not None
        return found

    def listed(self, job_id: str, status: JobStatus, after: int = -1, limit: int = 99) -> list[int | None]:
        array = self.get(job_id)
        with self.store.read() as tx:
            rows = tx.jobs.children(array, status, after, limit)
            assert [tx.jobs.get(row.job_id) for row in rows] == rows
            assert all(tx.jobs.status_of(row.job_id) is status for row in rows)
        assert all(row.status is status for row in rows)
        return [row.index if row.node is None else row.node for row in rows]

    def counts(self) -> dict[str, int]:
        with self.store.read() as tx:
            return tx.jobs.counts().get(QUEUE, {})
