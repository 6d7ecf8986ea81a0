"""Jobs of containerProperties. Pure. [batch.md 2.3, 3.2]"""

from __future__ import annotations

from functools import partial

from batchd.services.batch import fargate
from batchd.services.batch.container_rules import validate_lone_container
from batchd.services.batch.definition_shapes import is_fargate
from batchd.services.batch.merge import merge_container
from batchd.services.batch.requirements import resources_of
from batchd.services.batch.task_template import CONTAINER, container_spec, log_destination, sources_of
from batchd.services.batch.work import Order, Work, refuse_unservable_volumes
from batchd.task import TaskSpec


def container_work(order: Order) -> Work:
    """One container. Raises Invalid or ClientException."""
    properties = order.definition["containerProperties"]
    refuse_unservable_volumes(properties["volumes"], "containerProperties")
    container = merge_container(properties, order.params.get("containerOverrides", {}))
    container["image"] = order.images((CONTAINER,)).get(CONTAINER, container["image"])
    container["networkInterfaces"] = []
    on_fargate = is_fargate(order.definition)
    container = order.filled(container, partial(validate_lone_container, is_fargate=on_fargate))
    wanted = resources_of(container, fractions=on_fargate)
    if on_fargate:
        fargate.validate_size(wanted)
    log = log_destination(container, order.name, order.region, CONTAINER)
    spec = container_spec(CONTAINER, container, wanted, log, sources_of(container["volumes"]))
    labels = {"job_role": container["jobRoleArn"]} if container.get("jobRoleArn") else {}
    return Work({"container": container}, wanted, TaskSpec("", (spec,), labels=labels))
