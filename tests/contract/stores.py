"""Every store that must keep the contract, and builders of what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchd.clock import Clock
from batchd.scheduler.events import JobSpec, JobSubmitted, Resources
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import JobRow, Store, Tx

Factory = Callable[[Path, Clock], Store]

FACTORIES: dict[str, Factory] = {
    "sqlite": lambda folder, clock: open_sqlite(folder / "store.db", clock),
    "sqlite-memory": lambda folder, clock: open_sqlite(MEMORY, clock),
}

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
DEFINITION = "arn:aws:batch:us-east-1:123456789012:job-definition/"


def job_spec(job_id: str, **changes: Any) -> JobSpec:
    return replace(JobSpec(job_id, QUEUE, Resources(1000, 512)), **changes)


def job_row(job_id: str, **changes: Any) -> JobRow:
    row = JobRow(
        job_id=job_id,
        region="us-east-1",
        queue=QUEUE,
        name="feed",
        definition=f"{DEFINITION}feed:1",
        created_at=1000,
        document={"jobName": "feed", "container": {"vcpus": 1}},
        task=b'{"task_id":""}',
        tags={},
    )
    return replace(row, **changes)


def submit(job_id: str, **changes: Any) -> Callable[[Tx], None]:
    """A unit of work that writes a job and its event, as SubmitJob does."""
    row = job_row(job_id, **changes)
    spec = job_spec(job_id, queue=row.queue)

    def work(tx: Tx) -> None:
        tx.jobs.insert(row, spec)
        tx.journal.append(JobSubmitted(spec))

    return work


def job_ids(tx: Tx) -> list[str]:
    """Of the jobs that have not ended."""
    return [job.job_id for job in tx.jobs.live()]
