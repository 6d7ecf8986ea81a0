"""Jobs of nodeProperties: several nodes, each like a job by itself. Pure. [batch.md 3.2, 7.7]"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.kinds import (
    CONSUMABLES,
    CONSUMABLES_OVERRIDE,
    NODE_OVERRIDES,
    NODES,
    consumables_of,
    kind_of,
    refuse_other_overrides,
)
from batchd.services.batch.node_ranges import NodeRange, group_of, parse_range
from batchd.services.batch.node_rules import validate_main
from batchd.services.batch.requirements import total
from batchd.services.batch.work import Nodes, Order, Shape, Work
from batchd.store.store import Body

_MEMBERS = {"container": "containerProperties", "ecsProperties": "ecsProperties", "eksProperties": "eksProperties"}
_OF_A_JOB = "networkInterfaces"  # what containers of jobs have, and those of definitions have not


@dataclass(frozen=True, slots=True)
class _Group:
    """An entry of nodeRangeProperties, and what the submit overrides of it."""

    range: NodeRange
    entry: Body
    override: Shape

    @property
    def member(self) -> str:
        return next(member for member in _MEMBERS if member in self.entry)

    def definition(self, name: str) -> Body:
        """As if its nodes were jobs by themselves."""
        properties = dict(self.entry[self.member])
        if instance_type := self.override.get("containerOverrides", {}).get("instanceType"):
            properties["instanceType"] = instance_type
        return {"jobDefinitionName": name, _MEMBERS[self.member]: properties}


def node_work(order: Order) -> Work:
    """The work of each group of nodes, and what all the nodes ask for. Raises Invalid or ClientException."""
    refuse_other_overrides(NODES, order.params)
    if order.params.get(CONSUMABLES_OVERRIDE):
        raise client_exception(f"{CONSUMABLES_OVERRIDE} can not override a job definition with {NODES}")
    properties = order.definition[NODES]
    groups = list(_groups(properties, order.params))
    size = _size(properties, order.params, groups)
    validate_main(properties["mainNode"], size)
    members = group_of([group.range for group in groups], size)
    works = tuple(_work(order, group) for group in groups)
    nodes = Nodes(works, members, properties["mainNode"])
    shown = [_shown(group, work) for group, work in zip(groups, works, strict=True)]
    shape: Body = {NODES: {"numNodes": size, "mainNode": nodes.main, "nodeRangeProperties": shown}}
    if consumables := _consumables(nodes):
        shape[CONSUMABLES] = {"consumableResourceList": consumables}
    return Work(shape, total(works[group].wanted for group in members), works[members[nodes.main]].task, nodes)


def _groups(properties: Body, params: Shape) -> Iterator[_Group]:
    """An override must name a range as the definition has it."""
    overrides: dict[NodeRange, Shape] = {}
    for override in params.get(NODE_OVERRIDES, {}).get("nodePropertyOverrides", ()):
        target = parse_range(override["targetNodes"])
        if target in overrides:
            raise Invalid(f"nodePropertyOverrides must not repeat targetNodes {override['targetNodes']}")
        overrides[target] = override
    for entry in properties["nodeRangeProperties"]:
        target = parse_range(entry["targetNodes"])
        yield _Group(target, entry, overrides.pop(target, {}))
    if overrides:
        unknown = ", ".join(override["targetNodes"] for override in overrides.values())
        raise Invalid(f"NodeOverride targets should match job definition. Non matching targets - {unknown}")


def _size(properties: Body, params: Shape, groups: list[_Group]) -> int:
    """numNodes, which a submit may change where a range has no upper boundary. [batch.md 3.2]"""
    declared: int = properties["numNodes"]
    size: int = params.get(NODE_OVERRIDES, {}).get("numNodes", declared)
    if size == declared:
        return size
    lower = [group.range.first for group in groups if group.range.last is None]
    if not lower:
        raise Invalid("nodeOverrides.numNodes needs a node range without an upper boundary in the job definition")
    if min(lower) >= size:
        raise Invalid("nodeOverrides.numNodes must be more than the lower boundary of the node range without an upper")
    return size


def _work(order: Order, group: _Group) -> Work:
    params = {**group.override, "tags": order.params.get("tags", {})}
    alone = replace(order, definition=group.definition(order.name), params=params)
    work = kind_of(alone.definition, params).work(alone)
    consumables = consumables_of(group.entry, group.override)
    return replace(work, shape={**work.shape, CONSUMABLES: consumables}) if consumables else work


def _consumables(nodes: Nodes) -> list[Body]:
    """What all the nodes need together."""
    units: Counter[str] = Counter()
    for number, group in enumerate(nodes.groups):
        for one in group.shape.get(CONSUMABLES, {}).get("consumableResourceList", ()):
            units[one.get("consumableResource", "")] += one.get("quantity", 0) * nodes.members.count(number)
    return [{"consumableResource": name, "quantity": quantity} for name, quantity in units.items() if quantity]


def _shown(group: _Group, work: Work) -> Body:
    """The entry as DescribeJobs shows it of the job."""
    entry = {**group.entry, group.member: _properties(work.shape, _MEMBERS[group.member])}
    if group.override.get("instanceTypes"):
        entry["instanceTypes"] = list(group.override["instanceTypes"])
    if CONSUMABLES in work.shape:
        entry[CONSUMABLES] = work.shape[CONSUMABLES]
    return entry


def _properties(shape: Body, member: str) -> Body:
    if member == "containerProperties":
        return _without_interfaces(shape["container"])
    if member == "eksProperties":
        pod: Body = shape["eksProperties"]
        return pod
    (task,) = shape["ecsProperties"]["taskProperties"]
    return {"taskProperties": [{**task, "containers": [_without_interfaces(one) for one in task["containers"]]}]}


def _without_interfaces(container: Body) -> Body:
    return {member: value for member, value in container.items() if member != _OF_A_JOB}
