from __future__ import annotations

import pytest

from batchd.scheduler.events import CapacityLimit, EnvironmentDeleted, EnvironmentSaved, EnvironmentSpec
from batchd.store.store import Body
from tests.services.batch.service_worlds import ARN, INSTANCES, create_environment, create_queue
from tests.services.batch.worlds import World

GPUS = f"{ARN}:service-environment/gpus"
TYPES = [{"maxCapacity": 2, "capacityUnit": "ml.m5.large"}, {"maxCapacity": 0, "capacityUnit": "ml.p5.48xlarge"}]


def described(world: World) -> Body:
    (found,) = world.ask("describe_service_environments", serviceEnvironments=["gpus"])["serviceEnvironments"]
    environment: Body = found
    return environment


def test_a_service_environment_lives_from_create_to_delete(world: World) -> None:
    assert create_environment(world, tags={"team": "risk"}) == GPUS
    assert described(world) == {
        "serviceEnvironmentName": "gpus",
        "serviceEnvironmentArn": GPUS,
        "serviceEnvironmentType": "SAGEMAKER_TRAINING",
        "state": "ENABLED",
        "status": "VALID",
        "capacityLimits": INSTANCES,
        "tags": {"team": "risk"},
    }

    ten = [{"maxCapacity": 10, "capacityUnit": "NUM_INSTANCES"}]
    answer = world.ask("update_service_environment", serviceEnvironment=GPUS, capacityLimits=ten, state="DISABLED")
    assert answer == {"serviceEnvironmentName": "gpus", "serviceEnvironmentArn": GPUS}
    assert (described(world)["capacityLimits"], described(world)["state"]) == (ten, "DISABLED")

    world.ask("delete_service_environment", serviceEnvironment="gpus")
    assert world.ask("describe_service_environments") == {"serviceEnvironments": []}
    assert world.events() == [
        EnvironmentSaved(EnvironmentSpec(GPUS, True, capacity=(CapacityLimit("NUM_INSTANCES", 4),))),
        EnvironmentSaved(EnvironmentSpec(GPUS, False, capacity=(CapacityLimit("NUM_INSTANCES", 10),))),
        EnvironmentDeleted(GPUS),
    ]


def test_limits_are_of_all_instances_or_of_each_type(world: World) -> None:
    create_environment(world, limits=TYPES)

    assert described(world)["capacityLimits"] == TYPES
    text = "capacityLimits can not change between NUM_INSTANCES and instance types"
    assert world.wrapped("update_service_environment", serviceEnvironment="gpus", capacityLimits=INSTANCES) == text


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ([], "capacityLimits must have 1 to 5 entries"),
        ([*TYPES, *TYPES, *TYPES], "capacityLimits must have 1 to 5 entries"),
        ([*TYPES, TYPES[0]], "capacityLimits must not repeat a value of capacityUnit"),
        ([*TYPES, *INSTANCES], "capacityLimits must have either NUM_INSTANCES or instance types"),
        ([{"capacityUnit": "NUM_INSTANCES"}], "capacityLimits.maxCapacity must not be negative or missing"),
        (
            [{"maxCapacity": 1, "capacityUnit": "m5.large"}],
            "capacityLimits.capacityUnit must be NUM_INSTANCES or an instance type such as ml.m5.large",
        ),
    ],
)
def test_impossible_limits_are_refused(world: World, limits: list[Body], text: str) -> None:
    request = {"serviceEnvironmentName": "gpus", "serviceEnvironmentType": "SAGEMAKER_TRAINING"}

    assert world.wrapped("create_service_environment", **request, capacityLimits=limits) == text


def test_an_environment_that_is_enabled_or_in_use_stays(world: World) -> None:
    create_environment(world)
    create_queue(world)
    text = "Cannot delete, service environment state must be DISABLED"
    assert world.refusal("delete_service_environment", serviceEnvironment="gpus") == text

    world.ask("update_service_environment", serviceEnvironment="gpus", state="DISABLED")
    text = "Cannot delete, found existing JobQueue relationship"
    assert world.refusal("delete_service_environment", serviceEnvironment="gpus") == text


def test_names_are_unique_and_counted(world: World) -> None:
    create_environment(world)
    request = {"serviceEnvironmentType": "SAGEMAKER_TRAINING", "capacityLimits": INSTANCES}
    text = world.refusal("create_service_environment", serviceEnvironmentName="gpus", **request)
    assert text == "Object already exists"
    text = world.wrapped("create_service_environment", serviceEnvironmentName="g p", **request)
    assert text == "Service environment name should match valid pattern"
    assert world.refusal("delete_service_environment", serviceEnvironment="x") == "ServiceEnvironment x does not exist"

    for number in range(49):
        create_environment(world, f"more-{number:02}")
    text = world.refusal("create_service_environment", serviceEnvironmentName="one-too-many", **request)
    assert text == "At most 50 service environments are allowed"
    first = world.ask("describe_service_environments", maxResults=49)
    rest = world.ask("describe_service_environments", maxResults=49, nextToken=first["nextToken"])
    names = [found["serviceEnvironmentName"] for page in (first, rest) for found in page["serviceEnvironments"]]
    assert names == ["gpus", *(f"more-{number:02}" for number in range(49))]


def test_an_environment_has_tags(world: World) -> None:
    create_environment(world)
    world.ask("tag_resource", resourceArn=GPUS, tags={"a": "b"})

    assert world.ask("list_tags_for_resource", resourceArn=GPUS) == {"tags": {"a": "b"}}
