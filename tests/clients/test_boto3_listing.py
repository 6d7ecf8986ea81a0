"""ListJobs and DescribeJobs through boto3: filters, pages, tags, regions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, fresh


def listed(world: World, **wanted: Any) -> list[str]:
    """Job ids, as the server orders them."""
    answer = world.batch.list_jobs(jobQueue=world.queue, **wanted)
    return [summary["jobId"] for summary in answer["jobSummaryList"]]


def by(name: str, value: Any) -> dict[str, Any]:
    return {"filters": [{"name": name, "values": [str(value)]}]}


def test_without_a_status_the_running_jobs_are_listed(world: World, gate: Gate) -> None:
    running, done = world.submit(gate.script), world.run()["jobId"]
    reached(world.batch, running, "RUNNING")
    waiting = world.submit(dependsOn=[{"jobId": running}])
    assert listed(world) == [running]
    assert listed(world, jobStatus="SUCCEEDED") == [done]
    assert listed(world, jobStatus="PENDING") == [waiting]
    assert listed(world, jobStatus="FAILED") == []


def test_a_summary_says_how_a_job_ended(world: World) -> None:
    job = world.run("exit 3", jobName="broken")
    [summary] = world.batch.list_jobs(jobQueue=world.queue, jobStatus="FAILED")["jobSummaryList"]
    same = ("jobArn", "jobId", "jobName", "status", "statusReason", "createdAt", "startedAt", "stoppedAt")
    assert {member: summary[member] for member in same} == {member: job[member] for member in same}
    assert summary["jobDefinition"] == job["jobDefinition"]
    assert summary["container"] == {"exitCode": 3}


def test_filters_look_at_all_statuses(world: World, gate: Gate) -> None:
    name = fresh("definition")
    definition = world.define("true", jobDefinitionName=name)
    alpha = world.run(jobName="Alpha-one", jobDefinition=definition)
    beta = world.submit(gate.script, jobName="beta")
    ended(world.batch, alpha["jobId"])
    assert listed(world, **by("JOB_NAME", "alpha-ONE")) == [alpha["jobId"]]
    assert listed(world, **by("JOB_NAME", "alpha*")) == [alpha["jobId"]]
    assert listed(world, **by("JOB_NAME", "alpha")) == []
    assert listed(world, **by("JOB_DEFINITION", name)) == [alpha["jobId"]]
    assert listed(world, **by("JOB_DEFINITION", definition)) == [alpha["jobId"]]
    assert listed(world, **by("JOB_DEFINITION", name[:-3] + "*")) == [alpha["jobId"]]
    at = described(world.batch, beta)["createdAt"]
    assert listed(world, **by("AFTER_CREATED_AT", at - 1)) == [beta]
    assert listed(world, **by("BEFORE_CREATED_AT", at)) == [alpha["jobId"]]
    assert listed(world, **by("SHARE_IDENTIFIER", "blue")) == []


def test_pages_hold_every_job_once_newest_first(world: World) -> None:
    world.batch.update_compute_environment(computeEnvironment=world.environment, state="DISABLED")
    definition = world.define()
    submitted = [world.submit(jobDefinition=definition) for _ in range(7)]
    pages = list(
        world.batch.get_paginator("list_jobs").paginate(
            jobQueue=world.queue, jobStatus="RUNNABLE", PaginationConfig={"PageSize": 3}
        )
    )
    sizes = [len(page["jobSummaryList"]) for page in pages]
    found = [summary for page in pages for summary in page["jobSummaryList"]]
    assert sizes == [3, 3, 1]
    assert sorted(summary["jobId"] for summary in found) == sorted(submitted)
    created = [summary["createdAt"] for summary in found]
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({}, "Exactly one of jobQueue, arrayJobId and multiNodeJobId must be specified"),
        ({"jobQueue": "nobody"}, "JobQueue nobody not found."),
        ({"jobQueue": "q", **by("JOB_COLOUR", "blue")}, "JOB_COLOUR is not a filter"),
        ({"jobQueue": "q", **by("BEFORE_CREATED_AT", "noon")}, "noon is not a time"),
        ({"jobQueue": "q", "jobStatus": "DONE"}, "jobStatus"),
        ({"jobQueue": "q", "maxResults": 0}, "maxResults"),
        ({"jobQueue": "q", "nextToken": "made-up"}, "nextToken"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(world: World, wanted: dict[str, Any], text: str) -> None:
    wanted = {**wanted, **({"jobQueue": world.queue} if wanted.get("jobQueue") == "q" else {})}
    with refused(text):
        world.batch.list_jobs(**wanted)


def test_jobs_are_described_in_the_order_asked_and_unknown_ones_left_out(world: World) -> None:
    first, second = world.submit(), world.submit()
    arn = described(world.batch, first)["jobArn"]
    nobody = "00000000-0000-4000-8000-000000000000"
    found = world.batch.describe_jobs(jobs=[second, nobody, arn])["jobs"]
    assert [job["jobId"] for job in found] == [second, first]
    assert world.batch.describe_jobs(jobs=[])["jobs"] == []
    with refused("Maximum number of jobs supported is  100"):
        world.batch.describe_jobs(jobs=[nobody] * 101)


def test_tags_of_a_job_can_be_changed_while_it_runs_and_after(world: World, gate: Gate) -> None:
    job_id = world.submit(gate.script, tags={"a": "1"})
    arn = reached(world.batch, job_id, "RUNNING")["jobArn"]
    world.batch.tag_resource(resourceArn=arn, tags={"b": "2"})
    gate.open()
    assert ended(world.batch, job_id)["tags"] == {"a": "1", "b": "2"}
    world.batch.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert world.batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert described(world.batch, job_id)["tags"] == {"b": "2"}


def test_regions_do_not_see_each_others_jobs_and_logs(server: Any, world: World) -> None:
    there = World.of(server, "eu-west-1")
    job = there.run("echo $AWS_REGION")
    assert there.output(job) == ["eu-west-1"]
    assert job["jobArn"].split(":")[3] == "eu-west-1"
    assert world.batch.describe_jobs(jobs=[job["jobId"]])["jobs"] == []
    with refused("not found"):
        world.batch.list_jobs(jobQueue=there.queue)
    with refused("does not exist", code="ResourceNotFoundException"):
        world.output(job)
