"""Who is next: the order of the queues among each other, and of a queue's lines. [batch.md 5.2, 7.1]

What a queue's jobs stand in is its lines: one where first come is first served. `lines` has the order inside of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batchd.scheduler import benches, fair, lines, quota
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Draft, Job, Line, Queue, State

Rank = tuple[int, int, str]


def rank(queue: Queue) -> Rank:
    """Smallest first: higher priority; among equals the one not served for longest (round robin); then the ARN."""
    return (-queue.priority, queue.turn, queue.arn)


def served(state: State, queue: Queue) -> None:
    """The queue had its turn."""
    state.turns += 1
    queue.turn = state.turns


def line_of(state: State, job: Job) -> Line:
    """The line in which the job stands, or would."""
    return state.queue(job.spec.queue).line(job.spec.share)


def join(state: State, job: Job, number: int = 1) -> None:
    """A RUNNABLE job, or so many children of an array, join their line; whoever may be its head wakes the queue. In a
    quota share everybody does: others may have to make room."""
    queue = state.queue(job.spec.queue)
    line = queue.line(job.spec.share)
    if job.bench is not None and benches.is_aside(job):
        line.aside += number
    elif lines.join(line, job, number) or queue.backfill or queue.quota is not None:
        state.awake[queue.arn] = None
        if queue.fair is not None:
            queue.fair.touched[line.name] = line


def leave(state: State, draft: Draft, job: Job, number: int = 1) -> None:
    """A job, or so many children of an array, left their line out of turn: those behind move up."""
    queue = state.queue(job.spec.queue)
    line = queue.line(job.spec.share)
    if job.bench is not None and benches.is_aside(job):
        line.aside -= number
    else:
        lines.leave(line, job, number)
        line.moved_at = draft.now
        state.awake[queue.arn] = None
        if queue.fair is not None:
            queue.fair.touched[line.name] = line
    if job.bench is not None:
        benches.left(state, job)


def forget(state: State, draft: Draft, queue: Queue) -> None:
    """The queue is deleted and empty."""
    del state.queues[queue.arn]
    draft.shares.update(((queue.arn, name), None) for name in queue.lines if name)


def reprioritize(state: State, job: Job, priority: int) -> None:
    """The job has another scheduling priority from now on."""
    if job.bench is not None and benches.is_aside(job):
        job.spec = replace(job.spec, priority=priority)
        benches.reseat(job.bench)
        return
    line, waits = line_of(state, job), job.status is JobStatus.RUNNABLE
    if waits:
        lines.pull(line, job)
    job.spec = replace(job.spec, priority=priority)
    if waits:
        lines.insert(line, job, state.jobs)
    queue = state.queue(job.spec.queue)
    state.awake[queue.arn] = None
    if queue.fair is not None:
        queue.fair.touched[line.name] = line


def order(queue: Queue) -> Iterator[Job]:
    """The jobs that wait in this queue, next one first; an array once."""
    turns = queue.lines.values() if queue.fair is None else fair.order(queue, queue.fair)
    for line in turns:
        yield from lines.order(line)


def members(queue: Queue) -> Iterator[tuple[Job, str]]:
    """The same with the ids of the jobs that wait: an array's children one by one."""
    if queue.fair is not None:
        yield from fair.members(queue, queue.fair)
        return
    if queue.quota is not None:
        yield from quota.members(queue)
        return
    for line in queue.lines.values():
        yield from lines.members(line)


def length(queue: Queue) -> int:
    """How many wait in this queue, children of arrays too."""
    return sum(line.standing + line.aside for line in queue.lines.values())
