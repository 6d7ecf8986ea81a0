from __future__ import annotations

from typing import Any

import pytest

from batchd.store.store import Body
from tests.services.batch.worlds import CONTAINER, FARGATE_CONTAINER, World, without

ARN = "arn:aws:batch:us-east-1:123456789012:job-definition/feed"
EFS = {"fileSystemId": "fs-1"}


def described(world: World, text: str = "feed:1") -> Body:
    (found,) = world.ask("describe_job_definitions", jobDefinitions=[text])["jobDefinitions"]
    definition: Body = found
    return definition


def names(answer: Body) -> list[str]:
    return [d["jobDefinitionArn"].rpartition("/")[2] for d in answer["jobDefinitions"]]


def register(world: World, **params: Any) -> Body:
    request = {"jobDefinitionName": "feed", "type": "container", "containerProperties": CONTAINER, **params}
    return world.ask("register_job_definition", **request)


def test_revisions_count_up_and_are_described_with_the_empty_collections_aws_adds(world: World) -> None:
    assert register(world) == {"jobDefinitionName": "feed", "jobDefinitionArn": f"{ARN}:1", "revision": 1}
    assert register(world)["revision"] == 2

    assert described(world) == {
        "jobDefinitionName": "feed",
        "jobDefinitionArn": f"{ARN}:1",
        "revision": 1,
        "status": "ACTIVE",
        "type": "container",
        "parameters": {},
        "containerProperties": {
            **CONTAINER,
            "environment": [],
            "mountPoints": [],
            "secrets": [],
            "ulimits": [],
            "volumes": [],
        },
        "containerOrchestrationType": "ECS",
        "tags": {},
    }


def test_what_was_sent_comes_back(world: World) -> None:
    container: Body = {
        **CONTAINER,
        "jobRoleArn": "arn:aws:iam::123456789012:role/job",
        "volumes": [{"name": "data", "host": {"sourcePath": "/data"}}, {"name": "scratch", "host": {}}],
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/in", "readOnly": True}],
        "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
        "user": "nobody",
        "privileged": True,
        "readonlyRootFilesystem": True,
        "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/key"}],
    }
    rest: Body = {
        "parameters": {"nf-token": "1"},
        "schedulingPriority": 3,
        "timeout": {"attemptDurationSeconds": 60},
        "propagateTags": True,
        "platformCapabilities": ["EC2"],
        "tags": {"team": "risk"},
    }
    register(world, containerProperties=container, **rest)

    definition = described(world)

    assert definition["containerProperties"] == {**container, "environment": []}
    assert {member: definition[member] for member in rest} == rest


def test_environment_entries_without_a_value_are_dropped(world: World) -> None:
    entries = [{"name": "A", "value": "1"}, {"name": "B", "value": ""}, {"name": "C"}]
    world.definition(container={"environment": entries})

    assert described(world)["containerProperties"]["environment"] == [{"name": "A", "value": "1"}]


def test_nested_parameters_get_their_empty_collections(world: World) -> None:
    world.definition(
        container={"linuxParameters": {"initProcessEnabled": True}, "logConfiguration": {"logDriver": "awslogs"}},
        retryStrategy={"attempts": 2},
    )

    definition = described(world)

    container = definition["containerProperties"]
    assert container["linuxParameters"] == {"initProcessEnabled": True, "devices": [], "tmpfs": []}
    assert container["logConfiguration"] == {"logDriver": "awslogs", "options": {}, "secretOptions": []}
    assert definition["retryStrategy"] == {"attempts": 2, "evaluateOnExit": []}


