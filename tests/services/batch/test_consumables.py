"""The operations on consumable resources, and jobs that need them. [batch.md 7.5]"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from batchd.quotas import Quotas
from batchd.scheduler.events import Claim, ConsumableDeleted, ConsumableSaved, ConsumableSpec, JobStatus, JobSubmitted
from batchd.services.batch.consumable_rules import add_claims
from batchd.store.store import Body, Key, Tx
from tests.services.batch.worlds import World, without

ARN = "arn:aws:batch:us-east-1:123456789012:consumable-resource/"
HOUR_MS = 3_600_000


def create(world: World, name: str = "seat", total: int = 10, **more: Any) -> str:
    answer = world.ask("create_consumable_resource", consumableResourceName=name, totalQuantity=total, **more)
    return str(answer["consumableResourceArn"])


def figures(world: World, name: str = "seat") -> tuple[int, int, int]:
    found = world.ask("describe_consumable_resource", consumableResource=name)
    return found["totalQuantity"], found["inUseQuantity"], found["availableQuantity"]


def update(world: World, operation: str, quantity: int, **more: Any) -> int:
    asked = {"consumableResource": "seat", "operation": operation, "quantity": quantity, **more}
    return int(world.ask("update_consumable_resource", **asked)["totalQuantity"])


def used(world: World, units: int, name: str = "seat") -> None:
    """As if the scheduler had said so."""
    key = Key("batch.consumable-resource-use", world.region, name)
    world.store.transact(lambda tx: tx.resources.put(key, {"arn": ARN + name, "used": units}))


def needs(**units: int) -> Body:
    return {"consumableResourceList": [{"consumableResource": name, "quantity": n} for name, n in units.items()]}


def claims(world: World) -> tuple[Claim, ...]:
    """Of the job that was submitted last."""
    return next(event.job.claims for event in reversed(world.events()) if isinstance(event, JobSubmitted))


def test_a_resource_lives_from_create_to_delete(world: World) -> None:
    assert create(world, tags={"team": "risk"}) == ARN + "seat"
    assert world.ask("describe_consumable_resource", consumableResource=ARN + "seat") == {
        "consumableResourceName": "seat",
        "consumableResourceArn": ARN + "seat",
        "totalQuantity": 10,
        "inUseQuantity": 0,
        "availableQuantity": 10,
        "resourceType": "REPLENISHABLE",
        "createdAt": world.now_ms,
        "tags": {"team": "risk"},
    }
    assert world.ask("list_consumable_resources") == {
        "consumableResources": [
            {
                "consumableResourceName": "seat",
                "consumableResourceArn": ARN + "seat",
                "totalQuantity": 10,
                "inUseQuantity": 0,
                "resourceType": "REPLENISHABLE",
            }
        ]
    }
    assert (update(world, "ADD", 5), update(world, "REMOVE", 3), update(world, "SET", 4)) == (15, 12, 4)
    world.ask("delete_consumable_resource", consumableResource="seat")
    assert world.ask("list_consumable_resources") == {"consumableResources": []}
    assert world.events() == [
        *(ConsumableSaved(ConsumableSpec(ARN + "seat", total)) for total in (10, 15, 12, 4)),
        ConsumableDeleted(ARN + "seat"),
    ]


def test_the_document_keeps_the_spec_for_a_restart(world: World) -> None:
    create(world, resourceType="NON_REPLENISHABLE")
    assert world.body("batch.consumable-resource", "seat")["spec"] == asdict(ConsumableSpec(ARN + "seat", 10, False))


def test_what_is_in_use_is_not_available(world: World) -> None:
    create(world)
    used(world, 4)
    assert figures(world) == (10, 4, 6)
    assert world.ask("list_consumable_resources")["consumableResources"][0]["inUseQuantity"] == 4
    assert update(world, "SET", 3) == 3
    assert figures(world) == (3, 4, 0)


def test_what_is_used_up_is_gone_from_the_total(world: World) -> None:
    create(world, resourceType="NON_REPLENISHABLE")
    used(world, 4)
    assert figures(world) == (6, 0, 6)
    assert update(world, "ADD", 2) == 8
    assert update(world, "SET", 5) == 5
    assert figures(world) == (5, 0, 5)
    assert world.events()[-1] == ConsumableSaved(ConsumableSpec(ARN + "seat", 9, False))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"consumableResourceName": "-"}, "Consumable resource name should match valid pattern"),
        ({"resourceType": "RENEWABLE"}, "resourceType must be REPLENISHABLE or NON_REPLENISHABLE"),
        ({"totalQuantity": -1}, "totalQuantity must be between 0 and 9007199254740992"),
        ({"tags": {"aws:x": "1"}}, "tag key aws:x is not allowed, keys starting with aws: are reserved"),
    ],
)
def test_a_resource_that_cannot_be_is_refused(world: World, params: Body, text: str) -> None:
    assert world.wrapped("create_consumable_resource", **{"consumableResourceName": "seat", **params}) == text


def test_a_name_is_given_once_and_only_so_often(world: World) -> None:
    world.deployment = {"quotas": Quotas(consumable_resources=1)}
    create(world)
    asked = {"consumableResourceName": "seat"}
    assert world.refusal("create_consumable_resource", **asked) == "Object already exists"
    asked = {"consumableResourceName": "port"}
    assert world.refusal("create_consumable_resource", **asked) == "At most 1 consumable resources are allowed"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"operation": "SET"}, "quantity is required"),
        ({"quantity": 1}, "operation must be SET, ADD or REMOVE"),
        ({"operation": "DOUBLE", "quantity": 1}, "operation must be SET, ADD or REMOVE"),
        ({"operation": "ADD", "quantity": -1}, "quantity must be between 0 and 9007199254740992"),
        ({"operation": "ADD", "quantity": 2**53}, "totalQuantity must be between 0 and 9007199254740992"),
        (
            {"operation": "REMOVE", "quantity": 11},
            "quantity must not be greater than the total quantity, which is 10",
        ),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(world: World, params: Body, text: str) -> None:
    create(world)
    assert world.wrapped("update_consumable_resource", consumableResource="seat", **params) == text
    assert figures(world) == (10, 0, 10)


def test_what_is_not_here_does_not_exist(world: World) -> None:
    for operation in ("describe_consumable_resource", "delete_consumable_resource", "update_consumable_resource"):
        assert world.refusal(operation, consumableResource="x") == "ConsumableResource x does not exist"
    asked = {"consumableResource": ARN.replace("us-east-1", "eu-west-1") + "x"}
    text = f"ConsumableResource {asked['consumableResource']} does not exist"
    assert world.refusal("list_jobs_by_consumable_resource", **asked) == text


# The client's token


def test_an_update_that_is_repeated_happens_once(world: World) -> None:
    create(world)
    assert [update(world, "ADD", 5, clientToken="t") for _ in range(3)] == [15, 15, 15]
    assert update(world, "ADD", 5, clientToken="u") == 20
    assert update(world, "ADD", 5, clientToken="t") == 15, "what the first one was told"
    assert figures(world)[0] == 20


def test_a_token_is_for_one_request(world: World) -> None:
    create(world)
    update(world, "ADD", 5, clientToken="t")
    asked = {"consumableResource": "seat", "operation": "ADD", "quantity": 6, "clientToken": "t"}
    assert world.refusal("update_consumable_resource", **asked).startswith("IdempotentParameterMismatch: ")


def test_a_token_is_valid_for_eight_hours(world: World) -> None:
    create(world)
    update(world, "ADD", 5, clientToken="t")
    world.now_ms += 8 * HOUR_MS - 1
    assert update(world, "ADD", 5, clientToken="t") == 15
    world.now_ms += 1
    assert update(world, "ADD", 5, clientToken="t") == 20


def test_a_resource_of_the_same_name_is_not_the_one_that_was_deleted(world: World) -> None:
    create(world)
    used(world, 3)
    update(world, "ADD", 5, clientToken="t")
    world.ask("delete_consumable_resource", consumableResource="seat")
    world.now_ms += 1
    create(world)
    assert update(world, "ADD", 1, clientToken="t") == 11
    assert figures(world) == (11, 0, 11)


# Lists


def names(world: World, **params: Any) -> list[str]:
    """Of all pages."""
    found: list[str] = []
    while True:
        page = world.ask("list_consumable_resources", **params)
        found += [one["consumableResourceName"] for one in page["consumableResources"]]
        if "nextToken" not in page:
            return found
        params["nextToken"] = page["nextToken"]


def of_name(*values: str) -> Body:
    return {"filters": [{"name": "CONSUMABLE_RESOURCE_NAME", "values": list(values)}]}


def test_a_list_is_in_order_of_name_page_by_page(world: World) -> None:
    for name in ("c", "a", "b", "A"):
        create(world, name)
    assert names(world, maxResults=3) == names(world) == ["A", "a", "b", "c"]
    assert len(world.ask("list_consumable_resources", maxResults=3)["consumableResources"]) == 3
    assert "nextToken" not in world.ask("list_consumable_resources", maxResults=4)


def test_a_filter_knows_no_case_and_a_trailing_star(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Matlab", "matlab-2", "ansys", "port"):
        create(world, name)
    assert names(world, **of_name("MATLAB")) == ["Matlab"]
    assert names(world, **of_name("MAT*")) == ["Matlab", "matlab-2"]
    assert names(world, **of_name("MAT*", "port"), maxResults=1) == ["Matlab", "matlab-2", "port"]
    assert names(world, **of_name("x*")) == []
    monkeypatch.setattr("batchd.services.batch.consumables._LOOKED_AT", 2)
    assert names(world, **of_name("port")) == ["port"], "on a page further on"
    assert names(world, maxResults=1) == ["Matlab", "ansys", "matlab-2", "port"]


def test_a_list_that_makes_no_sense_is_refused(world: World) -> None:
    create(world)
    asked: Body = {"filters": [{"name": "NAME", "values": ["x"]}]}
    assert world.refusal("list_consumable_resources", **asked) == "filters.name NAME is not a filter"
    asked["consumableResource"] = "seat"
    assert world.refusal("list_jobs_by_consumable_resource", **asked) == "filters.name NAME is not a filter"
    asked["filters"] = [{"name": "JOB_STATUS", "values": ["BUSY"]}]
    assert world.refusal("list_jobs_by_consumable_resource", **asked) == "filters.values: BUSY is not a job status"
    text = "The specified nextToken is invalid."
    assert world.refusal("list_consumable_resources", nextToken="?") == text
    assert world.refusal("list_jobs_by_consumable_resource", consumableResource="seat", nextToken="?") == text
    assert world.refusal("list_consumable_resources", maxResults=0) == "maxResults must be at least 1"


# Jobs that need them


def test_a_job_needs_what_its_definition_says_unless_it_says_something_else(world: World) -> None:
    create(world)
    create(world, "port")
    world.environment()
    world.queue()
    world.definition(consumableResourceProperties=needs(seat=2))

    job_id = world.submit()
    assert claims(world) == (Claim(ARN + "seat", 2),)
    assert world.job(job_id)["consumableResourceProperties"] == needs(seat=2)

    override = {"consumableResourceList": [{"consumableResource": ARN + "port", "quantity": 1}]}
    job_id = world.submit(consumableResourcePropertiesOverride=override)
    assert claims(world) == (Claim(ARN + "port", 1),)
    assert world.job(job_id)["consumableResourceProperties"] == override

    world.submit(consumableResourcePropertiesOverride={})
    assert claims(world) == (Claim(ARN + "seat", 2),)
    job_id = world.submit(consumableResourcePropertiesOverride={"consumableResourceList": []})
    assert claims(world) == ()


def test_a_definition_gives_its_list_back_as_it_was_sent(world: World) -> None:
    create(world)
    world.definition(consumableResourceProperties=needs(seat=2))
    (found,) = world.ask("describe_job_definitions")["jobDefinitions"]
    assert found["consumableResourceProperties"] == needs(seat=2)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ([{"quantity": 1}], "consumableResourceList entries must have a consumableResource"),
        (
            [{"consumableResource": "seat"}],
            "consumableResourceList: quantity of seat must be between 1 and 9007199254740992",
        ),
        (
            [{"consumableResource": "seat", "quantity": 0}],
            "consumableResourceList: quantity of seat must be between 1 and 9007199254740992",
        ),
        (
            [{"consumableResource": "seat", "quantity": 1}, {"consumableResource": ARN + "seat", "quantity": 2}],
            f"consumableResourceList must not repeat {ARN}seat",
        ),
        (
            [{"consumableResource": name, "quantity": 1} for name in "abcdef"],
            "consumableResourceList must have at most 5 entries",
        ),
    ],
)
def test_a_list_of_needs_is_checked_at_register_and_at_submit(world: World, wanted: list[Body], text: str) -> None:
    create(world)
    world.ready()
    needed = {"consumableResourceList": wanted}
    container = world.ask("describe_job_definitions")["jobDefinitions"][0]["containerProperties"]
    asked = {"jobDefinitionName": "x", "type": "container", "containerProperties": container}
    assert world.wrapped("register_job_definition", **asked, consumableResourceProperties=needed) == text
    job = {"jobName": "x", "jobQueue": "night", "jobDefinition": "feed"}
    assert world.wrapped("submit_job", **job, consumableResourcePropertiesOverride=needed) == text


def test_a_job_whose_resource_is_gone_is_refused(world: World) -> None:
    create(world)
    world.environment()
    world.queue()
    world.definition(consumableResourceProperties=needs(seat=2))
    world.ask("delete_consumable_resource", consumableResource="seat")
    asked = {"jobName": "x", "jobQueue": "night", "jobDefinition": "feed"}
    assert world.refusal("submit_job", **asked) == "ConsumableResource seat does not exist"


def test_a_resource_that_a_live_job_needs_is_not_deleted(world: World) -> None:
    create(world)
    world.environment()
    world.queue()
    world.definition(consumableResourceProperties=needs(seat=2))
    job_id = world.submit()
    asked = {"consumableResource": "seat"}
    assert world.refusal("delete_consumable_resource", **asked) == "Cannot delete, resource is in use"
    world.becomes(job_id, JobStatus.SUCCEEDED, stopped_at=1)
    world.ask("delete_consumable_resource", **asked)


def test_a_resource_has_tags(world: World) -> None:
    arn = create(world, tags={"a": "1"})
    world.ask("tag_resource", resourceArn=arn, tags={"b": "2"})
    world.ask("untag_resource", resourceArn=arn, tagKeys=["a"])
    assert world.ask("list_tags_for_resource", resourceArn=arn) == {"tags": {"b": "2"}}
    assert world.ask("describe_consumable_resource", consumableResource="seat")["tags"] == {"b": "2"}
    assert figures(world) == (10, 0, 10)


# The jobs of a resource


def listed(world: World, **filters: str) -> list[str]:
    """Names of jobs, of all pages."""
    params: Body = {"consumableResource": "seat", "maxResults": 2}
    params["filters"] = [{"name": name, "values": value.split()} for name, value in filters.items()]
    found: list[str] = []
    while True:
        page = world.ask("list_jobs_by_consumable_resource", **params)
        found += [job["jobName"] for job in page["jobs"]]
        if "nextToken" not in page:
            return found
        params["nextToken"] = page["nextToken"]


def test_the_jobs_of_a_resource_are_listed_newest_first(world: World) -> None:
    create(world)
    world.ready()
    ids = {}
    for name in ("Load-1", "load-2", "mark", "load-3"):
        ids[name] = world.submit(jobName=name, consumableResourcePropertiesOverride=needs(seat=2))
    world.submit(jobName="load-4")
    world.becomes(ids["load-2"], JobStatus.FAILED, stopped_at=5, status_reason="no")
    world.becomes(ids["mark"], JobStatus.RUNNING, started_at=4)

    assert listed(world) == ["load-3", "mark", "load-2", "Load-1"]
    assert listed(world, JOB_NAME="LOAD*") == ["load-3", "load-2", "Load-1"]
    assert listed(world, JOB_NAME="load-1 MARK") == ["mark", "Load-1"]
    assert listed(world, JOB_STATUS="FAILED RUNNING") == ["mark", "load-2"]
    assert listed(world, JOB_STATUS="FAILED", JOB_NAME="mark") == []

    jobs = world.ask("list_jobs_by_consumable_resource", consumableResource=ARN + "seat")["jobs"]
    arn = "arn:aws:batch:us-east-1:123456789012:"
    assert jobs[2] == {
        "jobArn": f"{arn}job/{ids['load-2']}",
        "jobQueueArn": f"{arn}job-queue/night",
        "jobName": "load-2",
        "jobDefinitionArn": f"{arn}job-definition/feed:1",
        "jobStatus": "FAILED",
        "quantity": 2,
        "statusReason": "no",
        "createdAt": world.now_ms,
        "consumableResourceProperties": needs(seat=2),
    }
    assert without(jobs[1], "statusReason")["startedAt"] == 4


def test_what_several_tasks_need_at_once_adds_up() -> None:
    seats, both = (Claim("seat", 2),), (Claim("seat", 1), Claim("port", 3))
    assert add_claims([(seats, 1), (both, 4)]) == (Claim("seat", 6), Claim("port", 12))


def test_a_job_is_forgotten_with_its_needs(world: World) -> None:
    create(world)
    world.ready()
    job_id = world.submit(consumableResourcePropertiesOverride=needs(seat=1))
    world.becomes(job_id, JobStatus.SUCCEEDED, stopped_at=1)

    def purge(tx: Tx) -> None:
        tx.jobs.purge(world.now_ms + 1, 10)

    world.store.transact(purge)
    assert listed(world) == []
