"""The life of a job as a table: every move there is, and what it does to the job's own fields. [batch.md 1.1]"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batchd.scheduler import identity
from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.state import Draft, Job, Transition

SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED = JobStatus
Effect = Callable[[Job, int, str | None], None]


class InvalidTransition(Exception):
    """The scheduler tried a move that is not in the table: a bug of ours. Tells the job's story."""

    def __init__(self, job: Job, to: JobStatus) -> None:
        super().__init__(f"{job.status} -> {to} is not a transition; {story(job)}")
        self.job = job
        self.to = to


def enter(draft: Draft, job: Job) -> None:
    """A job came to life as it is: note its first state."""
    _note(draft, job, draft.now)


def move(draft: Draft, job: Job, to: JobStatus, at: int, reason: str | None = None) -> None:
    """Take the job to its next state. Raises InvalidTransition where the table has no such row."""
    effect = _table(job).get((job.status, to))
    if effect is None:
        raise InvalidTransition(job, to)
    effect(job, at, reason)
    if job.parent is not None and job.parent.children is not None:
        job.parent.children.shift(job.status, to)
        draft.counted[job.parent.spec.job_id] = job.parent
    job.status = to
    _note(draft, job, at)
    if job.nodes:
        _follow(draft, job, at, reason)


def _follow(draft: Draft, gang: Job, at: int, reason: str | None) -> None:
    """Nodes that run nothing are where their gang is; from its start on they go their own ways. What was cancelled or
    terminated by itself stays so."""
    for node in gang.other_nodes():
        if gang.status in FINAL:
            if node.status not in FINAL:
                node.is_cancelled, node.is_terminated = gang.is_cancelled, gang.is_terminated
                move(draft, node, FAILED, at, reason)
        elif gang.status in (PENDING, RUNNABLE) and node.status is not gang.status and not _was_ended(node):
            move(draft, node, gang.status, at, reason)


def _was_ended(node: Job) -> bool:
    return node.is_cancelled or node.is_terminated


def _table(job: Job) -> dict[tuple[JobStatus, JobStatus], Effect]:
    if job.parent is None:
        return TABLE if job.children is None else ARRAYS
    return TABLE if job.parent.nodes is None else NODES


def move_children(draft: Draft, array: Job, indexes: Sequence[int], to: JobStatus, reason: str | None = None) -> None:
    """Note that these children, which have no records, took this step; the array's counts are the caller's."""
    array_id = array.spec.job_id
    draft.counted[array_id] = draft.reshaped[array_id] = array
    draft.moved.append(Transition(array_id, to, draft.now, 0, reason, indexes))


def _note(draft: Draft, job: Job, at: int) -> None:
    job_id = job.spec.job_id
    attempt = len(job.attempts) + (job.status is STARTING or job.status is RUNNING)
    draft.changed[job_id] = job
    moved = Transition(job_id, job.status, at, attempt, job.status_reason, (), job.is_terminated, job.clamped)
    draft.moved.append(moved)
    if job.spec.gang is not None:  # its main node did the same
        draft.moved.append(moved._replace(job_id=identity.node_id(job_id, job.spec.gang.main)))


def _wait(job: Job, at: int, reason: str | None) -> None:
    """Nothing of the job changes but its state."""


def _start(job: Job, at: int, reason: str | None) -> None:
    """A new attempt: what the last one left to say is over, but for its exit code."""
    job.status_reason = None
    job.scheduled_at = at if job.spec.service is not None else None
    job.started_at = None
    job.stop_reason = None


def _run(job: Job, at: int, reason: str | None) -> None:
    job.started_at = at


def _retry(job: Job, at: int, reason: str | None) -> None:
    """Keeps the failed attempt's reason until the next one starts. [batch.md 1.2]"""
    job.status_reason = reason
    job.stop_reason = None


def _end(job: Job, at: int, reason: str | None) -> None:
    job.status_reason = reason
    job.stopped_at = at


def _again(job: Job, at: int, reason: str | None) -> None:
    """A node that was over, and whose gang is tried again."""
    _retry(job, at, reason)
    job.stopped_at = None


TABLE: dict[tuple[JobStatus, JobStatus], Effect] = {
    (SUBMITTED, PENDING): _wait,
    (SUBMITTED, RUNNABLE): _wait,
    (SUBMITTED, FAILED): _end,
    (PENDING, RUNNABLE): _wait,
    (PENDING, FAILED): _end,
    (RUNNABLE, STARTING): _start,
    (RUNNABLE, FAILED): _end,
    (STARTING, RUNNING): _run,
    (STARTING, RUNNABLE): _retry,
    (STARTING, FAILED): _end,
    (RUNNING, RUNNABLE): _retry,
    (RUNNING, SUCCEEDED): _end,
    (RUNNING, FAILED): _end,
}

NODES: dict[tuple[JobStatus, JobStatus], Effect] = {
    **TABLE,
    (SUCCEEDED, RUNNABLE): _again,
    (FAILED, RUNNABLE): _again,
}

ARRAYS: dict[tuple[JobStatus, JobStatus], Effect] = {
    (SUBMITTED, PENDING): _wait,
    (PENDING, SUCCEEDED): _end,
    (PENDING, FAILED): _end,
}


def story(job: Job) -> str:
    """What is known of a job, in one line, for the reader of an error."""
    parts = [f"job {job.spec.job_id} in {job.spec.queue}", f"submitted at {job.submitted_at}"]
    for number, attempt in enumerate(job.attempts, 1):
        parts.append(
            f"attempt {number} ({attempt.task_id}) {attempt.started_at}..{attempt.stopped_at} "
            f"exit {attempt.exit_code}: {attempt.status_reason}"
        )
    parts.append(f"now {job.status}, task {job.task_id}, started at {job.started_at}, stop reason {job.stop_reason}")
    return "; ".join(parts)
