"""The operations on compute environments. [batch.md 6]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.scheduler.events import EnvironmentDeleted, EnvironmentSaved
from batchd.services.batch.clusters import validate_cluster
from batchd.services.batch.counting import check_count
from batchd.services.batch.environment_health import fault_of
from batchd.services.batch.environment_rules import (
    is_fargate,
    replaces_machines,
    validate_environment,
    validate_resources,
    validate_resources_update,
    validate_unmanaged_vcpus,
)
from batchd.services.batch.environment_scaling import as_reported
from batchd.services.batch.environment_shapes import (
    changed_environment,
    changed_resources,
    environment_body,
    environment_spec,
    new_environment,
    with_health,
)
from batchd.services.batch.faults import Invalid, client_exception, wrapping
from batchd.services.batch.listing import described_bodies, existing_body, with_token
from batchd.services.batch.names import ENVIRONMENT, QUEUE, check_name, resource_arn
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_MINUTE_MS = 60_000
_EXECUTION_TIMEOUT_MINUTES = 30  # AWS's default of updatePolicy.jobExecutionTimeoutMinutes


@writes
@wrapping
def create_compute_environment(params: batch.CreateComputeEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """VALID or INVALID at once."""
    name = params["computeEnvironmentName"]
    check_name("Compute environment name", name)
    validate_environment(params)
    validate_cluster(params)
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    key = Key(ENVIRONMENT, ctx.region, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    check_count(ctx, ENVIRONMENT, ctx.deployment.quotas.compute_environments)
    arn = resource_arn(ctx, ENVIRONMENT, name)
    aws = new_environment(params, arn, ctx.account, tags)
    _save(ctx, key, environment_body(with_health(aws, fault_of(ctx, aws)), desired_at=ctx.now_ms))
    return {"computeEnvironmentName": name, "computeEnvironmentArn": arn}


@reads
def describe_compute_environments(
    params: batch.DescribeComputeEnvironmentsRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    page, token = described_bodies(ctx, ENVIRONMENT, params.get("computeEnvironments", ()), params)
    return with_token({"computeEnvironments": [as_reported(ctx, body) for body in page]}, token)


@writes
@wrapping
def update_compute_environment(params: batch.UpdateComputeEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """Takes effect at once, and repairs what was INVALID. Where machines are replaced the environment is UPDATING for
    as long as jobs run that began before. [batch.md 6.1, 6.5]"""
    key, body = existing_body(ctx, ENVIRONMENT, params["computeEnvironment"])
    aws = as_reported(ctx, body)
    if aws["status"] == "UPDATING":
        raise client_exception("Cannot update, resource is being modified.")
    _validate_update(aws, params)
    changed = changed_environment(aws, params)
    more = {"desired_at": body.get("desired_at", 0)}
    changes = params.get("computeResources", {})
    if "desiredvCpus" in changes:
        more["desired_at"] = ctx.now_ms
    fault = fault_of(ctx, changed)
    saved = environment_body(with_health(changed, fault), **more)
    if fault is None and changes and replaces_machines(aws["computeResources"], changes):
        saved = _replacing(ctx, saved)
    _save(ctx, key, saved)
    return {"computeEnvironmentName": key.name, "computeEnvironmentArn": aws["computeEnvironmentArn"]}


@writes
def delete_compute_environment(params: batch.DeleteComputeEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """Gone at once. It must be DISABLED and in no queue's order; one on Fargate must have no jobs, else it stays and
    is INVALID. [batch.md 6.6]"""
    key, body = existing_body(ctx, ENVIRONMENT, params["computeEnvironment"])
    aws = body["aws"]
    arn = aws["computeEnvironmentArn"]
    if aws["status"] == "UPDATING":
        raise client_exception("Cannot delete, resource is being modified")
    if aws["state"] != "DISABLED":
        raise client_exception("Cannot delete, compute environment state must be DISABLED")
    queues = ctx.tx.resources.page(QUEUE, ctx.region)
    if any(arn in queue["spec"]["environments"] for _, queue in queues):
        raise client_exception("Cannot delete, found existing JobQueue relationship")
    if is_fargate(aws.get("computeResources", {"type": "EC2"})) and _is_busy(ctx, arn):
        fault = "CLIENT_ERROR - Cannot delete, jobs are still running on the Fargate resources"
        _save(ctx, key, environment_body(with_health(aws, fault)))
        return {}
    ctx.tx.resources.delete(key)
    ctx.tx.journal.append(EnvironmentDeleted(arn))
    return {}


def _validate_update(aws: Body, params: batch.UpdateComputeEnvironmentRequestTypeDef) -> None:
    validate_unmanaged_vcpus(params.get("unmanagedvCpus"), unmanaged=aws["type"] == "UNMANAGED")
    changes = params.get("computeResources")
    if changes is None:
        return
    current = aws.get("computeResources")
    if current is None:
        raise Invalid("computeResources must not be provided for an UNMANAGED compute environment.")
    validate_resources_update(current, changes, params.get("serviceRole") or aws["serviceRole"])
    validate_resources(changed_resources(current, changes))


def _replacing(ctx: Context, body: Body) -> Body:
    """UPDATING, if jobs run: controllers/replacement ends them in time, and the update with the last of them."""
    aws = body["aws"]
    if not _is_busy(ctx, aws["computeEnvironmentArn"]):
        return body
    policy = aws.get("updatePolicy") or {}
    minutes = policy.get("jobExecutionTimeoutMinutes", _EXECUTION_TIMEOUT_MINUTES)
    until = ctx.now_ms if policy.get("terminateJobsOnUpdate") else ctx.now_ms + minutes * _MINUTE_MS
    updating = aws | {"status": "UPDATING", "statusReason": "ComputeEnvironment is being updated"}
    return body | {"aws": updating, "replacing": {"since": ctx.now_ms, "until": until}}


def _is_busy(ctx: Context, arn: str) -> bool:
    return ctx.deployment.environment_vcpus(arn, ctx.now_ms) > 0


def _save(ctx: Context, key: Key, body: Body) -> None:
    ctx.tx.resources.put(key, body)
    ctx.tx.journal.append(EnvironmentSaved(environment_spec(body["aws"])))
