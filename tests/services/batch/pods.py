"""Definitions of pods, and queues that take them: what the tests of eksProperties begin with."""

from __future__ import annotations

from typing import Any

from batchd.store.store import Body
from tests.services.batch.worlds import EC2, World

CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/lab"
CONFIGURATION = {"eksClusterArn": CLUSTER, "kubernetesNamespace": "night"}


def container(name: str = "main", cpu: str = "1", memory: str = "512Mi", **more: Any) -> Body:
    resources = {"limits": {"cpu": cpu, "memory": memory}}
    return {"name": name, "image": "busybox", "command": ["echo"], "args": [name], "resources": resources, **more}


def definition(*containers: Body, name: str = "pod", pod: Body | None = None, **params: Any) -> Body:
    """A RegisterJobDefinition request of a pod of these containers, and of other members of it."""
    properties = {"podProperties": {"containers": list(containers), **(pod or {})}}
    return {"jobDefinitionName": name, "type": "container", "eksProperties": properties, **params}


def ready(world: World, *containers: Body, pod: Body | None = None) -> World:
    """With an environment and a queue on EKS, and a definition `pod`."""
    world.environment(resources=EC2, eksConfiguration=CONFIGURATION)
    world.queue()
    world.ask("register_job_definition", **definition(*containers or (container(),), pod=pod))
    return world
