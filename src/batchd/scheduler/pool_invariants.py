"""What must always hold of pools: nothing is held that no job has, no limit is exceeded by a start, none outlives its
jobs."""

from __future__ import annotations

from batchd.scheduler import benches, lines, pools
from batchd.scheduler.state import Bench, Job, Pool, PoolKind, State


def check(state: State) -> list[str]:
    """A sentence for each thing that is wrong between two steps."""
    return [*_counts(state), *_members(state), *_benches(state), *_heads(state)]


def check_start(state: State, job: Job) -> list[str]:
    """A job that has just been started must not have taken what was not there."""
    return [
        f"{job.job_id} was started although {pool.used} of {pool.total} units of {pool.name} are held"
        for pool, _ in pools.of(state, job.spec)
        if pool.lacks(0)
    ]


def aside(state: State) -> list[Job]:
    """The jobs that sit on benches, an array once."""
    return [job for pool in state.pools.values() for bench in pool.benches.values() for job in _sitting(bench)]


def _sitting(bench: Bench) -> list[Job]:
    return [job for job in benches.order(bench) if job is not bench.called]


def _counts(state: State) -> list[str]:
    held = dict.fromkeys(state.pools, 0)
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
    members: dict[str, int] = {}
    named: dict[str, dict[int, int]] = {}
    for job in state.jobs.values():
        for claim in job.spec.claims if job.parent is None else ():
            members[claim.pool] = members.get(claim.pool, 0) + 1
            if claim.limit is not None:
                by_limit = named.setdefault(claim.pool, {})
                by_limit[claim.limit] = by_limit.get(claim.limit, 0) + 1
    wrong = [f"{name} is named by a live job and unknown" for name in members if name not in state.pools]
    for name, pool in state.pools.items():
        limits = named.get(name, {})
        if pool.members != members.get(name, 0) or pool.named != limits:
            wrong.append(f"{name} miscounts the jobs that name it")
        if pool.kind in (PoolKind.KEY, PoolKind.ARRAY) and pool.total != min(limits, default=None):
            wrong.append(f"{name} has {pool.total} units although its jobs name {limits}")
        if pool.total is None and not pool.members and not pool.benches:
            wrong.append(f"{name} is gone and still remembered")
    return wrong


def _benches(state: State) -> list[str]:
    """Who sits on a bench waits for its pool, and is counted by its line."""
    wrong = []
    counted: dict[tuple[str, str], int] = {}
    for pool in state.pools.values():
        for place, bench in pool.benches.items():
            wrong += _bench(state, pool, bench)
            sitting = _sitting(bench)
            number = sum(1 if job.children is None else job.children.fresh for job in sitting)
            counted[place] = counted.get(place, 0) + number
            wrong += [
                f"{job.job_id} sits among strangers" for job in sitting if _place(job) != place or bench.place != place
            ]
    for arn, queue in state.queues.items():
        for line in queue.lines.values():
            if line.aside != counted.get((arn, line.name), 0):
                wrong.append(f"{arn} {line.name} counts {line.aside} jobs aside, not {counted}")
    return wrong


def _bench(state: State, pool: Pool, bench: Bench) -> list[str]:
    wrong = []
    sitting, called = _sitting(bench), bench.called
    if len(bench.waiting) - bench.stale != len(sitting):
        wrong.append(f"a bench of {pool.name} miscounts those who left")
    if called is None and not sitting:
        wrong.append(f"a bench of {pool.name} is empty and still there")
    overlooked = sitting and (called is None or benches.rank(sitting[0]) < benches.rank(called))
    if overlooked and not pool.lacks(1) and pool.name not in state.stirred:
        wrong.append(f"{sitting[0].job_id} waits for {pool.name} although there is a unit")
    if called is not None and (called.bench is not bench or not lines.stands(called) or not called.stepped):
        wrong.append(f"{called.job_id} is called and does not stand in line")
    return wrong


def _place(job: Job) -> tuple[str, str]:
    return job.spec.queue, job.spec.share


def _heads(state: State) -> list[str]:
    """No line waits for a head that a limit holds."""
    queues = [queue for queue in state.queues.values() if queue.fair is None or queue.fair.kept_for is None]
    heads = [next(lines.order(line), None) for queue in queues for line in queue.lines.values()]
    return [
        f"{head.job_id} is held by a limit and blocks {head.spec.queue}"
        for head in heads
        if head is not None and head.spec.queue not in state.awake and pools.limiting(state, head.spec) is not None
    ]
