"""Jobs that wait for jobs: all must succeed, one failure fails the waiting job, and so on down. [batch.md 3.4]"""

from __future__ import annotations

from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.state import Job, State


def outcome(state: State, job: Job) -> JobStatus | None:
    """What the job's dependencies come to as they stand: SUCCEEDED, FAILED, or None while some are not over.

    A dependency that neither lives nor came with an outcome counts as FAILED: nobody can say that it succeeded.
    """
    verdict: JobStatus | None = JobStatus.SUCCEEDED
    for dependency in job.spec.depends_on:
        other = state.jobs.get(dependency.job_id)
        found = other.status if other else dependency.outcome or JobStatus.FAILED
        if found is JobStatus.FAILED:
            return JobStatus.FAILED
        if found not in FINAL:
            verdict = None
    return verdict


def wait(state: State, job: Job) -> int:
    """Remember which live jobs this one waits for; returns how many."""
    job_id = job.spec.job_id
    unmet = 0
    for other_id in dict.fromkeys(dependency.job_id for dependency in job.spec.depends_on):
        other = state.jobs.get(other_id)
        if other is not None and other.status not in FINAL:
            state.dependents.setdefault(other_id, {})[job_id] = job
            unmet += 1
    if unmet:
        state.unmet[job_id] = unmet
    return unmet


def stop_waiting(state: State, job: Job) -> None:
    """The job needs its dependencies no more: it failed, or was cancelled, before they were over."""
    job_id = job.spec.job_id
    if state.unmet.pop(job_id, None) is None:
        return
    for dependency in job.spec.depends_on:
        others = state.dependents.get(dependency.job_id)
        if others is not None and others.pop(job_id, None) is not None and not others:
            del state.dependents[dependency.job_id]


def ended(state: State, job: Job) -> list[Job]:
    """The jobs to move on because this one ended: all that waited if it failed, else those it was the last of."""
    waiting = state.dependents.pop(job.spec.job_id, None)
    if waiting is None:
        return []
    if job.status is JobStatus.FAILED:
        return list(waiting.values())
    return [other for other_id, other in waiting.items() if _met(state, other_id)]


def _met(state: State, job_id: str) -> bool:
    """One more dependency of this job succeeded; whether that was the last."""
    state.unmet[job_id] -= 1
    if state.unmet[job_id]:
        return False
    del state.unmet[job_id]
    return True