def test_fargate_definitions_tell_their_platform_version(world: World) -> None:
    register(world, platformCapabilities=["FARGATE"], containerProperties=FARGATE_CONTAINER)

    definition = described(world)

    assert definition["containerProperties"]["fargatePlatformConfiguration"] == {"platformVersion": "LATEST"}
    assert definition["platformCapabilities"] == ["FARGATE"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"image": "a b"}, "Container image should match valid pattern"),
        ({"image": "a" * 256}, "Container image should match valid pattern"),
        ({"user": "Root"}, "User 'Root' does not match regex ^([a-z0-9_][a-z0-9_-]{0,30})$"),
        ({"user": "1000:1000"}, "User '1000:1000' does not match regex ^([a-z0-9_][a-z0-9_-]{0,30})$"),
        ({"environment": [{"value": "x"}]}, "environment entries must have a name"),
        (
            {"environment": [{"name": "AWS_BATCH_JOB_ID", "value": "x"}]},
            "environment variable AWS_BATCH_JOB_ID is not allowed, names starting with AWS_BATCH are reserved",
        ),
        ({"resourceRequirements": [{"type": "VCPU", "value": "1"}]}, "resourceRequirements must have a MEMORY"),
        ({"resourceRequirements": [{"type": "MEMORY", "value": "64"}]}, "resourceRequirements must have a VCPU"),
        ({"vcpus": 1}, "VCPU must be given only once"),
        ({"networkConfiguration": {"assignPublicIp": "ENABLED"}}, "networkConfiguration not applicable for EC2."),
        ({"ephemeralStorage": {"sizeInGiB": 30}}, "ephemeralStorage not applicable for EC2."),
        ({"volumes": [{}]}, "volumes must have names of their own"),
        ({"volumes": [{"name": "a"}, {"name": "a"}]}, "volumes must have names of their own"),
        (
            {"mountPoints": [{"sourceVolume": "data", "containerPath": "/in"}]},
            "mountPoints: there is no volume data",
        ),
        (
            {"volumes": [{"name": "a"}], "mountPoints": [{"sourceVolume": "a"}]},
            "mountPoints must have a containerPath",
        ),
        (
            {"volumes": [{"name": "a", "efsVolumeConfiguration": {**EFS, "authorizationConfig": {"iam": "ENABLED"}}}]},
            "efsVolumeConfiguration.transitEncryption must be ENABLED for IAM authorization or access points",
        ),
        (
            {
                "volumes": [
                    {
                        "name": "a",
                        "efsVolumeConfiguration": {
                            **EFS,
                            "rootDirectory": "/x",
                            "transitEncryption": "ENABLED",
                            "authorizationConfig": {"accessPointId": "ap"},
                        },
                    }
                ]
            },
            "efsVolumeConfiguration.rootDirectory must be omitted or / with an access point",
        ),
        ({"ulimits": [{"name": "x", "softLimit": 1, "hardLimit": 1}]}, "ulimits: x is not a limit"),
        ({"linuxParameters": {"swappiness": 101}}, "linuxParameters.swappiness must be between 0 and 100"),
        ({"linuxParameters": {"maxSwap": -1}}, "linuxParameters.maxSwap must not be negative"),
        (
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "a b"}}},
            "logConfiguration.options awslogs-group should match valid pattern",
        ),
        (
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "a:b"}}},
            "logConfiguration.options awslogs-stream-prefix should match valid pattern",
        ),
    ],
)
def test_containers_that_cannot_be_are_refused(world: World, changes: Body, text: str) -> None:
    params = {"jobDefinitionName": "feed", "type": "container", "containerProperties": {**CONTAINER, **changes}}
    assert world.wrapped("register_job_definition", **params) == text


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (without(FARGATE_CONTAINER, "executionRoleArn"), "executionRoleArn is required for Fargate."),
        (
            {**FARGATE_CONTAINER, "resourceRequirements": [], "vcpus": 1, "memory": 2048},
            "vcpus and memory are not applicable for Fargate, use resourceRequirements.",
        ),
        (
            {
                **FARGATE_CONTAINER,
                "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "1024"}],
            },
            "Fargate resource requirements (2.00 vCPU, 1024 MiB) not valid.",
        ),
        (
            {
                **FARGATE_CONTAINER,
                "resourceRequirements": [*FARGATE_CONTAINER["resourceRequirements"], {"type": "GPU", "value": "1"}],
            },
            "GPU resource requirements are not applicable for Fargate.",
        ),
        (
            {**FARGATE_CONTAINER, "ulimits": [{"name": "core", "softLimit": 1, "hardLimit": 1}]},
            "ulimits are not applicable for Fargate.",
        ),
        (
            {**FARGATE_CONTAINER, "linuxParameters": {"sharedMemorySize": 1}},
            "linuxParameters.sharedMemorySize is not applicable for Fargate.",
        ),
        (
            {**FARGATE_CONTAINER, "logConfiguration": {"logDriver": "syslog"}},
            "logDriver syslog is not applicable for Fargate.",
        ),
        (
            {**FARGATE_CONTAINER, "ephemeralStorage": {"sizeInGiB": 20}},
            "ephemeralStorage.sizeInGiB must be between 21 and 200.",
        ),
    ],
)
def test_what_fargate_cannot_run_is_refused(world: World, container: Body, text: str) -> None:
    params = {"jobDefinitionName": "feed", "type": "container", "containerProperties": container}
    assert world.wrapped("register_job_definition", platformCapabilities=["FARGATE"], **params) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"containerProperties": {}}, "Container properties should not be empty"),
        (
            {"containerProperties": {**CONTAINER, "instanceType": "m5.large"}},
            "containerProperties.instanceType is not supported by this server",
        ),
        (
            {"consumableResourceProperties": {"consumableResourceList": [{"consumableResource": "x", "quantity": 1}]}},
            "ConsumableResource x does not exist",
        ),
        (
            {"platformCapabilities": ["MANAGED_INSTANCES"]},
            "platformCapabilities MANAGED_INSTANCES is not supported by this server",
        ),
        (
            {
                "platformCapabilities": ["FARGATE"],
                "containerProperties": {**FARGATE_CONTAINER, "privileged": True},
            },
            "Fargate requires that the 'privileged' setting be 'false' at the container level.",
        ),
        (
            {
                "platformCapabilities": ["FARGATE"],
                "containerProperties": {
                    **FARGATE_CONTAINER,
                    "fargatePlatformConfiguration": {"platformVersion": "1.3.0"},
                    "volumes": [{"name": "a", "efsVolumeConfiguration": EFS}],
                },
            },
            "EFS is supported for Fargate platform version 1.4.0",
        ),
        (
            {"tags": {"a!": "b"}},
            "Tags can only contain letters, numbers, spaces, and the following special characters: _ . : / = + - @",
        ),
    ],
)
def test_some_texts_come_bare(world: World, params: Body, text: str) -> None:
    request = {"jobDefinitionName": "feed", "type": "container", "containerProperties": CONTAINER, **params}
    assert world.refusal("register_job_definition", **request) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"jobDefinitionName": "a.b"}, "Job definition name should match valid pattern"),
        ({"schedulingPriority": 10000}, "schedulingPriority must be between 0 and 9999"),
        ({"retryStrategy": {}}, "RetryAttempts must be provided with retry strategy"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "timeout.attemptDurationSeconds must be at least 60"),
        ({"parameters": {"a": "x" * 24 * 1024}}, "Job definition must not be larger than 24576 bytes"),
    ],
)
def test_definitions_that_cannot_be_are_refused(world: World, params: Body, text: str) -> None:
    request = {"jobDefinitionName": "feed", "type": "container", "containerProperties": CONTAINER, **params}
    assert world.wrapped("register_job_definition", **request) == text


