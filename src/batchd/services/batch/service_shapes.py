"""Stored service jobs as DescribeServiceJob and ListServiceJobs answer them. Pure. [batch.md 7.9]

STARTING is the state of a task that was handed to an engine: SCHEDULED, to which SageMaker would take some time, is
passed at the same moment and is seen in events and in `scheduledAt` only.
"""

from __future__ import annotations

from batchd.arns import Arn, parse_arn
from batchd.scheduler.state import Attempt
from batchd.services.batch.job_attempts import STARTED, given
from batchd.services.batch.service_task import training_job_name
from batchd.store.store import Body, JobRow

_RECENT = 10
_SUMMARISED = ("capacityUsage", "serviceJobType", "shareIdentifier", "quotaShareName")


def service_job_detail(row: JobRow) -> Body:
    """The answer of DescribeServiceJob."""
    return {
        **_common(row),
        **row.document["aws"],
        "attempts": [_attempt(row, attempt) for attempt in row.attempts if not attempt.was_preempted],
        **_preemptions(row),
        "jobQueue": row.queue,
        "isTerminated": row.is_terminated,
        "tags": row.tags,
    }


def service_job_summary(row: JobRow) -> Body:
    """An element of ListServiceJobs."""
    shape = row.document["aws"]
    summary = {**_common(row), **{member: shape[member] for member in _SUMMARISED if member in shape}}
    return {**summary, "isTerminated": True} if row.is_terminated else summary


def service_job_arn(row: JobRow) -> str:
    """In the account and region of its queue."""
    return str(Arn("batch", row.region, _account(row), f"service-job/{row.job_id}"))


def _common(row: JobRow) -> Body:
    latest = _latest(row)
    return {
        "jobArn": service_job_arn(row),
        "jobId": row.job_id,
        "jobName": row.name,
        "createdAt": row.created_at,
        "status": row.status.value,
        **given(
            statusReason=row.status_reason,
            scheduledAt=row.scheduled_at,
            startedAt=row.started_at,
            stoppedAt=row.stopped_at,
            latestAttempt=_resource(row, latest) if latest else None,
        ),
    }


def _latest(row: JobRow) -> str | None:
    """The task of the attempt under way, else of the last one."""
    if row.status in STARTED:
        return row.task_id
    return row.attempts[-1].task_id if row.attempts else None


def _preemptions(row: JobRow) -> Body:
    """Attempts that had to make room are told of here, the last of them one by one."""
    preempted = [attempt for attempt in row.attempts if attempt.was_preempted]
    if not preempted:
        return {}
    recent = [_attempt(row, attempt) for attempt in preempted[-_RECENT:]]
    return {"preemptionSummary": {"preemptedAttemptCount": len(preempted), "recentPreemptedAttempts": recent}}


def _attempt(row: JobRow, attempt: Attempt) -> Body:
    times = given(startedAt=attempt.started_at, stoppedAt=attempt.stopped_at, statusReason=attempt.status_reason)
    return {**_resource(row, attempt.task_id), **times}


def _resource(row: JobRow, task_id: str) -> Body:
    """What SageMaker would call the attempt."""
    name = training_job_name(row.document["training_job"], task_id)
    arn = str(Arn("sagemaker", row.region, _account(row), f"training-job/{name}"))
    return {"serviceResourceId": {"name": "TrainingJobArn", "value": arn}}


def _account(row: JobRow) -> str:
    queue = parse_arn(row.queue)
    return queue.account if queue else ""
