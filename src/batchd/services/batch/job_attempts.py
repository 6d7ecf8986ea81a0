"""A job's attempts as DescribeJobs tells of them, of jobs with one container. Pure. [batch.md 1.4]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Attempt
from batchd.services.batch.extras import usage_members
from batchd.services.batch.names import container_instance_arn, task_arn
from batchd.store.store import Body, JobRow

STARTED = (JobStatus.STARTING, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt: under way, or over, and then on record."""

    task_id: str
    environment: str
    has_run: bool
    record: Attempt | None = None


def recorded(attempt: Attempt) -> Try:
    return Try(attempt.task_id, attempt.environment, attempt.started_at is not None, attempt)


def present(row: JobRow) -> Try | None:
    """The attempt under way, else the last one."""
    if row.status not in STARTED:
        return recorded(row.attempts[-1]) if row.attempts else None
    if row.environment is None or row.task_id is None:
        return None
    return Try(row.task_id, row.environment, row.status is JobStatus.RUNNING)


def container_members(row: JobRow) -> Body:
    """`container` and `attempts` of a job with one container."""
    now = present(row)
    return {
        "container": {**row.document["aws"]["container"], **(_container(row, now) if now else {})},
        "attempts": [_attempt(row, attempt) for attempt in row.attempts],
    }


def times(attempt: Attempt) -> Body:
    """What every kind of attempt says of itself."""
    return {
        **given(startedAt=attempt.started_at, stoppedAt=attempt.stopped_at, statusReason=attempt.status_reason),
        **usage_members(attempt),
    }


def ecs_task(row: JobRow, tried: Try) -> Body:
    """Fargate has no container instances."""
    task: Body = {"taskArn": task_arn(tried.environment, tried.task_id)}
    if row.document["queue_type"] != "ECS_FARGATE":
        task["containerInstanceArn"] = container_instance_arn(tried.environment)
    return task


def interfaces(row: JobRow, tried: Try) -> list[Body]:
    """Where one node of several is reached, from RUNNING on. Other jobs have no interface of their own."""
    nodes = row.document.get("nodes")
    if nodes is None or not tried.has_run:
        return []
    return [{"attachmentId": str(UUID(hex=tried.task_id)), "privateIpv4Address": nodes["address"]}]


def given(**members: Any) -> Body:
    """The members that have a value: AWS leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}


def _attempt(row: JobRow, attempt: Attempt) -> Body:
    return {"container": _container(row, recorded(attempt)), **times(attempt)}


def _container(row: JobRow, tried: Try) -> Body:
    """The stream's name is known from RUNNING on."""
    container = {**ecs_task(row, tried), "networkInterfaces": interfaces(row, tried)}
    if tried.has_run:
        container["logStreamName"] = row.document["log_prefix"] + tried.task_id
    if tried.record is not None:
        container |= given(exitCode=tried.record.exit_code, reason=tried.record.reason)
    return container
