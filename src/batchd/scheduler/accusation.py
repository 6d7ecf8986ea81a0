"""What a head that can never start says of itself, and that somebody is told of it. [batch.md 5.4, 11.1]"""

from __future__ import annotations

from batchd.scheduler import placement
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Draft, Job, Line, State, Transition


def accuse(draft: Draft, line: Line, job: Job, misfit: str | None) -> None:
    """Let a waiting job say why it can never start; None takes that back."""
    reason = misfit or last_reason(job)
    is_news = line.accused is not job or job.status_reason != reason
    if is_news or line.accused_at is None:
        line.accused_at = draft.now
    line.accused = job if misfit else None
    if job.status in (JobStatus.PENDING, JobStatus.RUNNABLE) and job.status_reason != reason:
        job.status_reason = reason
        draft.changed[job.spec.job_id] = job
    if misfit and is_news:
        draft.blocked.append(_blocked(draft, job, misfit))


def recall(state: State, job: Job) -> None:
    """After a restart: the job says that it can never start, since nobody knows when."""
    queue = state.queue(job.spec.queue)
    queue.line(job.spec.share).accused = job
    if queue.fair is not None:
        queue.fair.misfits[placement.kind(state, job.spec)] = None


def last_reason(job: Job) -> str | None:
    """What a RUNNABLE job that nothing is wrong with says: its last attempt's statusReason. [batch.md 1.2]"""
    return job.attempts[-1].status_reason if job.attempts else None


def _blocked(draft: Draft, job: Job, reason: str) -> Transition:
    """Of an array it is the child whose turn it is."""
    children = () if job.children is None else (job.children.next_fresh(),)
    attempt = len(job.attempts)
    return Transition(job.spec.job_id, JobStatus.RUNNABLE, draft.now, attempt, reason, children, is_blocked=True)
