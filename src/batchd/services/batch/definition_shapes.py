"""Job definitions: request to document. Pure. [batch.md 2.3, 13]"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from batchd.services.batch.retry import retry_shape
from batchd.store.store import Body

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_ECHOED = ("schedulingPriority", "timeout", "propagateTags", "platformCapabilities", "consumableResourceProperties")
_LISTS = ("command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")
_LISTS_IN_A_TASK = ("command", "dependsOn", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits")
_LISTS_IN_A_POD = ("args", "command", "env", "volumeMounts")


def new_definition(params: Shape, arn: str, revision: int, tags: dict[str, str]) -> Body:
    """The AWS shape of a valid RegisterJobDefinition: what was sent, and the empty collections AWS adds."""
    aws: Body = {
        "jobDefinitionName": params["jobDefinitionName"],
        "jobDefinitionArn": arn,
        "revision": revision,
        "status": "ACTIVE",
        "type": params["type"],
        "parameters": dict(params.get("parameters", {})),
        **_described(params),
        "tags": tags,
    }
    if "retryStrategy" in params:
        aws["retryStrategy"] = retry_shape(params["retryStrategy"])
    return aws | {member: params[member] for member in _ECHOED if member in params}


def _described(params: Shape) -> Body:
    """What runs, and where."""
    if params["type"] == "multinode":
        return _described_nodes(params["nodeProperties"])
    if params.get("eksProperties"):
        return {"eksProperties": described_eks(params["eksProperties"]), "containerOrchestrationType": "EKS"}
    if params.get("ecsProperties"):
        what: Body = {"ecsProperties": described_ecs(params["ecsProperties"], is_fargate(params))}
    else:
        what = {"containerProperties": described_container(params["containerProperties"], is_fargate(params))}
    return what | {"containerOrchestrationType": "ECS"}


def _described_nodes(properties: Shape) -> Body:
    ranges = [_described_range(one) for one in properties["nodeRangeProperties"]]
    orchestration = "EKS" if "eksProperties" in ranges[0] else "ECS"
    return {
        "nodeProperties": {**properties, "nodeRangeProperties": ranges},
        "containerOrchestrationType": orchestration,
    }


def _described_range(one: Shape) -> Body:
    if one.get("eksProperties"):
        return {**one, "eksProperties": described_eks(one["eksProperties"])}
    if one.get("ecsProperties"):
        return {**one, "ecsProperties": described_ecs(one["ecsProperties"], fargate=False)}
    return {**one, "container": described_container(one["container"], fargate=False)}


def is_fargate(definition: Shape) -> bool:
    """Whether it must keep to Fargate's rules; of a request or a described definition."""
    return "FARGATE" in (definition.get("platformCapabilities") or ())


def described_container(container: Shape, fargate: bool) -> Body:
    """containerProperties as AWS gives them back."""
    described = _with_collections(container, _LISTS)
    if fargate:
        described["fargatePlatformConfiguration"] = {
            "platformVersion": "LATEST",
            **container.get("fargatePlatformConfiguration", {}),
        }
    return described


def described_ecs(properties: Shape, fargate: bool) -> Body:
    """ecsProperties as AWS gives them back."""
    (task,) = properties["taskProperties"]
    described = {
        **task,
        "containers": [_with_collections(container, _LISTS_IN_A_TASK) for container in task["containers"]],
        "volumes": list(task.get("volumes", ())),
    }
    if fargate:
        described["platformVersion"] = task.get("platformVersion") or "LATEST"
    return {"taskProperties": [described]}


def described_eks(properties: Shape) -> Body:
    """eksProperties as AWS gives them back: no default is filled in. [batch.md 2.6]"""
    pod = properties["podProperties"]
    described: Body = {**pod, "containers": [_with_lists(one, _LISTS_IN_A_POD) for one in pod["containers"]]}
    if pod.get("initContainers"):
        described["initContainers"] = [_with_lists(one, _LISTS_IN_A_POD) for one in pod["initContainers"]]
    described["volumes"] = list(pod.get("volumes", ()))
    return {"podProperties": described}


def _with_collections(container: Shape, lists: Iterable[str]) -> Body:
    """With the empty collections AWS adds; entries of `environment` without a value are dropped."""
    described = _with_lists(container, lists)
    described["environment"] = [entry for entry in described["environment"] if entry.get("value")]
    if "linuxParameters" in container:
        described["linuxParameters"] = {"devices": [], "tmpfs": [], **container["linuxParameters"]}
    if "logConfiguration" in container:
        described["logConfiguration"] = {"options": {}, "secretOptions": [], **container["logConfiguration"]}
    return described


def _with_lists(container: Shape, lists: Iterable[str]) -> Body:
    return {**container, **{member: list(container.get(member) or ()) for member in lists}}
