"""The operations on job queues. [batch.md 5]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.scheduler.events import QueueDeleted
from batchd.services.batch.attached import find_policy, replaced_policy, save_queue
from batchd.services.batch.counting import check_count
from batchd.services.batch.faults import client_exception, wrapping
from batchd.services.batch.listing import described, existing, with_token
from batchd.services.batch.names import ENVIRONMENT, QUEUE, check_name, resource_arn
from batchd.services.batch.queue_rules import (
    queue_type,
    validate_environments,
    validate_order,
    validate_priority,
    validate_time_limits,
)
from batchd.services.batch.quota_shapes import delete_shares
from batchd.services.batch.service_queues import (
    is_for_service_jobs,
    service_order,
    validate_one_kind,
    validate_service_queue,
)
from batchd.services.batch.service_rules import QUEUE_TYPE
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


@writes
@wrapping
def create_job_queue(params: batch.CreateJobQueueRequestTypeDef, ctx: Context) -> Body:
    """VALID at once; takes jobs at once unless created DISABLED."""
    name = params["jobQueueName"]
    check_name("Job queue name", name)
    serves = is_for_service_jobs(params)
    _validate(params, for_service_jobs=serves)
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    order, kind = _order(ctx, params, for_service_jobs=serves)
    if params.get("jobQueueType", kind) != kind:
        raise client_exception(f"jobQueueType of these compute environments is {kind}")
    key = Key(QUEUE, ctx.region, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    check_count(ctx, QUEUE, ctx.deployment.quotas.job_queues)
    arn = resource_arn(ctx, QUEUE, name)
    policy = params.get("schedulingPolicyArn")
    aws = {
        "jobQueueName": name,
        "jobQueueArn": arn,
        "state": params.get("state", "ENABLED"),
        "status": "VALID",
        "statusReason": "JobQueue Healthy",
        **({"schedulingPolicyArn": find_policy(ctx, policy, for_service_jobs=serves)} if policy else {}),
        "priority": params["priority"],
        **order,
        "jobQueueType": kind,
        "tags": tags,
        "jobStateTimeLimitActions": list(params.get("jobStateTimeLimitActions", ())),
    }
    validate_service_queue(ctx, aws)
    save_queue(ctx, key, aws)
    return {"jobQueueName": name, "jobQueueArn": arn}


@reads
def describe_job_queues(params: batch.DescribeJobQueuesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    page, token = described(ctx, QUEUE, params.get("jobQueues", ()), params)
    return with_token({"jobQueues": page}, token)


@writes
@wrapping
def update_job_queue(params: batch.UpdateJobQueueRequestTypeDef, ctx: Context) -> Body:
    """Takes effect at once; members left out stay."""
    key, present = existing(ctx, QUEUE, params["jobQueue"])
    aws = dict(present)
    serves = aws["jobQueueType"] == QUEUE_TYPE
    _validate(params, for_service_jobs=serves)
    for member in ("state", "priority", "jobStateTimeLimitActions"):
        if member in params:
            aws[member] = params[member]
    policy = params.get("schedulingPolicyArn")
    if policy or (policy is not None and "schedulingPolicyArn" in aws):
        aws["schedulingPolicyArn"] = replaced_policy(ctx, aws, policy)
    if params.get("computeEnvironmentOrder") or params.get("serviceEnvironmentOrder"):
        order, aws["jobQueueType"] = _order(ctx, params, for_service_jobs=serves)
        aws.update(order)
    validate_service_queue(ctx, aws)
    save_queue(ctx, key, aws)
    return {"jobQueueName": key.name, "jobQueueArn": aws["jobQueueArn"]}


@writes
def delete_job_queue(params: batch.DeleteJobQueueRequestTypeDef, ctx: Context) -> Body:
    """Gone at once, with its quota shares; the scheduler ends its jobs. It must be DISABLED."""
    key, aws = existing(ctx, QUEUE, params["jobQueue"])
    if aws["state"] != "DISABLED":
        raise client_exception("Cannot delete, job queue state must be DISABLED")
    delete_shares(ctx, key.name)
    ctx.tx.resources.delete(key)
    ctx.tx.journal.append(QueueDeleted(aws["jobQueueArn"]))
    return {}


def _validate(params: Mapping[str, Any], *, for_service_jobs: bool) -> None:
    """What a create and an update have in common."""
    validate_priority(params.get("priority"))
    validate_time_limits(params.get("jobStateTimeLimitActions", ()), for_service_jobs=for_service_jobs)


def _order(ctx: Context, params: Mapping[str, Any], *, for_service_jobs: bool) -> tuple[Body, str]:
    """The queue's members that say where its jobs run, and its type."""
    validate_one_kind(params, for_service_jobs=for_service_jobs)
    if for_service_jobs:
        order = service_order(ctx, params.get("serviceEnvironmentOrder", ()))
        return {"computeEnvironmentOrder": [], "serviceEnvironmentOrder": order}, QUEUE_TYPE
    order, kind = _environments(ctx, params.get("computeEnvironmentOrder", ()))
    return {"computeEnvironmentOrder": order}, kind


def _environments(ctx: Context, order: Sequence[batch.ComputeEnvironmentOrderTypeDef]) -> tuple[list[Body], str]:
    """The order as stored (ascending, ARNs) and the queue's type. Raises ClientException for an unknown one."""
    found = []
    environments = []
    for entry in sorted(order, key=lambda e: e["order"]):
        _, environment = existing(ctx, ENVIRONMENT, entry["computeEnvironment"])
        environments.append(environment)
        found.append({"order": entry["order"], "computeEnvironment": environment["computeEnvironmentArn"]})
    validate_order(found, ctx.deployment.quotas.environments_per_queue)
    validate_environments(environments)
    return found, queue_type(environments)
