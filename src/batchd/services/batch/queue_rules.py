"""What a job queue may be. Pure. [batch.md 5.1, 5.3]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchd.quotas import exceeds
from batchd.services.batch.clusters import is_on_eks
from batchd.services.batch.environment_rules import is_fargate
from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.instance_types import architectures

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_TIME_LIMIT_REASONS = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
)

_SERVICE_TIME_LIMIT_REASONS = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:QUOTA_MANAGEMENT_LIMIT_EXCEEDED",
)


def validate_priority(priority: int | None) -> None:
    if priority is not None and priority < 0:
        raise Invalid("priority must not be negative")


def validate_order(order: Sequence[Shape], most: int) -> None:
    """computeEnvironmentOrder by itself: at least one entry, each environment and each position once."""
    if not order:
        raise Invalid("At least 1 compute environment must be provided")
    if exceeds(len(order), most):
        raise Invalid(f"computeEnvironmentOrder must have at most {most} compute environments")
    for member in ("order", "computeEnvironment"):
        if len({entry[member] for entry in order}) < len(order):
            raise Invalid(f"computeEnvironmentOrder must not repeat a value of {member}")


def validate_environments(environments: Sequence[Shape]) -> None:
    """What may stand in one order (AWS shapes): none that is INVALID, and one architecture."""
    for environment in environments:
        if environment["status"] == "INVALID":
            raise client_exception(f"ComputeEnvironment {environment['computeEnvironmentName']} is INVALID")
    names = [name for e in environments for name in e.get("computeResources", {}).get("instanceTypes", ())]
    if len(architectures(names)) > 1:
        raise Invalid("compute environments of a job queue must have the same CPU architecture")


def queue_type(environments: Sequence[Shape]) -> str:
    """jobQueueType of a queue of these environments (AWS shapes). Raises Invalid where they do not mix."""
    kinds = {_type_of(environment) for environment in environments}
    if len(kinds) > 1 and "EKS" in kinds:
        raise Invalid("compute environments of a job queue must be all on Amazon ECS or all on Amazon EKS")
    if len(kinds) > 1:
        raise Invalid("compute environments of a job queue must be all EC2 or SPOT, or all FARGATE or FARGATE_SPOT")
    return kinds.pop()


def _type_of(environment: Shape) -> str:
    if is_on_eks(environment):
        return "EKS"
    return "ECS_FARGATE" if is_fargate(environment.get("computeResources", {"type": "EC2"})) else "ECS"


def validate_time_limits(actions: Sequence[Shape], *, for_service_jobs: bool) -> None:
    """jobStateTimeLimitActions: `reason` is a matcher, one of a few; service jobs are terminated, others cancelled."""
    reasons = _SERVICE_TIME_LIMIT_REASONS if for_service_jobs else _TIME_LIMIT_REASONS
    wanted = "TERMINATE" if for_service_jobs else "CANCEL"
    for action in actions:
        if action["reason"] not in reasons:
            raise client_exception("Invalid job reason")
        if not 600 <= action["maxTimeSeconds"] <= 86400:
            raise Invalid("jobStateTimeLimitActions.maxTimeSeconds must be between 600 and 86400")
        if action["action"] != wanted:
            raise Invalid(f"jobStateTimeLimitActions.action must be {wanted}")
