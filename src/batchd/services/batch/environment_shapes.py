"""Compute environments: request to document, document to what the scheduler keeps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from batchd.scheduler.events import EnvironmentSpec
from batchd.services.batch.environment_rules import Shape, is_fargate
from batchd.services.batch.instance_types import largest_shapes
from batchd.services.batch.names import cluster_arn, environment_uuid
from batchd.store.store import Body

HEALTHY = "ComputeEnvironment Healthy"
_ECHOED = ("unmanagedvCpus", "context", "ecsSettings")
_CHANGEABLE = ("state", "unmanagedvCpus", "serviceRole", "updatePolicy", "context", "ecsSettings")


def new_environment(params: Shape, arn: str, account: str, tags: dict[str, str]) -> Body:
    """The AWS shape of a valid CreateComputeEnvironment: what was sent, and what AWS adds. [batch.md 6.1, 13]"""
    aws: Body = {
        "computeEnvironmentName": params["computeEnvironmentName"],
        "computeEnvironmentArn": arn,
        **_cluster(params, arn),
        "tags": tags,
        "type": params["type"],
        "state": params.get("state", "ENABLED"),
        "status": "VALID",
        "statusReason": HEALTHY,
        "serviceRole": params.get("serviceRole") or service_linked_role(account),
        "uuid": environment_uuid(arn),
    }
    if "computeResources" in params:
        aws["computeResources"] = with_desired_vcpus(params["computeResources"])
    return aws | {member: params[member] for member in _ECHOED if member in params}


def _cluster(params: Shape, arn: str) -> Body:
    """Where its jobs run: a cluster of its own on ECS, the one it names on EKS."""
    if params.get("eksConfiguration"):
        return {"eksConfiguration": params["eksConfiguration"], "containerOrchestrationType": "EKS"}
    return {"ecsClusterArn": cluster_arn(arn), "containerOrchestrationType": "ECS"}


def changed_environment(aws: Body, params: Shape) -> Body:
    """The AWS shape after a valid UpdateComputeEnvironment."""
    changed = aws | {member: params[member] for member in _CHANGEABLE if params.get(member) not in (None, "")}
    if params.get("computeResources"):
        changed["computeResources"] = changed_resources(aws["computeResources"], params["computeResources"])
    return changed


def changed_resources(current: Shape, changes: Shape) -> Body:
    """Member by member. Empty text removes a setting; an empty list does too, but not on Fargate. [batch.md 6.5]"""
    merged = dict(current)
    for member, value in changes.items():
        if member == "updateToLatestImageVersion":
            continue
        if not _removes(value):
            merged[member] = value
        elif not is_fargate(current):
            merged.pop(member, None)
    return with_desired_vcpus(merged)


def with_desired_vcpus(resources: Mapping[str, Any]) -> Body:
    """computeResources with the desiredvCpus that AWS reports: as asked, within the limits; none on Fargate."""
    if is_fargate(resources):
        return dict(resources)
    least = resources["minvCpus"]
    desired = max(least, min(resources.get("desiredvCpus", least), resources["maxvCpus"]))
    return {**resources, "desiredvCpus": desired}


def with_health(aws: Body, fault: str | None) -> Body:
    """The AWS shape, VALID or for this reason INVALID. [batch.md 6.1]"""
    if fault is None:
        return aws | {"status": "VALID", "statusReason": HEALTHY}
    return aws | {"status": "INVALID", "statusReason": fault}


def environment_spec(aws: Body) -> EnvironmentSpec:
    """What the scheduler keeps."""
    resources = aws.get("computeResources")
    valid = aws["status"] != "INVALID"
    return EnvironmentSpec(
        aws["computeEnvironmentArn"],
        available=valid and aws["state"] == "ENABLED",
        valid=valid,
        max_vcpus_milli=None if resources is None else resources["maxvCpus"] * 1000,
        largest=() if resources is None or is_fargate(resources) else largest_shapes(resources["instanceTypes"]),
    )


def environment_body(aws: Body, **more: Any) -> Body:
    """The stored document: `spec` is EnvironmentSpec's fields, read by controllers at start-up.

    `more` may be `desired_at`: when (ms) `desiredvCpus` was asked for; and `replacing`: `{"since", "until"}` (ms),
    while machines are being replaced. Jobs that began before the one may run until the other.
    """
    return {"spec": asdict(environment_spec(aws)), "aws": aws, **more}


def _removes(value: object) -> bool:
    """Empty text, an empty list, or a launch template whose id and name are empty."""
    if isinstance(value, Mapping) and value.keys() & {"launchTemplateId", "launchTemplateName"}:
        return not (value.get("launchTemplateId") or value.get("launchTemplateName"))
    return value in ("", [])


def service_linked_role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
