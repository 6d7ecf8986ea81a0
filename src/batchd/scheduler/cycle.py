"""One scheduling round: give free room to the heads of the queues that something happened to."""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace

from batchd.scheduler import arrays, identity, placement, policy
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Draft, Environment, Job, Queue, State
from batchd.scheduler.transitions import move


def run(state: State, draft: Draft) -> None:
    """Place heads until no queue in the contest has one that fits.

    Room only shrinks during a round, so a queue whose head does not fit is out of the contest until it is woken.
    """
    # 1. Take the queues that something happened to since the last round.
    contest = [policy.rank(state.queues[arn]) for arn in state.awake if arn in state.queues]
    state.awake.clear()
    # 2. Order them.
    heapify(contest)
    while contest:
        # 3. Ask the queue whose turn it is for its head.
        queue = state.queues[contest[0][2]]
        job = policy.head(queue)
        if queue.accused is not None and queue.accused is not job:
            _accuse(draft, queue, queue.accused, None)
        if job is None:
            heappop(contest)
            continue
        # 4. Find it a place; without one its queue sleeps, and nobody overtakes the head.
        environment = placement.find(state, queue, job)
        if environment is None:
            _accuse(draft, queue, job, placement.misfit(state, queue, job))
            placement.sleep(state, queue, job)
            heappop(contest)
            continue
        # 5. Start it (of an array its next child), and let the queue go behind its equals.
        if queue.accused is not None:
            _accuse(draft, queue, job, None)
        if job.children is not None:
            job = arrays.record(state, job, job.children.next_fresh())
        policy.take(queue)
        queue.moved_at = draft.now
        _start(state, draft, job, environment)
        policy.served(state, queue)
        heapreplace(contest, policy.rank(queue))


def _start(state: State, draft: Draft, job: Job, environment: Environment) -> None:
    task_id = identity.task_id(job.spec.job_id, len(job.attempts) + 1)
    job.clamped = placement.needs_whole(state.machine, job.spec.resources)
    job.task_id = task_id
    job.environment = environment.arn
    placement.reserve(state, environment, job)
    state.tasks[task_id] = job
    move(draft, job, JobStatus.STARTING, draft.now)
    draft.commands.append(start_of(job))


def start_of(job: Job) -> StartTask:
    """The command that starts, or started, the attempt in hand."""
    size = job.parent.spec.size if job.parent is not None else 0
    attempt = len(job.attempts) + 1
    return StartTask(str(job.task_id), job.spec.job_id, attempt, str(job.environment), job.spec.index, size)


def _accuse(draft: Draft, queue: Queue, job: Job, misfit: str | None) -> None:
    """Let a waiting job say why it can never start; None takes that back. [batch.md 5.4]"""
    reason = misfit or policy.last_reason(job)
    if queue.accused is not job or queue.accused_at is None or job.status_reason != reason:
        queue.accused_at = draft.now
    queue.accused = job if misfit else None
    if job.status in (JobStatus.PENDING, JobStatus.RUNNABLE) and job.status_reason != reason:
        job.status_reason = reason
        draft.changed[job.spec.job_id] = job
