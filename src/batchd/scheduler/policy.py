"""Who is next: the order of the jobs inside a queue, and of the queues among each other. [batch.md 5.2, 7.1]

Inside a queue: retried jobs first, then first come, first served. The head blocks those behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

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


def join(queue: Queue, job: Job) -> bool:
    """A RUNNABLE job joins its line; one that has tried before joins the front. Whether it may be the head now.
    [batch.md 7.1]"""
    if job.attempts:
        queue.retried.append(job)
        return True
    queue.waiting.append(job)
    return length(queue) == 1


def head(queue: Queue) -> Job | None:
    """The job whose turn it is, or None where nobody waits."""
    for line in (queue.retried, queue.waiting):
        while line:
            job = line[0]
            if job.status is JobStatus.RUNNABLE:
                return job
            line.popleft()
            queue.stale -= 1
    return None


def take(queue: Queue) -> None:
    """The head leaves the line for a place."""
    (queue.retried or queue.waiting).popleft()


def leave(queue: Queue) -> None:
    """A job left the line out of turn (it is RUNNABLE no more). Amortised O(1)."""
    queue.stale += 1
    if queue.stale > SWEEP_AT and 2 * queue.stale > len(queue.retried) + len(queue.waiting):
        queue.retried = deque(job for job in queue.retried if job.status is JobStatus.RUNNABLE)
        queue.waiting = deque(job for job in queue.waiting if job.status is JobStatus.RUNNABLE)
        queue.stale = 0


def line(queue: Queue) -> Iterator[Job]:
    """The jobs that wait in this queue, next one first."""
    for part in (queue.retried, queue.waiting):
        for job in part:
            if job.status is JobStatus.RUNNABLE:
                yield job


def length(queue: Queue) -> int:
    """How many wait in this queue."""
    return len(queue.retried) + len(queue.waiting) - queue.stale


def arrived_at(queue: Queue, job: Job) -> int:
    """When (ms) the job came to its place in the line, as far as is known since the restart. [batch.md 5.5]"""
    return max(job.runnable_at or job.submitted_at, queue.moved_at)


def last_reason(job: Job) -> str | None:
    """What a RUNNABLE job that nothing is wrong with says: its last attempt's statusReason. [batch.md 1.2]"""
    return job.attempts[-1].status_reason if job.attempts else None
