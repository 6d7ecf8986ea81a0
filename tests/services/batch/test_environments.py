from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from batchd.scheduler.events import EnvironmentDeleted, EnvironmentSaved, EnvironmentSpec, Resources
from batchd.store.store import Body
from tests.services.batch.worlds import EC2, FARGATE, World, without

# c7i.48xlarge and r6i.32xlarge, without what system and agent keep
OPTIMAL = (Resources(192_000, 383_353), Resources(128_000, 1_022_329))
ARN = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"


def described(world: World, name: str = "ce") -> Body:
    (found,) = world.ask("describe_compute_environments", computeEnvironments=[name])["computeEnvironments"]
    environment: Body = found
    return environment


def test_a_created_environment_is_valid_at_once_and_echoes_what_was_sent(world: World) -> None:
    world.environment(tags={"team": "risk"}, resources={**EC2, "allocationStrategy": "BEST_FIT_PROGRESSIVE"})

    environment = described(world)

    uuid = environment["uuid"]
    assert environment == {
        "computeEnvironmentName": "ce",
        "computeEnvironmentArn": ARN,
        "ecsClusterArn": f"arn:aws:ecs:us-east-1:123456789012:cluster/AWSBatch-ce-{uuid}",
        "tags": {"team": "risk"},
        "type": "MANAGED",
        "state": "ENABLED",
        "status": "VALID",
        "statusReason": "ComputeEnvironment Healthy",
        "serviceRole": "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch",
        "containerOrchestrationType": "ECS",
        "uuid": uuid,
        "computeResources": {**EC2, "allocationStrategy": "BEST_FIT_PROGRESSIVE", "desiredvCpus": 0},
    }


def test_the_scheduler_learns_of_every_change(world: World) -> None:
    world.environment()
    world.ask("update_compute_environment", computeEnvironment="ce", state="DISABLED")
    world.ask("update_compute_environment", computeEnvironment=ARN, computeResources={"maxvCpus": 32})
    world.ask("delete_compute_environment", computeEnvironment="ce")

    assert world.events() == [
        EnvironmentSaved(EnvironmentSpec(ARN, True, True, 16_000, OPTIMAL)),
        EnvironmentSaved(EnvironmentSpec(ARN, False, True, 16_000, OPTIMAL)),
        EnvironmentSaved(EnvironmentSpec(ARN, False, True, 32_000, OPTIMAL)),
        EnvironmentDeleted(ARN),
    ]
    assert world.ask("describe_compute_environments") == {"computeEnvironments": []}


def test_the_document_keeps_the_spec_for_a_restart(world: World) -> None:
    world.environment()

    spec = world.body("batch.compute-environment", "ce")["spec"]

    assert spec == json.loads(json.dumps(asdict(EnvironmentSpec(ARN, True, True, 16_000, OPTIMAL))))


def test_an_unmanaged_environment_has_no_limit(world: World) -> None:
    world.ask("create_compute_environment", computeEnvironmentName="ce", type="UNMANAGED", unmanagedvCpus=8)

    assert world.events() == [EnvironmentSaved(EnvironmentSpec(ARN, available=True, max_vcpus_milli=None))]
    assert described(world)["unmanagedvCpus"] == 8
    assert "computeResources" not in described(world)


