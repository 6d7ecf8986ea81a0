"""When there will be room, at the latest: what runs has a limit of time, or it has none and nobody knows.

The predicates are those that decide (placement), asked about a copy of the house from which what is over by then is
gone. Nothing of it is promised against other queues: they may take the room, as always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import groupby, islice
from operator import itemgetter

from batchd.scheduler import lines, placement, pools
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Environment, Job, Line, Queue, State

START_MS = 300_000  # a task is taken to be up so long after it was placed
STOP_MS = 120_000  # and to be gone so long after its time was up: the longest stop timeout there is
FARTHEST = 100  # places that are looked at


@dataclass(frozen=True, slots=True)
class Opening:
    """When (ms) a job will have room at the latest, and the house as it is then. `at` None: when all that runs now is
    gone, and nobody knows when that is."""

    at: int | None
    house: State


def end_of(job: Job, now: int) -> int | None:
    """When (ms) the attempt in hand will be over at the latest; None where nobody knows, or it should be by now."""
    begins = job.started_at
    if job.status is JobStatus.STARTING:
        begins = None if job.placed_at is None else job.placed_at + START_MS
    end = None if begins is None else _end_after(job, begins)
    return end if end is not None and end > now else None


def end_if_placed(job: Job, now: int) -> int | None:
    """The same of an attempt that would be placed now."""
    return _end_after(job, now + START_MS)


def _end_after(job: Job, begins: int) -> int | None:
    timeout_s = job.spec.timeout_s
    return None if timeout_s is None else begins + 1000 * timeout_s + STOP_MS


def opening(state: State, queue: Queue, job: Job, now: int) -> Opening | None:
    """For a job that has no room now. None: it would have none if nothing ran."""
    placed = state.placed()
    house = copied(state, [*placed, job])
    ends = [(end_of(holder, now), number) for number, holder in enumerate(placed)]
    known = sorted((end, number) for end, number in ends if end is not None)
    for at, together in groupby(known, key=itemgetter(0)):
        for _, number in together:
            placement.release(house, placed[number])
        if placement.find(house, queue, job) is not None:
            return Opening(at, house)
    for end, number in ends:
        if end is None:
            placement.release(house, placed[number])
    return Opening(None, house) if placement.find(house, queue, job) is not None else None


def has_room_beside(opening: Opening, state: State, queue: Queue, job: Job, other: tuple[Job, Environment]) -> bool:
    """Whether the job would still have its room if that other one had been placed there and was not over by then."""
    house = copied(state, [job, other[0]], opening.house)
    environment = house.environments[other[1].arn]
    placement.reserve(house, environment, stand_in(house, other[0], environment))
    return placement.find(house, queue, job) is not None


def expected_starts(state: State, queue: Queue, line: Line, now: int) -> dict[str, int]:
    """When (ms) the first jobs of the only line of a queue will start at the latest if nothing else comes before them,
    by job id. As soon as that cannot be told of one it can be told of none behind it."""
    placed, first = state.placed(), list(islice(lines.members(line), FARTHEST))
    house = copied(state, [*placed, *(job for job, _ in first)])
    bounds = ((end_of(holder, now), number, holder) for number, holder in enumerate(placed))
    ends = [(end, number, holder) for end, number, holder in bounds if end is not None]
    heapify(ends)
    at, found = now, dict[str, int]()
    for number, (job, job_id) in enumerate(first, len(placed)):
        while (environment := placement.find(house, queue, job)) is None:
            if not ends:
                return found
            end, _, holder = heappop(ends)
            at = max(at, end)
            placement.release(house, holder)
        found[job_id] = at
        guest = stand_in(house, job, environment)
        placement.reserve(house, environment, guest)
        over = end_if_placed(job, at)
        if over is not None:
            heappush(ends, (over, number, guest))
    return found


def stand_in(house: State, job: Job, environment: Environment) -> Job:
    """As if the job had been placed there."""
    clamped = placement.needs_whole(house.machine, job.spec.resources)
    return Job(job.spec, JobStatus.STARTING, job.submitted_at, environment=environment.arn, clamped=clamped)


def copied(state: State, jobs: Sequence[Job], house: State | None = None) -> State:
    """A house of its own with what these jobs hold or would: like `house`, else as it is."""
    like = house or state
    copy = State(machine=replace(like.machine, sleepers={}))
    for arn, environment in like.environments.items():
        copy.environments[arn] = replace(environment, instances=dict(environment.instances), sleepers={})
    for queue, share in {(job.spec.queue, job.spec.share): None for job in jobs if job.spec.service is not None}:
        copy.queue(queue).line(share).instances = dict(state.queue(queue).line(share).instances)
    names = [pool.name for job in jobs for pool, _ in pools.of(state, job.spec)] if state.pools else []
    for name in dict.fromkeys([*like.pools, *names] if house else names):
        pool = like.pools.get(name) or state.pools[name]
        copy.pools[name] = replace(pool, named=dict(pool.named), sleepers={}, benches={})
    return copy


def is_certain(state: State) -> bool:
    """Whether it is known of every task that is coming up since when it is: not right after a restart."""
    return not any(job.placed_at is None and job.status is JobStatus.STARTING for job in state.tasks.values())
