"""The nouns the scheduler keeps: one record a live job, and what a step changed of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchd.scheduler.events import JobSpec, JobStatus


@dataclass(frozen=True, slots=True)
class Attempt:
    """One finished try of a job. Times are ms since the epoch; `started_at` None: it never ran."""

    task_id: str
    environment: str
    started_at: int | None
    stopped_at: int
    status_reason: str
    exit_code: int | None = None
    reason: str | None = None


@dataclass(slots=True)
class Job:
    """A job as the scheduler knows it. Only the scheduler changes it; the store writes what it says.

    `task_id` and `environment` are of the attempt in hand (or the last one); `exit_code` and `reason` are the
    last finished attempt's. `stop_reason` is set once somebody asked a started task to stop.
    """

    spec: JobSpec
    status: JobStatus
    submitted_at: int
    status_reason: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    task_id: str | None = None
    environment: str | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    is_cancelled: bool = False
    is_terminated: bool = False
    stop_reason: str | None = None
    clamped: bool = False  # asked for more than the machine has and runs alone with all of it

    @property
    def job_id(self) -> str:
        return self.spec.job_id