def test_deregistering_makes_a_revision_inactive_and_its_number_is_not_used_again(world: World) -> None:
    register(world)
    register(world)

    world.ask("deregister_job_definition", jobDefinition="feed:2")
    world.ask("deregister_job_definition", jobDefinition="feed:2")

    assert described(world, "feed:2")["status"] == "INACTIVE"
    assert described(world, f"{ARN}:1")["status"] == "ACTIVE"
    assert register(world)["revision"] == 3


def test_deregister_needs_a_revision_that_exists(world: World) -> None:
    register(world)
    for text in ("feed", "feed:2", "feed:x", "feed:99999999999", f"{ARN}:2"):
        refusal = world.refusal("deregister_job_definition", jobDefinition=text)
        assert refusal == f"JobDefinition {text} does not exist"


def test_definitions_are_listed_newest_revision_first(world: World) -> None:
    for name in ("feed", "feed-2", "feed", "fee"):
        register(world, jobDefinitionName=name)
    world.ask("deregister_job_definition", jobDefinition="feed:1")

    assert names(world.ask("describe_job_definitions", jobDefinitionName="feed")) == ["feed:2", "feed:1"]
    assert names(world.ask("describe_job_definitions", jobDefinitionName="feed", status="ACTIVE")) == ["feed:2"]
    assert names(world.ask("describe_job_definitions", status="INACTIVE")) == ["feed:1"]
    everything = {"feed:2", "feed:1", "feed-2:1", "fee:1"}
    assert set(names(world.ask("describe_job_definitions"))) == everything
    assert names(world.ask("describe_job_definitions", jobDefinitionName="nothing")) == []


@pytest.mark.parametrize("status", [None, "ACTIVE"])
def test_pages_hold_every_definition_once(world: World, status: str | None) -> None:
    for _ in range(5):
        register(world)
    request = {"status": status} if status else {}

    first = world.ask("describe_job_definitions", maxResults=3, **request)
    rest = world.ask("describe_job_definitions", maxResults=3, nextToken=first["nextToken"], **request)

    assert [names(first), names(rest)] == [["feed:5", "feed:4", "feed:3"], ["feed:2", "feed:1"]]
    assert "nextToken" not in rest


def test_named_definitions_come_as_asked_and_unknown_ones_are_left_out(world: World) -> None:
    register(world)
    register(world)

    found = world.ask("describe_job_definitions", jobDefinitions=["feed:1", f"{ARN}:2", "feed:3", "feed", "other:1"])

    assert names(found) == ["feed:1", "feed:2"]


def test_limits_of_a_describe(world: World) -> None:
    text = world.wrapped("describe_job_definitions", jobDefinitions=["feed:1"], status="ACTIVE")
    assert text == "jobDefinitions can not be combined with jobDefinitionName or status"
    text = world.refusal("describe_job_definitions", status="active")
    assert text == "status must be ACTIVE or INACTIVE"
    text = world.refusal("describe_job_definitions", jobDefinitions=["feed:1"] * 101)
    assert text == "At most 100 job definition names can be described at once"
