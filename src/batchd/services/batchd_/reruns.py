"""RerunJob: what failed, again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, writes
from batchd.scheduler.children import new_children
from batchd.scheduler.events import FINAL, Claim, JobSpec, JobStatus, JobSubmitted
from batchd.services.batchd_.faults import client_exception
from batchd.store.reruns import RERUN_OF
from batchd.store.store import Body, ChildCounts, JobRow, Key
from batchd.task import decode_tasks

_LOG_GROUP = "logs.group"
_CONSUMABLE = "batch.consumable-resource"
_ONCE = "batchd:client-token"  # a tag that is the first submit's alone


@writes
def rerun_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Submit a job that failed again, as it was; of an array only the children that failed. Nothing is waited for: what
    it depended on has ended. ClientException for a job that is unknown, has not ended, succeeded or is part of another,
    and for a queue that takes no jobs."""
    old, spec = _failed(ctx, params["jobId"])
    _demand_queue(ctx, old.queue)
    _ensure_log_groups(ctx, old)
    job_id = ctx.new_id()
    claims = tuple(_claims(ctx, spec, job_id))
    spec = replace(spec, job_id=job_id, depends_on=(), succeeded=_succeeded(ctx, old), claims=claims)
    row = JobRow(
        job_id=spec.job_id,
        region=old.region,
        queue=old.queue,
        name=old.name,
        definition=old.definition,
        created_at=ctx.now_ms,
        document=_document(old),
        task=old.task,
        tags={key: value for key, value in old.tags.items() if key != _ONCE},
        children=_children(spec, ctx.now_ms),
    )
    ctx.tx.jobs.insert(row, spec)
    ctx.tx.journal.append(JobSubmitted(spec))
    answer = {"jobArn": ctx.arn("batch", f"job/{spec.job_id}"), "jobName": row.name, "jobId": spec.job_id}
    return answer if row.children is None else {**answer, "children": row.children.by_status[0]}


def _claims(ctx: Context, spec: JobSpec, job_id: str) -> Iterator[Claim]:
    """What the job of this id needs: as the old one did, but for a limit of its own. ClientException where a consumable
    resource is gone."""
    for claim in spec.claims:
        arn = parse_arn(claim.pool) if claim.limit is None else None
        if arn is not None and ctx.tx.resources.get(Key(_CONSUMABLE, arn.region, arn.name)) is None:
            raise client_exception(f"ConsumableResource {arn.name} does not exist")
        yield replace(claim, pool=job_id) if claim.pool == spec.job_id else claim


def _failed(ctx: Context, text: str) -> tuple[JobRow, JobSpec]:
    """The job of this id or ARN. Service jobs are no jobs to the operations on jobs."""
    arn = parse_arn(text)
    job_id = arn.name if arn else text
    row = ctx.tx.jobs.get(job_id)
    if row is None or row.region != ctx.region or row.is_service:
        raise client_exception(f"Job {job_id} does not exist")
    spec = ctx.tx.jobs.spec_of(job_id)
    if spec is None:
        raise client_exception(f"Job {job_id} is part of another job: run that one again")
    if row.status not in FINAL:
        raise client_exception(f"Job {job_id} is {row.status}: only a job that has ended can be run again")
    if row.status is JobStatus.SUCCEEDED:
        raise client_exception(f"Job {job_id} is SUCCEEDED: there is nothing to run again")
    return row, spec


def _demand_queue(ctx: Context, arn: str) -> None:
    """In the words of SubmitJob."""
    queues = ctx.call("batch", "DescribeJobQueues", {"jobQueues": [arn]})["jobQueues"]
    name = arn.rpartition("/")[2]
    if not queues:
        raise client_exception(f"JobQueue {name} not found.")
    if queues[0]["state"] != "ENABLED":
        raise client_exception(f"JobQueue {name} is in DISABLED state. Only ENABLED JobQueues accept jobs.")


def _ensure_log_groups(ctx: Context, old: JobRow) -> None:
    """The output must have its place as at the first submit; in another region that is the operator's business."""
    for container in [one for task in decode_tasks(old.task) for one in task.containers]:
        log = container.log
        if log and log.region == ctx.region and ctx.tx.resources.get(Key(_LOG_GROUP, log.region, log.group)) is None:
            ctx.call("logs", "CreateLogGroup", {"logGroupName": log.group})


def _succeeded(ctx: Context, old: JobRow) -> tuple[tuple[int, int], ...]:
    """The children that need not run again, as ranges (first, behind the last)."""
    if old.children is None:
        return ()
    return tuple(_between(ctx.tx.jobs.failed_children(old.job_id), old.children.size))


def _between(ranges: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """What ranges in order leave out of the first `size` numbers."""
    after = 0
    for first, behind in ranges:
        if after < first:
            yield after, first
        after = behind
    if after < size:
        yield after, size


def _document(old: JobRow) -> Body:
    return {**old.document, "aws": {**old.document["aws"], "dependsOn": []}, RERUN_OF: old.job_id}


def _children(spec: JobSpec, now: int) -> ChildCounts | None:
    return ChildCounts(tuple(new_children(spec.size, spec.succeeded).counts), now) if spec.size else None
