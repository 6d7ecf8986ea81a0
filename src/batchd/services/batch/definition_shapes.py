"""Job definitions: request to document. Pure. [batch.md 2.3, 13]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.services.batch.retry import retry_shape
from batchd.store.store import Body

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_ECHOED = ("schedulingPriority", "timeout", "propagateTags", "platformCapabilities")
_LISTS = ("command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")


def new_definition(params: Shape, arn: str, revision: int, tags: dict[str, str]) -> Body:
    """The AWS shape of a valid RegisterJobDefinition: what was sent, and the empty collections AWS adds."""
    aws: Body = {
        "jobDefinitionName": params["jobDefinitionName"],
        "jobDefinitionArn": arn,
        "revision": revision,
        "status": "ACTIVE",
        "type": params["type"],
        "parameters": dict(params.get("parameters", {})),
        "containerProperties": described_container(params["containerProperties"], is_fargate(params)),
        "containerOrchestrationType": "ECS",
        "tags": tags,
    }
    if "retryStrategy" in params:
        aws["retryStrategy"] = retry_shape(params["retryStrategy"])
    return aws | {member: params[member] for member in _ECHOED if member in params}


def is_fargate(definition: Shape) -> bool:
    """Whether it must keep to Fargate's rules; of a request or a described definition."""
    return "FARGATE" in (definition.get("platformCapabilities") or ())


def described_container(container: Shape, fargate: bool) -> Body:
    """containerProperties as AWS gives them back: entries of `environment` without a value are dropped."""
    described: Body = {**dict.fromkeys(_LISTS, ()), **container}
    for member in _LISTS:
        described[member] = list(described[member])
    described["environment"] = [entry for entry in described["environment"] if entry.get("value")]
    if "linuxParameters" in container:
        described["linuxParameters"] = {"devices": [], "tmpfs": [], **container["linuxParameters"]}
    if "logConfiguration" in container:
        described["logConfiguration"] = {"options": {}, "secretOptions": [], **container["logConfiguration"]}
    if fargate:
        described["fargatePlatformConfiguration"] = {
            "platformVersion": "LATEST",
            **container.get("fargatePlatformConfiguration", {}),
        }
    return described
