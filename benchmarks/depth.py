"""What a server weighs, and how quickly it answers, with very many jobs in the queue that nothing runs."""

from __future__ import annotations

import asyncio
import statistics
import time

import served
import signed
import uvloop

ARRAYS, CHILDREN = 100, 10_000
JOBS = 200_000
AT_ONCE = 20_000
PROBES = 300


def arrays() -> str:
    """A million children in a hundred arrays."""
    with served.batchd("--engine", "fake") as (signer, process, _):
        _prepare(signer)
        batch = served.client(signer, "batch")
        started = time.perf_counter()
        for number in range(ARRAYS):
            size = {"size": CHILDREN}
            batch.submit_job(jobName=f"a{number}", jobQueue="bench", jobDefinition="bench", arrayProperties=size)
        took = time.perf_counter() - started
        return f"{ARRAYS * CHILDREN} children queued in {took:.2f} s: {_weight(process)}, {_submits(signer)}"


def jobs() -> str:
    """Jobs by themselves, one submit each."""
    with served.batchd("--engine", "fake") as (signer, process, _):
        _prepare(signer)
        empty = _submits(signer)
        for first in range(0, JOBS, AT_ONCE):
            bodies = [served.job(f"j{number}") for number in range(first, first + AT_ONCE)]
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(signed.load(signer, "/v1/submitjob", bodies, 32))
        return f"{JOBS} jobs queued: {_weight(process)}, {_submits(signer)} (empty: {empty})"


def _prepare(signer: signed.Signer) -> None:
    """A queue whose environment takes nothing."""
    served.prepare(signer, ["true"])
    served.client(signer, "batch").update_compute_environment(computeEnvironment="bench", state="DISABLED")


def _weight(process) -> str:
    return f"{process.memory_info().rss / 2**20:.0f} MiB"


def _submits(signer: signed.Signer) -> str:
    """Of one client that submits one job after the other, with a little rest between them."""
    time.sleep(1)
    connection = signed.Connection(signer)
    took = []
    for number in range(PROBES):
        started = time.perf_counter()
        connection.post("/v1/submitjob", served.job(f"probe{number}"))
        took.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.005)
    connection.close()
    return f"submit {statistics.median(took):.1f} ms, p99 {sorted(took)[int(PROBES * 0.99)]:.1f} ms"
