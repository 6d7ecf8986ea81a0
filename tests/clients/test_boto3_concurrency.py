"""Concurrency limits by tags, through an unmodified boto3."""

from __future__ import annotations

from itertools import pairwise

import pytest

from batchd.services.batchd_ import MODELS
from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, eventually, reached
from tests.clients.worlds import Gate, World, fresh
from tests.conftest import Running

LIMIT, KEY = "batchd:max-concurrency", "batchd:concurrency-key"


def test_jobs_of_a_key_go_one_by_one_and_hold_up_nobody(
    world: World, server: Running, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {KEY: fresh("key")}
    definition = world.define(gate.script)
    other = world.add_queue(fresh("other"))
    first = world.submit(jobDefinition=definition, tags=key)
    reached(world.batch, first, "RUNNING")
    second = world.submit(jobDefinition=definition, tags=key)
    third = world.submit(jobDefinition=definition, tags=key, jobQueue=other)
    assert world.run()["status"] == "SUCCEEDED", "it stands behind the second one"
    assert {described(world.batch, job)["status"] for job in (second, third)} == {"RUNNABLE"}

    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    reasons = server.client("batchd").explain_job(jobId=second)["reasons"]
    assert reasons[1] == f"Of the jobs with concurrency key {key[KEY]} at most 1 run at a time, and 1 are under way."

    gate.open()
    spans = [ended(world.batch, job) for job in (first, second, third)]
    spans.sort(key=lambda job: job["startedAt"])
    assert all(one["stoppedAt"] <= next_["startedAt"] for one, next_ in pairwise(spans))


def test_of_an_array_so_many_children_run_at_once(world: World, gate: Gate) -> None:
    array_id = world.submit(gate.script, arrayProperties={"size": 5}, tags={LIMIT: "2"})

    def summary() -> dict[str, int]:
        return described(world.batch, array_id)["arrayProperties"]["statusSummary"]

    eventually(lambda: summary()["RUNNING"] == 2, "two children run")
    assert summary()["RUNNABLE"] == 3
    assert world.run()["status"] == "SUCCEEDED", "it stands behind the children"
    gate.open()
    assert ended(world.batch, array_id)["status"] == "SUCCEEDED"
    children = [described(world.batch, f"{array_id}:{index}") for index in range(5)]
    at_once = [
        sum(other["startedAt"] <= child["startedAt"] < other["stoppedAt"] for other in children) for child in children
    ]
    assert max(at_once) <= 2


def test_the_tags_of_a_queue_and_a_definition_take_effect_at_once(world: World, gate: Gate) -> None:
    definition = world.define(gate.script, tags={LIMIT: "1"})
    first = world.submit(jobDefinition=definition)
    reached(world.batch, first, "RUNNING")
    second, third = world.submit(jobDefinition=definition), world.submit(jobDefinition=definition)
    assert world.run()["status"] == "SUCCEEDED"
    assert described(world.batch, second)["status"] == "RUNNABLE"

    arn = world.batch.describe_job_queues(jobQueues=[world.queue])["jobQueues"][0]["jobQueueArn"]
    world.batch.tag_resource(resourceArn=arn, tags={LIMIT: "2"})
    world.batch.untag_resource(resourceArn=definition, tagKeys=[LIMIT])
    reached(world.batch, second, "RUNNING")
    assert described(world.batch, third)["status"] == "RUNNABLE"
    world.batch.untag_resource(resourceArn=arn, tagKeys=[LIMIT])
    reached(world.batch, third, "RUNNING")
    gate.open()
    assert {ended(world.batch, job)["status"] for job in (first, second, third)} == {"SUCCEEDED"}
    with refused(f"tag {LIMIT} must be a whole number"):
        world.batch.tag_resource(resourceArn=arn, tags={LIMIT: "many"})
