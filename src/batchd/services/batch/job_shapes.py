"""Stored jobs as DescribeJobs and ListJobs answer them. Pure. [batch.md 1.4, 9.1, 9.2]

Optional members that say nothing are left out; empty collections are there.
"""

from __future__ import annotations

from typing import Any

from batchd.arns import Arn, parse_arn
from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.state import Attempt
from batchd.services.batch.extras import usage_members
from batchd.services.batch.names import container_instance_arn, task_arn
from batchd.store.store import Body, JobRow

_CLAMPED = (
    "Running clamped: the job asks for more than this machine has; it runs alone, with all the machine has to give."
)
_STARTED = (JobStatus.STARTING, JobStatus.RUNNING)


def job_detail(row: JobRow) -> Body:
    """An element of DescribeJobs."""
    shape = row.document["aws"]
    return {
        "jobArn": job_arn(row),
        "jobName": row.name,
        "jobId": row.job_id,
        "jobQueue": row.queue,
        "jobDefinition": row.definition,
        "status": row.status.value,
        "createdAt": row.created_at,
        **_given(statusReason=_status_reason(row), startedAt=row.started_at, stoppedAt=row.stopped_at),
        **shape,
        **_array_properties(row, detailed=True),
        "container": {**shape["container"], **_container(row)},
        "attempts": [_attempt(row, attempt) for attempt in row.attempts],
        "tags": row.tags,
        "isCancelled": row.is_cancelled,
        "isTerminated": row.is_terminated,
    }


def job_summary(row: JobRow) -> Body:
    """An element of ListJobs."""
    summary = {
        "jobArn": job_arn(row),
        "jobId": row.job_id,
        "jobName": row.name,
        "jobDefinition": row.definition,
        "createdAt": row.created_at,
        "status": row.status.value,
        **_given(statusReason=_status_reason(row), startedAt=row.started_at, stoppedAt=row.stopped_at),
        "isCancelled": row.is_cancelled,
        "isTerminated": row.is_terminated,
        **_array_properties(row, detailed=False),
    }
    if row.status in FINAL and (ended := _given(exitCode=row.exit_code, reason=row.reason)):
        summary["container"] = ended
    return summary


def _array_properties(row: JobRow, *, detailed: bool) -> Body:
    """Of an array its size and how its children are, of a child its index. [batch.md 3.5]"""
    if row.index is not None:
        return {"arrayProperties": {"index": row.index}}
    if row.children is None:
        return {}
    properties: Body = {"size": row.children.size}
    if detailed:
        summary = zip(JobStatus, row.children.by_status, strict=True)
        properties["statusSummary"] = {status.value: number for status, number in summary}
        properties["statusSummaryLastUpdatedAt"] = row.children.updated_at
    return {"arrayProperties": properties}


def job_arn(row: JobRow) -> str:
    """In the account and region of its queue."""
    queue = parse_arn(row.queue)
    return str(Arn("batch", row.region, queue.account if queue else "", f"job/{row.job_id}"))


def _status_reason(row: JobRow) -> str | None:
    """AWS has none while a job runs; we say there that it runs with less than it asked for."""
    if row.clamped and row.status_reason is None and row.status in _STARTED:
        return _CLAMPED
    return row.status_reason


def _container(row: JobRow) -> Body:
    """What is known of the attempt under way, else of the last one."""
    if row.status in _STARTED:
        return _task(row, row.environment, row.task_id, row.status is JobStatus.RUNNING)
    if not row.attempts:
        return {}
    return _attempt_container(row, row.attempts[-1])


def _attempt(row: JobRow, attempt: Attempt) -> Body:
    return {
        "container": {**_attempt_container(row, attempt), "networkInterfaces": []},
        **_given(startedAt=attempt.started_at, stoppedAt=attempt.stopped_at, statusReason=attempt.status_reason),
        **usage_members(attempt),
    }


def _attempt_container(row: JobRow, attempt: Attempt) -> Body:
    task = _task(row, attempt.environment, attempt.task_id, attempt.started_at is not None)
    return task | _given(exitCode=attempt.exit_code, reason=attempt.reason)


def _task(row: JobRow, environment: str | None, task_id: str | None, has_run: bool) -> Body:
    """Fargate has no container instances; the stream's name is known from RUNNING on."""
    if environment is None or task_id is None:
        return {}
    task: Body = {"taskArn": task_arn(environment, task_id)}
    if row.document["queue_type"] != "ECS_FARGATE":
        task["containerInstanceArn"] = container_instance_arn(environment)
    if has_run:
        task["logStreamName"] = row.document["log_prefix"] + task_id
    return task


def _given(**members: Any) -> Body:
    """The members that have a value: AWS leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}
