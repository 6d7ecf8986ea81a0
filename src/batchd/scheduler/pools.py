"""Counted things that jobs hold while an attempt is under way: consumable resources, and limits of how many jobs run.

All of them are pools of units. A job takes its units when it is placed and gives them back when the attempt ends; those
of a consumable resource that is not replenishable are gone for good. The predicates here both decide (placement) and
explain (explain). [batch.md 7.5, 12]
"""

from __future__ import annotations

from collections.abc import Iterator

from batchd.scheduler.events import ConsumableSpec, JobSpec
from batchd.scheduler.state import Job, Pool, PoolKind, State


def of(state: State, spec: JobSpec) -> Iterator[tuple[Pool, int]]:
    """The pools of which each attempt of the job holds units, and how many."""
    for claim in spec.claims:
        yield state.pools[claim.pool], claim.quantity
    for name in (spec.definition, spec.queue):
        pool = state.pools.get(name)
        if pool is not None:
            yield pool, 1


def short(state: State, spec: JobSpec) -> Pool | None:
    """The first pool that has too few units for an attempt of this job now, or None."""
    for pool, quantity in of(state, spec):
        if pool.lacks(quantity):
            return pool
    return None


def limiting(state: State, spec: JobSpec) -> Pool | None:
    """The first of those without a unit for this job for which it steps aside, or None."""
    for pool, quantity in of(state, spec):
        if pool.lets_pass and pool.lacks(quantity):
            return pool
    return None


def take(state: State, job: Job) -> None:
    """The job holds its units. Heads that sleep for want of room step aside once there is none left for them here."""
    for pool, quantity in of(state, job.spec):
        pool.used += quantity
        _note(state, pool)
        if pool.lets_pass and pool.lacks(1):
            _wake(state, pool)


def give_back(state: State, job: Job) -> None:
    """The attempt is over: those who wait for its units look again."""
    for pool, quantity in of(state, job.spec):
        if pool.refills:
            pool.used -= quantity
            _note(state, pool)
            _stir(state, pool)


def sleep(state: State, arn: str, spec: JobSpec) -> None:
    """The queue's head cannot start: it is looked at again when units that it lacks are given back, or the last one
    is taken that it would need and step aside for."""
    for pool, quantity in of(state, spec):
        if pool.lets_pass or pool.lacks(quantity):
            pool.sleepers[arn] = None


def enlist(state: State, job: Job) -> None:
    """A live job names the pools of its claims; each is made on first mention."""
    for claim in job.spec.claims:
        pool = state.pools.get(claim.pool)
        if pool is None:
            pool = state.pools[claim.pool] = Pool(claim.pool, _kind(job, claim.pool, claim.limit))
        pool.members += 1
        if claim.limit is not None:
            pool.named[claim.limit] = pool.named.get(claim.limit, 0) + 1
            if pool.total is None or claim.limit < pool.total:
                pool.total = claim.limit
                _wake(state, pool)


def discharge(state: State, job: Job) -> None:
    """The job has ended: a pool that was there for the sake of its jobs vanishes with the last of them."""
    for claim in job.spec.claims:
        pool = state.pools[claim.pool]
        pool.members -= 1
        if claim.limit is not None:
            pool.named[claim.limit] -= 1
            if not pool.named[claim.limit]:
                del pool.named[claim.limit]
                pool.total = min(pool.named, default=None)
                _stir(state, pool)
        forget_if_gone(state, pool)


def stock(state: State, saved: ConsumableSpec) -> None:
    """An operator said how many units of a consumable resource there are."""
    pool = state.pools.setdefault(saved.arn, Pool(saved.arn, PoolKind.RESOURCE))
    pool.total, pool.refills = saved.total, saved.replenishable
    _stir(state, pool)


def close(state: State, arn: str) -> None:
    """There is no such consumable resource any more."""
    pool = state.pools.get(arn)
    if pool is not None:
        pool.total = None
        forget_if_gone(state, pool)


def limit(state: State, name: str, kind: PoolKind, most: int | None) -> None:
    """So many jobs of this queue or definition may be under way; None: as many as there is room for. Any head may be
    one of them."""
    pool = state.pools.get(name)
    if pool is None:
        if most is None:
            return
        pool = state.pools[name] = Pool(name, kind)
        pool.used = sum(name in (job.spec.queue, job.spec.definition) for job in state.placed())
    pool.total = most
    state.awake.update(dict.fromkeys(state.queues))
    _stir(state, pool)
    forget_if_gone(state, pool)


def recall(state: State, arn: str, used: int) -> None:
    """So many units of a consumable resource were held when the server stopped; only of one that does not refill that
    says more than the jobs in hand do."""
    pool = state.pools.get(arn)
    if pool is not None and not pool.refills:
        pool.used = used


def _kind(job: Job, name: str, most: int | None) -> PoolKind:
    if most is None:
        return PoolKind.RESOURCE
    return PoolKind.ARRAY if name == job.spec.job_id else PoolKind.KEY


def _note(state: State, pool: Pool) -> None:
    if pool.kind is PoolKind.RESOURCE:
        state.drawn[pool.name] = pool


def _stir(state: State, pool: Pool) -> None:
    """Units may be free: those look again who wait for them."""
    _wake(state, pool)
    if pool.benches:
        state.stirred[pool.name] = pool


def _wake(state: State, pool: Pool) -> None:
    if pool.sleepers:
        state.awake.update(pool.sleepers)
        pool.sleepers.clear()


def forget_if_gone(state: State, pool: Pool) -> None:
    """A pool is remembered while somebody says how many units there are, or a job names it or sits at it."""
    if pool.total is None and not pool.members and not pool.benches:
        state.pools.pop(pool.name, None)
