"""The ways in which a job definition says what runs, and how a submit overrides each. Pure. [batch.md 2.2, 3.2]"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batchd.services.batch.faults import client_exception
from batchd.services.batch.resolve_container import container_work
from batchd.services.batch.resolve_pod import pod_work
from batchd.services.batch.resolve_task import task_work
from batchd.services.batch.work import Order, Shape, Work
from batchd.store.store import Body


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the ways: the definition's member, and the submit's that overrides it."""

    member: str
    override: str
    work: Callable[[Order], Work]


KINDS = (
    Kind("containerProperties", "containerOverrides", container_work),
    Kind("ecsProperties", "ecsPropertiesOverride", task_work),
    Kind("eksProperties", "eksPropertiesOverride", pod_work),
)
NODES, NODE_OVERRIDES = "nodeProperties", "nodeOverrides"
CONSUMABLES, CONSUMABLES_OVERRIDE = "consumableResourceProperties", "consumableResourcePropertiesOverride"
_OVERRIDES = {**{kind.member: kind.override for kind in KINDS}, NODES: NODE_OVERRIDES}


def kind_of(definition: Body, params: Shape) -> Kind:
    """Of a definition as described, of one container or task or pod. Raises ClientException where another kind is
    overridden."""
    kind = next(kind for kind in KINDS if kind.member in definition)
    refuse_other_overrides(kind.member, params)
    return kind


def refuse_other_overrides(member: str, params: Shape) -> None:
    """Than those of this member of a definition; empty ones ask for nothing."""
    for other, override in _OVERRIDES.items():
        if other != member and params.get(override):
            raise client_exception(f"{override} can not override a job definition with {member}")


def consumables_of(definition: Body, params: Shape) -> Shape:
    """The consumableResourceProperties of a job, or of a group of nodes: a list in the override replaces the
    definition's."""
    override: Shape = params.get(CONSUMABLES_OVERRIDE, {})
    return override if "consumableResourceList" in override else definition.get(CONSUMABLES, {})