def test_fargate_reports_no_desired_vcpus(world: World) -> None:
    world.environment(resources=FARGATE)

    assert described(world)["computeResources"] == FARGATE


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        (without(EC2, "instanceRole"), "Instance role is required."),
        (without(EC2, "minvCpus"), "Resource minvCpus is required."),
        (without(EC2, "instanceTypes"), "instanceTypes are required."),
        (without(EC2, "subnets"), "subnets are required."),
        ({**EC2, "maxvCpus": 0}, "maxvCpus must be at least 1 and not less than minvCpus."),
        ({**EC2, "minvCpus": 17}, "maxvCpus must be at least 1 and not less than minvCpus."),
        ({**EC2, "minvCpus": -1}, "minvCpus must not be negative."),
        ({**EC2, "desiredvCpus": 17}, "desiredvCpus must be between minvCpus and maxvCpus."),
        (
            {**EC2, "scalingPolicy": {"minScaleDownDelayMinutes": 19}},
            "scalingPolicy.minScaleDownDelayMinutes must be 0 or between 20 and 10080.",
        ),
        (
            {**EC2, "instanceTypes": ["m6g.large", "optimal"]},
            "arm-based instance type cannot be used with other instance types.",
        ),
        ({**EC2, "bidPercentage": 101}, "bidPercentage must be between 0 and 100."),
        (
            {**EC2, "type": "SPOT"},
            "spotIamFleetRole is required for SPOT with allocationStrategy BEST_FIT.",
        ),
        (
            {**EC2, "allocationStrategy": "SPOT_CAPACITY_OPTIMIZED"},
            "allocationStrategy SPOT_CAPACITY_OPTIMIZED is only applicable for SPOT.",
        ),
        (
            {**EC2, "launchTemplate": {"launchTemplateId": "lt-1", "launchTemplateName": "a"}},
            "launchTemplateId and launchTemplateName must not both be specified.",
        ),
        (
            {**EC2, "launchTemplate": {"launchTemplateId": "lt-1", "overrides": [{"launchTemplateId": "lt"}] * 11}},
            "launchTemplate.overrides must have at most 10 entries.",
        ),
        (without(FARGATE, "securityGroupIds"), "securityGroupIds are required for Fargate."),
        ({**FARGATE, "subnets": ["s"] * 17}, "subnets must have at most 16 entries."),
        ({**FARGATE, "securityGroupIds": ["s"] * 6}, "securityGroupIds must have at most 5 entries."),
        ({**FARGATE, "maxvCpus": 0}, "maxvCpus must be at least 1."),
    ],
)
def test_resources_that_cannot_be_are_refused(world: World, resources: Body, text: str) -> None:
    params = {"computeEnvironmentName": "ce", "type": "MANAGED", "computeResources": resources}
    assert world.wrapped("create_compute_environment", **params) == text


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ({**FARGATE, "desiredvCpus": 1}, "desiredvCpus is not applicable for Fargate."),
        ({**FARGATE, "tags": {"a": "b"}}, "tags is not applicable for Fargate."),
        (
            {**EC2, "instanceRole": "arn:aws:iam::123456789012:role/ecsInstanceRole"},
            "ECS Instance Role should be an ECS Instance Profile ARN",
        ),
        (
            {**EC2, "type": "ECS_MANAGED_INSTANCES"},
            "computeResources.type ECS_MANAGED_INSTANCES is not supported by this server",
        ),
    ],
)
def test_some_texts_come_bare(world: World, resources: Body, text: str) -> None:
    params = {"computeEnvironmentName": "ce", "type": "MANAGED", "computeResources": resources}
    assert world.refusal("create_compute_environment", **params) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"type": "MANAGED"}, "computeResources must be provided for a MANAGED compute environment."),
        (
            {"type": "UNMANAGED", "computeResources": EC2},
            "computeResources must not be provided for an UNMANAGED compute environment.",
        ),
        (
            {"type": "MANAGED", "computeResources": EC2, "unmanagedvCpus": 1},
            "unmanagedvCpus can only be specified for an UNMANAGED compute environment.",
        ),
        ({"type": "UNMANAGED", "unmanagedvCpus": -1}, "unmanagedvCpus must not be negative."),
    ],
)
def test_the_type_decides_which_members_there_are(world: World, params: Body, text: str) -> None:
    assert world.wrapped("create_compute_environment", computeEnvironmentName="ce", **params) == text


def test_an_instance_profile_may_be_given_by_arn(world: World) -> None:
    profile = "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole"
    world.environment(resources={**EC2, "instanceRole": profile})

    assert described(world)["computeResources"]["instanceRole"] == profile


