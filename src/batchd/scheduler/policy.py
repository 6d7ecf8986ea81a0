"""Who is next: the order of the jobs inside a queue, and of the queues among each other. [batch.md 5.2, 7.1]

Inside a queue: retried jobs first, then first come, first served. The head blocks those behind it. An array stands
once for all its children that were not tried yet; they go in the order of their indexes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import takewhile

from batchd.scheduler import identity
from batchd.scheduler.children import RUNNABLE
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Job, Queue, State

SWEEP_AT = 64  # a shorter line is not worth sweeping

Rank = tuple[int, int, str]


def rank(queue: Queue) -> Rank:
    """Smallest first: higher priority; among equals the one not served for longest (round robin); then the ARN."""
    return (-queue.priority, queue.turn, queue.arn)


def served(state: State, queue: Queue) -> None:
    """The queue had its turn."""
    state.turns += 1
    queue.turn = state.turns


def join(queue: Queue, job: Job, number: int = 1) -> bool:
    """A RUNNABLE job, or so many children of an array, join their line; one that has tried before joins the front.
    Whether the job may be the head now. [batch.md 7.1]"""
    queue.standing += number
    if job.attempts:
        queue.retried.append(job)
        return True
    children = job.children
    if children is None:
        queue.waiting.append(job)
    elif not children.in_line:
        queue.waiting.append(job)
        children.in_line = True
    elif children.fresh == number:
        queue.stale -= 1  # its old place, which nobody has passed or swept yet
        return True
    return queue.standing == number


def head(queue: Queue) -> Job | None:
    """The job whose turn it is, or None where nobody waits."""
    for line in (queue.retried, queue.waiting):
        while line:
            if stands(line[0]):
                return line[0]
            _quit(line.popleft())
            queue.stale -= 1
    return None


def stands(job: Job) -> bool:
    """Whether somebody still waits in this place of the line."""
    return job.status is JobStatus.RUNNABLE if job.children is None else job.children.fresh > 0


def take(queue: Queue) -> None:
    """The head leaves the line for a place; of an array one child does, which has got its record."""
    queue.standing -= 1
    line = queue.retried or queue.waiting
    children = line[0].children
    if children is None or not children.fresh:
        _quit(line.popleft())


def leave(queue: Queue, job: Job, number: int = 1) -> None:
    """A job, or so many children of an array, left the line out of turn (they are RUNNABLE no more). Amortised O(1)."""
    queue.standing -= number
    if stands(job):
        return
    queue.stale += 1
    if queue.stale > SWEEP_AT and 2 * queue.stale > len(queue.retried) + len(queue.waiting):
        queue.retried = _swept(queue.retried)
        queue.waiting = _swept(queue.waiting)
        queue.stale = 0


def _swept(line: deque[Job]) -> deque[Job]:
    for job in line:
        if not stands(job):
            _quit(job)
    return deque(job for job in line if stands(job))


def _quit(job: Job) -> None:
    """The job has no place in the line any more."""
    if job.children is not None:
        job.children.in_line = False


def line(queue: Queue) -> Iterator[Job]:
    """The jobs that wait in this queue, next one first; an array once."""
    for part in (queue.retried, queue.waiting):
        for job in part:
            if stands(job):
                yield job


def members(queue: Queue) -> Iterator[tuple[Job, str]]:
    """The same with the ids of the jobs that wait: an array's children one by one."""
    for job in line(queue):
        if job.children is None:
            yield job, job.spec.job_id
        else:
            for index in job.children.among(RUNNABLE):
                yield job, identity.child_id(job.spec.job_id, index)


def ahead(queue: Queue, job: Job, index: int) -> int:
    """How many stand before a job that waits in this queue; of an array, before its child of this index."""
    before = takewhile(lambda other: other is not job, line(queue))
    jobs = sum(1 if other.children is None else other.children.fresh for other in before)
    return jobs if job.children is None else jobs + job.children.states.count(RUNNABLE, 0, index)


def length(queue: Queue) -> int:
    """How many wait in this queue, children of arrays too."""
    return queue.standing


def arrived_at(queue: Queue, job: Job) -> int:
    """When (ms) the job came to its place in the line, as far as is known since the restart. [batch.md 5.5]"""
    return max(job.runnable_at or job.submitted_at, queue.moved_at)


def last_reason(job: Job) -> str | None:
    """What a RUNNABLE job that nothing is wrong with says: its last attempt's statusReason. [batch.md 1.2]"""
    return job.attempts[-1].status_reason if job.attempts else None
