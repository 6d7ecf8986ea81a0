"""Jobs that a concurrency limit holds step aside, so that those behind them go on; they come back one by one.

Each line has a bench at each pool that holds some of its jobs. While units are free one job of a bench is called: it
stands in its line again, where it stood before, and when its turn comes it takes a unit, or sits down once more. So a
job that is held costs nothing until its turn has come, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from batchd.scheduler import lines, pools
from batchd.scheduler.state import Bench, Draft, Job, Line, Pool, State

_SWEEP_AT = 64  # a shorter bench is not worth sweeping


def step_aside(state: State, draft: Draft, line: Line) -> bool:
    """Those at the head of the line whom a limit holds sit down; whether there were any."""
    moved = False
    while (job := lines.head(line)) and (pool := pools.limiting(state, job.spec)) is not None:
        _sit_down(state, line, pool)
        line.moved_at = draft.now
        moved = True
    return moved


def placed(state: State, job: Job) -> None:
    """A job that stood in line was started, or a child of an array that did: if nobody waits in its place any more, the
    next one of its bench is called."""
    if not lines.stands(job):
        job.stepped = 0
        _get_up(state, job)


def left(state: State, job: Job) -> None:
    """A job, or children of an array, wait no more although nothing was started."""
    if lines.stands(job) or job.bench is None:
        return
    if is_aside(job):
        job.bench.stale += 1
        job.stepped = 0
    _get_up(state, job)


def call_next(state: State) -> None:
    """Units may be free in some pools: of each of their benches one job is called."""
    stirred, state.stirred = state.stirred, {}
    for pool in stirred.values():
        for bench in list(pool.benches.values()):
            _call(state, bench)


def is_aside(job: Job) -> bool:
    """Whether it sits on a bench, not called."""
    return job.bench is not None and job.bench.called is not job


def order(bench: Bench) -> Iterator[Job]:
    """Who waits for a unit, next one first: the one that was called, and those who sit; an array once."""
    if bench.called is not None:
        yield bench.called
    rest = list(bench.waiting)  # a heap: who asks for the first ones only does not pay for all
    while rest:
        entry = heappop(rest)
        if _sits(bench, entry):
            yield entry[-1]


def reseat(bench: Bench) -> None:
    """Somebody's priority has changed."""
    bench.waiting = [_entry(entry[-1]) for entry in bench.waiting if _sits(bench, entry)]
    heapify(bench.waiting)
    bench.stale = 0


def _sit_down(state: State, line: Line, pool: Pool) -> None:
    """The head of the line waits for a unit of the pool."""
    job, number = lines.step_out(line)
    line.aside += number
    place = (job.spec.queue, job.spec.share)
    bench = pool.benches.get(place)
    if bench is None:
        bench = pool.benches[place] = Bench(pool, place)
    if not job.stepped:
        state.steps_aside += 1
        job.stepped = state.steps_aside
    heappush(bench.waiting, _entry(job))
    before, job.bench = job.bench, bench
    if before is not None:
        before.called = None
        _call(state, before)


def _get_up(state: State, job: Job) -> None:
    """It is of no bench any more; where it was called another one is."""
    bench, job.bench = job.bench, None
    if bench is not None:
        if bench.called is job:
            bench.called = None
        _call(state, bench)


def _call(state: State, bench: Bench) -> None:
    """Let the first job stand in its line again if there may be a unit for it, and none is called that goes before
    it."""
    _drop_stale(bench)
    called = bench.called
    if not bench.waiting:
        if called is None:
            bench.pool.benches.pop(bench.place, None)
            pools.forget_if_gone(state, bench.pool)
    elif not bench.pool.lacks(1) and (called is None or rank(bench.waiting[0][-1]) < rank(called)):
        if called is not None:
            called.bench = None  # it stands on in its line, and sits down again if its turn comes too early
        bench.called = heappop(bench.waiting)[-1]
        _step_in(state, bench.called)


def _step_in(state: State, job: Job) -> None:
    queue = state.queue(job.spec.queue)
    line = queue.line(job.spec.share)
    line.aside -= lines.step_in(line, job)
    state.awake[queue.arn] = None
    if queue.fair is not None:
        queue.fair.touched[line.name] = line


def _drop_stale(bench: Bench) -> None:
    """Those who left are passed over, or swept where they are many. Amortised O(log n)."""
    if bench.stale > _SWEEP_AT and 2 * bench.stale > len(bench.waiting):
        reseat(bench)
    while bench.waiting and not _sits(bench, bench.waiting[0]):
        heappop(bench.waiting)
        bench.stale -= 1


def rank(job: Job) -> tuple[int, bool, int]:
    """Smallest first."""
    return -job.spec.priority, not job.was_placed, job.stepped


def _entry(job: Job) -> tuple[int, bool, int, Job]:
    return *rank(job), job


def _sits(bench: Bench, entry: tuple[int, bool, int, Job]) -> bool:
    job = entry[-1]
    return job.bench is bench and job.stepped == entry[2]
