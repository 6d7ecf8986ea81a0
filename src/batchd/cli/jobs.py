"""The commands about jobs: run, jobs, logs, why."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from batchd.cli import follow as following
from batchd.cli.connect import Clients, access
from batchd.cli.submit import Work, submit

if TYPE_CHECKING:
    from types_boto3_batch.type_defs import JobSummaryTypeDef

_COLOURS = {"SUCCEEDED": "green", "FAILED": "red", "RUNNING": "cyan", "STARTING": "cyan"}


def run_command(data_dir: Path | None, work: Work, detach: bool) -> int:
    """The job's exit code; Ctrl-C terminates the job."""
    clients = Clients(access(data_dir))
    job_id = submit(clients, work)
    if detach:
        print(job_id)
        return 0
    try:
        job = following.follow(clients, job_id, _write)
    except KeyboardInterrupt:
        clients.batch.terminate_job(jobId=job_id, reason="Interrupted at the terminal")
        print(f"batchd: job {job_id} terminated", file=sys.stderr)
        return 130
    code = following.exit_code(job)
    if code:
        reason = job.get("container", {}).get("reason") or job.get("statusReason", "")
        print(f"batchd: job {job_id} {job['status']}: {reason} (exit code {code})", file=sys.stderr)
    return code


def list_jobs(data_dir: Path | None, queue: str | None, status: str | None, limit: int) -> None:
    clients = Clients(access(data_dir))
    found: list[tuple[JobSummaryTypeDef, str]] = []
    for name in [queue] if queue else following.queue_names(clients):
        for wanted in [status.upper()] if status else following.STATUSES:
            filters: Any = {"jobQueue": name, "jobStatus": wanted, "maxResults": min(limit, 1000)}
            found.extend((summary, name) for summary in clients.batch.list_jobs(**filters)["jobSummaryList"])
    found.sort(key=lambda pair: pair[0]["createdAt"], reverse=True)
    table = Table(box=None, header_style="bold")
    for column in ("JOB ID", "NAME", "QUEUE", "STATUS", "CREATED", "TOOK", "REASON"):
        table.add_column(column, no_wrap=column == "JOB ID")
    for summary, name in found[:limit]:
        table.add_row(*_row(summary, name))
    Console().print(table)


def print_logs(data_dir: Path | None, job: str, follow: bool) -> None:
    clients = Clients(access(data_dir))
    found = following.find_job(clients, job)
    if follow:
        following.follow(clients, found["jobId"], _write)
        return
    for line in following.lines(clients, found):
        _write(line)


def explain(data_dir: Path | None, job: str) -> None:
    clients = Clients(access(data_dir))
    found = following.find_job(clients, job)
    answer = clients.own.explain_job(jobId=found["jobId"])
    console = Console()
    console.print(f"[bold]{answer['jobName']}[/] {answer['jobId']} is [bold]{answer['status']}[/]")
    for sentence in answer["reasons"]:
        console.print(f"  {sentence}", markup=False)


def _write(line: str) -> None:
    print(line, flush=True)


def _row(summary: JobSummaryTypeDef, queue: str) -> list[str]:
    status = str(summary["status"])
    colour = _COLOURS.get(status, "yellow")
    created = datetime.fromtimestamp(summary["createdAt"] / 1000).astimezone()
    return [
        summary["jobId"],
        summary["jobName"],
        queue,
        f"[{colour}]{status}[/]",
        f"{created:%d %b %H:%M:%S}",
        _took(summary),
        summary.get("container", {}).get("reason") or summary.get("statusReason", ""),
    ]


def _took(summary: JobSummaryTypeDef) -> str:
    if "startedAt" not in summary or "stoppedAt" not in summary:
        return ""
    return f"{(summary['stoppedAt'] - summary['startedAt']) / 1000:.1f} s"
