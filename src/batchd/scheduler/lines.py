"""One line: whose turn it is among jobs that go one after the other. [batch.md 7.1, 7.3]

Higher scheduling priority first; among equals retried jobs, then first come, first served. An array stands once for all
its children that were not tried yet; they go in the order of their indexes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import takewhile

from batchd.scheduler import identity
from batchd.scheduler.children import RUNNABLE
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Job, Line, Tier

SWEEP_AT = 64  # a shorter line is not worth sweeping
_NEVER = 2**63  # the number of a job that has not stepped out


def join(line: Line, job: Job, number: int = 1) -> bool:
    """A RUNNABLE job, or so many children of an array, join the line. Whether the job may be the head now."""
    line.standing += number
    tier = _tier(line, job.spec.priority)
    if job.was_placed:
        tier.retried.append(job)
        return True
    children = job.children
    if children is None:
        tier.waiting.append(job)
    elif not children.in_line:
        tier.waiting.append(job)
        children.in_line = True
    elif children.fresh == number:
        line.stale -= 1  # its old place, which nobody has passed or swept yet
        return True
    return line.standing == number or (tier is line.tiers[0] and len(tier.waiting) == 1)


def head(line: Line) -> Job | None:
    """The job whose turn it is, or None where nobody waits."""
    while True:
        tier = line.tiers[0]
        for part in (tier.retried, tier.waiting):
            while part:
                if stands(part[0]):
                    return part[0]
                _quit(part.popleft())
                line.stale -= 1
        if len(line.tiers) == 1:
            return None
        del line.tiers[0]


def stands(job: Job) -> bool:
    """Whether somebody still waits in this place of the line."""
    return job.status is JobStatus.RUNNABLE if job.children is None else job.children.fresh > 0


def take(line: Line, job: Job) -> None:
    """The job has just been placed, of an array its next child, which has got its record. It is the head, or stands not
    far behind it: its place is given up, for the job may come back to another one."""
    line.standing -= 1
    if job.children is not None and job.children.fresh:
        return
    _quit(job)
    first = line.tiers[0].retried or line.tiers[0].waiting
    if first and first[0] is job:
        first.popleft()
        return
    parts = (part for tier in line.tiers for part in (tier.retried, tier.waiting))
    part, index = next((part, index) for part in parts for index, other in enumerate(part) if other is job)
    del part[index]


def step_out(line: Line) -> tuple[Job, int]:
    """The head goes out of the line for a while, and waits on; an array with all its children. The job, and how many
    that are."""
    part = line.tiers[0].retried or line.tiers[0].waiting
    job = part.popleft()
    _quit(job)
    number = 1 if job.children is None else job.children.fresh
    line.standing -= number
    return job, number


def step_in(line: Line, job: Job) -> int:
    """A job that had stepped out comes back to where it stood; how many that are."""
    tier = _tier(line, job.spec.priority)
    part = tier.retried if job.was_placed else tier.waiting
    part.insert(bisect_left(part, job.stepped, key=lambda other: other.stepped or _NEVER), job)
    if job.children is not None:
        job.children.in_line = True
    number = 1 if job.children is None else job.children.fresh
    line.standing += number
    return number


def leave(line: Line, job: Job, number: int = 1) -> None:
    """A job, or so many children of an array, left out of turn (they are RUNNABLE no more). Amortised O(1)."""
    line.standing -= number
    if stands(job):
        return
    line.stale += 1
    if line.stale > SWEEP_AT and 2 * line.stale > places(line):
        for tier in line.tiers:
            tier.retried, tier.waiting = _swept(tier.retried), _swept(tier.waiting)
        line.stale = 0


def places(line: Line) -> int:
    """How many there are, those that were left among them."""
    return sum(len(tier.retried) + len(tier.waiting) for tier in line.tiers)


def order(line: Line) -> Iterator[Job]:
    """The jobs that wait in this line, next one first; an array once."""
    for tier in line.tiers:
        for part in (tier.retried, tier.waiting):
            for job in part:
                if stands(job):
                    yield job


def members(line: Line) -> Iterator[tuple[Job, str]]:
    """The same with the ids of the jobs that wait: an array's children one by one."""
    for job in order(line):
        if job.children is None:
            yield job, job.spec.job_id
        else:
            for index in job.children.among(RUNNABLE):
                yield job, identity.child_id(job.spec.job_id, index)


def arrived_at(line: Line, job: Job) -> int:
    """When (ms) the job came to its place in the line, as far as is known since the restart. [batch.md 5.5]"""
    return max(job.runnable_at or job.submitted_at, line.moved_at)


def since(job: Job) -> int:
    """When (ms) a job that waits became RUNNABLE; of an array the last of its children."""
    at = job.runnable_at if job.children is None else job.children.runnable_at
    return job.submitted_at if at is None else at


def pull(line: Line, job: Job) -> None:
    """A job by itself that stands in the line has no place there any more."""
    tier = _tier(line, job.spec.priority)
    tier.retried = deque(other for other in tier.retried if other is not job)
    tier.waiting = deque(other for other in tier.waiting if other is not job)


def insert(line: Line, job: Job, submitted: Iterable[str]) -> None:
    """It has one again, among those of its priority where it would stand if it had always had that. `submitted` are
    the ids of jobs in the order in which they came."""
    tier = _tier(line, job.spec.priority)
    part = tier.retried if job.was_placed else tier.waiting
    earlier = dict.fromkeys(takewhile(lambda job_id: job_id != job.spec.job_id, submitted))
    at = since(job)
    before = (since(other) < at or (since(other) == at and other.spec.job_id in earlier) for other in part)
    part.insert(sum(before), job)


def _tier(line: Line, priority: int) -> Tier:
    """Where jobs of this priority stand, made on first mention."""
    tiers = line.tiers
    if tiers[0].priority == priority:
        return tiers[0]
    place = bisect_left(tiers, -priority, key=lambda tier: -tier.priority)
    if place == len(tiers) or tiers[place].priority != priority:
        tiers.insert(place, Tier(priority))
    return tiers[place]


def _swept(part: deque[Job]) -> deque[Job]:
    for job in part:
        if not stands(job):
            _quit(job)
    return deque(job for job in part if stands(job))


def _quit(job: Job) -> None:
    """The job has no place in the line any more."""
    if job.children is not None:
        job.children.in_line = False
