"""Every benchmark, medians of several runs, beside a peer or the limit of the machine in the same run.

python benchmarks/run.py [noop] [array] [queued] [submit] [latency] [start] [trace] [events] [invoke] [messages]
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import depth
import events
import functions
import messages
import served
import signed
import uvloop
from botocore.exceptions import BotoCoreError, ClientError

ROUNDS = 5
NOOPS = 2000
CHILDREN = 5000
SUBMITS = 10_000
PEER_SUBMITS = 500
CONNECTIONS = 32
PROBES = 200


def noop() -> str:
    """No-op jobs per second, first submit to last recorded end, beside `xargs -P2 -n1 true` and HyperQueue."""
    ours, limit, peer = [], [], []
    for _ in range(ROUNDS):
        limit.append(NOOPS / _xargs(NOOPS))
        peer.append(_hyperqueue(NOOPS))
        with served.batchd() as (signer, _, _):
            served.prepare(signer, ["true"])
            ours.append(NOOPS / _run_all(signer, NOOPS))
    rate, most = statistics.median(ours), statistics.median(limit)
    return f"no-op jobs/s: batchd {rate:.0f}, xargs {most:.0f}, ratio {rate / most:.2f}; HyperQueue {_median(peer)}"


def array() -> str:
    """No-op children of one array per second, submit to recorded end, beside `xargs -P2 -n1 true` and HyperQueue."""
    ours, limit, peer = [], [], []
    for _ in range(ROUNDS):
        limit.append(CHILDREN / _xargs(CHILDREN))
        peer.append(_hyperqueue(CHILDREN))
        with served.batchd() as (signer, _, _):
            served.prepare(signer, ["true"])
            ours.append(CHILDREN / _run_array(signer, CHILDREN))
    rate, most = statistics.median(ours), statistics.median(limit)
    return f"no-op children/s: batchd {rate:.0f}, xargs {most:.0f}, ratio {rate / most:.2f}; HyperQueue {_median(peer)}"


def queued() -> str:
    """Memory and answers with a million children, and with 200,000 jobs, in the queue."""
    return f"{depth.arrays()}\n{depth.jobs()}"


def submit() -> str:
    """SubmitJob acknowledged per second over 32 signed keep-alive connections, beside moto's server."""
    ours, peer = [], []
    for _ in range(ROUNDS):
        with served.batchd("--engine", "fake") as (signer, _, _):
            served.prepare(signer, ["true"])
            ours.append(SUBMITS / _submit_all(signer, SUBMITS))
        peer.append(_moto())
    return f"SubmitJob/s: batchd {statistics.median(ours):.0f}; moto {_median(peer)}"


def latency() -> str:
    """Milliseconds from sending SubmitJob to seeing RUNNING, on an idle server, one job at a time."""
    medians, tails = [], []
    for _ in range(ROUNDS):
        with served.batchd() as (signer, _, _):
            served.prepare(signer, ["sleep", "0.05"])
            took = sorted(_time_to_running(signer, n) for n in range(PROBES))
            medians.append(statistics.median(took) * 1e3)
            tails.append(took[int(PROBES * 0.99)] * 1e3)
    return f"submit to RUNNING: p50 {statistics.median(medians):.1f} ms, p99 {statistics.median(tails):.1f} ms"


def start() -> str:
    """Seconds from exec to the ready line, and resident memory of the idle server."""
    times, sizes = [], []
    for _ in range(ROUNDS):
        with served.batchd() as (signer, process, took):
            served.prepare(signer, ["true"])
            times.append(took)
            sizes.append(process.memory_info().rss / 2**20)
    return f"start to ready: {statistics.median(times):.2f} s; idle memory: {statistics.median(sizes):.0f} MiB"


def published() -> str:
    """PutEvents per second on a bus of a thousand rules, one event each, beside moto's server."""
    ours, peer = [], []
    for _ in range(ROUNDS):
        with served.batchd("--engine", "fake") as (signer, _, _):
            ours.append(events.published(signer, 20_000))
        with served.moto() as signer:
            peer.append(events.published(signer, 200))
    accepted, delivered = (statistics.median(rates) for rates in zip(*ours, strict=True))
    other = statistics.median(accepted for accepted, _ in peer)
    return f"PutEvents/s: batchd {accepted:.0f} (delivered {delivered:.0f}/s), moto {other:.0f}"


def invoke() -> str:
    """Milliseconds from sending Invoke to its answer: a Python function without boto3, warm, and in a new sandbox."""
    rounds = []
    for _ in range(ROUNDS):
        with served.batchd() as (signer, _, _):
            rounds.append(functions.invoked(signer))
    return functions.told([warm for warm, _ in rounds], [cold for _, cold in rounds])


