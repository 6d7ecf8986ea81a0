from __future__ import annotations

import pytest

from batchd.store.store import Body
from tests.services.batch.tasks import after, container, definition, helper, register
from tests.services.batch.worlds import World, without

WHERE = "ecsProperties.taskProperties"


def test_a_task_of_ten_containers_in_any_order_is_taken(world: World) -> None:
    chain = [container("c0"), *(helper(f"c{n}", dependsOn=after(f"c{n + 1}")) for n in range(1, 9)), helper("c9")]
    register(world, *chain)
    (found,) = world.ask("describe_job_definitions", jobDefinitions=["task:1"])["jobDefinitions"]
    assert found["containerOrchestrationType"] == "ECS"
    assert "containerProperties" not in found


def test_a_definition_is_described_with_the_empty_collections_aws_adds(world: World) -> None:
    sent = container(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": ""}], startTimeout=9)
    register(world, sent, task={"pidMode": "host"})
    (found,) = world.ask("describe_job_definitions", jobDefinitions=["task:1"])["jobDefinitions"]
    lists: Body = {member: [] for member in ("dependsOn", "mountPoints", "secrets", "ulimits")}
    described = {**sent, **lists, "environment": [{"name": "A", "value": "1"}]}
    assert found["ecsProperties"] == {"taskProperties": [{"containers": [described], "pidMode": "host", "volumes": []}]}


@pytest.mark.parametrize(
    ("containers", "text"),
    [
        ([], f"{WHERE}.containers must have 1 to 10 entries"),
        ([container(str(n)) for n in range(11)], f"{WHERE}.containers must have 1 to 10 entries"),
        ([helper("a"), helper("b")], "at least one container must be essential"),
        ([container("a"), container("a")], "containers must have names of their own"),
        ([without(container(), "name"), container("default")], "containers must have names of their own"),
        ([container("a b")], "Container name should match valid pattern"),
        ([container("x" * 256)], "Container name should match valid pattern"),
        ([container(image="no image")], "Container image should match valid pattern"),
        ([container(resourceRequirements=[])], "resourceRequirements must have a VCPU"),
        ([container(stopTimeout=1)], "stopTimeout must be at least 2 seconds"),
        ([container(startTimeout=1)], "startTimeout must be at least 2 seconds"),
        ([container(mountPoints=[{"sourceVolume": "v"}])], "mountPoints: there is no volume v"),
        (
            [container(environment=[{"name": "AWS_BATCH_X", "value": "1"}])],
            "environment variable AWS_BATCH_X is not allowed, names starting with AWS_BATCH are reserved",
        ),
        ([container(dependsOn=after("b"))], "dependsOn: there is no container b"),
        (
            [container(dependsOn=after("helper", "HEALTHY")), helper()],
            "dependsOn.condition must be one of START, COMPLETE, SUCCESS",
        ),
        (
            [container("a"), container("b", dependsOn=after("a"))],
            "dependsOn.condition SUCCESS can not be set on the essential container a",
        ),
        (
            [container("a"), container("b", dependsOn=after("a", "COMPLETE"))],
            "dependsOn.condition COMPLETE can not be set on the essential container a",
        ),
        (
            [container("a", dependsOn=after("b", "START")), container("b", dependsOn=after("a", "START"))],
            "dependsOn of the containers must not form a circle",
        ),
        (
            [container("a", dependsOn=after("a", "START"))],
            "dependsOn of the containers must not form a circle",
        ),
    ],
)
def test_a_task_that_cannot_be_is_refused(world: World, containers: list[Body], text: str) -> None:
    assert world.wrapped("register_job_definition", **definition(*containers)) == text


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ({"ipcMode": "shared"}, "ipcMode must be one of host, task, none"),
        ({"pidMode": "none"}, "pidMode must be one of host, task"),
        ({"platformVersion": "LATEST"}, "platformVersion not applicable for EC2."),
        ({"ephemeralStorage": {"sizeInGiB": 30}}, "ephemeralStorage not applicable for EC2."),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, "volumes must have names of their own"),
    ],
)
def test_a_setting_of_the_task_that_cannot_be_is_refused(world: World, task: Body, text: str) -> None:
    assert world.wrapped("register_job_definition", **definition(container(), task=task)) == text


def test_there_is_one_task_and_one_kind_of_properties(world: World) -> None:
    request = definition(container())
    two = {"taskProperties": request["ecsProperties"]["taskProperties"] * 2}
    text = world.wrapped("register_job_definition", **{**request, "ecsProperties": two})
    assert text == f"{WHERE} must have exactly 1 entry"
    both = definition(container(), containerProperties={"image": "busybox"})
    text = world.wrapped("register_job_definition", **both)
    assert text == "containerProperties can not be combined with ecsProperties"


# --- Fargate ---


def on_fargate(*containers: Body, **task: object) -> Body:
    role = {"executionRoleArn": "arn:aws:iam::123456789012:role/execution"}
    return definition(*containers, task={**role, **task}, platformCapabilities=["FARGATE"])


def small(name: str, vcpus: str = "0.25", **more: object) -> Body:
    needs = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": "512"}]
    return container(name, resourceRequirements=needs, **more)


def test_on_fargate_the_containers_together_must_have_a_size_of_the_table(world: World) -> None:
    world.ask("register_job_definition", **on_fargate(small("a"), small("b")))
    (found,) = world.ask("describe_job_definitions", jobDefinitions=["task:1"])["jobDefinitions"]
    assert found["ecsProperties"]["taskProperties"][0]["platformVersion"] == "LATEST"
    text = world.wrapped("register_job_definition", **on_fargate(small("a"), small("b", "0.5")))
    assert text == "Fargate resource requirements (0.75 vCPU, 1024 MiB) not valid."


@pytest.mark.parametrize(
    ("one", "task", "text"),
    [
        ({}, {"executionRoleArn": ""}, "executionRoleArn is required for Fargate."),
        ({}, {"ipcMode": "task"}, "ipcMode is not applicable for Fargate."),
        ({}, {"pidMode": "host"}, "pidMode host is not applicable for Fargate."),
        ({}, {"ephemeralStorage": {"sizeInGiB": 20}}, "ephemeralStorage.sizeInGiB must be between 21 and 200."),
        ({"stopTimeout": 121}, {}, "stopTimeout must be at most 120 seconds for Fargate."),
        ({"startTimeout": 121}, {}, "startTimeout must be at most 120 seconds for Fargate."),
        (
            {"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 1}]},
            {},
            "ulimits are not applicable for Fargate.",
        ),
        (
            {"logConfiguration": {"logDriver": "gelf"}},
            {},
            "logDriver gelf is not applicable for Fargate.",
        ),
        ({"linuxParameters": {"maxSwap": 1}}, {}, "linuxParameters.maxSwap is not applicable for Fargate."),
    ],
)
def test_what_fargate_lacks_is_refused(world: World, one: Body, task: Body, text: str) -> None:
    request = on_fargate(small("a", **one), small("b"), **task)
    assert world.wrapped("register_job_definition", **request) == text


def test_a_privileged_container_is_refused_on_fargate(world: World) -> None:
    text = world.refusal("register_job_definition", **on_fargate(small("a", privileged=True), small("b")))
    assert text == "Fargate requires that the 'privileged' setting be 'false' at the container level."


def test_firelens_is_a_log_driver_on_fargate(world: World) -> None:
    logged = small("a", logConfiguration={"logDriver": "awsfirelens"})
    world.ask("register_job_definition", **on_fargate(logged, small("b")))
