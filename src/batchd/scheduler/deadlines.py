"""When running attempts have to be over: `attemptDurationSeconds`, counted from startedAt. [batch.md 2.9]"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Job, State

SWEEP_AT = 64  # a shorter heap is not worth sweeping


def of(job: Job) -> int | None:
    """When (ms) the attempt in hand runs out of time; None while it does not run, or where it has no limit."""
    if job.status is not JobStatus.RUNNING or job.started_at is None or job.spec.timeout_s is None:
        return None
    return job.started_at + 1000 * job.spec.timeout_s


def watch(state: State, job: Job) -> None:
    """Remember the deadline of a job that has just begun to run, if it has one. Amortised O(log n)."""
    deadline = of(job)
    if deadline is None or job.task_id is None:
        return
    if len(state.deadlines) > SWEEP_AT and len(state.deadlines) > 2 * len(state.tasks):
        state.deadlines = [entry for entry in state.deadlines if _holds(state, entry[2])]
        heapify(state.deadlines)
    state.watched += 1
    heappush(state.deadlines, (deadline, state.watched, job.task_id))


def next_one(state: State) -> int | None:
    """The earliest deadline (ms) that still matters."""
    while state.deadlines:
        at, _, task_id = state.deadlines[0]
        if _holds(state, task_id):
            return at
        heappop(state.deadlines)
    return None


def take_due(state: State, now: int) -> list[Job]:
    """The jobs whose time is up, earliest first, equals in the order they started; they are not watched any longer."""
    due = []
    while (at := next_one(state)) is not None and at <= now:
        due.append(state.tasks[heappop(state.deadlines)[2]])
    return due


def _holds(state: State, task_id: str) -> bool:
    """The task still runs and nobody has asked it to stop."""
    job = state.tasks.get(task_id)
    return job is not None and job.stop_reason is None
