"""ListJobsByConsumableResource. [batch.md 7.5]"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import JobStatus
from batchd.services.batch.faults import client_exception
from batchd.services.batch.job_attempts import given
from batchd.services.batch.job_shapes import job_arn, status_reason
from batchd.services.batch.listing import existing_body, page_limit, read_token, with_token
from batchd.services.batch.names import CONSUMABLE
from batchd.store.store import Body, HolderFilter, JobRow

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_STATUSES = {status.value: status for status in JobStatus}


@reads
def list_jobs_by_consumable_resource(
    params: batch.ListJobsByConsumableResourceRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    """Of every status, newest first; arrays, but not their children. Several values of a filter are alternatives. A
    page may be empty and still have a nextToken."""
    _, body = existing_body(ctx, CONSUMABLE, params["consumableResource"])
    wanted = _wanted(params.get("filters", ()))
    limit = page_limit(params)
    after = read_token(params, int)
    found, place = ctx.tx.consumables.holders(body["spec"]["arn"], wanted, after[0] if after else None, limit)
    rows = ((ctx.tx.jobs.get(job_id), quantity) for job_id, quantity in found)
    jobs = [_summary(row, quantity) for row, quantity in rows if row is not None]
    return with_token({"jobs": jobs}, None if place is None else encode_token([place]))


def _wanted(filters: Iterable[batch.KeyValuesPairTypeDef]) -> HolderFilter:
    statuses: list[JobStatus] = []
    names: list[str] = []
    for one in filters:
        match one.get("name"):
            case "JOB_STATUS":
                statuses += [_status(value) for value in one.get("values", ())]
            case "JOB_NAME":
                names += one.get("values", ())
            case name:
                raise client_exception(f"filters.name {name} is not a filter")
    return HolderFilter(tuple(statuses), tuple(names))


def _status(value: str) -> JobStatus:
    if value not in _STATUSES:
        raise client_exception(f"filters.values: {value} is not a job status")
    return _STATUSES[value]


def _summary(row: JobRow, quantity: int) -> Body:
    return {
        "jobArn": job_arn(row),
        "jobQueueArn": row.queue,
        "jobName": row.name,
        "jobDefinitionArn": row.definition,
        "jobStatus": row.status.value,
        "quantity": quantity,
        **given(statusReason=status_reason(row), startedAt=row.started_at),
        "createdAt": row.created_at,
        "consumableResourceProperties": row.document["aws"]["consumableResourceProperties"],
    }
