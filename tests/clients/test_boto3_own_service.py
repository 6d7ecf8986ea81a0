"""batchd's own operations through an unmodified boto3 that AWS_DATA_PATH leads to their model."""

from __future__ import annotations

import time
from typing import Any

import pytest

from batchd.services.batchd_ import MODELS, queues
from tests.clients.waiting import described, ended, eventually
from tests.clients.worlds import Gate, World, fresh
from tests.conftest import Running


@pytest.fixture
def own(server: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    return server.client("batchd")


def purge(own: Any, queue: str, **more: Any) -> int:
    pages = own.get_paginator("purge_queue").paginate(jobQueue=queue, **more)
    return sum(len(page["terminated"]) for page in pages)


def found(own: Any, **conditions: Any) -> list[str]:
    pages = own.get_paginator("search_jobs").paginate(**conditions)
    return [job["jobId"] for page in pages for job in page["jobs"]]


def test_a_purge_ends_what_waits_and_what_runs(own: Any, world: World, gate: Gate) -> None:
    running = world.submit(gate.script)
    eventually(lambda: described(world.batch, running)["status"] == "RUNNING", "the job runs")
    large = {"resourceRequirements": [{"type": "VCPU", "value": "64"}]}
    waiting = [world.submit(containerOverrides=large) for _ in range(3)]
    pending = world.submit(dependsOn=[{"jobId": running}])
    array = world.submit(arrayProperties={"size": 5}, containerOverrides=large)

    assert purge(own, world.queue, reason="start again") == 6

    jobs = [ended(world.batch, job_id) for job_id in (running, *waiting, pending, array)]
    assert {(job["status"], job["statusReason"]) for job in jobs[:-1]} == {("FAILED", "start again")}
    assert jobs[-1]["status"] == "FAILED"
    assert purge(own, world.queue) == 0


def test_a_purge_goes_on_from_page_to_page_and_minds_its_own_queue(
    own: Any, world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "_AT_ONCE", 2)
    other = world.add_queue(fresh("queue"))
    keeper = world.submit(gate.script, jobQueue=other)
    eventually(lambda: described(world.batch, keeper)["status"] == "RUNNING", "somebody else's job runs")
    large = {"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "64"}]}}
    definition = world.define()
    jobs = [world.submit(jobDefinition=definition, **large) for _ in range(5)]
    spared = world.submit(jobDefinition=definition, jobQueue=other, **large)

    assert purge(own, world.queue) == 5

    assert {ended(world.batch, job_id)["statusReason"] for job_id in jobs} == {"The queue was purged"}
    assert described(world.batch, spared)["status"] == "RUNNABLE"
    assert purge(own, other) == 2


def test_an_unknown_queue_and_a_bad_token_are_refused(own: Any, world: World) -> None:
    for call in (own.purge_queue, own.search_jobs):
        with pytest.raises(own.exceptions.ClientException, match=r"JobQueue never not found\."):
            call(jobQueue="never")
        for token in ("nonsense", "WzFd", "WyJYIiwxLCJhIl0"):
            with pytest.raises(own.exceptions.ClientException, match="The specified nextToken is invalid"):
                call(jobQueue=world.queue, nextToken=token)


def test_ended_jobs_are_found_by_what_is_known_of_them(own: Any, world: World, gate: Gate) -> None:
    name = fresh("feed")
    began = int(time.time() * 1000)
    good = world.run("true", jobName=name, tags={"team": "night", "stage": "test"})["jobId"]
    bad = world.run("exit 137", jobName=f"{name}-2", tags={"team": "day"})["jobId"]
    alive = world.submit(gate.script, jobName=name)

    here: dict[str, Any] = {"jobQueue": world.queue}
    assert found(own, **here) == [bad, good]
    assert found(own, jobName=name.upper()) == [good]
    assert found(own, jobName=f"{name}*") == [bad, good]
    assert found(own, tags={"team": "ni*"}, **here) == [good]
    assert found(own, tags={"team": "night", "stage": "live"}, **here) == []
    assert found(own, exitCode=137, **here) == [bad]
    assert found(own, status="SUCCEEDED", **here) == [good]
    assert found(own, stoppedAfter=began, **here) == [bad, good]
    assert found(own, stoppedBefore=began, **here) == []
    assert found(own, jobName=name, exitCode=1) == []
    assert found(own, PaginationConfig={"PageSize": 1}, **here) == [bad, good]
    purge(own, world.queue)
    ended(world.batch, alive)


def test_a_found_job_says_what_one_asks_first(own: Any, world: World) -> None:
    job = world.run("exit 3", jobName=fresh("feed"), tags={"team": "night"}, retryStrategy={"attempts": 2})

    (one,) = own.search_jobs(jobName=job["jobName"])["jobs"]

    same = ("jobArn", "jobId", "jobName", "jobQueue", "jobDefinition", "status", "createdAt", "startedAt", "stoppedAt")
    assert {member: one[member] for member in same} == {member: job[member] for member in same}
    assert (one["exitCode"], one["attempts"], one["tags"]) == (3, 2, {"team": "night"})
    assert one["statusReason"] == "Essential container in task exited"


def test_only_this_regions_jobs_are_found(own: Any, server: Running) -> None:
    there = World.of(server, "eu-west-1")
    name = fresh("feed")
    job = there.run("true", jobName=name)["jobId"]

    assert found(own, jobName=name) == []
    assert found(server.client("batchd", "eu-west-1"), jobName=name) == [job]


def test_what_could_not_be_delivered_is_listed_tried_again_and_forgotten(own: Any, server: Running) -> None:
    events, rule = server.client("events"), fresh("rule")
    target = f"arn:aws:kinesis:us-east-1:123456789012:stream/{rule}"
    events.put_rule(Name=rule, EventPattern=f'{{"source":["{rule}"]}}')
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": target, "RoleArn": "arn:aws:iam::123456789012:role/r"}])
    events.put_events(Entries=[{"Source": rule, "DetailType": "Order", "Detail": "{}"}])

    def dead() -> list[int]:
        return [one["number"] for one in own.list_dead_deliveries()["deliveries"] if one["target"] == target]

    (number,) = eventually(dead, "the delivery is given up")
    assert own.redrive_deliveries(numbers=[number, 10**9])["numbers"] == [number]
    assert eventually(dead, "it is given up once more") == [number]
    assert own.discard_deliveries(numbers=[number])["numbers"] == [number]
    assert dead() == []
