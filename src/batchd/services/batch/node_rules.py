"""What nodeProperties and nodeOverrides may be. Pure. [batch.md 2.2, 3.2, 7.7]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchd.quotas import Quotas, exceeds
from batchd.services.batch.container_rules import validate_lone_container
from batchd.services.batch.ecs_rules import validate_ecs
from batchd.services.batch.eks_rules import validate_eks
from batchd.services.batch.faults import Invalid
from batchd.services.batch.instance_types import validate_instance_types
from batchd.services.batch.merge import validate_overrides
from batchd.services.batch.node_ranges import parse_range, validate_ranges

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

_KINDS = ("container", "ecsProperties", "eksProperties")


def validate_nodes(properties: Shape, quotas: Quotas) -> None:
    """nodeProperties of a definition. Raises Invalid or ClientException."""
    size, ranges = properties["numNodes"], properties["nodeRangeProperties"]
    validate_count(size, quotas)
    validate_main(properties["mainNode"], size)
    if not ranges:
        raise Invalid("nodeRangeProperties must have at least 1 entry")
    if exceeds(len(ranges), quotas.node_groups_per_job):
        raise Invalid(f"nodeRangeProperties must have at most {quotas.node_groups_per_job} entries")
    validate_ranges([one["targetNodes"] for one in ranges], size)
    for one in ranges:
        _validate_range(one)
    if len({bool(one.get("eksProperties")) for one in ranges}) > 1:
        raise Invalid("nodeRangeProperties must be all on Amazon ECS or all on Amazon EKS")


def validate_count(size: int, quotas: Quotas) -> None:
    """numNodes. Raises Invalid."""
    if size < 1 or exceeds(size, quotas.nodes_per_job):
        most = f" and {quotas.nodes_per_job}" if quotas.nodes_per_job else " and more"
        raise Invalid(f"numNodes must be between 1{most}")


def validate_main(main: int, size: int) -> None:
    """mainNode of a job of so many nodes. Raises Invalid."""
    if not 0 <= main < size:
        raise Invalid(f"mainNode must be at least 0 and less than numNodes, {size}")


def validate_node_overrides(overrides: Shape, quotas: Quotas) -> None:
    """nodeOverrides by themselves. Raises Invalid or ClientException."""
    if "numNodes" in overrides:
        validate_count(overrides["numNodes"], quotas)
    for one in overrides.get("nodePropertyOverrides", ()):
        parse_range(one["targetNodes"])
        container = one.get("containerOverrides", {})
        _validate_types(one.get("instanceTypes", ()))
        _validate_types(_instance_type(container))
        validate_overrides({name: value for name, value in container.items() if name != "instanceType"})


def _validate_range(one: Shape) -> None:
    given = [member for member in _KINDS if one.get(member)]
    if len(given) != 1:
        raise Invalid(f"nodeRangeProperties must have exactly one of {', '.join(_KINDS)}")
    _validate_types(one.get("instanceTypes", ()))
    if given == ["container"]:
        _validate_types(_instance_type(one["container"]))
        validate_lone_container(one["container"], is_fargate=False)
    elif given == ["ecsProperties"]:
        validate_ecs(one["ecsProperties"], is_fargate=False)
    else:
        validate_eks(one["eksProperties"])


def _instance_type(container: Shape) -> list[str]:
    """Containers of nodes may name one, others not."""
    return [container["instanceType"]] if container.get("instanceType") else []


def _validate_types(names: Sequence[str]) -> None:
    if len(names) > 1:
        raise Invalid("instanceTypes must have at most 1 entry")
    validate_instance_types(names)