def test_names_are_unique_and_well_formed(world: World) -> None:
    world.environment()

    params = {"type": "MANAGED", "computeResources": EC2}
    assert world.refusal("create_compute_environment", computeEnvironmentName="ce", **params) == "Object already exists"
    text = world.wrapped("create_compute_environment", computeEnvironmentName="-ce", **params)
    assert text == "Compute environment name should match valid pattern"


def test_an_update_changes_members_one_by_one(world: World) -> None:
    world.environment(resources={**EC2, "allocationStrategy": "BEST_FIT_PROGRESSIVE", "imageId": "ami-1"})

    world.ask(
        "update_compute_environment",
        computeEnvironment="ce",
        updatePolicy={"terminateJobsOnUpdate": True, "jobExecutionTimeoutMinutes": 10},
        computeResources={"maxvCpus": 4, "instanceTypes": ["m5"], "imageId": "", "securityGroupIds": ["sg-1"]},
    )

    environment = described(world)
    assert environment["updatePolicy"] == {"terminateJobsOnUpdate": True, "jobExecutionTimeoutMinutes": 10}
    assert environment["computeResources"] == {
        **EC2,
        "allocationStrategy": "BEST_FIT_PROGRESSIVE",
        "desiredvCpus": 0,
        "maxvCpus": 4,
        "instanceTypes": ["m5"],
        "securityGroupIds": ["sg-1"],
    }


def test_a_launch_template_is_removed_by_empty_names(world: World) -> None:
    template = {"launchTemplateId": "lt-1", "version": "$Latest"}
    resources = {**EC2, "allocationStrategy": "BEST_FIT_PROGRESSIVE", "launchTemplate": template}
    world.environment(resources=resources)
    assert described(world)["computeResources"]["launchTemplate"] == template

    changes = {"launchTemplate": {"launchTemplateId": ""}, "updateToLatestImageVersion": True}
    world.ask("update_compute_environment", computeEnvironment="ce", computeResources=changes)

    resources = described(world)["computeResources"]
    assert not {"launchTemplate", "updateToLatestImageVersion"} & resources.keys()


def test_on_fargate_an_empty_list_changes_nothing(world: World) -> None:
    world.environment(resources=FARGATE)

    changes = {"maxvCpus": 4, "subnets": [], "securityGroupIds": []}
    world.ask("update_compute_environment", computeEnvironment="ce", computeResources=changes)

    assert described(world)["computeResources"] == {**FARGATE, "maxvCpus": 4}


def test_desired_vcpus_follow_the_limits(world: World) -> None:
    world.environment(resources={**EC2, "desiredvCpus": 8})

    world.ask("update_compute_environment", computeEnvironment="ce", computeResources={"maxvCpus": 4})
    assert described(world)["computeResources"]["desiredvCpus"] == 4

    changes = {"minvCpus": 6, "maxvCpus": 8}
    world.ask("update_compute_environment", computeEnvironment="ce", computeResources=changes)
    assert described(world)["computeResources"]["desiredvCpus"] == 6


@pytest.mark.parametrize(
    ("resources", "changes", "text"),
    [
        (EC2, {"subnets": ["s"]}, "Only scaling can be updated while allocationStrategy is BEST_FIT."),
        (EC2, {"type": "FARGATE"}, "type can not be changed from EC2 to FARGATE."),
        (FARGATE, {"type": "EC2"}, "type can not be changed from FARGATE to EC2."),
        (EC2, {"desiredvCpus": 99}, "desiredvCpus must be between minvCpus and maxvCpus."),
        (EC2, {"maxvCpus": 0}, "maxvCpus must be at least 1 and not less than minvCpus."),
        (
            {**EC2, "desiredvCpus": 8},
            {"desiredvCpus": 4},
            "Manually scaling down compute environment is not supported. "
            "Disconnecting job queues from compute environment will cause it to scale-down to minvCpus.",
        ),
    ],
)
def test_updates_that_cannot_be_are_refused(world: World, resources: Body, changes: Body, text: str) -> None:
    world.environment(resources=resources)
    params = {"computeEnvironment": "ce", "computeResources": changes}
    assert world.wrapped("update_compute_environment", **params) == text


