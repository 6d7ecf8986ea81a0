"""The commands about many jobs: search, purge."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from batchd.cli.connect import Clients, access
from batchd.cli.tables import console, cut, status, table
from batchd.errors import BatchdError

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PAGE = 100


class NotSearchable(BatchdError):
    """What was asked for cannot be looked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look for, as it was typed; None and empty do not restrict."""

    name: str | None = None
    queue: str | None = None
    tags: list[str] = field(default_factory=list)
    exit_code: int | None = None
    status: str | None = None
    since: str | None = None
    until: str | None = None


def search(data_dir: Path | None, wish: Wish, limit: int) -> None:
    """Ended jobs, the latest end first."""
    request = request_of(wish, datetime.now().astimezone())
    clients = Clients(access(data_dir))
    found: list[dict[str, Any]] = []
    for page in clients.own.get_paginator("search_jobs").paginate(**request, maxResults=min(limit, _PAGE)):
        found += page["jobs"]
        if len(found) >= limit:
            break
    console().print(_table(found[:limit]))


def purge(data_dir: Path | None, queue: str, reason: str | None, sure: bool) -> None:
    """Ask, unless told not to; then end every job of the queue."""
    clients = Clients(access(data_dir))
    alive = None if sure else _alive(clients, queue)
    if alive == 0:
        print(f"{queue} has no jobs to end")
        return
    if alive:
        if not sys.stdin.isatty():
            raise NotSearchable(f"{alive} jobs of {queue} would end: say --yes if they shall")
        if not typer.confirm(f"End the {alive} jobs of {queue}?"):
            return
    pages = clients.own.get_paginator("purge_queue").paginate(jobQueue=queue, **({"reason": reason} if reason else {}))
    print(f"{sum(len(page['terminated']) for page in pages)} jobs of {queue} are being terminated")


def request_of(wish: Wish, now: datetime) -> dict[str, Any]:
    """The members of SearchJobs. NotSearchable for what cannot be read."""
    request: dict[str, Any] = {
        "jobName": wish.name,
        "jobQueue": wish.queue,
        "exitCode": wish.exit_code,
        "status": _status(wish.status) if wish.status else None,
        "tags": dict(_tag(text) for text in wish.tags) or None,
        "stoppedAfter": moment(wish.since, now) if wish.since else None,
        "stoppedBefore": moment(wish.until, now) if wish.until else None,
    }
    return {member: value for member, value in request.items() if value is not None}


def moment(text: str, now: datetime) -> int:
    """Milliseconds since the epoch of `2h` (ago), `2026-11-23` or `2026-11-23T14:00`, in local time."""
    if ago := _AGO.fullmatch(text):
        at = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        try:
            at = datetime.fromisoformat(text).astimezone()
        except ValueError:
            raise NotSearchable(f"{text!r} is not a time: say 30m, 2h, 7d or 2026-11-23T14:00") from None
    return max(0, round(at.timestamp() * 1000))


def _alive(clients: Clients, queue: str) -> int | None:
    """Jobs of the queue that have not ended; None where there is no such queue, as the service will say."""
    region = clients.access.region
    for one in clients.own.get_overview()["queues"]:
        if (one["queue"], one["region"]) == (queue, region):
            counts: dict[str, int] = one["counts"]
            return sum(jobs for status, jobs in counts.items() if status not in ("SUCCEEDED", "FAILED"))
    return None


def _status(text: str) -> str:
    if text.upper() not in ("SUCCEEDED", "FAILED"):
        raise NotSearchable(f"--status must be SUCCEEDED or FAILED, not {text!r}: only ended jobs are searched")
    return text.upper()


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key:
        raise NotSearchable(f"--tag must be KEY=VALUE or KEY, not {text!r}")
    return key, value if equals else "*"


def _table(found: list[dict[str, Any]]) -> Table:
    made = table("JOB ID", "STATUS", "ENDED", "TOOK", "EXIT", "NAME", "QUEUE", right=("EXIT",), cut=("NAME", "QUEUE"))
    for job in found:
        ended = datetime.fromtimestamp(job["stoppedAt"] / 1000).astimezone()
        took = f"{(job['stoppedAt'] - job['startedAt']) / 1000:.1f} s" if "startedAt" in job else ""
        code = str(job["exitCode"]) if "exitCode" in job else ""
        queue = job["jobQueue"].rpartition("/")[2]
        row = (job["jobId"], status(job["status"]), f"{ended:%Y-%m-%d %H:%M:%S}", took, code)
        made.add_row(*row, cut(job["jobName"]), cut(queue))
    return made
