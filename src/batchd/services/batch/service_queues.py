"""Job queues for service jobs: jobQueueType SAGEMAKER_TRAINING, on one service environment. [batch.md 5.1, 7.9]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context
from batchd.services.batch.faults import Invalid
from batchd.services.batch.listing import existing
from batchd.services.batch.names import SERVICE_ENVIRONMENT
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
