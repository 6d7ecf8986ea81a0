"""Counted things in the simulation: what clients and operators do with them, and a naive second opinion on who held
how many units when, made from nothing but the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from random import Random

from batchd.arns import parse_arn
from batchd.controllers.schedule import CONSUMABLE, CONSUMABLE_USE, DEFINITION_LIMIT
from batchd.scheduler.events import (
    FINAL,
    Claim,
    ConsumableDeleted,
    ConsumableSaved,
    ConsumableSpec,
    DefinitionLimited,
    Event,
    JobSpec,
    JobStatus,
    JobSubmitted,
    QueueDeleted,
    QueueSaved,
)
from batchd.scheduler.state import Transition
from batchd.store.store import Key, Tx
from tests.simulation.traffic import Work

_PREFIX = "arn:aws:batch:r:1:consumable-resource/"
SEAT, TOKEN = _PREFIX + "seat", _PREFIX + "token"
KEYS = ("key-1", "key-2")
DEFINITIONS = ("d:1", "d:2")
_PLENTY = 1_000_000
_IN_HAND = (JobStatus.STARTING, JobStatus.RUNNING)


def counting(chance: Random, spec: JobSpec) -> JobSpec:
    """A job that may need counted things."""
    claims = some_claims(chance, spec.job_id, spec.size)
    return replace(spec, claims=claims, definition=chance.choice(DEFINITIONS))


def some_claims(chance: Random, job_id: str, size: int) -> tuple[Claim, ...]:
    """Most jobs need nothing that is counted."""
    if chance.random() < 0.5:
        return ()
    found = [Claim(SEAT, chance.choice((1, 2)))] if chance.random() < 0.3 else []
    if chance.random() < 0.2:
        found.append(Claim(TOKEN, chance.choice((1, 3))))
    if chance.random() < 0.7:
        name = job_id if size and chance.random() < 0.5 else chance.choice(KEYS)
        found.append(Claim(name, limit=chance.choice((1, 1, 2, 3))))
    return tuple(found)


def some_change(chance: Random) -> Work:
    """An operator changes a total, or deletes a resource that nobody needs, or limits a definition."""
    if chance.random() < 0.4:
        return limit_definition(chance.choice(DEFINITIONS), chance.choice((None, 0, 1, 2)))
    arn = chance.choice((SEAT, TOKEN))
    if chance.random() < 0.2:
        return delete_consumable(arn)
    return save_consumable(arn, chance.choice((0, 1, 3, 50)))


def plenty() -> list[Work]:
    """Of everything."""
    resources = [save_consumable(arn, _PLENTY) for arn in (SEAT, TOKEN)]
    return [*resources, *(limit_definition(name, None) for name in DEFINITIONS)]


def limit_definition(name: str, most: int | None) -> Work:
    """As the service does it for a tag."""

    def save(tx: Tx) -> None:
        tx.resources.put(Key(DEFINITION_LIMIT, "r", name), {"definition": name, "max_concurrency": most})
        tx.journal.append(DefinitionLimited(name, most))

    return save


def save_consumable(arn: str, total: int) -> Work:
    """As the service does it; seats come back, tokens do not."""
    spec = ConsumableSpec(arn, total, arn == SEAT)

    def save(tx: Tx) -> None:
        tx.resources.put(_key(CONSUMABLE, arn), {"spec": asdict(spec)})
        tx.journal.append(ConsumableSaved(spec))

    return save


def delete_consumable(arn: str) -> Work:
    def delete(tx: Tx) -> None:
        if not tx.consumables.is_claimed(arn):
            tx.resources.delete(_key(CONSUMABLE, arn))
            tx.resources.delete(_key(CONSUMABLE_USE, arn))
            tx.journal.append(ConsumableDeleted(arn))

    return delete


def _key(kind: str, text: str) -> Key:
    arn = parse_arn(text)
    assert arn is not None
    return Key(kind, arn.region, arn.name)


@dataclass
class PoolOracle:
    """`specs` are all that clients submitted. `totals` are of consumable resources, queues and definitions."""

    specs: dict[str, JobSpec]
    totals: dict[str, int] = field(default_factory=dict)
    _live: dict[str, None] = field(default_factory=dict)
    _in_hand: dict[str, None] = field(default_factory=dict)
    _used_up: Counter[str] = field(default_factory=Counter)

    def hear(self, event: Event) -> None:
        """What happened, in the order of the journal."""
        match event:
            case JobSubmitted(job):
                self._live[job.job_id] = None
            case ConsumableSaved(resource):
                self.totals[resource.arn] = resource.total
            case ConsumableDeleted(arn):
                self.totals.pop(arn, None)
                self._used_up.pop(arn, None)
            case QueueSaved(queue):
                self._limit(queue.arn, queue.max_concurrency)
            case QueueDeleted(arn):
                self._limit(arn, None)
            case DefinitionLimited(definition, most):
                self._limit(definition, most)

    def take(self, job_id: str, moved: Transition) -> Iterator[str]:
        """A sentence for each unit that was given out although there was none. A node holds nothing of its own."""
        if "#" in job_id or moved.is_blocked:
            return
        if moved.status in FINAL:
            self._live.pop(job_id, None)
        if moved.status not in _IN_HAND:
            self._in_hand.pop(job_id, None)
        elif moved.status is JobStatus.STARTING:
            self._in_hand[job_id] = None
            yield from self._start(job_id)

    def compare(self, tx: Tx) -> list[str]:
        """A sentence for each resource that the store counts otherwise."""
        wrong = []
        for arn in (SEAT, TOKEN):
            use = tx.resources.get(_key(CONSUMABLE_USE, arn))
            if arn in self.totals and (use["used"] if use else 0) != self._used(arn):
                wrong.append(f"of {arn} {self._used(arn)} units are used, stored is {use}")
        return wrong

    def is_held(self, job_id: str) -> bool:
        """Whether a concurrency limit holds this job now, so that others of its line may go first."""
        spec = self._spec(job_id)
        limits = [claim.pool for claim in spec.claims if claim.limit is not None]
        return any(self._used(pool) >= self._total(pool) for pool in (*limits, spec.definition))

    def _limit(self, name: str, most: int | None) -> None:
        self.totals.pop(name, None)
        if most is not None:
            self.totals[name] = most

    def _start(self, job_id: str) -> Iterator[str]:
        spec = self._spec(job_id)
        for claim in spec.claims:
            if claim.pool == TOKEN:
                self._used_up[claim.pool] += claim.quantity
        for pool in (*(claim.pool for claim in spec.claims), spec.queue, spec.definition):
            if self._used(pool) > self._total(pool):
                yield f"{job_id} started when {self._used(pool)} of {self._total(pool)} units of {pool} were taken"

    def _used(self, pool: str) -> int:
        if pool == TOKEN:
            return self._used_up[pool]
        return sum(self._needs(job_id, pool) for job_id in self._in_hand)

    def _needs(self, job_id: str, pool: str) -> int:
        spec = self._spec(job_id)
        if pool in (spec.queue, spec.definition):
            return 1
        return sum(claim.quantity for claim in spec.claims if claim.pool == pool)

    def _total(self, pool: str) -> int:
        """The smallest limit that a live job names, or what operators said."""
        claims = [claim for job_id in self._live for claim in self.specs[job_id].claims if claim.pool == pool]
        named = [claim.limit for claim in claims if claim.limit is not None]
        if named:
            return min(named)
        return self.totals.get(pool, -1 if pool in (SEAT, TOKEN) else _PLENTY)

    def _spec(self, job_id: str) -> JobSpec:
        return self.specs[job_id.partition(":")[0].partition("#")[0]]
