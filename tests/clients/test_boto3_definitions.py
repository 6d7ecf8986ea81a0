"""Job definitions through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.worlds import World, fresh, needs, shell


def register(batch: Any, name: str, **more: Any) -> dict[str, Any]:
    request = {"jobDefinitionName": name, "type": "container", "containerProperties": shell("true"), **more}
    answer: dict[str, Any] = batch.register_job_definition(**request)
    return answer


def describe(batch: Any, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = batch.describe_job_definitions(**wanted)["jobDefinitions"]
    return found


def test_each_registration_is_a_revision_and_numbers_are_never_used_again(world: World) -> None:
    batch, name = world.batch, fresh("definition")
    assert [register(batch, name)["revision"] for _ in range(2)] == [1, 2]
    batch.deregister_job_definition(jobDefinition=f"{name}:2")
    assert register(batch, name)["revision"] == 3
    found = describe(batch, jobDefinitionName=name)
    assert [(d["revision"], d["status"]) for d in found] == [(3, "ACTIVE"), (2, "INACTIVE"), (1, "ACTIVE")]
    assert [d["revision"] for d in describe(batch, jobDefinitionName=name, status="ACTIVE")] == [3, 1]
    assert [d["revision"] for d in describe(batch, jobDefinitionName=name, status="INACTIVE")] == [2]


def test_what_was_registered_comes_back_with_empty_lists_for_the_rest(world: World) -> None:
    name = fresh("definition")
    properties = {
        **shell("true"),
        "environment": [{"name": "A", "value": "1"}],
        "user": "nobody",
        "linuxParameters": {"sharedMemorySize": 64},
        "volumes": [{"name": "data", "host": {"sourcePath": "/var/data"}}],
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
    }
    sent = {
        "parameters": {"x": "1"},
        "retryStrategy": {"attempts": 3, "evaluateOnExit": [{"onExitCode": "1*", "action": "retry"}]},
        "timeout": {"attemptDurationSeconds": 600},
        "tags": {"team": "blue"},
        "propagateTags": True,
        "platformCapabilities": ["EC2"],
    }
    arn = register(world.batch, name, containerProperties=properties, **sent)["jobDefinitionArn"]
    [found] = describe(world.batch, jobDefinitions=[arn])
    assert {member: found[member] for member in sent} == sent
    assert (found["containerOrchestrationType"], found["status"]) == ("ECS", "ACTIVE")
    container = found["containerProperties"]
    assert {member: container[member] for member in properties if member != "linuxParameters"} == {
        member: value for member, value in properties.items() if member != "linuxParameters"
    }
    assert container["linuxParameters"] == {"sharedMemorySize": 64, "devices": [], "tmpfs": []}
    assert container["ulimits"] == container["secrets"] == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"jobDefinitionName": "no spaces"}, "Job definition name should match valid pattern"),
        ({"containerProperties": {}}, "Container properties should not be empty"),
        ({"containerProperties": {"image": "x", "command": []}}, "resourceRequirements must have a VCPU"),
        ({"containerProperties": {**shell("true"), "resourceRequirements": needs("0.5")}}, "VCPU value 0.5"),
        ({"containerProperties": {**shell("true"), "user": "No Body"}}, "does not match regex"),
        ({"retryStrategy": {}}, "RetryAttempts must be provided with retry strategy"),
        ({"timeout": {"attemptDurationSeconds": 1}}, "attemptDurationSeconds"),
        ({"platformCapabilities": ["FARGATE"]}, "Fargate"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_definition_that_cannot_work_is_refused(world: World, change: dict[str, Any], text: str) -> None:
    with refused(text):
        register(world.batch, **{"name": fresh("definition"), **_renamed(change)})


def test_deregistering_needs_a_revision_that_is_there(world: World) -> None:
    name = fresh("definition")
    register(world.batch, name)
    for wrong in (name, f"{name}:2", "nobody:1"):
        with refused("does not exist"):
            world.batch.deregister_job_definition(jobDefinition=wrong)
    for _ in range(2):
        world.batch.deregister_job_definition(jobDefinition=f"{name}:1")
    with refused("does not exist or is not in ACTIVE status"):
        world.submit(jobDefinition=name)


def test_the_pages_of_a_name_hold_each_revision_once_newest_first(world: World) -> None:
    name = fresh("definition")
    for _ in range(5):
        register(world.batch, name)
    pages = world.batch.get_paginator("describe_job_definitions").paginate(
        jobDefinitionName=name, PaginationConfig={"PageSize": 2}
    )
    assert [d["revision"] for page in pages for d in page["jobDefinitions"]] == [5, 4, 3, 2, 1]


def test_tags_belong_to_a_revision(world: World) -> None:
    batch, name = world.batch, fresh("definition")
    first, second = (register(batch, name)["jobDefinitionArn"] for _ in range(2))
    batch.tag_resource(resourceArn=first, tags={"a": "1", "b": "2"})
    batch.untag_resource(resourceArn=first, tagKeys=["b"])
    assert batch.list_tags_for_resource(resourceArn=first)["tags"] == {"a": "1"}
    assert batch.list_tags_for_resource(resourceArn=second)["tags"] == {}


def _renamed(change: dict[str, Any]) -> dict[str, Any]:
    return {("name" if member == "jobDefinitionName" else member): value for member, value in change.items()}
