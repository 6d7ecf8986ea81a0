"""SubmitJob, for jobs by themselves, arrays of them and jobs of several nodes. [batch.md 3]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, writes
from batchd.quotas import Quotas, exceeds
from batchd.scheduler.events import JobSpec, JobStatus, JobSubmitted
from batchd.services.batch import client_tokens, concurrency
from batchd.services.batch.clusters import clusters_of
from batchd.services.batch.dependencies import find_dependencies
from batchd.services.batch.documents import work_document
from batchd.services.batch.faults import Invalid, client_exception, wrapping
from batchd.services.batch.gangs import claims_of, gang_of, validate_gang
from batchd.services.batch.inputs import find_inputs
from batchd.services.batch.kinds import NODES
from batchd.services.batch.merge import validate_overrides
from batchd.services.batch.names import QUEUE, check_name, key_of
from batchd.services.batch.node_rules import validate_node_overrides
from batchd.services.batch.resolve import Resolved, resolve_job
from batchd.services.batch.retry import validate_retry_strategy, validate_timeout
from batchd.services.batch.revisions import find_active
from batchd.services.batch.sharing import Place, find_place, validate_place
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, ChildCounts, JobRow, Key
from batchd.task import LogDestination

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_LOG_GROUP = "logs.group"
_SMALLEST_ARRAY = 2
# What a queue's type asks of a definition, if not EC2; no definition has the last one.
_CAPABILITIES = {"ECS_FARGATE": "FARGATE", "EKS": "EKS", "SAGEMAKER_TRAINING": "SAGEMAKER_TRAINING"}


@writes
@wrapping
def submit_job(params: batch.SubmitJobRequestTypeDef, ctx: Context) -> Body:
    """Writes the job and tells the scheduler; the answer says nothing of when it will run."""
    tags = _validate(params, ctx.deployment.quotas)
    token = tags.get(client_tokens.TAG)
    if token is None:
        return _submit(params, tags, ctx)
    return client_tokens.once(ctx, token, params, lambda: _submit(params, tags, ctx))


def _submit(params: batch.SubmitJobRequestTypeDef, tags: dict[str, str], ctx: Context) -> Body:
    found = _queue(ctx, params["jobQueue"])
    queue = found["aws"]
    definition = _definition(ctx, params["jobDefinition"])
    size = _array_size(params, ctx.deployment.quotas)
    waits = find_dependencies(ctx, params.get("dependsOn", ()), size)
    _validate_state(queue, definition)
    if NODES in definition:
        validate_gang(ctx, queue, size)
    job = resolve_job(definition, params, ctx.region, find_inputs(ctx, waits.depends_on, definition, params))
    for log in job.work.logs():
        _ensure_log_group(ctx, log)
    place = find_place(ctx, found, definition, params)
    job_id = ctx.new_id()
    limits = concurrency.claims_of(ctx, job_id, size, tags) if tags else ()
    spec = JobSpec(
        job_id=job_id,
        queue=queue["jobQueueArn"],
        resources=job.work.wanted,
        attempts=job.attempts,
        exit_rules=job.exit_rules,
        timeout_s=job.timeout_s,
        depends_on=waits.depends_on,
        size=size,
        sequential=waits.sequential,
        after_any=waits.after_any,
        share=place.share,
        priority=place.priority,
        claims=(*claims_of(ctx, job), *limits),
        definition=definition["jobDefinitionArn"],
        gang=gang_of(job),
    )
    row = JobRow(
        job_id=job_id,
        region=ctx.region,
        queue=spec.queue,
        name=params["jobName"],
        definition=spec.definition,
        created_at=ctx.now_ms,
        document=_document(ctx, job, queue, place),
        task=job.task,
        tags=tags,
        children=_children(size, ctx.now_ms),
    )
    ctx.tx.jobs.insert(row, spec)
    ctx.tx.journal.append(JobSubmitted(spec))
    return {"jobArn": ctx.arn("batch", f"job/{job_id}"), "jobName": row.name, "jobId": job_id}


def _validate(params: Mapping[str, Any], quotas: Quotas) -> dict[str, str]:
    """Names and ranges, which need nothing but the request. Returns the tags."""
    check_name("Job name", params["jobName"])
    if "retryStrategy" in params:
        validate_retry_strategy(params["retryStrategy"])
    if "timeout" in params:
        validate_timeout(params["timeout"])
    if "containerOverrides" in params:
        validate_overrides(params["containerOverrides"])
    if "nodeOverrides" in params:
        validate_node_overrides(params["nodeOverrides"], quotas)
    validate_place(params)
    if exceeds(len(orjson.dumps(params)), quotas.submit_job_bytes):
        raise Invalid(f"Job must not be larger than {quotas.submit_job_bytes} bytes")
    overrides = params.get("containerOverrides") or params.get("ecsPropertiesOverride")
    if overrides and exceeds(len(orjson.dumps(overrides)), quotas.container_overrides_bytes):
        raise client_exception(f"Container Overrides length must be at most {quotas.container_overrides_bytes}")
    return validate_tags(params.get("tags", {}), quotas.tags_per_resource)


def _queue(ctx: Context, text: str) -> Body:
    body = ctx.tx.resources.get(key_of(ctx, QUEUE, text))
    if body is None:
        raise client_exception(f"JobQueue {text} not found.")
    return body


def _definition(ctx: Context, text: str) -> Body:
    body = find_active(ctx, text)
    if body is None:
        raise client_exception(f"JobDefinition name {text} does not exist or is not in ACTIVE status")
    aws: Body = body["aws"]
    return aws


def _array_size(params: batch.SubmitJobRequestTypeDef, quotas: Quotas) -> int:
    """0 for a job by itself; Airflow sends `arrayProperties: {}`. [batch.md 3.5]"""
    size = params.get("arrayProperties", {}).get("size")
    if size is None:
        return 0
    if size < _SMALLEST_ARRAY or exceeds(size, quotas.array_size):
        most = f" and {quotas.array_size}" if quotas.array_size else " and more"
        raise Invalid(f"arrayProperties.size must be between {_SMALLEST_ARRAY}{most}")
    return size


def _children(size: int, now: int) -> ChildCounts | None:
    """All as SUBMITTED as their array."""
    return ChildCounts((size, *[0] * (len(JobStatus) - 1)), now) if size else None


def _validate_state(queue: Body, definition: Body) -> None:
    """What the queue says of this job."""
    if queue["state"] != "ENABLED":
        name = queue["jobQueueName"]
        raise client_exception(f"JobQueue {name} is in DISABLED state. Only ENABLED JobQueues accept jobs.")
    needed = _CAPABILITIES.get(queue["jobQueueType"], "EC2")
    on_eks = definition["containerOrchestrationType"] == "EKS"
    capabilities = ["EKS"] if on_eks else definition.get("platformCapabilities") or ["EC2"]
    if needed not in capabilities:
        raise client_exception(
            f"Job Queue is attached to Compute Environment that can not run Jobs with capability {capabilities[0]}"
        )


def _ensure_log_group(ctx: Context, log: LogDestination) -> None:
    """A job's output must have a place: the group is created where AWS would let the job fail."""
    if ctx.tx.resources.get(Key(_LOG_GROUP, log.region, log.group)) is not None:
        return
    if log.region != ctx.region:
        raise client_exception(f"logConfiguration: log group {log.group} does not exist in {log.region}")
    ctx.call("logs", "CreateLogGroup", {"logGroupName": log.group})


def _document(ctx: Context, job: Resolved, queue: Body, place: Place) -> Body:
    """What DescribeJobs needs beside the row's own columns."""
    document: Body = {"aws": job.shape | place.shape, "queue_type": queue["jobQueueType"], **work_document(job.work)}
    if queue["jobQueueType"] == "EKS":
        document["clusters"] = clusters_of(ctx, queue)
    if "nodes" in document:
        document["nodes"]["address"] = ctx.deployment.node_address
    return document
