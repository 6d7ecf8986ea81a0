"""Infrastructure updates, and deletion in the right order. [batch.md 6.5, 6.6]"""

from __future__ import annotations

from typing import Any

import pytest

from batchd.scheduler.events import EnvironmentDeleted
from batchd.store.store import Body
from tests.services.batch.worlds import EC2, FARGATE, World

KIND = "batch.compute-environment"
MACHINES = {**EC2, "allocationStrategy": "BEST_FIT_PROGRESSIVE", "imageId": "ami-1"}
REPLACE: Body = {"computeEnvironment": "ce", "computeResources": {"instanceTypes": ["m5"]}}


@pytest.fixture
def busy(world: World) -> World:
    world.deployment["environment_vcpus"] = lambda arn, since: 2.0
    return world


def described(world: World) -> Body:
    (found,) = world.ask("describe_compute_environments", computeEnvironments=["ce"])["computeEnvironments"]
    environment: Body = found
    return environment


def update(world: World, **params: Any) -> None:
    world.ask("update_compute_environment", **{**REPLACE, **params})


def test_where_nothing_runs_an_update_is_over_at_once(world: World) -> None:
    world.environment(resources=MACHINES)
    update(world)
    assert described(world)["status"] == "VALID"
    assert described(world)["computeResources"]["instanceTypes"] == ["m5"]
    assert "replacing" not in world.body(KIND, "ce")


def test_where_jobs_run_the_environment_is_updating_and_they_have_half_an_hour(busy: World) -> None:
    busy.environment(resources=MACHINES)
    update(busy)
    assert described(busy)["status"] == "UPDATING"
    assert described(busy)["computeResources"]["instanceTypes"] == ["m5"]
    now = busy.now_ms
    assert busy.body(KIND, "ce")["replacing"] == {"since": now, "until": now + 30 * 60_000}
    assert busy.body(KIND, "ce")["spec"]["available"] is True


@pytest.mark.parametrize(
    ("policy", "minutes"),
    [
        ({"jobExecutionTimeoutMinutes": 5}, 5),
        ({"terminateJobsOnUpdate": False, "jobExecutionTimeoutMinutes": 360}, 360),
        ({"terminateJobsOnUpdate": True, "jobExecutionTimeoutMinutes": 60}, 0),
    ],
)
def test_the_update_policy_says_how_long_they_have(busy: World, policy: Body, minutes: int) -> None:
    busy.environment(resources=MACHINES)
    update(busy, updatePolicy=policy)
    assert busy.body(KIND, "ce")["replacing"]["until"] == busy.now_ms + minutes * 60_000


@pytest.mark.parametrize(
    "changes",
    [
        {"computeResources": {"maxvCpus": 32, "minvCpus": 1}},
        {"computeResources": {"desiredvCpus": 4}},
        {"computeResources": {"maxvCpus": 16, "imageId": "ami-1", "ec2KeyPair": "", "tags": {}}},
        {"state": "DISABLED"},
        {"updatePolicy": {"terminateJobsOnUpdate": True}},
    ],
)
def test_an_update_that_keeps_the_machines_disturbs_no_job(busy: World, changes: Body) -> None:
    busy.environment(resources=MACHINES)
    busy.ask("update_compute_environment", computeEnvironment="ce", **changes)
    assert described(busy)["status"] == "VALID"


@pytest.mark.parametrize(
    "changes", [{"imageId": ""}, {"updateToLatestImageVersion": True}, {"tags": {"a": "b"}}, {"bidPercentage": 50}]
)
def test_an_update_that_replaces_the_machines_does(busy: World, changes: Body) -> None:
    busy.environment(resources=MACHINES)
    update(busy, computeResources=changes)
    assert described(busy)["status"] == "UPDATING"


def test_an_update_of_fargate_replaces_nothing(busy: World) -> None:
    busy.environment(resources=FARGATE)
    update(busy, computeResources={"subnets": ["subnet-2"]})
    assert described(busy)["status"] == "VALID"


def test_what_is_updating_is_neither_updated_nor_deleted(busy: World) -> None:
    busy.environment(resources=MACHINES)
    update(busy, state="DISABLED")
    refused = busy.refusal("update_compute_environment", computeEnvironment="ce", state="ENABLED")
    assert refused == "Cannot update, resource is being modified."
    refused = busy.refusal("delete_compute_environment", computeEnvironment="ce")
    assert refused == "Cannot delete, resource is being modified"


def test_a_fargate_environment_that_is_deleted_under_its_jobs_becomes_invalid_and_goes_after_them(busy: World) -> None:
    busy.environment(resources=FARGATE, state="DISABLED")
    assert busy.ask("delete_compute_environment", computeEnvironment="ce") == {}
    found = described(busy)
    assert (found["status"], found["state"]) == ("INVALID", "DISABLED")
    assert found["statusReason"] == "CLIENT_ERROR - Cannot delete, jobs are still running on the Fargate resources"
    busy.deployment.clear()
    busy.ask("delete_compute_environment", computeEnvironment="ce")
    assert busy.events()[-1] == EnvironmentDeleted(found["computeEnvironmentArn"])


def test_machines_may_be_deleted_under_their_jobs(busy: World) -> None:
    busy.environment(resources=MACHINES, state="DISABLED")
    busy.ask("delete_compute_environment", computeEnvironment="ce")
    assert busy.ask("describe_compute_environments") == {"computeEnvironments": []}
