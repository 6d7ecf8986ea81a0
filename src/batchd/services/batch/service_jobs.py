"""DescribeServiceJob, ListServiceJobs, UpdateServiceJob and TerminateServiceJob(s). [batch.md 7.9, 8.5, 8.6]"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import FINAL, JobStatus, PriorityChanged, TerminateRequested
from batchd.services.batch.control import validate_jobs, validate_reason
from batchd.services.batch.faults import client_exception, missing, wrapping
from batchd.services.batch.jobs import queue_arn, wanted_by_filter
from batchd.services.batch.listing import page_limit, read_token, with_token
from batchd.services.batch.names import is_job_id
from batchd.services.batch.service_rules import validate_priority
from batchd.services.batch.service_shapes import service_job_arn, service_job_detail, service_job_summary
from batchd.store.store import Body, JobFilter, JobRow

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_SHARE_FILTERS = ("SHARE_IDENTIFIER", "QUOTA_SHARE_NAME")
_FILTERS = ("JOB_NAME", "BEFORE_CREATED_AT", "AFTER_CREATED_AT", *_SHARE_FILTERS)


@reads
def describe_service_job(params: batch.DescribeServiceJobRequestTypeDef, ctx: Context) -> Body:
    """ClientException for an unknown id, and for that of a job of another kind."""
    return service_job_detail(existing_service_job(ctx, params["jobId"]))


@reads
def list_service_jobs(params: batch.ListServiceJobsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Newest first. Without a status and without a filter: RUNNING jobs."""
    if not params.get("jobQueue"):
        raise client_exception("jobQueue must be specified")
    filters = params.get("filters") or ()
    limit = page_limit(params)
    after = read_token(params, int, str)
    queue = queue_arn(ctx, params["jobQueue"])
    wanted = _wanted(params.get("jobStatus"), filters)
    if wanted is None:
        return {"jobSummaryList": []}
    rows = ctx.tx.jobs.page(queue, wanted, (after[0], after[1]) if after else None, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    token = encode_token([last.created_at, last.job_id]) if last else None
    found = [service_job_summary(row) for row in rows[:limit] if row.is_service]
    return with_token({"jobSummaryList": found}, token)


@writes
@wrapping
def update_service_job(params: batch.UpdateServiceJobRequestTypeDef, ctx: Context) -> Body:
    """Its priority, which counts in queues with shares; ClientException for a job that has ended."""
    priority = params["schedulingPriority"]
    validate_priority(priority)
    row = existing_service_job(ctx, params["jobId"])
    if row.status in FINAL:
        raise client_exception(f"ServiceJob {row.job_id} has ended, its priority can not be updated")
    shape = row.document["aws"] | {"schedulingPriority": priority}
    counts = "shareIdentifier" in shape or "quotaShareName" in shape
    ctx.tx.jobs.reprioritize(row.job_id, row.document | {"aws": shape}, priority if counts else 0)
    if counts:
        ctx.tx.journal.append(PriorityChanged(row.job_id, priority))
    return {"jobArn": service_job_arn(row), "jobName": row.name, "jobId": row.job_id}


@writes
def terminate_service_job(params: batch.TerminateServiceJobRequestTypeDef, ctx: Context) -> Body:
    """Finished and unknown jobs: nothing, and no error."""
    if not params["jobId"]:
        raise client_exception("jobId must not be empty")
    validate_reason(params["reason"])
    _terminate(ctx, params["jobId"], params["reason"])
    return {}


@writes
def terminate_service_jobs(params: dict[str, Any], ctx: Context) -> Body:
    """`{successful, errors}`; jobs not found count as successful."""
    validate_jobs(params["jobs"])
    validate_reason(params["reason"])
    successful, errors = [], []
    for text in params["jobs"]:
        if is_job_id(service_job_id_of(text)):
            _terminate(ctx, text, params["reason"])
            successful.append(text)
        else:
            errors.append({"job": text, "code": "ValidationException", "message": f"{text} is not a service job id"})
    return {"successful": successful, "errors": errors}


def existing_service_job(ctx: Context, text: str) -> JobRow:
    """The service job of this id or ARN. Raises ClientException."""
    row = _find(ctx, text)
    if row is None:
        raise missing("ServiceJob", text)
    return row


def service_job_id_of(text: str) -> str:
    """The id in a service job's id or ARN."""
    arn = parse_arn(text) if text.startswith("arn:") else None
    return arn.name if arn is not None and arn.kind == "service-job" else text


def _find(ctx: Context, text: str) -> JobRow | None:
    row = ctx.tx.jobs.get(service_job_id_of(text))
    return row if row is not None and row.is_service and row.region == ctx.region else None


def _terminate(ctx: Context, text: str, reason: str) -> None:
    row = _find(ctx, text)
    if row is not None and row.status not in FINAL:
        ctx.tx.journal.append(TerminateRequested(row.job_id, reason))


def _wanted(status: str | None, filters: Sequence[batch.KeyValuesPairTypeDef]) -> JobFilter | None:
    """The store's filter; None where no job can match: none stays SCHEDULED."""
    if not filters:
        return None if status == "SCHEDULED" else JobFilter(status=JobStatus(status or "RUNNING"))
    name = filters[0].get("name")
    if name not in _FILTERS:
        raise client_exception(f"filters.name {name} is not a filter of service jobs")
    if name not in _SHARE_FILTERS:
        return wanted_by_filter(filters)
    by_share = wanted_by_filter([{**one, "name": "SHARE_IDENTIFIER"} for one in filters])
    if status == "SCHEDULED":
        return None
    return replace(by_share, status=JobStatus(status)) if status else by_share
