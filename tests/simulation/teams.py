"""Service jobs of teams that share instances: who owns, lends, borrows and has to make room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

from batchd.scheduler.events import (
    CapacityLimit,
    EnvironmentSpec,
    JobSpec,
    QueueSpec,
    QuotaShare,
    Resources,
    ServiceSpec,
)
from batchd.scheduler.state import Job
from tests.simulation.traffic import Work, save_environment, save_queue

TEAMS, INSTANCES = "teams", "instances"
LARGE, SMALL = "ml.m5.large", "ml.t3.small"
MOST = {LARGE: 4, SMALL: 2}


def _share(name: str, large: int, small: int) -> QuotaShare:
    return QuotaShare(name, (CapacityLimit(LARGE, large), CapacityLimit(SMALL, small)))


SHARES = (
    replace(_share("lender", 2, 1), lends=True),
    replace(_share("borrower", 1, 0), lends=True, borrows=-1, preempts=True),
    replace(_share("modest", 1, 1), lends=True, borrows=100),
    _share("keeper", 0, 0),
)
_MOST = {  # own and borrowed, of each type: what others could lend, or the limit of borrowing
    "lender": {LARGE: 2, SMALL: 1},
    "borrower": {LARGE: 4, SMALL: 2},
    "modest": {LARGE: 2, SMALL: 2},
    "keeper": {LARGE: 0, SMALL: 0},
}


def some_service_job(chance: Random, job_id: str) -> JobSpec:
    """In one of the shares but the last, which has nothing."""
    unit = chance.choice((LARGE, LARGE, SMALL))
    fault = "Received status from SageMaker: ValidationException: no" if chance.random() < 0.05 else None
    return JobSpec(
        job_id=job_id,
        queue=TEAMS,
        share=chance.choice(SHARES[:3]).name,
        priority=chance.choice((0, 0, 7)),
        resources=Resources(250, 128),
        attempts=chance.choice((1, 2)),
        timeout_s=chance.choice((None, None, 60)),
        service=ServiceSpec(unit, 1, fault, chance.choice((None, None, 0, 1))),
    )


def found_teams() -> list[Work]:
    """The service environment and the queue with its shares."""
    capacity = tuple(CapacityLimit(unit, most) for unit, most in MOST.items())
    return [
        save_environment(EnvironmentSpec(INSTANCES, True, capacity=capacity)),
        save_queue(QueueSpec(TEAMS, 1, (INSTANCES,), quota_shares=SHARES)),
    ]


def complaints(jobs: Iterable[Job]) -> Iterator[str]:
    """Of the jobs whose tasks really run: no share has more than it may, its own and borrowed, and all together no more
    than there are."""
    used = Counter[tuple[str, str]]()
    for job in jobs:
        if job.spec.service is not None:
            used[job.spec.share, job.spec.service.unit] += job.spec.service.quantity
    for (share, unit), number in used.items():
        if number > _MOST[share][unit]:
            yield f"share {share} has {number} of {unit}"
    for unit, most in MOST.items():
        total = sum(number for (_, other), number in used.items() if other == unit)
        if total > most:
            yield f"{total} of {unit} are in use, there are {most}"
