from __future__ import annotations

from typing import Any

import pytest

from batchd.store.store import Body
from tests.services.batch.pods import CLUSTER, CONFIGURATION, ready
from tests.services.batch.worlds import EC2, FARGATE, World


def refusal(world: World, **params: Any) -> str:
    request = {"computeEnvironmentName": "ce", "type": "MANAGED", "computeResources": EC2, **params}
    return world.wrapped("create_compute_environment", **{"eksConfiguration": CONFIGURATION, **request})


def test_an_environment_on_eks_names_its_cluster_and_has_none_on_ecs(world: World) -> None:
    world.environment(eksConfiguration=CONFIGURATION)
    (found,) = world.ask("describe_compute_environments")["computeEnvironments"]
    assert (found["containerOrchestrationType"], found["eksConfiguration"]) == ("EKS", CONFIGURATION)
    assert "ecsClusterArn" not in found


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"eksConfiguration": {**CONFIGURATION, "eksClusterArn": "lab"}},
            "eksConfiguration.eksClusterArn must be the ARN of an Amazon EKS cluster",
        ),
        (
            {"eksConfiguration": {**CONFIGURATION, "eksClusterArn": CLUSTER.replace(":eks:", ":ecs:")}},
            "eksConfiguration.eksClusterArn must be the ARN of an Amazon EKS cluster",
        ),
        (
            {"computeResources": FARGATE},
            "computeResources.type must be EC2 or SPOT for an Amazon EKS compute environment.",
        ),
        (
            {"computeResources": {**EC2, "allocationStrategy": "BEST_FIT"}},
            "allocationStrategy BEST_FIT is not applicable for Amazon EKS.",
        ),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(world: World, params: Body, text: str) -> None:
    assert refusal(world, **params) == text


def test_an_unmanaged_environment_has_no_cluster(world: World) -> None:
    params = {"computeEnvironmentName": "ce", "type": "UNMANAGED", "eksConfiguration": CONFIGURATION}
    text = world.wrapped("create_compute_environment", **params)
    assert text == "eksConfiguration can not be provided for an UNMANAGED compute environment."


def test_a_namespace_is_held_to_the_same_rules_as_a_pods(world: World) -> None:
    text = refusal(world, eksConfiguration={**CONFIGURATION, "kubernetesNamespace": "default"})
    assert text.startswith("Kubernetes namespace default must have")


def test_a_queue_of_environments_on_eks_is_of_that_type_and_takes_pods_only(world: World) -> None:
    ready(world)
    (queue,) = world.ask("describe_job_queues", jobQueues=["night"])["jobQueues"]
    assert queue["jobQueueType"] == "EKS"
    snapshot = world.ask("get_job_queue_snapshot", jobQueue="night")
    assert snapshot["queueUtilization"]["totalCapacityUsage"][0]["capacityUnit"] == "cpu"
    world.definition()
    text = world.refusal("submit_job", jobName="run", jobQueue="night", jobDefinition="feed")
    assert text == "Job Queue is attached to Compute Environment that can not run Jobs with capability EC2"


def test_a_queue_on_ecs_takes_no_pods(world: World) -> None:
    ready(world)
    world.environment("machines")
    world.queue("day", ["machines"])
    text = world.refusal("submit_job", jobName="run", jobQueue="day", jobDefinition="pod")
    assert text == "Job Queue is attached to Compute Environment that can not run Jobs with capability EKS"


def test_a_queue_is_on_one_of_the_two(world: World) -> None:
    world.environment("machines")
    world.environment("pods", eksConfiguration=CONFIGURATION)
    order = [{"order": n, "computeEnvironment": name} for n, name in enumerate(("machines", "pods"))]
    text = world.wrapped("create_job_queue", jobQueueName="q", priority=1, computeEnvironmentOrder=order)
    assert text == "compute environments of a job queue must be all on Amazon ECS or all on Amazon EKS"
