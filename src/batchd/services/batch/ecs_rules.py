"""What ecsProperties may be: one task of up to ten containers. Pure. [batch.md 2.5]"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from batchd.services.batch import fargate
from batchd.services.batch.container_rules import validate_container, validate_mounts, validate_volumes
from batchd.services.batch.faults import Invalid
from batchd.services.batch.requirements import known_total
from batchd.services.batch.substitute import is_open

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

MOST_CONTAINERS = 10
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_CONDITIONS = ("START", "COMPLETE", "SUCCESS")
_SHORTEST_TIMEOUT_S = 2
_MODES = {"ipcMode": ("host", "task", "none"), "pidMode": ("host", "task")}


def validate_ecs(properties: Shape, *, is_fargate: bool) -> None:
    """Raises Invalid or ClientException."""
    tasks = properties["taskProperties"]
    if len(tasks) != 1:
        raise Invalid("ecsProperties.taskProperties must have exactly 1 entry")
    task = tasks[0]
    containers = task["containers"]
    if not 1 <= len(containers) <= MOST_CONTAINERS:
        raise Invalid(f"ecsProperties.taskProperties.containers must have 1 to {MOST_CONTAINERS} entries")
    _validate_names(containers)
    volumes = validate_volumes(task.get("volumes", ()))
    for container in containers:
        validate_container(container)
        validate_mounts(container.get("mountPoints", ()), volumes)
        _validate_timeouts(container)
    _validate_order(containers)
    for member, modes in _MODES.items():
        if task.get(member) and task[member] not in modes:
            raise Invalid(f"{member} must be one of {', '.join(modes)}")
    wanted = known_total(containers, fractions=is_fargate)
    if not is_fargate:
        fargate.validate_no_fargate_members(task)
        return
    fargate.validate_task(task)
    if wanted is not None:
        fargate.validate_size(wanted)


def name_of(container: Shape) -> str:
    """A container's name; the only one of its task needs none."""
    name: str = container.get("name") or "default"
    return name


def is_essential(container: Shape) -> bool:
    essential: bool = container.get("essential", True)
    return essential


def _validate_names(containers: Sequence[Shape]) -> None:
    for container in containers:
        if not _NAME.fullmatch(name_of(container)) and not is_open(name_of(container)):
            raise Invalid("Container name should match valid pattern")
    if len({name_of(container) for container in containers}) < len(containers):
        raise Invalid("containers must have names of their own")


def _validate_timeouts(container: Shape) -> None:
    for member in ("startTimeout", "stopTimeout"):
        if container.get(member) is not None and container[member] < _SHORTEST_TIMEOUT_S:
            raise Invalid(f"{member} must be at least {_SHORTEST_TIMEOUT_S} seconds")


def _validate_order(containers: Sequence[Shape]) -> None:
    """Who waits for whom: nobody for the end of an essential container, nobody for himself by any way round."""
    known = {name_of(container): container for container in containers}
    if not any(is_essential(container) for container in containers):
        raise Invalid("at least one container must be essential")
    for container in containers:
        for dependency in container.get("dependsOn", ()):
            _validate_dependency(dependency, known)
    done: set[str] = set()
    while ready := [name for name in known.keys() - done if _awaited_by(known[name]) <= done]:
        done.update(ready)
    if len(done) < len(known):
        raise Invalid("dependsOn of the containers must not form a circle")


def _validate_dependency(dependency: Shape, known: Mapping[str, Shape]) -> None:
    name, condition = dependency.get("containerName", ""), dependency.get("condition")
    if name not in known:
        raise Invalid(f"dependsOn: there is no container {name}")
    if condition not in _CONDITIONS:
        raise Invalid(f"dependsOn.condition must be one of {', '.join(_CONDITIONS)}")
    if condition != "START" and is_essential(known[name]):
        raise Invalid(f"dependsOn.condition {condition} can not be set on the essential container {name}")


def _awaited_by(container: Shape) -> set[str]:
    return {dependency["containerName"] for dependency in container.get("dependsOn", ())}
