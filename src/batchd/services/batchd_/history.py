"""SearchJobs: jobs that ended, whatever their queue."""

from __future__ import annotations

from typing import Any

from batchd.arns import Arn, parse_arn
from batchd.gateway.operation import Context, reads
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import JobStatus
from batchd.services.batchd_.paging import read_position
from batchd.services.batchd_.queues import queue_arn
from batchd.store.store import JobRow, Search

_PAGE = 100


@reads
def search_jobs(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Latest end first. A page may have fewer jobs than asked for, even none, and still a nextToken: it says how far
    this call has looked. ClientException for an unknown queue or a bad token."""
    position = read_position(params, int, str)
    after = (position[0], position[1]) if position else None
    found, last = ctx.tx.history.search(_search(params, ctx), after, params.get("maxResults", _PAGE))
    rows = [ctx.tx.jobs.get(job_id) for job_id in found]
    answer: dict[str, Any] = {"jobs": [_shape(row) for row in rows if row is not None]}
    return {**answer, "nextToken": encode_token(last)} if last else answer


def _search(params: dict[str, Any], ctx: Context) -> Search:
    status = params.get("status")
    return Search(
        queues=_queues(params, ctx),
        name=params.get("jobName"),
        status=JobStatus(status) if status else None,
        exit_code=params.get("exitCode"),
        tags=tuple(params.get("tags", {}).items()),
        stopped_after=max(0, params.get("stoppedAfter", 0)),
        stopped_before=params.get("stoppedBefore"),
    )


def _queues(params: dict[str, Any], ctx: Context) -> tuple[str, str]:
    """The bounds of one queue's ARN, or of all of this region's; a queue that is deleted has no jobs to find by it."""
    if params.get("jobQueue"):
        arn = queue_arn(ctx, params["jobQueue"])
        return arn, f"{arn}\x01"
    prefix = ctx.arn("batch", "job-queue/")
    return prefix, f"{prefix}\U0010ffff"


def _shape(row: JobRow) -> dict[str, Any]:
    queue = parse_arn(row.queue)
    kind = "service-job" if row.is_service else "job"
    shown = {
        "jobArn": str(Arn("batch", row.region, queue.account if queue else "", f"{kind}/{row.job_id}")),
        "jobId": row.job_id,
        "jobName": row.name,
        "jobQueue": row.queue,
        "jobDefinition": row.definition or None,
        "status": row.status.value,
        "statusReason": row.status_reason,
        "createdAt": row.created_at,
        "startedAt": row.started_at,
        "stoppedAt": row.stopped_at,
        "exitCode": row.exit_code,
        "reason": row.reason,
        "attempts": len(row.attempts),
        "tags": row.tags,
    }
    return {member: value for member, value in shown.items() if value is not None}
