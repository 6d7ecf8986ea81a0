"""Service jobs of teams that share instances: who owns, lends, borrows and has to make room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from batchd.scheduler import lines
from batchd.scheduler.events import (
    CapacityLimit,
    EnvironmentSpec,
    JobSpec,
    JobStatus,
    QueueSpec,
    QuotaShare,
    Resources,
    ServiceSpec,
)
from batchd.scheduler.reasons import PREEMPTED_FOR_OWNER, PREEMPTED_FOR_PRIORITY
from batchd.scheduler.state import Job, Queue, State
from tests.simulation.traffic import Work, save_environment, save_queue

TEAMS, INSTANCES = "teams", "instances"
LARGE, SMALL = "ml.m5.large", "ml.t3.small"
MOST = {LARGE: 5, SMALL: 2}


def _share(name: str, large: int, small: int) -> QuotaShare:
    return QuotaShare(name, (CapacityLimit(LARGE, large), CapacityLimit(SMALL, small)))


SHARES = (
    replace(_share("lender", 2, 1), lends=True),
    replace(_share("borrower", 1, 0), lends=True, borrows=-1, preempts=True),
    replace(_share("modest", 1, 1), lends=True, borrows=100),
    _share("keeper", 1, 0),
)
_MOST = {  # own and borrowed, of each type: what others could lend, or the limit of borrowing
    "lender": {LARGE: 2, SMALL: 1},
    "borrower": {LARGE: 4, SMALL: 2},
    "modest": {LARGE: 2, SMALL: 2},
    "keeper": {LARGE: 1, SMALL: 0},
}
_OWN = {share.name: {limit.unit: limit.most for limit in share.limits} for share in SHARES}


def some_service_job(chance: Random, job_id: str) -> JobSpec:
    """In one of the shares, of a type that it has or may borrow."""
    share = chance.choice(SHARES).name
    units = [unit for unit in (LARGE, LARGE, SMALL) if _MOST[share][unit]]
    unit = chance.choice(units)
    quantity = chance.choice((1, 1, 2)) if _MOST[share][unit] > 1 else 1
    fault = "Received status from SageMaker: ValidationException: no" if chance.random() < 0.05 else None
    return JobSpec(
        job_id=job_id,
        queue=TEAMS,
        share=share,
        priority=chance.choice((0, 0, 7)),
        resources=Resources(250, 128),
        attempts=chance.choice((1, 2)),
        timeout_s=chance.choice((None, None, 60)),
        service=ServiceSpec(unit, quantity, fault, chance.choice((None, None, 0, 1))),
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


@dataclass
class TeamOracle:
    """Who was told to make room, and who borrowed, by what there is to see after each step."""

    _told: dict[str, None] = field(default_factory=dict)  # to stop, at the last look
    _placed: dict[str, None] = field(default_factory=dict)

    def read(self, state: State) -> list[str]:
        """A sentence for each job that had to go for nothing, that took what was another's, or waits for what is its
        own."""
        tasks = {task_id: job for task_id, job in state.tasks.items() if job.spec.service is not None}
        told = {task_id: job for task_id, job in tasks.items() if job.stop_reason is not None}
        used = Counter[tuple[str, str]]()
        for job in tasks.values():
            used[_kind(job)] += _number(job)
        staying = used.copy()
        for job in told.values():
            staying[_kind(job)] -= _number(job)
        new = [job for task_id, job in told.items() if task_id not in self._told]
        for job in new:
            if job.stop_reason == PREEMPTED_FOR_PRIORITY:  # another one of its share has what it had
                staying[_kind(job)] += _number(job)
        new.sort(key=_number)
        last = {_kind(job): job for job in new if job.stop_reason == PREEMPTED_FOR_OWNER}  # the largest may go at last
        wrong = [said for job in last.values() if (said := _evicted_for_owner(staying, job))]
        wrong += [said for job in new if (said := _evicted_for_priority(state, job))]
        queue = state.queues.get(TEAMS)
        if queue is not None:
            wrong += self._robbed(queue, tasks, used)
            wrong += [] if told or state.awake else _deprived(state, queue, used)
        self._told, self._placed = dict.fromkeys(told), dict.fromkeys(tasks)
        return wrong

    def _robbed(self, queue: Queue, tasks: dict[str, Job], used: Counter[tuple[str, str]]) -> Iterator[str]:
        """Nobody borrows what somebody waits for who owns it."""
        came = {_kind(job): job for task_id, job in tasks.items() if task_id not in self._placed}
        moved_up = {share for share, _ in came}  # who is at their head now was not before
        for (share, unit), job in came.items():
            if used[share, unit] <= _OWN[share][unit]:
                continue
            for owner in _owners(queue, used, unit):
                if owner.spec.share not in moved_up:
                    yield f"{job.job_id} borrows {unit}, which {owner.job_id} owns and waits for"


def _evicted_for_owner(staying: Counter[tuple[str, str]], job: Job) -> str | None:
    share, unit = _kind(job)
    if staying[share, unit] + _number(job) > _OWN[share][unit]:
        return None
    return f"{job.job_id} had to leave what is its share's own"


def _evicted_for_priority(state: State, job: Job) -> str | None:
    if job.stop_reason != PREEMPTED_FOR_PRIORITY:
        return None
    waiting = (one for one in state.jobs.values() if one.status is JobStatus.RUNNABLE and one.spec.queue == TEAMS)
    if any(one.spec.share == job.spec.share and one.spec.priority > job.spec.priority for one in waiting):
        return None
    return f"{job.job_id} had to leave, and nobody of a higher priority waits"


def _deprived(state: State, queue: Queue, used: Counter[tuple[str, str]]) -> Iterator[str]:
    """Nobody waits for his own while somebody else borrows it, and nobody is told to leave."""
    for unit in MOST:
        borrowers = [share for share in _OWN if used[share, unit] > _OWN[share][unit]]
        for owner in _owners(queue, used, unit) if borrowers else ():
            if _fits(state, owner):
                yield f"{owner.job_id} waits for {unit}, which {borrowers} have"


def _owners(queue: Queue, used: Counter[tuple[str, str]], unit: str) -> Iterator[Job]:
    """Heads that wait for what is their share's own."""
    for line in queue.lines.values():
        head = next(lines.order(line), None)
        if head is None or _kind(head)[1] != unit or line.name not in _OWN:
            continue
        if used[line.name, unit] + _number(head) <= _OWN[line.name][unit]:
            yield head


def _fits(state: State, job: Job) -> bool:
    """On the machine."""
    machine, need = state.machine, job.spec.resources
    capacity = machine.capacity
    if capacity is None or machine.taken is not None:
        return False
    fits = machine.used_vcpus_milli + need.vcpus_milli <= capacity.vcpus_milli
    return fits and machine.used_memory_mib + need.memory_mib <= capacity.memory_mib


def _kind(job: Job) -> tuple[str, str]:
    assert job.spec.service is not None
    return job.spec.share, job.spec.service.unit


def _number(job: Job) -> int:
    assert job.spec.service is not None
    return job.spec.service.quantity