def test_replacing_machines_needs_the_service_linked_role(world: World) -> None:
    role = "arn:aws:iam::123456789012:role/own"
    world.environment(resources={**EC2, "allocationStrategy": "BEST_FIT_PROGRESSIVE"}, serviceRole=role)

    text = world.wrapped("update_compute_environment", computeEnvironment="ce", computeResources={"imageId": "ami-2"})

    assert text == "Only scaling can be updated while serviceRole is not the AWSServiceRoleForBatch role."


@pytest.mark.parametrize(
    ("resources", "changes", "text"),
    [
        (EC2, {}, "At least one compute-resources attribute must be specified"),
        (FARGATE, {"minvCpus": 1}, "minvCpus is not applicable for Fargate."),
    ],
)
def test_some_update_texts_come_bare(world: World, resources: Body, changes: Body, text: str) -> None:
    world.environment(resources=resources)
    params: dict[str, Any] = {"computeEnvironment": "ce", "computeResources": changes}
    assert world.refusal("update_compute_environment", **params) == text


def test_an_unmanaged_environment_cannot_get_resources(world: World) -> None:
    world.ask("create_compute_environment", computeEnvironmentName="ce", type="UNMANAGED")

    text = world.wrapped("update_compute_environment", computeEnvironment="ce", computeResources={"maxvCpus": 1})

    assert text == "computeResources must not be provided for an UNMANAGED compute environment."


def test_an_environment_is_deleted_only_disabled_and_detached(world: World) -> None:
    world.environment()
    world.queue()

    delete = {"computeEnvironment": "ce"}
    enabled = "Cannot delete, compute environment state must be DISABLED"
    assert world.refusal("delete_compute_environment", **delete) == enabled
    world.ask("update_compute_environment", computeEnvironment="ce", state="DISABLED")
    used = "Cannot delete, found existing JobQueue relationship"
    assert world.refusal("delete_compute_environment", **delete) == used
    world.ask("update_job_queue", jobQueue="night", state="DISABLED")
    world.ask("delete_job_queue", jobQueue="night")
    assert world.ask("delete_compute_environment", **delete) == {}


def test_an_unknown_environment_does_not_exist(world: World) -> None:
    for operation in ("update_compute_environment", "delete_compute_environment"):
        assert world.refusal(operation, computeEnvironment="ce") == "ComputeEnvironment ce does not exist"
    assert world.ask("describe_compute_environments", computeEnvironments=["ce"]) == {"computeEnvironments": []}


def test_an_arn_of_another_region_names_nothing_here(world: World) -> None:
    world.environment()

    elsewhere = ARN.replace("us-east-1", "eu-west-1")

    found = world.ask("describe_compute_environments", computeEnvironments=[elsewhere])
    assert found == {"computeEnvironments": []}


def test_environments_are_listed_in_pages(world: World) -> None:
    for number in range(5):
        world.environment(f"ce{number}")

    names, token = [], None
    while True:
        page = world.ask("describe_compute_environments", maxResults=2, **({"nextToken": token} if token else {}))
        names.append([e["computeEnvironmentName"] for e in page["computeEnvironments"]])
        token = page.get("nextToken")
        if token is None:
            break

    assert names == [["ce0", "ce1"], ["ce2", "ce3"], ["ce4"]]


@pytest.mark.parametrize("token", ["x", "e30=", "WzFd", "W10=", "WyJhIiwiYiJd"])
def test_a_made_up_token_is_refused(world: World, token: str) -> None:
    text = world.refusal("describe_compute_environments", nextToken=token)
    assert text == "The specified nextToken is invalid."


def test_limits_of_a_describe(world: World) -> None:
    assert world.refusal("describe_compute_environments", maxResults=0) == "maxResults must be at least 1"
    text = world.refusal("describe_compute_environments", computeEnvironments=["a"] * 101)
    assert text == "At most 100 compute-environment names can be described at once"
