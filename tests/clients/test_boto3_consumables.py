"""Consumable resources, through boto3. [batch.md 7.5]"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchd.services.batchd_ import MODELS
from tests.clients.refusals import refused
from tests.clients.storm import Plan, Serving
from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, fresh
from tests.conftest import Running


def needs(name: str, quantity: int = 1) -> dict[str, Any]:
    return {"consumableResourceList": _list(name, quantity)}


def _list(name: str, quantity: int) -> list[dict[str, Any]]:
    return [{"consumableResource": name, "quantity": quantity}]


def figures(world: World, name: str) -> tuple[int, int, int]:
    found = world.batch.describe_consumable_resource(consumableResource=name)
    return found["totalQuantity"], found["inUseQuantity"], found["availableQuantity"]


def test_jobs_share_the_seats_of_a_licence(world: World, gate: Gate) -> None:
    seat = fresh("seat")
    arn = world.batch.create_consumable_resource(consumableResourceName=seat, totalQuantity=3)["consumableResourceArn"]
    definition = world.define(gate.script, consumableResourceProperties=needs(seat, 2))

    first = world.submit(jobDefinition=definition)
    reached(world.batch, first, "RUNNING")
    assert figures(world, seat) == (3, 2, 1)
    second = world.submit(jobDefinition=definition, consumableResourcePropertiesOverride=needs(arn, 1))
    third = world.submit(jobDefinition=definition, jobName="third")
    reached(world.batch, second, "RUNNING")
    assert figures(world, seat) == (3, 3, 0)

    reached(world.batch, third, "RUNNABLE")
    listed = world.batch.get_paginator("list_jobs_by_consumable_resource").paginate(
        consumableResource=seat,
        filters=[{"name": "JOB_STATUS", "values": ["RUNNABLE"]}, {"name": "JOB_NAME", "values": ["THI*"]}],
    )
    (job,) = [job for page in listed for job in page["jobs"]]
    assert (job["jobArn"].rpartition("/")[2], job["quantity"]) == (third, 2)
    assert job["consumableResourceProperties"] == needs(seat, 2)
    with refused("Cannot delete, resource is in use"):
        world.batch.delete_consumable_resource(consumableResource=seat)

    gate.open()
    for job_id in (first, second, third):
        assert ended(world.batch, job_id)["status"] == "SUCCEEDED"
    assert figures(world, seat) == (3, 0, 3)
    pages = world.batch.get_paginator("list_consumable_resources").paginate(
        filters=[{"name": "CONSUMABLE_RESOURCE_NAME", "values": [seat.upper()]}]
    )
    assert [one["consumableResourceArn"] for page in pages for one in page["consumableResources"]] == [arn]
    world.batch.delete_consumable_resource(consumableResource=arn)


def test_what_is_used_up_is_gone_until_there_is_more(world: World) -> None:
    token = fresh("token")
    world.batch.create_consumable_resource(
        consumableResourceName=token, totalQuantity=1, resourceType="NON_REPLENISHABLE"
    )
    needed = {"consumableResourcePropertiesOverride": needs(token)}
    assert world.run(**needed)["status"] == "SUCCEEDED"
    assert figures(world, token) == (0, 0, 0)

    waiting = world.submit(**needed)
    reached(world.batch, waiting, "RUNNABLE")
    for _ in range(2):  # a client that did not hear the answer and asks again
        answer = world.batch.update_consumable_resource(
            consumableResource=token, operation="ADD", quantity=1, clientToken="more"
        )
        assert answer["totalQuantity"] == 1
    assert ended(world.batch, waiting)["status"] == "SUCCEEDED"
    assert figures(world, token) == (0, 0, 0)


def test_a_head_that_waits_for_units_says_why(world: World, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    seat = fresh("seat")
    arn = world.batch.create_consumable_resource(consumableResourceName=seat, totalQuantity=0)["consumableResourceArn"]
    job_id = world.submit(consumableResourcePropertiesOverride=needs(seat))
    reached(world.batch, job_id, "RUNNABLE")
    reasons = server.client("batchd").explain_job(jobId=job_id)["reasons"]
    assert reasons[1:] == [f"Consumable resource {arn} has 0 units and 0 are in use, the job needs 1."]
    world.batch.terminate_job(jobId=job_id, reason="enough")
    assert ended(world.batch, job_id)["statusReason"] == "enough"


def test_units_and_limits_are_where_they_were_when_the_server_was_killed(tmp_path: Path, gate: Gate) -> None:
    serving = Serving(tmp_path / "data", Plan("process", 1, 1, 0, flags=("--vcpus", "4", "--memory-mib", "4096")))
    key = {"batchd:concurrency-key": "one", "batchd:max-concurrency": "1"}
    try:
        serving.start()
        world = World.of(serving)
        world.batch.create_consumable_resource(consumableResourceName="seat", totalQuantity=5)
        world.batch.create_consumable_resource(
            consumableResourceName="token", totalQuantity=5, resourceType="NON_REPLENISHABLE"
        )
        needed = {"consumableResourceList": [*_list("seat", 2), *_list("token", 2)]}
        request = {"consumableResourcePropertiesOverride": needed, "jobDefinition": world.define(gate.script)}
        first = world.submit(**request, tags=key)
        reached(world.batch, first, "RUNNING")
        held = world.submit(**request, tags=key)
        for end in (lambda: None, gate.open):
            assert (figures(world, "seat"), figures(world, "token")) == ((5, 2, 3), (3, 0, 3))
            serving.kill()
            end()
            serving.start()
            world = replace(world, batch=serving.client())
        assert [ended(world.batch, job)["status"] for job in (first, held)] == ["SUCCEEDED", "SUCCEEDED"]
        assert (figures(world, "seat"), figures(world, "token")) == ((5, 0, 5), (1, 0, 1))
        starts = [described(world.batch, job) for job in (first, held)]
        assert starts[0]["stoppedAt"] <= starts[1]["startedAt"]
    finally:
        serving.stop()
