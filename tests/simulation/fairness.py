"""A naive second opinion on whose turn it was in a queue with a fair-share policy: what a share has used is reckoned
anew each time, from all attempts there ever were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp

from batchd.scheduler.events import (
    FINAL,
    EnvironmentSaved,
    Event,
    JobSpec,
    JobStatus,
    JobSubmitted,
    QueueDeleted,
    QueueSaved,
    Resources,
)
from batchd.scheduler.state import Transition
from tests.simulation.pools import PoolOracle
from tests.simulation.traffic import POLICIES

(_QUEUE,) = POLICIES
_POLICY = POLICIES[_QUEUE]
_WINDOW_MS, _LOOK_AHEAD_MS = 600_000, 60_000
_SECOND = 1000 * 4000  # charges are a second old at most: what can be used in one


@dataclass
class _Share:
    """`spans` are of attempts that are over: from, to, vCPUs; `held` of those in hand: since when, vCPUs."""

    live: int = 0
    touched_at: int = 0
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    held: dict[str, tuple[int, int]] = field(default_factory=dict)
    waiting: dict[str, tuple[int, bool, int]] = field(default_factory=dict)  # the least goes first

    def vcpus(self) -> int:
        return sum(vcpus for _, vcpus in self.held.values())

    def charge(self, now: int) -> float:
        """Without its weight."""
        open_ones = [(since, now, vcpus) for since, vcpus in self.held.values()]
        faded = (
            vcpus * _WINDOW_MS * (exp((to - now) / _WINDOW_MS) - exp((since - now) / _WINDOW_MS))
            for since, to, vcpus in (*self.spans, *open_ones)
        )
        return sum(faded) + _LOOK_AHEAD_MS * self.vcpus()


@dataclass
class FairOracle:
    """`specs` are all that clients submitted; `pools` knows whom a limit holds; `machine` is what there is."""

    specs: dict[str, JobSpec]
    pools: PoolOracle
    machine: Resources
    _shares: dict[str, _Share] = field(default_factory=dict)
    _sizes: dict[str, int | None] = field(default_factory=dict)  # of environments
    _environments: tuple[str, ...] = ()
    _is_deleted: bool = False

    def hear(self, event: Event, now: int) -> None:
        """What happened, in the order of the journal."""
        match event:
            case JobSubmitted(job) if job.queue == _QUEUE:
                share = self._shares.setdefault(job.share, _Share())
                share.touched_at = share.touched_at if share.live else now
                share.live += 1
            case EnvironmentSaved(environment):
                self._sizes[environment.arn] = environment.max_vcpus_milli
            case QueueSaved(queue) if queue.arn == _QUEUE:
                self._environments, self._is_deleted = queue.environments, False
            case QueueDeleted(arn) if arn == _QUEUE:
                self._environments, self._is_deleted = (), True
                self._forget()

    def take(self, job_id: str, moved: Transition, now: int) -> Iterator[str]:
        """A sentence where somebody else's turn was nearer, or room was taken that is kept free."""
        spec = self.specs[job_id.partition(":")[0].partition("#")[0]]
        if spec.queue != _QUEUE or "#" in job_id:
            return
        share = self._shares[spec.share]
        if moved.status is JobStatus.STARTING:
            yield from self._check_turn(job_id, spec, now)
            yield from self._check_reserve(job_id, spec, now)
            share.held[job_id] = now, spec.resources.vcpus_milli
            share.touched_at = now
        elif moved.status is not JobStatus.RUNNING and job_id in share.held:
            since, vcpus = share.held.pop(job_id)
            share.spans.append((since, now, vcpus))
            share.touched_at = now
        share.waiting.pop(job_id, None)
        if moved.status is JobStatus.RUNNABLE:
            share.waiting[job_id] = -spec.priority, moved.attempt == 0, moved.at
        if moved.status in FINAL and ":" not in job_id:
            self._end(share, now)

    def _end(self, share: _Share, now: int) -> None:
        share.live -= 1
        if not share.live:
            share.touched_at = now
        self._forget()

    def _forget(self) -> None:
        """A queue that is deleted and has no jobs."""
        if self._is_deleted and not any(share.live for share in self._shares.values()):
            self._shares.clear()

    def _check_turn(self, job_id: str, spec: JobSpec, now: int) -> Iterator[str]:
        mine, weight = self._shares[spec.share].charge(now), self._weight(spec.share, now)
        for name, share in self._shares.items():
            head = None if name == spec.share else self._head(share)
            if head is None or not _is_smaller(head, spec):
                continue
            theirs = self._weight(name, now)
            if weight * (mine - _SECOND) > theirs * (share.charge(now) + _SECOND):
                yield f"{job_id} of share {spec.share} started before {head.job_id} of {name}, which has used less"

    def _head(self, share: _Share) -> JobSpec | None:
        """Who would be next, where that is plain to see."""
        if not share.waiting or any(":" in job_id for job_id in share.waiting):
            return None
        first = min(share.waiting, key=share.waiting.__getitem__)
        return None if self.pools.is_held(first) or self.specs[first].claims else self.specs[first]

    def _check_reserve(self, job_id: str, spec: JobSpec, now: int) -> Iterator[str]:
        held, limit = sum(share.vcpus() for share in self._shares.values()), self._limit(now)
        if limit is not None and held and held + spec.resources.vcpus_milli > limit:
            yield f"{job_id} took what is reserved: {held} of {limit} were held"

    def _limit(self, now: int) -> int | None:
        known = [size for arn in self._environments if (size := self._sizes.get(arn)) is not None]
        if not known or len(known) < len(self._environments):
            return None
        most, reserved = min(sum(known), self.machine.vcpus_milli), _POLICY.reservation / 100
        active = sum(self._is_active(share, now) for share in self._shares.values())
        return most - round(most * reserved ** max(1, active))

    def _weight(self, name: str, now: int) -> float:
        """Of a name that ends in `*` all its shares have the weight together."""
        for rule, factor in _POLICY.weights:
            if rule == name:
                return factor
            if rule.endswith("*") and name.startswith(rule[:-1]):
                same = [share for other, share in self._shares.items() if other.startswith(rule[:-1])]
                return factor * max(1, sum(self._is_active(share, now) for share in same))
        return 1.0

    def _is_active(self, share: _Share, now: int) -> bool:
        return share.live > 0 or now - share.touched_at <= _WINDOW_MS


def _is_smaller(head: JobSpec, placed: JobSpec) -> bool:
    """Whether it has room wherever the one that was placed has."""
    need, taken = head.resources, placed.resources
    fits = need.vcpus_milli <= taken.vcpus_milli and need.memory_mib <= taken.memory_mib and need.gpus <= taken.gpus
    return fits and head.definition == placed.definition
