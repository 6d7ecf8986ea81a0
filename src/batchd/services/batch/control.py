"""CancelJob and TerminateJob, single and bulk. [batch.md 8]

They record the wish; the scheduler decides what it means in the state the job is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, writes
from batchd.scheduler.events import FINAL, CancelRequested, TerminateRequested
from batchd.services.batch.faults import client_exception
from batchd.services.batch.names import is_job_id, job_id_of
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_LONGEST_REASON = 1024
_MOST_JOBS = 50
_Request = type[CancelRequested] | type[TerminateRequested]


@writes
def cancel_job(params: batch.CancelJobRequestTypeDef, ctx: Context) -> Body:
    """Finished and unknown jobs: nothing, and no error."""
    return _ask_one(CancelRequested, params, ctx)


@writes
def terminate_job(params: batch.TerminateJobRequestTypeDef, ctx: Context) -> Body:
    """As cancel_job, but a started job is stopped."""
    return _ask_one(TerminateRequested, params, ctx)


@writes
def cancel_jobs(params: dict[str, Any], ctx: Context) -> Body:
    """`{successful, errors}`; jobs not found count as successful."""
    return _ask_many(CancelRequested, params, ctx)


@writes
def terminate_jobs(params: dict[str, Any], ctx: Context) -> Body:
    """As cancel_jobs, but started jobs are stopped."""
    return _ask_many(TerminateRequested, params, ctx)


def _ask_one(request: _Request, params: Mapping[str, Any], ctx: Context) -> Body:
    if not params["jobId"]:
        raise client_exception("jobId must not be empty")
    validate_reason(params["reason"])
    _ask(request, job_id_of(params["jobId"]), params["reason"], ctx)
    return {}


def _ask_many(request: _Request, params: Mapping[str, Any], ctx: Context) -> Body:
    jobs: Sequence[str] = params["jobs"]
    validate_jobs(jobs)
    validate_reason(params["reason"])
    successful, errors = [], []
    for text in jobs:
        job_id = job_id_of(text)
        if is_job_id(job_id):
            _ask(request, job_id, params["reason"], ctx)
            successful.append(text)
        else:
            errors.append({"job": text, "code": "ValidationException", "message": f"{text} is not a job id"})
    return {"successful": successful, "errors": errors}


def _ask(request: _Request, job_id: str, reason: str, ctx: Context) -> None:
    status = ctx.tx.jobs.status_of(job_id)
    if status is not None and status not in FINAL:
        ctx.tx.journal.append(request(job_id, reason))


def validate_jobs(jobs: Sequence[str]) -> None:
    if not 1 <= len(jobs) <= _MOST_JOBS:
        raise client_exception(f"jobs must have 1 to {_MOST_JOBS} entries")


def validate_reason(reason: str) -> None:
    if not 1 <= len(reason) <= _LONGEST_REASON:
        raise client_exception(f"reason must have 1 to {_LONGEST_REASON} characters")
