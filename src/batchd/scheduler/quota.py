"""Quota shares: lines of a queue that have instances of their own, lend what is idle and take it back. [batch.md 7.4]

Within its share's limits a head may start whenever the environment has room. Beyond them it borrows: what other shares
lend and have idle, and only while no head waits for what is its own. Who owns goes before who borrows; among both the
head that has waited for longest. What keeps a head out is asked of a `Room`, which is how things are, or would be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from batchd.scheduler import lines, placement, pools, reasons, service
from batchd.scheduler.events import QuotaShare, ServiceSpec
from batchd.scheduler.placement import Hurdle
from batchd.scheduler.state import Environment, Job, Line, Machine, Queue, State

Shares = dict[str, QuotaShare]
Place = tuple[Line, Job, Environment]
# What keeps a job out until others end.
_ROOM_TO_COME = (
    Hurdle.CAPACITY_FULL,
    Hurdle.RESERVED,
    Hurdle.MACHINE_FULL,
    Hurdle.MACHINE_TAKEN,
    Hurdle.MACHINE_NOT_IDLE,
)


@dataclass(slots=True)
class Room:
    """What is in use: instances of each share by type, those of the environment, and the machine."""

    shares: Shares
    held: dict[str, dict[str, int]]
    environment: Environment
    machine: Machine

    def copy(self) -> Room:
        """One to try things in."""
        held = {name: dict(types) for name, types in self.held.items()}
        environment = replace(self.environment, instances=dict(self.environment.instances))
        return Room(self.shares, held, environment, replace(self.machine))

    def take(self, job: Job) -> None:
        service.take(self.held.setdefault(job.spec.share, {}), wanted_of(job))
        service.take(self.environment.instances, wanted_of(job))
        placement.occupy(self.machine, job, alone=placement.needs_whole(self.machine, job.spec.resources))

    def free(self, job: Job) -> None:
        service.give_back(self.held.setdefault(job.spec.share, {}), wanted_of(job))
        service.give_back(self.environment.instances, wanted_of(job))
        placement.vacate(self.machine, job)

    def of(self, name: str, unit: str) -> int:
        """How many instances of a type the share has."""
        return self.held.get(name, {}).get(unit, 0)

    def over(self, name: str, unit: str) -> int:
        """How many of them are not its own."""
        return max(0, self.of(name, unit) - own(self.shares.get(name), unit))


def room_of(state: State, queue: Queue) -> Room | None:
    """As it is; None where the queue has no environment that is known."""
    environment = state.environments.get(queue.environments[0]) if queue.environments else None
    if environment is None or queue.quota is None:
        return None
    held = {name: line.instances for name, line in queue.lines.items()}
    return Room(queue.quota, held, environment, state.machine)


def wanted_of(job: Job) -> ServiceSpec:
    """What a job of a share takes: only service jobs stand there."""
    assert job.spec.service is not None, f"{job.spec.job_id} is no service job"
    return job.spec.service


def own(share: QuotaShare | None, unit: str) -> int:
    """How many instances of a type are the share's by right."""
    limits = () if share is None else share.limits
    return next((limit.most for limit in limits if limit.unit == unit), 0)


