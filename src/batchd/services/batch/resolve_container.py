"""Jobs of containerProperties. Pure. [batch.md 2.3, 3.2]"""

from __future__ import annotations

from batchd.services.batch import fargate
from batchd.services.batch.definition_shapes import is_fargate
from batchd.services.batch.merge import merge_container
from batchd.services.batch.requirements import resources_of
from batchd.services.batch.task_template import CONTAINER, container_spec, log_destination, sources_of
from batchd.services.batch.work import Order, Shape, Work, refuse_unservable_volumes
from batchd.store.store import Body
from batchd.task import TaskSpec


def container_work(order: Order) -> Work:
    """One container. Raises Invalid or ClientException."""
    properties = order.definition["containerProperties"]
    refuse_unservable_volumes(properties["volumes"], "containerProperties")
    container = merge_container(properties, order.params.get("containerOverrides", {}))
    container["command"] = order.substituted(container["command"])
    container["image"] = order.images((CONTAINER,)).get(CONTAINER, container["image"])
    container["networkInterfaces"] = []
    wanted = resources_of(container, fractions=is_fargate(order.definition))
    if is_fargate(order.definition):
        fargate.validate_size(wanted)
    log = log_destination(container, order.name, order.region, CONTAINER)
    spec = container_spec(CONTAINER, container, wanted, log, sources_of(container["volumes"]))
    labels = {"job_role": container["jobRoleArn"]} if container.get("jobRoleArn") else {}
    return Work({"container": container}, wanted, TaskSpec("", (spec,), labels=labels))


def container_texts(definition: Body, params: Shape) -> list[str]:
    """Where its command's words may come from."""
    overrides = params.get("containerOverrides", {})
    return [*definition["containerProperties"]["command"], *overrides.get("command", ())]
