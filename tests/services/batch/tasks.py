"""Definitions of several containers: what the tests of ecsProperties begin with."""

from __future__ import annotations

from typing import Any

from batchd.store.store import Body
from tests.services.batch.worlds import World


def container(name: str = "main", **more: Any) -> Body:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
    return {"name": name, "image": "busybox", "command": ["echo", name], "resourceRequirements": needs, **more}


def helper(name: str = "helper", **more: Any) -> Body:
    """One that is not essential."""
    return container(name, essential=False, **more)


def after(name: str, condition: str = "SUCCESS") -> list[Body]:
    return [{"containerName": name, "condition": condition}]


def definition(*containers: Body, name: str = "task", task: Body | None = None, **params: Any) -> Body:
    """A RegisterJobDefinition request of a task of these containers, and of other members of it."""
    tasks = [{"containers": list(containers), **(task or {})}]
    return {"jobDefinitionName": name, "type": "container", "ecsProperties": {"taskProperties": tasks}, **params}


def register(world: World, *containers: Body, **more: Any) -> None:
    world.ask("register_job_definition", **definition(*containers, **more))
