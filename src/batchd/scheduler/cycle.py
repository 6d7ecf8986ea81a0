"""One scheduling round: give free room to the heads of the queues that something happened to."""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace

from batchd.scheduler import (
    accusation,
    ahead,
    arrays,
    backfill,
    benches,
    fair,
    identity,
    lines,
    placement,
    policy,
    preemption,
    quota,
    service,
    shares,
    tasks,
)
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Draft, Environment, Job, Line, Queue, State
from batchd.scheduler.transitions import move


def run(state: State, draft: Draft) -> None:
    """Place heads until no queue in the contest has one that fits.

    Room only shrinks during a round, so a queue whose head does not fit is out of the contest until it is woken.
    """
    # 1. Take the queues that something happened to since the last round.
    contest = []
    for arn in state.awake:
        queue = state.queues.get(arn)
        if queue is not None:
            contest.append(policy.rank(queue))
            if queue.fair is not None:
                fair.open_round(queue.fair)
    state.awake.clear()
    # 2. Order them.
    heapify(contest)
    while contest:
        # 3. Ask the queue whose turn it is for a head that has a place.
        queue = state.queues[contest[0][2]]
        found = _next(state, draft, queue)
        if found is None:
            heappop(contest)
            continue
        # 4. Start it (of an array its next child), and let the queue go behind its equals.
        line, place, environment = found
        job = place
        if line.accused is not None:
            accusation.accuse(draft, line, job, None)
        if job.children is not None:
            job = arrays.record(state, job, job.children.next_fresh())
        lines.take(line, place)
        line.moved_at = draft.now
        _start(state, draft, job, environment)
        if place.stepped:
            benches.placed(state, place)
        policy.served(state, queue)
        heapreplace(contest, policy.rank(queue))


def _next(state: State, draft: Draft, queue: Queue) -> tuple[Line, Job, Environment] | None:
    """The job whose turn it is and its place: a head, or one that may go before it. None: nobody waits, or the queue
    sleeps."""
    if queue.fair is not None:
        return fair.next_one(state, draft, queue, queue.fair)
    if queue.quota is not None:
        return _next_of_shares(state, draft, queue)
    for line in queue.lines.values():
        if state.pools:
            benches.step_aside(state, draft, line)
        job = lines.head(line)
        if line.accused is not None and line.accused is not job:
            accusation.accuse(draft, line, line.accused, None)
        if job is None:
            continue
        environment = placement.find(state, queue, job) or ahead.find(state, queue, job)
        if environment is None:
            accusation.accuse(draft, line, job, placement.misfit(state, queue, job))
            found = backfill.next_one(state, draft.now, queue, line) if queue.backfill else None
            if found is not None:
                return line, *found
            placement.sleep(state, queue, job)
            if queue.backfill:
                state.machine.sleepers[queue.arn] = None  # others than the head may have room sooner
            continue
        return line, job, environment
    return None


def _next_of_shares(state: State, draft: Draft, queue: Queue) -> tuple[Line, Job, Environment] | None:
    """The same of a queue whose lines are quota shares. Before it sleeps those are stopped that must make room."""
    for line in queue.lines.values():
        benches.step_aside(state, draft, line)
        if line.accused is not None and line.accused is not lines.head(line):
            accusation.accuse(draft, line, line.accused, None)
    place = quota.next_place(state, queue)
    if place is not None:
        return place
    for line, job in quota.heads(queue):
        accusation.accuse(draft, line, job, quota.misfit(state, queue, job))
    quota.sleep(state, queue)
    preemption.make_room(state, draft, queue)
    return None


def _start(state: State, draft: Draft, job: Job, environment: Environment) -> None:
    task_id = identity.task_id(job.spec.job_id, len(job.attempts) + 1)
    job.clamped = placement.needs_whole(state.machine, job.spec.resources)
    job.task_id = task_id
    job.environment = environment.arn
    job.placed_at = draft.now
    placement.reserve(state, environment, job)
    service.hold(state, job)
    if job.spec.share:
        shares.hold(state, draft, job)
    state.tasks[task_id] = job
    move(draft, job, JobStatus.STARTING, draft.now)
    draft.commands.append(tasks.start_of(job))
