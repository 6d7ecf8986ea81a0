"""DescribeJobs and ListJobs. [batch.md 9]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import JobStatus
from batchd.services.batch.extras import result_members, why_members
from batchd.services.batch.faults import Invalid, client_exception, wrapping
from batchd.services.batch.job_shapes import job_detail, job_summary
from batchd.services.batch.listing import page_limit, read_token, with_token
from batchd.services.batch.names import QUEUE, job_id_of, key_of
from batchd.store.store import Body, JobFilter

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_MOST_IDS = 100
_PAGE = 1000
_FILTERED_PAGE = 100


@reads
@wrapping
def describe_jobs(params: batch.DescribeJobsRequestTypeDef, ctx: Context) -> Body:
    """In the order asked; unknown ids are left out."""
    if len(params["jobs"]) > _MOST_IDS:
        raise Invalid(f"Maximum number of jobs supported is  {_MOST_IDS}")
    found = (ctx.tx.jobs.get(job_id_of(text)) for text in params["jobs"])
    rows = [row for row in found if row is not None and row.region == ctx.region and not row.is_service]
    return {"jobs": [{**job_detail(row), **why_members(ctx, row), **result_members(ctx.tx, row)} for row in rows]}


@reads
def list_jobs(params: batch.ListJobsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Newest first. Without a status and without a filter: RUNNING jobs."""
    parents = [member for member in ("jobQueue", "arrayJobId", "multiNodeJobId") if params.get(member)]
    if len(parents) != 1:
        raise client_exception("Exactly one of jobQueue, arrayJobId and multiNodeJobId must be specified")
    filters = params.get("filters") or ()
    wanted = _wanted(params.get("jobStatus"), filters)
    if "jobQueue" not in parents:
        return _list_parts(params, ctx)
    limit = page_limit(params, _FILTERED_PAGE if filters else _PAGE)
    after = read_token(params, int, str)
    queue = queue_arn(ctx, params["jobQueue"])
    rows = ctx.tx.jobs.page(queue, wanted, (after[0], after[1]) if after else None, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    token = encode_token([last.created_at, last.job_id]) if last else None
    return with_token({"jobSummaryList": [job_summary(row) for row in rows[:limit] if not row.is_service]}, token)


def _list_parts(params: batch.ListJobsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Children of an array, or nodes of a job, by index: RUNNING ones, where no status is given. Filters do not look at
    them."""
    limit = page_limit(params, _PAGE)
    after = read_token(params, int)
    of_array = bool(params.get("arrayJobId"))
    whole = ctx.tx.jobs.get(job_id_of(params["arrayJobId"] if of_array else params["multiNodeJobId"]))
    if whole is None or whole.region != ctx.region or (whole.children is not None) != of_array:
        return {"jobSummaryList": []}
    status = JobStatus(params.get("jobStatus") or "RUNNING")
    rows = ctx.tx.jobs.children(whole, status, after[0] if after else -1, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    token = encode_token([last.index if of_array else last.node]) if last else None
    return with_token({"jobSummaryList": [job_summary(row) for row in rows[:limit]]}, token)


def queue_arn(ctx: Context, text: str) -> str:
    body = ctx.tx.resources.get(key_of(ctx, QUEUE, text))
    if body is None:
        raise client_exception(f"JobQueue {text} not found.")
    arn: str = body["aws"]["jobQueueArn"]
    return arn


def _wanted(status: str | None, filters: Sequence[batch.KeyValuesPairTypeDef]) -> JobFilter:
    """The store's filter. A status counts only by itself, or beside a share."""
    if not filters:
        return JobFilter(status=JobStatus(status or "RUNNING"))
    return wanted_by_filter(filters, status)


def wanted_by_filter(filters: Sequence[batch.KeyValuesPairTypeDef], status: str | None = None) -> JobFilter:
    """The same of the one filter there may be."""
    if len(filters) > 1:
        raise client_exception("filters must have at most one entry")
    name, values = filters[0].get("name"), filters[0].get("values", ())
    if len(values) != 1:
        raise client_exception("filters.values must have one value")
    value = values[0]
    match name:
        case "JOB_NAME":
            return JobFilter(name=value)
        case "JOB_DEFINITION":
            return JobFilter(definition=_definition_pattern(value))
        case "BEFORE_CREATED_AT":
            return JobFilter(created_before=_time(value))
        case "AFTER_CREATED_AT":
            return JobFilter(created_after=_time(value))
        case "SHARE_IDENTIFIER":
            return JobFilter(share=value, status=JobStatus(status) if status else None)
        case _:
            raise client_exception(f"filters.name {name} is not a filter")


def _definition_pattern(value: str) -> str:
    if value.startswith("arn:") and value.endswith("*"):
        raise client_exception("filters.values: a job definition ARN can not end with *")
    return value


def _time(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise client_exception(f"filters.values: {value} is not a time in milliseconds since the epoch")
    return int(value)
