"""The operations on compute environments. [batch.md 6]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.scheduler.events import EnvironmentDeleted, EnvironmentSaved
from batchd.services.batch.environment_rules import (
    validate_environment,
    validate_resources,
    validate_resources_update,
    validate_unmanaged_vcpus,
)
from batchd.services.batch.environment_shapes import (
    changed_environment,
    changed_resources,
    environment_body,
    environment_spec,
    new_environment,
)
from batchd.services.batch.faults import Invalid, client_exception, wrapping
from batchd.services.batch.listing import described, existing, with_token
from batchd.services.batch.names import ENVIRONMENT, QUEUE, check_name, resource_arn
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


@writes
@wrapping
def create_compute_environment(params: batch.CreateComputeEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """VALID at once."""
    name = params["computeEnvironmentName"]
    check_name("Compute environment name", name)
    validate_environment(params)
    tags = validate_tags(params.get("tags", {}))
    key = Key(ENVIRONMENT, ctx.region, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    arn = resource_arn(ctx, ENVIRONMENT, name)
    _save(ctx, key, new_environment(params, arn, ctx.account, tags))
    return {"computeEnvironmentName": name, "computeEnvironmentArn": arn}


@reads
def describe_compute_environments(
    params: batch.DescribeComputeEnvironmentsRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    page, token = described(ctx, ENVIRONMENT, params.get("computeEnvironments", ()), params)
    return with_token({"computeEnvironments": page}, token)


@writes
@wrapping
def update_compute_environment(params: batch.UpdateComputeEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """Takes effect at once; running jobs go on. [batch.md 6.5]"""
    key, aws = existing(ctx, ENVIRONMENT, params["computeEnvironment"])
    _validate_update(aws, params)
    _save(ctx, key, changed_environment(aws, params))
    return {"computeEnvironmentName": key.name, "computeEnvironmentArn": aws["computeEnvironmentArn"]}


@writes
def delete_compute_environment(params: batch.DeleteComputeEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """Gone at once. It must be DISABLED and in no queue's order. [batch.md 6.6]"""
    key, aws = existing(ctx, ENVIRONMENT, params["computeEnvironment"])
    arn = aws["computeEnvironmentArn"]
    if aws["state"] != "DISABLED":
        raise client_exception("Cannot delete, compute environment state must be DISABLED")
    queues = ctx.tx.resources.page(QUEUE, ctx.region)
    if any(arn in queue["spec"]["environments"] for _, queue in queues):
        raise client_exception("Cannot delete, found existing JobQueue relationship")
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


def _save(ctx: Context, key: Key, aws: Body) -> None:
    ctx.tx.resources.put(key, environment_body(aws))
    ctx.tx.journal.append(EnvironmentSaved(environment_spec(aws)))
