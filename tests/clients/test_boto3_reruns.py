"""RerunJob, through an unmodified boto3 that AWS_DATA_PATH leads to batchd's models."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from batchd.services.batchd_ import MODELS
from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, eventually
from tests.clients.worlds import Gate, World, fresh
from tests.conftest import Running


@pytest.fixture
def own(server: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    return server.client("batchd")


@pytest.fixture
def world(own: Any, server: Running) -> World:
    """With batchd's members in its answers."""
    return World.of(server)


def children(world: World, array_id: str, size: int) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = world.batch.describe_jobs(jobs=[f"{array_id}:{i}" for i in range(size)])["jobs"]
    return jobs


def test_only_the_children_that_failed_run_again(own: Any, world: World, gate: Gate) -> None:
    result = 'echo "{\\"n\\": $AWS_BATCH_JOB_ARRAY_INDEX}" > "$BATCHD_OUTPUT"'
    odd = f"{result}; echo Ref::what; [ -e {gate.path} ] || [ $((AWS_BATCH_JOB_ARRAY_INDEX % 2)) = 0 ]"
    array: dict[str, Any] = {"arrayProperties": {"size": 5}}
    request = {"jobName": "shard", "parameters": {"what": "x"}, "tags": {"team": "night"}, **array}
    first = ended(world.batch, world.submit(odd, **request))
    gate.open()

    answer = own.rerun_job(jobId=first["jobId"])

    again = ended(world.batch, answer["jobId"])
    assert (again["status"], answer["children"], answer["jobArn"]) == ("SUCCEEDED", 2, again["jobArn"])
    assert (again["batchdRerunOf"], answer["jobName"]) == (first["jobId"], "shard")
    same = ("jobName", "jobQueue", "jobDefinition", "parameters", "tags", "container")
    assert {member: again[member] for member in same} == {member: first[member] for member in same}
    assert again["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 5
    ran = children(world, again["jobId"], 5)
    assert [len(child["attempts"]) for child in ran] == [0, 1, 0, 1, 0]
    assert [child["status"] for child in ran] == ["SUCCEEDED"] * 5
    assert [child["batchdRerunOf"] for child in ran] == [f"{first['jobId']}:{index}" for index in range(5)]
    assert [child["batchdResult"] for child in ran] == [{"n": index} for index in range(5)]
    assert world.output(ran[3]) == ["x"]
    assert described(world.batch, first["jobId"])["status"] == "FAILED", "what was is not changed"

    command = {"containerOverrides": {"command": ["echo", "Ref::shard.n"]}}
    pairs = [{"jobId": again["jobId"], "type": "N_TO_N"}]
    second = ended(world.batch, world.submit(dependsOn=pairs, **command, **array))
    assert [world.output(child) for child in children(world, second["jobId"], 5)] == [[f"{n}"] for n in range(5)]
    with refused(f"Job {again['jobId']} is SUCCEEDED: there is nothing to run again"):
        own.rerun_job(jobId=again["jobId"])


def test_a_rerun_that_fails_is_run_again_in_its_turn_and_a_sequence_goes_on_where_it_failed(
    own: Any, world: World
) -> None:
    script = '[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 2 ]'
    first = world.submit(script, arrayProperties={"size": 4}, dependsOn=[{"type": "SEQUENTIAL"}])
    assert ended(world.batch, first)["status"] == "FAILED"
    second = own.rerun_job(jobId=first)
    assert (ended(world.batch, second["jobId"])["status"], second["children"]) == ("FAILED", 2)
    third = own.rerun_job(jobId=second["jobId"])
    ended(world.batch, third["jobId"])
    ran = children(world, third["jobId"], 4)
    assert [child["status"] for child in ran] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED"]
    assert [len(child["attempts"]) for child in ran] == [0, 0, 1, 0]
    assert ran[3]["statusReason"] == "Dependent Job failed"


def test_a_plain_job_is_submitted_again_as_it_was(own: Any, world: World, gate: Gate) -> None:
    before = world.run("false")["jobId"]
    first = world.run(
        f'echo "$DAY"; [ -e {gate.path} ]',
        dependsOn=[{"jobId": before, "type": "AFTER_ANY"}],
        containerOverrides={"environment": [{"name": "DAY", "value": "monday"}]},
        tags={"team": "night", "batchd:client-token": before},
    )
    gate.open()

    answer = own.rerun_job(jobId=first["jobArn"])

    again = ended(world.batch, answer["jobId"])
    assert (again["status"], world.output(again)) == ("SUCCEEDED", ["monday"])
    assert (again["batchdRerunOf"], again["dependsOn"], again["tags"]) == (first["jobId"], [], {"team": "night"})
    assert "children" not in answer


def test_what_cannot_run_again_is_refused(own: Any, world: World, gate: Gate) -> None:
    alive = world.submit(gate.script)
    array = world.submit("false", arrayProperties={"size": 2})
    ended(world.batch, array)
    eventually(lambda: described(world.batch, alive)["status"] == "RUNNING", "it runs")
    with refused(f"Job {alive} is RUNNING: only a job that has ended can be run again"):
        own.rerun_job(jobId=alive)
    with refused(f"Job {array}:1 is part of another job: run that one again"):
        own.rerun_job(jobId=f"{array}:1")
    with refused("Job never does not exist"):
        own.rerun_job(jobId="never")
    world.batch.update_job_queue(jobQueue=world.queue, state="DISABLED")
    with refused(f"JobQueue {world.queue} is in DISABLED state. Only ENABLED JobQueues accept jobs."):
        own.rerun_job(jobId=array)


def test_what_runs_again_needs_the_same_counted_things_and_keeps_to_the_same_limits(
    own: Any, world: World, gate: Gate
) -> None:
    seat = fresh("seat")
    world.batch.create_consumable_resource(consumableResourceName=seat, totalQuantity=9)
    first = world.run(
        f"[ -e {gate.path} ]",
        arrayProperties={"size": 3},
        tags={"batchd:max-concurrency": "1"},
        consumableResourcePropertiesOverride={
            "consumableResourceList": [{"consumableResource": seat, "quantity": 5}],
        },
    )
    gate.open()
    again = own.rerun_job(jobId=first["jobId"])
    assert ended(world.batch, again["jobId"])["status"] == "SUCCEEDED"
    ran = sorted(children(world, again["jobId"], 3), key=lambda child: int(child["startedAt"]))
    assert all(one["stoppedAt"] <= other["startedAt"] for one, other in pairwise(ran))
    jobs = world.batch.list_jobs_by_consumable_resource(consumableResource=seat)["jobs"]
    assert [job["jobArn"].rpartition("/")[2] for job in jobs] == [again["jobId"], first["jobId"]]

    world.batch.delete_consumable_resource(consumableResource=seat)
    with refused(f"ConsumableResource {seat} does not exist"):
        own.rerun_job(jobId=first["jobId"])


def test_the_log_group_of_a_job_that_runs_again_is_made_again(own: Any, world: World) -> None:
    group = f"/feeds/{world.queue}"
    log = {"logDriver": "awslogs", "options": {"awslogs-group": group}}
    definition = world.define("echo here; exit 1", containerProperties={"logConfiguration": log})
    first = world.run(jobDefinition=definition)
    world.logs.delete_log_group(logGroupName=group)
    again = ended(world.batch, own.rerun_job(jobId=first["jobId"])["jobId"])
    events = world.logs.get_log_events(logGroupName=group, logStreamName=again["container"]["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["here"]
