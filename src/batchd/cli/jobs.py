"""The commands about jobs: run, jobs, logs, why."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from batchd.cli import follow as following
from batchd.cli.connect import Clients, access
from batchd.cli.streams import exit_code, reason
from batchd.cli.submit import Work, submit
from batchd.cli.tables import console, cut, status, table
from batchd.errors import BatchdError

if TYPE_CHECKING:
    from types_boto3_batch.literals import JobStatusType
    from types_boto3_batch.type_defs import JobDetailTypeDef, JobSummaryTypeDef

INTERRUPTED = 130  # as a shell says it: 128 + SIGINT
_EXITED = "Essential container in task exited"  # what AWS says of every end, good or bad


class NoSuchStatus(BatchdError):
    """Not one of AWS's words."""


def run_command(data_dir: Path | None, work: Work, detach: bool) -> int:
    """The job's exit code; Ctrl-C terminates the job."""
    clients = Clients(access(data_dir))
    job_id = submit(clients, work)
    if detach:
        print(job_id)
        return 0
    try:
        job = following.follow(clients, job_id, _write, _say)
    except KeyboardInterrupt:
        clients.batch.terminate_job(jobId=job_id, reason="Interrupted at the terminal")
        print(f"batchd: job {job_id} is being terminated", file=sys.stderr)
        return INTERRUPTED
    code = exit_code(job)
    if code:
        print(f"batchd: job {job_id} FAILED: {_failure(job, code)}", file=sys.stderr)
    return code


def list_jobs(data_dir: Path | None, queue: str | None, wanted: str | None, limit: int) -> None:
    """Of one queue or of all, newest first."""
    statuses = [_status(wanted)] if wanted else following.STATUSES
    clients = Clients(access(data_dir))
    found: list[tuple[JobSummaryTypeDef, str]] = []
    pages = clients.batch.get_paginator("list_jobs")
    for name in [queue] if queue else following.queue_names(clients):
        for one in statuses:
            some = pages.paginate(jobQueue=name, jobStatus=one, PaginationConfig={"MaxItems": limit})
            found.extend((summary, name) for page in some for summary in page["jobSummaryList"])
    found.sort(key=lambda pair: pair[0]["createdAt"], reverse=True)
    console().print(_table(found[:limit]))


def print_logs(data_dir: Path | None, job: str, follow: bool) -> None:
    clients = Clients(access(data_dir))
    found = following.find_job(clients, job)
    if follow:
        following.follow(clients, found["jobId"], _write, _say)
        return
    silent = True
    for line in following.lines(clients, found):
        _write(line)
        silent = False
    if silent and found["status"] not in following.ENDED:
        _say(f"{found['jobName']} is {found['status']} and has printed nothing yet (see `batchd why`)")


def explain(data_dir: Path | None, job: str, *, as_json: bool) -> None:
    """Of a service job by its id or ARN, of others by name too."""
    clients = Clients(access(data_dir))
    if following.is_service_job(clients, job):
        _explain(clients, job.rpartition("/")[2], as_json=as_json)
        return
    found = following.find_job(clients, job)
    _explain(clients, found["jobId"], as_json=as_json)
    if code := not as_json and found["status"] == "FAILED" and found.get("container", {}).get("exitCode"):
        console().print(f"  Its exit code is {code}.")


def _explain(clients: Clients, job_id: str, *, as_json: bool) -> None:
    answer = clients.own.explain_job(jobId=job_id)
    if as_json:
        shown = {member: value for member, value in answer.items() if member != "ResponseMetadata"}
        print(json.dumps(shown, indent=2))
        return
    out = console()
    out.print(f"[bold]{answer['jobName']}[/] {answer['jobId']} is [bold]{answer['status']}[/]")
    for sentence in answer["reasons"]:
        out.print(f"  {sentence}", markup=False)


def run_again(data_dir: Path | None, job: str) -> None:
    """Print the new job's id; of an array say to the person how many children run."""
    clients = Clients(access(data_dir))
    found = following.find_job(clients, job)
    answer = clients.own.rerun_job(jobId=found["jobId"])
    if "children" in answer:
        size = found["arrayProperties"]["size"]
        print(f"batchd: {answer['children']} of {size} children run again", file=sys.stderr)
    print(answer["jobId"])


def _write(line: str) -> None:
    print(line, flush=True)


def _say(text: str) -> None:
    print(f"batchd: {text}", file=sys.stderr)


def _status(text: str) -> JobStatusType:
    for known in following.STATUSES:
        if known == text.upper():
            return known
    raise NoSuchStatus(f"--status must be one of {', '.join(following.STATUSES)}, not {text!r}")


def _failure(job: JobDetailTypeDef, code: int) -> str:
    why = reason(job)
    return f"exit code {code}" if why in ("", _EXITED) else f"{why} (exit code {code})"


def _table(found: list[tuple[JobSummaryTypeDef, str]]) -> Table:
    """Queue and reason only where they tell something: a terminal is narrow, and ids are long."""
    shows_queue = len({queue for _, queue in found}) > 1
    shows_reason = any(_reason(summary) for summary, _ in found)
    columns = ["JOB ID", "STATUS", "CREATED", "TOOK", "NAME", *["QUEUE"] * shows_queue, *["REASON"] * shows_reason]
    made = table(*columns, cut=("NAME", "QUEUE", "REASON"))
    for summary, queue in found:
        cells = [cut(summary["jobName"]), *[cut(queue)] * shows_queue, *[cut(_reason(summary))] * shows_reason]
        state, created = status(summary.get("status", "")), _when(summary["createdAt"])
        made.add_row(summary["jobId"], state, created, _took(summary), *cells)
    return made


def _when(at_ms: int) -> str:
    """The time of today, the date of other days."""
    at = datetime.fromtimestamp(at_ms / 1000).astimezone()
    today = datetime.now().astimezone().date()
    return f"{at:%H:%M:%S}" if at.date() == today else f"{at:%d %b}"


def _took(summary: JobSummaryTypeDef) -> str:
    if "startedAt" not in summary or "stoppedAt" not in summary:
        return ""
    return f"{(summary['stoppedAt'] - summary['startedAt']) / 1000:.1f} s"


def _reason(summary: JobSummaryTypeDef) -> str:
    """What is worth a look: nothing of a job that went well, the exit code of one that did not."""
    container = summary.get("container", {})
    reason = container.get("reason") or summary.get("statusReason", "")
    if reason != _EXITED:
        return reason
    code = container.get("exitCode")
    return f"exit {code}" if code else ""
