"""The operations on service environments: how many instances service jobs may take. [batch.md 7.9]"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.scheduler.events import EnvironmentDeleted, EnvironmentSaved, EnvironmentSpec
from batchd.services.batch.counting import check_count
from batchd.services.batch.faults import Invalid, client_exception, wrapping
from batchd.services.batch.listing import described, existing, with_token
from batchd.services.batch.names import QUEUE, SERVICE_ENVIRONMENT, check_name, resource_arn
from batchd.services.batch.service_limits import capacity_limits, counts_all, limits_shape
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


@writes
@wrapping
def create_service_environment(params: batch.CreateServiceEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """VALID at once."""
    name = params["serviceEnvironmentName"]
    check_name("Service environment name", name)
    limits = limits_shape(params["capacityLimits"])
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    key = Key(SERVICE_ENVIRONMENT, ctx.region, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    check_count(ctx, SERVICE_ENVIRONMENT, ctx.deployment.quotas.service_environments)
    arn = resource_arn(ctx, SERVICE_ENVIRONMENT, name)
    aws = {
        "serviceEnvironmentName": name,
        "serviceEnvironmentArn": arn,
        "serviceEnvironmentType": params["serviceEnvironmentType"],
        "state": params.get("state", "ENABLED"),
        "status": "VALID",
        "capacityLimits": limits,
        "tags": tags,
    }
    _save(ctx, key, aws)
    return {"serviceEnvironmentName": name, "serviceEnvironmentArn": arn}


@reads
def describe_service_environments(
    params: batch.DescribeServiceEnvironmentsRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    page, token = described(ctx, SERVICE_ENVIRONMENT, params.get("serviceEnvironments", ()), params)
    return with_token({"serviceEnvironments": page}, token)


@writes
@wrapping
def update_service_environment(params: batch.UpdateServiceEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """Takes effect at once; what runs beyond new limits goes on."""
    key, present = existing(ctx, SERVICE_ENVIRONMENT, params["serviceEnvironment"])
    aws = dict(present)
    if "state" in params:
        aws["state"] = params["state"]
    if "capacityLimits" in params:
        aws["capacityLimits"] = limits_shape(params["capacityLimits"])
        if counts_all(aws["capacityLimits"]) is not counts_all(present["capacityLimits"]):
            raise Invalid("capacityLimits can not change between NUM_INSTANCES and instance types")
    _save(ctx, key, aws)
    return {"serviceEnvironmentName": key.name, "serviceEnvironmentArn": aws["serviceEnvironmentArn"]}


@writes
def delete_service_environment(params: batch.DeleteServiceEnvironmentRequestTypeDef, ctx: Context) -> Body:
    """Gone at once. It must be DISABLED and in no queue's order."""
    key, aws = existing(ctx, SERVICE_ENVIRONMENT, params["serviceEnvironment"])
    arn = aws["serviceEnvironmentArn"]
    if aws["state"] != "DISABLED":
        raise client_exception("Cannot delete, service environment state must be DISABLED")
    if any(arn in queue["spec"]["environments"] for _, queue in ctx.tx.resources.page(QUEUE, ctx.region)):
        raise client_exception("Cannot delete, found existing JobQueue relationship")
    ctx.tx.resources.delete(key)
    ctx.tx.journal.append(EnvironmentDeleted(arn))
    return {}


def _save(ctx: Context, key: Key, aws: Body) -> None:
    """The stored document: `spec` is EnvironmentSpec's fields, read by controllers at start-up."""
    available = aws["state"] == "ENABLED"
    spec = EnvironmentSpec(aws["serviceEnvironmentArn"], available, capacity=capacity_limits(aws["capacityLimits"]))
    ctx.tx.resources.put(key, {"spec": asdict(spec), "aws": aws})
    ctx.tx.journal.append(EnvironmentSaved(spec))
