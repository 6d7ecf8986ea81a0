"""SubmitServiceJob. [batch.md 7.9]"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, writes
from batchd.scheduler.events import JobSpec, JobSubmitted, ServiceSpec
from batchd.scheduler.reasons import of_sagemaker
from batchd.services.batch.client_tokens import find_use, remember_use
from batchd.services.batch.concurrency import claims_of
from batchd.services.batch.faults import client_exception, wrapping
from batchd.services.batch.names import QUEUE, key_of
from batchd.services.batch.service_payload import Training, fault_of, read_payload
from batchd.services.batch.service_places import find_service_place
from batchd.services.batch.service_rules import exit_rules, validate_queue, validate_submit
from batchd.services.batch.service_task import LOG_GROUP, task_template, wanted_of
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, JobRow, Key
from batchd.task import encode_task

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_NOUN = "service-job"
_KEPT = (
    "retryStrategy",
    "schedulingPriority",
    "serviceRequestPayload",
    "serviceJobType",
    "shareIdentifier",
    "quotaShareName",
    "preemptionConfiguration",
    "timeoutConfig",
)


@writes
@wrapping
def submit_service_job(params: batch.SubmitServiceJobRequestTypeDef, ctx: Context) -> Body:
    """Writes the job and tells the scheduler. A token that was used before is refused: that request was carried out."""
    validate_submit(params, ctx.deployment.quotas)
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    training = read_payload(params["serviceRequestPayload"])
    queue = _queue(ctx, params["jobQueue"])
    validate_queue(queue["aws"])
    place = find_service_place(ctx, queue, params)
    _spend_token(ctx, params.get("clientToken"))
    if ctx.tx.resources.get(Key("logs.group", ctx.region, LOG_GROUP)) is None:
        ctx.call("logs", "CreateLogGroup", {"logGroupName": LOG_GROUP})
    job_id = ctx.new_id()
    spec = replace(
        _spec(job_id, queue["aws"]["jobQueueArn"], training, params),
        share=place.share,
        priority=place.priority,
        claims=claims_of(ctx, job_id, 0, tags),
    )
    name = training.name or params["jobName"]
    row = JobRow(
        job_id=job_id,
        region=ctx.region,
        queue=spec.queue,
        name=params["jobName"],
        definition="",
        created_at=ctx.now_ms,
        document={"aws": _shape(training, params), "training_job": name},
        task=encode_task(task_template(training, name, ctx.region, ctx.now_ms)),
        tags=tags,
    )
    ctx.tx.jobs.insert(row, spec)
    ctx.tx.journal.append(JobSubmitted(spec))
    return {"jobArn": ctx.arn("batch", f"{_NOUN}/{job_id}"), "jobName": row.name, "jobId": job_id}


def _queue(ctx: Context, text: str) -> Body:
    body = ctx.tx.resources.get(key_of(ctx, QUEUE, text))
    if body is None:
        raise client_exception(f"JobQueue {text} not found.")
    return body


def _spend_token(ctx: Context, token: str | None) -> None:
    if not token:
        return
    name = f"{_NOUN}|{token}"  # which no tag can be
    if find_use(ctx, name) is not None:
        raise client_exception(f"A service job was already submitted with clientToken {token}")
    remember_use(ctx, name, {})


def _spec(job_id: str, queue: str, training: Training, params: batch.SubmitServiceJobRequestTypeDef) -> JobSpec:
    strategy = params.get("retryStrategy") or {"attempts": 1}
    timeout_s = params.get("timeoutConfig", {}).get("attemptDurationSeconds", training.runtime_s)
    fault = fault_of(training)
    preemptions = params.get("preemptionConfiguration", {}).get("preemptionRetriesBeforeTermination")
    return JobSpec(
        job_id=job_id,
        queue=queue,
        resources=wanted_of(training.instance),
        attempts=strategy["attempts"],
        exit_rules=exit_rules(strategy),
        timeout_s=min(timeout_s, training.runtime_s),
        service=ServiceSpec(
            training.instance_type,
            training.instance_count,
            None if fault is None else of_sagemaker(fault),
            preemptions,
        ),
    )


def _shape(training: Training, params: batch.SubmitServiceJobRequestTypeDef) -> Body:
    """The members of DescribeServiceJob that stay as they are."""
    usage = {"capacityUnit": training.instance_type, "quantity": float(training.instance_count)}
    kept: Body = {member: value for member, value in params.items() if member in _KEPT}
    return {"retryStrategy": {"attempts": 1}, **kept, "capacityUsage": [usage]}
