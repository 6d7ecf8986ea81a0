"""Compute environments through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.worlds import MACHINES, World, fresh


@pytest.fixture
def batch(server: Any) -> Any:
    return server.client("batch")


def create(batch: Any, **request: Any) -> str:
    """A managed EC2 environment but for these members; returns its name."""
    name: str = request.pop("computeEnvironmentName", fresh("environment"))
    request = {"type": "MANAGED", "computeResources": MACHINES, **request}
    batch.create_compute_environment(computeEnvironmentName=name, **request)
    return name


def describe(batch: Any, name: str) -> dict[str, Any]:
    [found] = batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
    described: dict[str, Any] = found
    return described


def test_an_environment_lives_from_create_to_delete(batch: Any) -> None:
    name = create(batch, tags={"team": "blue"})
    made = describe(batch, name)
    assert (made["state"], made["status"], made["statusReason"]) == ("ENABLED", "VALID", "ComputeEnvironment Healthy")
    assert made["computeEnvironmentArn"].endswith(f":compute-environment/{name}")
    assert made["computeResources"] == {**MACHINES, "desiredvCpus": 0}
    assert made["serviceRole"].endswith(":role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch")
    assert made["tags"] == {"team": "blue"}
    batch.update_compute_environment(computeEnvironment=name, computeResources={"maxvCpus": 8})
    assert describe(batch, name)["computeResources"]["maxvCpus"] == 8
    batch.update_compute_environment(computeEnvironment=made["computeEnvironmentArn"], state="DISABLED")
    assert describe(batch, name)["state"] == "DISABLED"
    batch.delete_compute_environment(computeEnvironment=name)
    assert batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"] == []


def test_an_environment_of_ones_own_machines_needs_no_resources(batch: Any) -> None:
    name = fresh("own")
    batch.create_compute_environment(computeEnvironmentName=name, type="UNMANAGED", unmanagedvCpus=4)
    made = describe(batch, name)
    assert (made["type"], made["status"], made["unmanagedvCpus"]) == ("UNMANAGED", "VALID", 4)
    assert "computeResources" not in made


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"computeEnvironmentName": "no spaces"}, "Compute environment name should match valid pattern"),
        ({"type": "UNMANAGED"}, "computeResources must not be provided"),
        (
            {"computeResources": {k: v for k, v in MACHINES.items() if k != "minvCpus"}},
            "Resource minvCpus is required.",
        ),
        (
            {"computeResources": {k: v for k, v in MACHINES.items() if k != "instanceRole"}},
            "Instance role is required.",
        ),
        (
            {"computeResources": {**MACHINES, "type": "FARGATE", "securityGroupIds": ["sg-1"]}},
            "is not applicable for Fargate.",
        ),
        ({"tags": {"aws:x": "1"}}, "aws:x"),
        ({"computeResources": {**MACHINES, "maxvCpus": 0}}, "maxvCpus must be at least 1"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(batch: Any, request_: dict[str, Any], text: str) -> None:
    with refused(text):
        create(batch, **request_)


def test_a_name_is_taken_once(batch: Any) -> None:
    name = create(batch)
    with refused("Object already exists"):
        create(batch, computeEnvironmentName=name)


def test_an_unknown_environment_cannot_be_changed_and_is_described_as_nothing(batch: Any) -> None:
    with refused("does not exist"):
        batch.update_compute_environment(computeEnvironment="nobody", state="DISABLED")
    with refused("does not exist"):
        batch.delete_compute_environment(computeEnvironment="nobody")
    assert batch.describe_compute_environments(computeEnvironments=["nobody"])["computeEnvironments"] == []


def test_an_environment_in_use_cannot_be_deleted(world: World) -> None:
    with refused("Cannot delete, compute environment state must be DISABLED"):
        world.batch.delete_compute_environment(computeEnvironment=world.environment)
    world.batch.update_compute_environment(computeEnvironment=world.environment, state="DISABLED")
    with refused("Cannot delete, found existing JobQueue relationship"):
        world.batch.delete_compute_environment(computeEnvironment=world.environment)


def test_the_pages_of_all_environments_hold_each_once(batch: Any) -> None:
    made = {create(batch) for _ in range(5)}
    pages = batch.get_paginator("describe_compute_environments").paginate(PaginationConfig={"PageSize": 2})
    names = [found["computeEnvironmentName"] for page in pages for found in page["computeEnvironments"]]
    assert made <= set(names)
    assert len(names) == len(set(names))


def test_a_bad_page_token_is_refused(batch: Any) -> None:
    with refused("nextToken"):
        batch.describe_compute_environments(nextToken="made-up")


def test_tags_are_added_listed_and_removed(batch: Any) -> None:
    arn = describe(batch, create(batch, tags={"a": "1"}))["computeEnvironmentArn"]
    batch.tag_resource(resourceArn=arn, tags={"b": "2", "a": "3"})
    assert batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "3", "b": "2"}
    batch.untag_resource(resourceArn=arn, tagKeys=["a", "not-there"])
    assert batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert describe(batch, arn)["tags"] == {"b": "2"}


def test_tags_of_what_does_not_exist_are_refused(batch: Any) -> None:
    arn = "arn:aws:batch:us-east-1:123456789012:compute-environment/nobody"
    for call in (
        lambda: batch.list_tags_for_resource(resourceArn=arn),
        lambda: batch.tag_resource(resourceArn=arn, tags={"a": "1"}),
        lambda: batch.untag_resource(resourceArn=arn, tagKeys=["a"]),
    ):
        with refused(f"Resource {arn} does not exist"):
            call()


def test_regions_do_not_see_each_others_environments(server: Any) -> None:
    here, there = server.client("batch"), server.client("batch", "eu-west-1")
    name = create(here)
    assert there.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"] == []
    create(there, computeEnvironmentName=name)
    arns = [describe(batch, name)["computeEnvironmentArn"] for batch in (here, there)]
    assert [arn.split(":")[3] for arn in arns] == ["us-east-1", "eu-west-1"]
