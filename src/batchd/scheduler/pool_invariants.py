"""What must always hold of pools: nothing is held that no job has, no limit is exceeded by a start, none outlives its
jobs."""

from __future__ import annotations

from collections import Counter

from batchd.scheduler import pools
from batchd.scheduler.state import Job, PoolKind, State


def check(state: State) -> list[str]:
    """A sentence for each thing that is wrong between two steps."""
    return [*_counts(state), *_members(state)]


def check_start(state: State, job: Job) -> list[str]:
    """A job that has just been started must not have taken what was not there."""
    return [
        f"{job.job_id} was started although {pool.used} of {pool.total} units of {pool.name} are held"
        for pool, _ in pools.of(state, job.spec)
        if pool.lacks(0)
    ]


def _counts(state: State) -> list[str]:
    held: Counter[str] = Counter()
    for job in state.placed():
        for pool, quantity in pools.of(state, job.spec):
            held[pool.name] += quantity
    return [
        f"of {pool.name} {held[name]} units are held and {pool.used} counted"
        for name, pool in state.pools.items()
        if (pool.used != held[name] if pool.refills else pool.used < held[name]) or name != pool.name
    ]


def _members(state: State) -> list[str]:
    """Claims of live jobs keep their pools, and the smallest limit that one of them names is in force."""
    members: Counter[str] = Counter()
    named: dict[str, Counter[int]] = {}
    for job in state.jobs.values():
        for claim in job.spec.claims if job.parent is None else ():
            members[claim.pool] += 1
            if claim.limit is not None:
                named.setdefault(claim.pool, Counter())[claim.limit] += 1
    wrong = [f"{name} is named by a live job and unknown" for name in members if name not in state.pools]
    for name, pool in state.pools.items():
        limits = named.get(name, Counter())
        if pool.members != members[name] or Counter(pool.named) != limits:
            wrong.append(f"{name} miscounts the jobs that name it")
        if pool.kind in (PoolKind.KEY, PoolKind.ARRAY) and pool.total != min(limits, default=None):
            wrong.append(f"{name} has {pool.total} units although its jobs name {limits}")
        if pool.total is None and not pool.members:
            wrong.append(f"{name} is gone and still remembered")
    return wrong
