"""SubmitJob, for single-container jobs. [batch.md 3]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, writes
from batchd.quotas import Quotas, exceeds
from batchd.scheduler.events import FINAL, Dependency, JobSpec, JobSubmitted
from batchd.services.batch.faults import Invalid, client_exception, refuse_unsupported, unsupported, wrapping
from batchd.services.batch.merge import validate_overrides
from batchd.services.batch.names import QUEUE, check_name, job_id_of, key_of
from batchd.services.batch.resolve import Resolved, resolve_job
from batchd.services.batch.retry import validate_retry_strategy, validate_timeout
from batchd.services.batch.revisions import find_active
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, JobRow, Key
from batchd.task import LogDestination

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_LOG_GROUP = "logs.group"
_UNSUPPORTED = (
    "arrayProperties",
    "nodeOverrides",
    "ecsPropertiesOverride",
    "eksPropertiesOverride",
    "consumableResourcePropertiesOverride",
)


@writes
@wrapping
def submit_job(params: batch.SubmitJobRequestTypeDef, ctx: Context) -> Body:
    """Writes the job and tells the scheduler; the answer says nothing of when it will run."""
    tags = _validate(params, ctx.deployment.quotas)
    queue = _queue(ctx, params["jobQueue"])
    definition = _definition(ctx, params["jobDefinition"])
    depends_on = _dependencies(ctx, params.get("dependsOn", ()))
    _validate_state(queue, definition, params)
    job = resolve_job(definition, params, ctx.region)
    _ensure_log_group(ctx, job.log)
    job_id = ctx.new_id()
    spec = JobSpec(
        job_id=job_id,
        queue=queue["jobQueueArn"],
        resources=job.wanted,
        attempts=job.attempts,
        exit_rules=job.exit_rules,
        timeout_s=job.timeout_s,
        depends_on=depends_on,
    )
    row = JobRow(
        job_id=job_id,
        region=ctx.region,
        queue=spec.queue,
        name=params["jobName"],
        definition=definition["jobDefinitionArn"],
        created_at=ctx.now_ms,
        document=_document(job, queue),
        task=job.task,
        tags=tags,
    )
    ctx.tx.jobs.insert(row, spec)
    ctx.tx.journal.append(JobSubmitted(spec))
    return {"jobArn": ctx.arn("batch", f"job/{job_id}"), "jobName": row.name, "jobId": job_id}


def _validate(params: Mapping[str, Any], quotas: Quotas) -> dict[str, str]:
    """Names and ranges, which need nothing but the request. Returns the tags."""
    check_name("Job name", params["jobName"])
    refuse_unsupported({member: params.get(member) for member in _UNSUPPORTED})
    if "retryStrategy" in params:
        validate_retry_strategy(params["retryStrategy"])
    if "timeout" in params:
        validate_timeout(params["timeout"])
    if "containerOverrides" in params:
        validate_overrides(params["containerOverrides"])
    if exceeds(len(orjson.dumps(params)), quotas.submit_job_bytes):
        raise Invalid(f"Job must not be larger than {quotas.submit_job_bytes} bytes")
    return validate_tags(params.get("tags", {}), quotas.tags_per_resource)


def _queue(ctx: Context, text: str) -> Body:
    body = ctx.tx.resources.get(key_of(ctx, QUEUE, text))
    if body is None:
        raise client_exception(f"JobQueue {text} not found.")
    aws: Body = body["aws"]
    return aws


def _definition(ctx: Context, text: str) -> Body:
    body = find_active(ctx, text)
    if body is None:
        raise client_exception(f"JobDefinition name {text} does not exist or is not in ACTIVE status")
    aws: Body = body["aws"]
    return aws


def _dependencies(ctx: Context, wanted: Sequence[batch.JobDependencyTypeDef]) -> tuple[Dependency, ...]:
    """The jobs to wait for, each once, with the outcome of those that have ended."""
    most = ctx.deployment.quotas.dependencies_per_job
    if exceeds(len(wanted), most):
        raise Invalid(f"Job cannot have more than {most} dependencies")
    found = {}
    for one in wanted:
        if one.get("type"):
            unsupported(f"dependsOn.type {one['type']}")  # array jobs only
        job_id = job_id_of(one.get("jobId", ""))
        status = ctx.tx.jobs.status_of(job_id) if job_id else None
        if status is None:
            raise client_exception(f"Dependent job {job_id} does not exist")
        found[job_id] = Dependency(job_id, status if status in FINAL else None)
    return tuple(found.values())


def _validate_state(queue: Body, definition: Body, params: batch.SubmitJobRequestTypeDef) -> None:
    """What the queue says of this job."""
    if queue["state"] != "ENABLED":
        name = queue["jobQueueName"]
        raise client_exception(f"JobQueue {name} is in DISABLED state. Only ENABLED JobQueues accept jobs.")
    needed = "FARGATE" if queue["jobQueueType"] == "ECS_FARGATE" else "EC2"
    capabilities = definition.get("platformCapabilities") or ["EC2"]
    if needed not in capabilities:
        raise client_exception(
            f"Job Queue is attached to Compute Environment that can not run Jobs with capability {capabilities[0]}"
        )
    if params.get("shareIdentifier") or "schedulingPriorityOverride" in params:
        raise client_exception(
            "Job with shareIdentifier or schedulingPriority can onlybe submitted to job queue "
            "with fair share scheduling policy."
        )


def _ensure_log_group(ctx: Context, log: LogDestination) -> None:
    """A job's output must have a place: the group is created where AWS would let the job fail."""
    if ctx.tx.resources.get(Key(_LOG_GROUP, log.region, log.group)) is not None:
        return
    if log.region != ctx.region:
        raise client_exception(f"logConfiguration: log group {log.group} does not exist in {log.region}")
    ctx.call("logs", "CreateLogGroup", {"logGroupName": log.group})


def _document(job: Resolved, queue: Body) -> Body:
    """What DescribeJobs needs beside the row's own columns."""
    return {"aws": job.shape, "log_prefix": job.log.stream, "queue_type": queue["jobQueueType"]}
