"""Kill the server with SIGKILL again and again while jobs run: nothing acknowledged is lost, nothing runs twice.

    python tests/clients/storm.py --engine process --jobs 500 --kills 20 --seed 1

Each job appends its id and attempt to a file. A failing storm prints its seed; the seed replays the moments.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if __package__ in (None, ""):  # run as a script: the tests are not on the path
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.clients import storm_arrays, storm_gangs
from tests.patience import LONG_S
from tests.ports import reserved_port

END_S = 600.0
STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ENDS = STATUSES[-2:]


@dataclass(frozen=True)
class Plan:
    """What to do. `image` matters to engines with containers; with `arrays` most jobs are arrays, with `gangs` all have
    several nodes."""

    engine: str
    jobs: int
    kills: int
    seed: int
    image: str = "busybox"
    flags: tuple[str, ...] = ()
    arrays: bool = False
    gangs: bool = False


@dataclass
class Outcome:
    """What came of it: `problems` is empty if every promise was kept."""

    acknowledged: int = 0
    kills: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def storm(plan: Plan, folder: Path) -> Outcome:
    """Submit, kill, submit …; then wait for the end and count."""
    chance = random.Random(plan.seed)
    ran = folder / "ran"
    ran.mkdir()
    started = time.monotonic()
    outcome = Outcome()
    serving = Serving(folder / "data", plan)
    submitted: list[str] = []
    try:
        serving.start()
        prepare(serving.client(), plan, ran)
        for _ in range(plan.kills):
            deadline = time.monotonic() + chance.uniform(0.05, 0.8)
            _submit_until(serving, submitted, plan, deadline)
            serving.kill()
            outcome.kills += 1
            serving.start()
        _submit_until(serving, submitted, plan, float("inf"))
        finals = _wait(serving, submitted)
        lines = (ran / "lines").read_text().split("\n")[:-1]
        if plan.gangs:
            outcome.problems = storm_gangs.problems(finals, lines)
        elif plan.arrays:
            outcome.problems = storm_arrays.problems(serving.client(), finals, lines)
        else:
            outcome.problems = _problems(finals, lines)
    finally:
        serving.stop()
    outcome.acknowledged = len(submitted)
    outcome.seconds = time.monotonic() - started
    return outcome


class Serving:
    """A server process that is killed and started again on the same data."""

    def __init__(self, data: Path, plan: Plan) -> None:
        self._data = data
        self._plan = plan
        self._stack = ExitStack()
        # The same port every time, so that running jobs still reach the server.
        self._port = self._stack.enter_context(reserved_port())
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "batchd.cli", "serve", "--port", str(self._port)]
        command += ["--engine", self._plan.engine, "--data-dir", str(self._data), *self._plan.flags]
        self._data.mkdir(exist_ok=True)
        with (self._data / "log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith("batchd ready"):
            raise RuntimeError(f"the server did not start:\n{(self._data / 'log').read_text()[-4000:]}")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """For good."""
        self._end(signal.SIGTERM)
        self._stack.close()

    def client(self, service: str = "batch", region: str = "us-east-1") -> Any:
        """A boto3 client without retries: an error means not acknowledged."""
        keys = json.loads((self._data / "keys.json").read_text())
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self._port}",
            region_name=region,
            aws_access_key_id=keys["accessKeyId"],
            aws_secret_access_key=keys["secretAccessKey"],
            config=Config(retries={"max_attempts": 0}, connect_timeout=LONG_S, read_timeout=LONG_S),
        )

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait()
        if process.stdout:
            process.stdout.close()


def prepare(batch: Any, plan: Plan, ran: Path) -> None:
    """A queue, and a definition whose command notes that it ran and takes a little while."""
    batch.create_compute_environment(
        computeEnvironmentName="storm",
        type="MANAGED",
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 256,
            "instanceTypes": ["optimal"],
            "instanceRole": "ecsInstanceRole",
            "subnets": ["subnet-1"],
        },
    )
    order = [{"order": 1, "computeEnvironment": "storm"}]
    batch.create_job_queue(jobQueueName="storm", priority=1, computeEnvironmentOrder=order)
    if plan.gangs:
        storm_gangs.define(batch, plan.image, str(ran))
        return
    script = f'echo "$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT" >> {ran}/lines; sleep 0.1; echo done'
    if plan.arrays:
        script = storm_arrays.SCRIPT.format(lines=f"{ran}/lines")
    batch.register_job_definition(
        jobDefinitionName="storm",
        type="container",
        containerProperties={
            "image": plan.image,
            "command": ["sh", "-c", script],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "16"}],
            "volumes": [{"name": "ran", "host": {"sourcePath": str(ran)}}],
            "mountPoints": [{"sourceVolume": "ran", "containerPath": str(ran)}],
        },
    )


def _submit_until(serving: Serving, submitted: list[str], plan: Plan, deadline: float) -> None:
    """Submit one after the other until there are enough or time is up."""
    batch = serving.client()
    submit = storm_gangs.submit if plan.gangs else storm_arrays.submit if plan.arrays else _submit
    if submitted and submit is _submit and _submit(batch, len(submitted) - 1, submitted) != submitted[-1]:
        raise RuntimeError(f"a repeated submit of job {submitted[-1]} made another job")
    while len(submitted) < plan.jobs and time.monotonic() < deadline:
        submitted.append(submit(batch, len(submitted), submitted))
    if (rest := deadline - time.monotonic()) > 0 and deadline != float("inf"):
        time.sleep(rest)


def _submit(batch: Any, number: int, earlier: Sequence[str]) -> str:
    """Under a token: however often, it is one job."""
    request = {"jobName": f"storm-{number}", "jobQueue": "storm", "jobDefinition": "storm"}
    return str(batch.submit_job(**request, tags={"batchd:client-token": f"{number}"})["jobId"])


def _wait(serving: Serving, submitted: list[str]) -> dict[str, dict[str, Any]]:
    """Every job of the queue, by id, once all have ended (or time is up). One that is tried again goes back to a status
    that was looked at before: only who has ended is there to stay."""
    batch = serving.client()
    deadline = time.monotonic() + END_S
    known = set(submitted)
    while True:
        jobs = {summary["jobId"]: summary for status in STATUSES for summary in _list(batch, status)}
        known |= jobs.keys()
        if all(jobs.get(job_id, {}).get("status") in ENDS for job_id in known) or time.monotonic() > deadline:
            return {**{job_id: {"status": "MISSING"} for job_id in submitted}, **jobs}
        time.sleep(0.2)


def _list(batch: Any, status: str) -> Iterator[dict[str, Any]]:
    for page in batch.get_paginator("list_jobs").paginate(jobQueue="storm", jobStatus=status):
        yield from page["jobSummaryList"]


def _problems(finals: dict[str, dict[str, Any]], lines: list[str]) -> list[str]:
    runs = collections.Counter(lines)
    wrong = [f"{job_id}: {job}" for job_id, job in finals.items() if job["status"] != "SUCCEEDED"]
    twice = [f"{line} ran {count} times" for line, count in runs.items() if count != 1]
    retried = [line for line in runs if not line.endswith(" 1")]
    ran = {line.split()[0] for line in runs}
    silent = [job_id for job_id in finals if job_id not in ran]
    strangers = [job_id for job_id in ran if job_id not in finals]
    return [
        *wrong,
        *twice,
        *(f"second attempt: {r}" for r in retried),
        *(f"never ran: {s}" for s in silent),
        *strangers,
    ]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="batchd-storm-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="process")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--image", default="busybox")
    parser.add_argument("--docker-host", default="")
    parser.add_argument("--arrays", action="store_true", help="arrays with retries and dependencies")
    parser.add_argument("--gangs", action="store_true", help="jobs of several nodes")
    options = parser.parse_args()
    flags = ("--docker-host", options.docker_host) if options.docker_host else ()
    kinds = options.arrays, options.gangs
    plan = Plan(options.engine, options.jobs, options.kills, options.seed, options.image, flags, *kinds)
    print(f"seed {plan.seed}")
    with _folder() as folder:
        try:
            outcome = storm(plan, folder)
        except (BotoCoreError, ClientError, RuntimeError) as error:
            print(error, (folder / "data" / "log").read_text()[-4000:])
            return 1
    print(f"{outcome.acknowledged} jobs acknowledged, {outcome.kills} kills, {outcome.seconds:.0f} s")
    print("\n".join(outcome.problems[:20]) or "every job succeeded, each ran exactly once")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