def passed_on() -> str:
    """SQS messages sent, and received and deleted in tens, per second, beside moto's server; and a deep queue."""
    ours, peer = [], []
    for _ in range(ROUNDS):
        with served.batchd("--engine", "fake") as (signer, _, _):
            ours.append(messages.passed(signer, 10_000))
        with served.moto() as signer:
            peer.append(messages.passed(signer, 500))
    sent, received = (statistics.median(rates) for rates in zip(*ours, strict=True))
    other_sent, other_received = (statistics.median(rates) for rates in zip(*peer, strict=True))
    return (
        f"SendMessage/s: batchd {sent:.0f}, moto {other_sent:.0f}; received and deleted in tens, messages/s: "
        f"batchd {received:.0f}, moto {other_received:.0f}\n{messages.deep()}"
    )


def trace() -> str:
    """Jobs of a modelled trace replayed per second of one core; a million jobs are their own median."""
    program = Path(__file__).with_name("replayed.py")
    return subprocess.run([sys.executable, program], check=True, capture_output=True, text=True).stdout.strip()


def _xargs(count: int) -> float:
    started = time.perf_counter()
    numbers = "\n".join(map(str, range(count)))
    subprocess.run(["xargs", "-P2", "-n1", "true"], input=numbers, text=True, check=True)
    return time.perf_counter() - started


def _hyperqueue(count: int) -> float | None:
    """Tasks per second; None where it does not run here."""
    program = Path(__file__).with_name("hyperqueue_tasks.py")
    done = subprocess.run([sys.executable, program, str(count)], capture_output=True, text=True)
    if done.returncode:
        print(f"HyperQueue does not run: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def _moto() -> float | None:
    """Submits per second; None where it does not run here."""
    try:
        with served.moto() as signer:
            served.prepare(signer, ["true"])
            return PEER_SUBMITS / _submit_all(signer, PEER_SUBMITS)
    except (OSError, RuntimeError, BotoCoreError, ClientError) as error:
        print(f"moto does not run: {error!r}", file=sys.stderr)
        return None


def _median(peer: list[float | None]) -> str:
    rates = [rate for rate in peer if rate is not None]
    return f"{statistics.median(rates):.0f}" if rates else "does not run"


def _run_all(signer: signed.Signer, count: int) -> float:
    """Submit over eight connections, wait until the last end is recorded."""
    started = time.perf_counter()
    _load(signer, count, 8)
    connection = signed.Connection(signer)
    own = signed.Connection(signed.Signer(signer.endpoint, signer.access_key, signer.secret_key, "batchd"))
    while True:
        counts = own.post("/_batchd/v1/getoverview", {})["queues"][0]["counts"]
        if counts.get("FAILED"):
            raise RuntimeError(f"jobs failed: {counts}")
        if counts.get("SUCCEEDED") == count:
            break
        time.sleep(0.02)
    took = time.perf_counter() - started
    connection.close()
    own.close()
    return took


def _run_array(signer: signed.Signer, size: int) -> float:
    connection = signed.Connection(signer)
    started = time.perf_counter()
    job_id = connection.post("/v1/submitjob", {**served.job("array"), "arrayProperties": {"size": size}})["jobId"]
    while (status := _status(connection, job_id)) not in ("SUCCEEDED", "FAILED"):
        time.sleep(0.05)
    took = time.perf_counter() - started
    connection.close()
    if status == "FAILED":
        raise RuntimeError("children failed")
    return took


def _submit_all(signer: signed.Signer, count: int) -> float:
    started = time.perf_counter()
    _load(signer, count, CONNECTIONS)
    return time.perf_counter() - started


def _load(signer: signed.Signer, count: int, connections: int) -> None:
    bodies = [served.job(f"j{n}") for n in range(count)]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(signed.load(signer, "/v1/submitjob", bodies, connections))
    if len({answer["jobId"] for answer in answers}) != count:
        raise RuntimeError("not every submit was acknowledged")


def _time_to_running(signer: signed.Signer, number: int) -> float:
    connection = signed.Connection(signer)
    started = time.perf_counter()
    job_id = connection.post("/v1/submitjob", served.job(f"j{number}"))["jobId"]
    while (status := _status(connection, job_id)) in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"):
        pass
    took = time.perf_counter() - started
    while status not in ("SUCCEEDED", "FAILED"):
        time.sleep(0.005)
        status = _status(connection, job_id)
    connection.close()
    return took


def _status(connection: signed.Connection, job_id: str) -> str:
    status: str = connection.post("/v1/describejobs", {"jobs": [job_id]})["jobs"][0]["status"]
    return status


BENCHMARKS: dict[str, Callable[[], str]] = {
    "noop": noop,
    "array": array,
    "queued": queued,
    "submit": submit,
    "latency": latency,
    "start": start,
    "trace": trace,
    "events": published,
    "invoke": invoke,
    "messages": passed_on,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHMARKS:
        print(BENCHMARKS[chosen](), flush=True)
