"""A million modelled jobs on 100,000 vCPUs through the production scheduler, beside a bare loop over the same jobs.

The bare loop knows one queue, first come, first served, and nothing else: what Python itself needs for the events.
Run as a program, since memory is that of the whole process; prints one line.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush

from batchd.traces.lublin import Model, generate
from batchd.traces.plan import Plan, Work, Workload
from batchd.traces.replay import replay

JOBS = 1_000_000
VCPUS = 100_000
MODEL = Model(seed=1, largest=1024, users=50, load=0.8, vcpus=VCPUS)


def measure(count: int) -> str:
    plan = Plan(VCPUS)
    began = time.process_time()
    tally = replay(plan, Workload(plan, generate(MODEL, count)))
    took = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if tally.succeeded != count:
        raise RuntimeError(f"{tally.succeeded} of {count} jobs succeeded")
    began = time.process_time()
    bare(Workload(plan, generate(MODEL, count)))
    least = time.process_time() - began
    return (
        f"replay of {count:,} jobs on {VCPUS:,} vCPUs: {took:.0f} s, {count / took:,.0f} jobs/s, {memory:.0f} MiB; "
        f"bare loop {least:.0f} s, ratio {took / least:.1f}"
    )


def bare(works: Iterable[Work]) -> int:
    """When the last job ends (ms)."""
    free, at = 1000 * VCPUS, 0
    waiting: deque[Work] = deque()
    ends: list[tuple[int, int]] = []
    arrivals = iter(works)
    work = next(arrivals, None)
    while work is not None or ends:
        if work is not None and (not ends or work.submit_at < ends[0][0]):
            at = work.submit_at
            waiting.append(work)
            work = next(arrivals, None)
        else:
            at, freed = heappop(ends)
            free += freed
        while waiting and waiting[0].spec.resources.vcpus_milli <= free:
            first = waiting.popleft()
            free -= first.spec.resources.vcpus_milli
            heappush(ends, (at + first.run_ms, first.spec.resources.vcpus_milli))
    return at


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS))