def most(shares: Shares, name: str, unit: str) -> int:
    """How many a share may ever have: its own, and what it may borrow, as far as others lend."""
    share = shares.get(name)
    if share is None:
        return 0
    rightful = own(share, unit)
    lent = sum(own(other, unit) for other in shares.values() if other.lends and other is not share)
    return rightful + (lent if share.borrows < 0 else min(lent, rightful * share.borrows // 100))


def hurdle(room: Room, job: Job) -> Hurdle | None:
    """What keeps a job of a share from starting, but for those that own what it would borrow."""
    wanted, limit = wanted_of(job), most(room.shares, job.spec.share, wanted_of(job).unit)
    if wanted.quantity > limit:
        return Hurdle.SHARE_TOO_SMALL
    if room.of(job.spec.share, wanted.unit) + wanted.quantity > limit:
        return Hurdle.SHARE_FULL
    if borrows(room, job) and _lendable(room, job.spec.share, wanted.unit) < wanted.quantity:
        return Hurdle.NOTHING_LENT
    found = placement.environment_hurdle(room.environment, job.spec)
    if found is None and _is_reserved(room, job.spec.share, wanted):
        found = Hurdle.RESERVED
    return found or placement.machine_hurdle(room.machine, job.spec.resources)


def borrows(room: Room, job: Job) -> bool:
    """Whether the job would take more than is its share's own."""
    wanted = wanted_of(job)
    return room.of(job.spec.share, wanted.unit) + wanted.quantity > own(room.shares.get(job.spec.share), wanted.unit)


def heads(queue: Queue) -> list[tuple[Line, Job]]:
    """Of the lines in which somebody stands, the one that has waited for longest first."""
    found = [(line, job) for line in queue.lines.values() if (job := lines.head(line)) is not None]
    return sorted(found, key=lambda one: (lines.since(one[1]), one[0].name))


def members(queue: Queue) -> Iterator[tuple[Job, str]]:
    """Who waits: of the lines' first ones always the one that has waited for longest."""
    rest = {line.name: lines.members(line) for line, _ in heads(queue)}
    first = {name: found for name, waiting in rest.items() if (found := next(waiting, None))}
    while first:
        name = min(first, key=lambda one: (lines.since(first[one][0]), one))
        yield first.pop(name)
        if following := next(rest[name], None):
            first[name] = following


def next_place(state: State, queue: Queue) -> Place | None:
    """The head whose turn it is, and its place; None where none can start."""
    room = room_of(state, queue)
    if room is None:
        return None
    for line, job in sorted(heads(queue), key=lambda head: borrows(room, head[1])):
        if hurdle(room, job) is not None or placement.find(state, queue, job) is None:
            continue
        if not is_owed(room, queue, job):
            return line, job, room.environment
    return None


def is_owed(room: Room, queue: Queue, job: Job) -> bool:
    """Whether the job would borrow what the head of another line waits for, which owns it."""
    if not borrows(room, job):
        return False
    unit = wanted_of(job).unit
    owners = (other for _, other in heads(queue) if wanted_of(other).unit == unit and not borrows(room, other))
    return any(hurdle(room, owner) in _ROOM_TO_COME for owner in owners)


def misfit(state: State, queue: Queue, job: Job) -> str | None:
    """The statusReason of a head that can never start as things are, or None. [batch.md 5.4]"""
    found = placement.misfit(state, queue, job)
    share, wanted = (queue.quota or {}).get(job.spec.share), wanted_of(job)
    if found is not None or share is None:
        return found
    rightful = own(share, wanted.unit)
    if wanted.quantity <= most(queue.quota or {}, share.name, wanted.unit):
        return None
    if not share.borrows:
        return reasons.SHARE_TOO_SMALL
    if share.borrows > 0 and wanted.quantity > rightful + rightful * share.borrows // 100:
        return reasons.BORROWING_TOO_SMALL
    return reasons.LENDING_TOO_SMALL


def sleep(state: State, queue: Queue) -> None:
    """No head can start: look again when something is given back, in the environment that all shares have in common or
    on the machine."""
    state.machine.sleepers[queue.arn] = None
    for arn in queue.environments:
        if arn in state.environments:
            state.environments[arn].sleepers[queue.arn] = None
    if state.pools:
        for _, job in heads(queue):
            pools.sleep(state, queue.arn, job.spec)


def _lendable(room: Room, name: str, unit: str) -> int:
    """How many instances a share may take now beside what is left of its own: what others lend and do not use, less
    what is borrowed already."""
    idle = sum(
        max(0, own(share, unit) - room.of(share.name, unit))
        for share in room.shares.values()
        if share.lends and share.name != name
    )
    borrowed = sum(room.over(other, unit) for other in room.held)
    return idle - borrowed + max(0, own(room.shares.get(name), unit) - room.of(name, unit))


def _is_reserved(room: Room, name: str, wanted: ServiceSpec) -> bool:
    """Whether the job would take what shares that do not lend have idle. Where shares were promised more than the
    environment has, nothing can be kept for anybody."""
    unit, capacity = wanted.unit, service.most(room.environment, wanted.unit)
    if sum(own(share, unit) for share in room.shares.values()) > capacity:
        return False
    kept = sum(
        max(0, own(share, unit) - room.of(share.name, unit))
        for share in room.shares.values()
        if not share.lends and share.name != name
    )
    return service.in_use(room.environment, unit) + wanted.quantity + kept > capacity
