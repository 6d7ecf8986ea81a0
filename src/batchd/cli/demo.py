"""`batchd demo`: a server of its own, nine real jobs through boto3, live progress, the result."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from batchd.cli import follow
from batchd.cli.connect import Access, Clients, local_access
from batchd.cli.streams import exit_code
from batchd.cli.tables import status, table
from batchd.config import Settings
from batchd.server import Server

if TYPE_CHECKING:
    from types_boto3_batch.type_defs import JobDetailTypeDef

SHARDS = 8
_WORK = Path(__file__).with_name("demo_work.py")


def run_demo(keep: bool) -> int:
    """0 if all nine jobs succeeded."""
    console = Console()
    data = Path(tempfile.mkdtemp(prefix="batchd-demo-"))
    try:
        with _server(data) as access:
            console.print(f"[bold]batchd[/] serves on {access.endpoint}, data in {data}")
            return _show(console, Clients(access), data)
    finally:
        if keep:
            console.print(f"kept: {data}")
        else:
            shutil.rmtree(data, ignore_errors=True)


def _show(console: Console, clients: Clients, data: Path) -> int:
    started = time.monotonic()
    out = data / "measures"
    out.mkdir()
    try:
        job_ids = _submit(clients, out)
        merged = _watch(console, clients, job_ids)
    except KeyboardInterrupt:  # jobs outlive their server
        _end(clients)
        raise
    console.print()
    for line in follow.lines(clients, merged):
        console.print(line, markup=False, highlight=False)
    console.print(f"\n{len(job_ids)} jobs in {time.monotonic() - started:.1f} s, all through the AWS Batch API")
    return exit_code(merged)


def _submit(clients: Clients, out: Path) -> list[str]:
    """Eight shards at once on a quarter vCPU each, and a ninth job that depends on them."""
    batch = clients.batch
    subnets = [subnet["SubnetId"] for subnet in clients.ec2.describe_subnets()["Subnets"]]
    batch.create_compute_environment(
        computeEnvironmentName="demo",
        type="MANAGED",
        computeResources={"type": "FARGATE", "maxvCpus": 16, "subnets": subnets, "securityGroupIds": ["default"]},
    )
    batch.create_job_queue(
        jobQueueName="demo", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "demo"}]
    )
    _register(clients, "measure", ["measure", str(out), "Ref::shard", str(SHARDS)])
    _register(clients, "merge", ["merge", str(out), str(SHARDS)])
    shards = [
        batch.submit_job(jobName=f"shard-{n}", jobQueue="demo", jobDefinition="measure", parameters={"shard": str(n)})[
            "jobId"
        ]
        for n in range(SHARDS)
    ]
    merge = batch.submit_job(
        jobName="merge", jobQueue="demo", jobDefinition="merge", dependsOn=[{"jobId": shard} for shard in shards]
    )
    return [*shards, merge["jobId"]]


def _register(clients: Clients, name: str, arguments: list[str]) -> None:
    clients.batch.register_job_definition(
        jobDefinitionName=name,
        type="container",
        platformCapabilities=["FARGATE"],
        containerProperties={
            "image": "python:3-slim",
            "command": [sys.executable, str(_WORK), *arguments],
            "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
            "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
        },
    )


def _watch(console: Console, clients: Clients, job_ids: list[str]) -> JobDetailTypeDef:
    """Live until all have ended; returns the merging job."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            jobs = clients.batch.describe_jobs(jobs=job_ids)["jobs"]
            live.update(_table(jobs), refresh=True)
            if all(job["status"] in follow.ENDED for job in jobs):
                return next(job for job in jobs if job["jobId"] == job_ids[-1])
            time.sleep(0.1)


def _end(clients: Clients) -> None:
    """Whatever has been submitted, and wait until it has ended."""
    if not clients.batch.describe_job_queues(jobQueues=["demo"])["jobQueues"]:
        return
    clients.own.purge_queue(jobQueue="demo", reason="Interrupted at the terminal")
    alive = [status for status in follow.STATUSES if status not in follow.ENDED]
    while any(clients.batch.list_jobs(jobQueue="demo", jobStatus=one)["jobSummaryList"] for one in alive):
        time.sleep(0.1)


def _table(jobs: list[JobDetailTypeDef]) -> Table:
    made = table("JOB", "STATUS", "TOOK")
    for job in jobs:
        started, stopped = job.get("startedAt"), job.get("stoppedAt")
        took = f"{(stopped - started) / 1000:.2f} s" if started and stopped else ""
        made.add_row(job["jobName"], status(job["status"]), took)
    return made


@contextmanager
def _server(data: Path) -> Iterator[Access]:
    """A server on a free port, on a thread with a loop of its own."""
    settings = Settings(port=0, engine="process", data_dir=data)
    server = Server(settings)
    with asyncio.Runner() as runner, ThreadPoolExecutor(1, "batchd") as thread:
        loop = runner.get_loop()
        thread.submit(loop.run_until_complete, server.start()).result()
        serving = thread.submit(loop.run_until_complete, server.wait())
        try:
            yield local_access(settings)
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
            serving.result()
