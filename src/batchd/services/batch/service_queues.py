"""Job queues for service jobs: jobQueueType SAGEMAKER_TRAINING, on one service environment. [batch.md 5.1, 7.9]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context
from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.listing import existing
from batchd.services.batch.names import POLICY, QUEUE, SERVICE_ENVIRONMENT
from batchd.services.batch.service_limits import counts_all
from batchd.services.batch.service_rules import QUEUE_TYPE
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


def is_for_service_jobs(params: Mapping[str, Any]) -> bool:
    """Whether a CreateJobQueue asks for such a queue."""
    return bool(params.get("serviceEnvironmentOrder")) or params.get("jobQueueType") == QUEUE_TYPE


def validate_one_kind(params: Mapping[str, Any], *, for_service_jobs: bool) -> None:
    """A queue has compute environments or service environments, for ever. Raises Invalid."""
    other = "computeEnvironmentOrder" if for_service_jobs else "serviceEnvironmentOrder"
    if params.get(other):
        raise Invalid(f"{other} can not be specified for a job queue of this type")


def service_order(ctx: Context, order: Sequence[batch.ServiceEnvironmentOrderTypeDef]) -> list[Body]:
    """The order as stored, with ARNs. Raises ClientException for an unknown one, Invalid unless there is one."""
    if len(order) != 1:
        raise Invalid("serviceEnvironmentOrder must have one service environment")
    _, environment = existing(ctx, SERVICE_ENVIRONMENT, order[0]["serviceEnvironment"])
    return [{"order": order[0]["order"], "serviceEnvironment": environment["serviceEnvironmentArn"]}]


def validate_service_queue(ctx: Context, queue: Body) -> None:
    """Whether a queue (AWS shape) of service jobs, its policy and its environment suit each other; nothing of others.

    Quota shares need limits for each instance type, in an environment that no other queue has. Raises ClientException.
    """
    if queue["jobQueueType"] != QUEUE_TYPE:
        return
    arn = queue["serviceEnvironmentOrder"][0]["serviceEnvironment"]
    _, environment = existing(ctx, SERVICE_ENVIRONMENT, arn)
    name, has_shares = environment["serviceEnvironmentName"], _has_quota_shares(ctx, queue)
    if has_shares is counts_all(environment["capacityLimits"]):
        wanted = "instance types" if has_shares else "NUM_INSTANCES"
        raise client_exception(f"ServiceEnvironment {name} must have capacityLimits of {wanted} for this job queue")
    specs = (body["spec"] for _, body in ctx.tx.resources.page(QUEUE, ctx.region))
    others = (spec for spec in specs if arn in spec["environments"] and spec["arn"] != queue["jobQueueArn"])
    if has_shares and any(others):
        raise client_exception(f"ServiceEnvironment {name} is connected to another job queue")


def _has_quota_shares(ctx: Context, queue: Body) -> bool:
    policy = queue.get("schedulingPolicyArn")
    return policy is not None and "quotaSharePolicy" in existing(ctx, POLICY, policy)[1]
