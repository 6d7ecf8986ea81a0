"""INVALID environments: what makes them so, what it means, and how they are repaired. [batch.md 6.1]"""

from __future__ import annotations

import json

import pytest

from batchd.scheduler.events import EnvironmentSaved
from batchd.services import iam
from batchd.store.store import Body
from tests.services.batch.worlds import EC2, World

ACCOUNT = "arn:aws:iam::123456789012:"
SPOT = {**EC2, "type": "SPOT", "spotIamFleetRole": f"{ACCOUNT}role/fleet"}
NO_ASSUME = (
    "CLIENT_ERROR - Not authorized to perform sts:AssumeRole (Service: AWSSecurityTokenService; Status Code: 403; "
    "Error Code: AccessDenied; Request ID: 00000000-0000-4000-8000-000000000000)"
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)


@pytest.fixture
def strict(world: World) -> World:
    """With an IAM that has the instance profile `ecsInstanceRole` and nothing else."""
    world.deployment["strict_roles"] = True
    world.services["iam"] = iam.SERVICE
    call_iam(world, "create_instance_profile", InstanceProfileName="ecsInstanceRole")
    return world


def call_iam(world: World, operation: str, **params: str) -> None:
    served = iam.SERVICE.operations[operation]
    world.store.transact(lambda tx: served.function(params, world.context(tx)))


def make_role(world: World, name: str) -> None:
    call_iam(world, "create_role", RoleName=name, AssumeRolePolicyDocument=TRUST)


def status(world: World, name: str = "ce") -> tuple[str, str]:
    (found,) = world.ask("describe_compute_environments", computeEnvironments=[name])["computeEnvironments"]
    return found["status"], found["statusReason"]


def saved(world: World) -> tuple[bool, bool]:
    """Whether the scheduler was last told that the environment is available, and valid."""
    events = [event for event in world.events() if isinstance(event, EnvironmentSaved)]
    return events[-1].environment.available, events[-1].environment.valid


@pytest.mark.parametrize("role", ["ecsInstanceRole", f"{ACCOUNT}instance-profile/nobody"])
def test_nobody_minds_roles_unless_told_to(world: World, role: str) -> None:
    world.environment(resources={**EC2, "instanceRole": role}, serviceRole=f"{ACCOUNT}role/nobody")
    assert status(world) == ("VALID", "ComputeEnvironment Healthy")
    assert world.calls == []


@pytest.mark.parametrize("role", ["ecsInstanceRole", f"{ACCOUNT}instance-profile/ecsInstanceRole"])
def test_an_instance_profile_that_exists_is_fine_by_name_and_by_arn(strict: World, role: str) -> None:
    strict.environment(resources={**EC2, "instanceRole": role})
    assert (status(strict)[0], saved(strict)) == ("VALID", (True, True))


@pytest.mark.parametrize(
    ("resources", "params", "reason"),
    [
        (
            {**EC2, "instanceRole": "gone"},
            {},
            f"CLIENT_ERROR - Instance profile {ACCOUNT}instance-profile/gone does not exist",
        ),
        (
            {**EC2, "instanceRole": f"{ACCOUNT}instance-profile/other/ecsInstanceRole"},
            {},
            f"CLIENT_ERROR - Instance profile {ACCOUNT}instance-profile/other/ecsInstanceRole does not exist",
        ),
        (
            {**EC2, "instanceRole": "no name!"},
            {},
            f"CLIENT_ERROR - Instance profile {ACCOUNT}instance-profile/no name! does not exist",
        ),
        (EC2, {"serviceRole": f"{ACCOUNT}role/gone"}, NO_ASSUME),
        (SPOT, {}, f"CLIENT_ERROR - Role {ACCOUNT}role/fleet does not exist"),
    ],
)
def test_a_role_that_does_not_exist_makes_the_environment_invalid(
    strict: World, resources: Body, params: Body, reason: str
) -> None:
    strict.environment(resources=resources, **params)
    assert status(strict) == ("INVALID", reason)
    assert saved(strict) == (False, False)


def test_a_service_role_that_exists_is_fine(strict: World) -> None:
    make_role(strict, "batch")
    strict.environment(serviceRole=f"{ACCOUNT}role/batch")
    assert status(strict)[0] == "VALID"


def test_roles_of_the_services_themselves_need_not_be_made(strict: World) -> None:
    fleet = f"{ACCOUNT}role/aws-service-role/spotfleet.amazonaws.com/AWSServiceRoleForEC2SpotFleet"
    strict.environment(resources={**SPOT, "spotIamFleetRole": fleet})
    assert status(strict)[0] == "VALID"


def test_an_unmanaged_environment_has_only_its_service_role_to_mind(strict: World) -> None:
    strict.ask("create_compute_environment", computeEnvironmentName="ce", type="UNMANAGED")
    assert status(strict)[0] == "VALID"


def test_an_invalid_environment_is_repaired_by_an_update_once_the_cause_is_gone(strict: World) -> None:
    strict.environment(serviceRole=f"{ACCOUNT}role/late")
    strict.ask("update_compute_environment", computeEnvironment="ce", computeResources={"maxvCpus": 8})
    assert status(strict)[0] == "INVALID"
    make_role(strict, "late")
    strict.ask("update_compute_environment", computeEnvironment="ce", computeResources={"maxvCpus": 8})
    assert status(strict) == ("VALID", "ComputeEnvironment Healthy")
    assert saved(strict) == (True, True)


def test_no_queue_is_given_an_invalid_environment_but_one_may_keep_it(strict: World) -> None:
    strict.environment()
    strict.queue()
    strict.environment("bad", resources={**EC2, "instanceRole": "gone"})
    strict.ask("update_compute_environment", computeEnvironment="ce", serviceRole=f"{ACCOUNT}role/gone")
    order = [{"order": 1, "computeEnvironment": "bad"}]
    refused = strict.refusal("update_job_queue", jobQueue="night", computeEnvironmentOrder=order)
    assert refused == "ComputeEnvironment bad is INVALID"
    strict.ask("update_job_queue", jobQueue="night", priority=7)


def test_an_invalid_environment_is_deleted_like_any_other(strict: World) -> None:
    strict.environment(resources={**EC2, "instanceRole": "gone"}, state="DISABLED")
    strict.ask("delete_compute_environment", computeEnvironment="ce")
    assert strict.ask("describe_compute_environments") == {"computeEnvironments": []}
