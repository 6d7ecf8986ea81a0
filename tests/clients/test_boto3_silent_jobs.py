"""The log streams of jobs that print nothing: there from RUNNING on, as the awslogs driver makes them, and empty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.test_multi_container import container, define, parts, task_of
from tests.clients.waiting import described, eventually, reached
from tests.clients.worlds import Gate, World, fresh, shell

GROUP = "/aws/batch/job"


def stream_of(job: dict[str, Any]) -> str:
    name: str = job["container"]["logStreamName"]
    return name


def missing(world: World, name: str, group: str = GROUP) -> bool:
    with refused("The specified log stream does not exist.", "ResourceNotFoundException"):
        world.logs.get_log_events(logGroupName=group, logStreamName=name)
    return True


def described_streams(world: World, prefix: str, **params: Any) -> list[str]:
    page = world.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=prefix, **params)
    return [stream["logStreamName"] for stream in page["logStreams"]]


def test_the_stream_of_a_silent_job_is_there_while_it_runs_and_afterwards(world: World, gate: Gate) -> None:
    job = reached(world.batch, world.submit(gate.script), "RUNNING")
    name = stream_of(job)
    assert world.stream(name) == []
    gate.open()
    reached(world.batch, job["jobId"], "SUCCEEDED")

    page = world.logs.get_log_events(logGroupName=GROUP, logStreamName=name)
    again = world.logs.get_log_events(logGroupName=GROUP, logStreamName=name, nextToken=page["nextForwardToken"])
    assert (page["events"], again["nextForwardToken"]) == ([], page["nextForwardToken"])
    assert world.logs.filter_log_events(logGroupName=GROUP, logStreamNames=[name])["events"] == []
    [stream] = world.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=name)["logStreams"]
    assert (stream["logStreamName"], stream["creationTime"]) == (name, job["startedAt"])
    assert "lastEventTimestamp" not in stream


def test_an_attempt_that_never_ran_has_no_stream(world: World) -> None:
    definition = world.define(containerProperties={"command": ["/no/such/program"]})
    job = world.run(jobDefinition=definition)
    assert "logStreamName" not in job["container"]
    task_id = job["container"]["taskArn"].rpartition("/")[2]
    name = job["jobDefinition"].rpartition("/")[2].partition(":")[0]
    assert missing(world, f"{name}/default/{task_id}")


def test_children_nodes_and_attempts_have_streams_of_their_own(world: World) -> None:
    nodes = {"numNodes": 2, "mainNode": 1, "nodeRangeProperties": [{"targetNodes": "0:", "container": shell("true")}]}
    gang = world.batch.register_job_definition(
        jobDefinitionName=fresh("nodes"), type="multinode", nodeProperties=nodes
    )["jobDefinitionArn"]
    array = world.run("exit $AWS_BATCH_JOB_ARRAY_INDEX", arrayProperties={"size": 2}, retryStrategy={"attempts": 2})
    whole = world.run(jobDefinition=gang)
    ids = [f"{array['jobId']}:0", f"{array['jobId']}:1", whole["jobId"], f"{whole['jobId']}#0", f"{whole['jobId']}#1"]
    jobs = [described(world.batch, job_id) for job_id in ids]
    names = [[attempt["container"]["logStreamName"] for attempt in job["attempts"]] for job in jobs]
    assert [len(of_job) for of_job in names] == [1, 2, 1, 1, 1]
    assert [[world.stream(name) for name in of_job] for of_job in names] == [[[]], [[], []], [[]], [[]], [[]]]


def test_each_of_several_containers_has_a_stream(world: World) -> None:
    definition = define(world, container("silent", "true", essential=False), container("loud", "echo here"))
    containers = parts(task_of(world.run(jobDefinition=definition)))
    streams = {name: world.stream(one["logStreamName"]) for name, one in containers.items()}
    assert streams == {"silent": [], "loud": ["here"]}
    nobody = containers["silent"]["logStreamName"].replace("/silent/", "/nobody/")
    assert missing(world, nobody)


def test_the_stream_is_in_the_group_and_under_the_prefix_that_the_job_names(world: World) -> None:
    group = fresh("group")
    options = {"awslogs-group": group, "awslogs-stream-prefix": "mine"}
    logging = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    name = stream_of(world.run(jobDefinition=world.define(containerProperties=logging)))
    assert name.startswith("mine/default/")
    assert world.logs.get_log_events(logGroupName=group, logStreamName=name)["events"] == []
    assert missing(world, name)


def test_a_group_that_was_made_again_has_lost_the_streams(world: World) -> None:
    group = fresh("group")
    logging = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": group}}}
    name = stream_of(world.run(jobDefinition=world.define(containerProperties=logging)))
    world.logs.delete_log_group(logGroupName=group)
    world.logs.create_log_group(logGroupName=group)
    assert missing(world, name, group)


def test_another_region_does_not_have_the_stream(world: World, server: Any) -> None:
    name = stream_of(world.run())
    there = World.of(server, "eu-west-1")
    there.run()
    assert missing(there, name)


@pytest.mark.parametrize("script", ["true", "echo here"])
def test_a_deleted_stream_is_gone_until_it_is_made_again(world: World, script: str) -> None:
    name = stream_of(world.run(script))
    at = {"logGroupName": GROUP, "logStreamName": name}
    with refused("already exists", "ResourceAlreadyExistsException"):
        world.logs.create_log_stream(**at)
    world.logs.delete_log_stream(**at)
    assert missing(world, name)
    with refused("does not exist", "ResourceNotFoundException"):
        world.logs.delete_log_stream(**at)
    assert described_streams(world, name) == []
    world.logs.create_log_stream(**at)
    assert world.stream(name) == []


def test_what_is_written_later_is_found_in_the_same_stream(world: World, gate: Gate) -> None:
    job = reached(world.batch, world.submit(f"{gate.script}; echo late"), "RUNNING")
    name = stream_of(job)
    empty = world.logs.get_log_events(logGroupName=GROUP, logStreamName=name, startFromHead=True)
    gate.open()

    def page() -> list[str]:
        place = {"nextToken": empty["nextForwardToken"], "startFromHead": True}
        found = world.logs.get_log_events(logGroupName=GROUP, logStreamName=name, **place)
        return [event["message"] for event in found["events"]]

    assert eventually(page, "the line is behind the place where nothing was") == ["late"]
    assert described_streams(world, name) == [name]


@pytest.mark.parametrize(("descending", "expected"), [(False, ["", "/2", "/3"]), (True, ["/3", "/2", ""])])
def test_it_stands_in_its_place_among_others_that_begin_with_its_name(
    world: World, descending: bool, expected: list[str]
) -> None:
    name = stream_of(world.run())
    for end in ("/2", "/3"):
        world.logs.create_log_stream(logGroupName=GROUP, logStreamName=name + end)
    pages = world.logs.get_paginator("describe_log_streams").paginate(
        logGroupName=GROUP, logStreamNamePrefix=name, descending=descending, PaginationConfig={"PageSize": 1}
    )
    found = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    assert found == [name + end for end in expected]
