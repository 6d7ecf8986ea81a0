"""Jobs of ecsProperties: a task of several containers. Pure. [batch.md 2.5, 3.2]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from batchd.services.batch import fargate
from batchd.services.batch.definition_shapes import is_fargate
from batchd.services.batch.ecs_rules import is_essential, name_of, validate_ecs
from batchd.services.batch.faults import Invalid, refuse_unsupported, unsupported
from batchd.services.batch.merge import merge_container
from batchd.services.batch.requirements import resources_of, total
from batchd.services.batch.task_template import container_spec, log_destination, sources_of
from batchd.services.batch.work import Order, Shape, Work, matched, refuse_unservable_volumes
from batchd.store.store import Body
from batchd.task import ContainerSpec, TaskSpec

_WHERE = "ecsProperties.taskProperties"
_OVERRIDE = "ecsPropertiesOverride.taskProperties.containers"


def task_work(order: Order) -> Work:
    """Several containers. Raises Invalid or ClientException."""
    (task,) = order.definition["ecsProperties"]["taskProperties"]
    _refuse_unservable(task)
    names = [name_of(container) for container in task["containers"]]
    overrides = matched(_overrides(order.params), names, _OVERRIDE)
    images = order.images(names)
    containers = [_resolved(order, c, overrides.get(name_of(c), {}), images) for c in task["containers"]]
    fractions = is_fargate(order.definition)
    task = order.filled({**task, "containers": containers}, partial(_validate, is_fargate=fractions))
    wanted = total(resources_of(container, fractions=fractions) for container in task["containers"])
    if fractions:
        fargate.validate_size(wanted)
    specs = tuple(_spec(order, task, container) for container in task["containers"])
    labels = {"job_role": task["taskRoleArn"]} if task.get("taskRoleArn") else {}
    shape = {"container": {}, "ecsProperties": {"taskProperties": [task]}}
    return Work(shape, wanted, TaskSpec("", specs, labels=labels))


def _validate(task: Shape, *, is_fargate: bool) -> None:
    validate_ecs({"taskProperties": [task]}, is_fargate=is_fargate)


def _overrides(params: Shape) -> list[Shape]:
    tasks = params.get("ecsPropertiesOverride", {}).get("taskProperties", [])
    if len(tasks) > 1:
        raise Invalid("ecsPropertiesOverride.taskProperties must have at most 1 entry")
    overrides: list[Shape] = tasks[0].get("containers", []) if tasks else []
    return overrides


def _resolved(order: Order, container: Body, override: Shape, images: Mapping[str, str]) -> Body:
    """The container as DescribeJobs shows it."""
    resolved = merge_container(container, override)
    resolved["image"] = images.get(name_of(container), resolved["image"])
    resolved["networkInterfaces"] = []
    return resolved


def _spec(order: Order, task: Shape, container: Shape) -> ContainerSpec:
    name = name_of(container)
    wanted = resources_of(container, fractions=is_fargate(order.definition))
    log = log_destination(container, order.name, order.region, name)
    spec = container_spec(name, container, wanted, log, sources_of(task["volumes"], shared=True))
    return replace(
        spec,
        essential=is_essential(container),
        depends_on=tuple((d["containerName"], d["condition"]) for d in container["dependsOn"]),
        start_timeout_s=container.get("startTimeout"),
        stop_timeout_s=container.get("stopTimeout"),
        host_pid=task.get("pidMode") == "host",
        host_ipc=task.get("ipcMode") == "host",
    )


def _refuse_unservable(task: Shape) -> None:
    """Members that no engine here can honour: running the job without them would be wrong."""
    refuse_unservable_volumes(task["volumes"], _WHERE)
    for member in ("ipcMode", "pidMode"):
        if task.get(member) == "task":
            unsupported(f"{_WHERE}.{member} task")
    for container in task["containers"]:
        refuse_unsupported({f"{_WHERE}.containers.firelensConfiguration": container.get("firelensConfiguration")})
