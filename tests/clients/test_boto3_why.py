"""Why jobs wait, through an unmodified boto3 that AWS_DATA_PATH leads to batchd's models; and backfill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from batchd.services.batchd_ import MODELS
from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, needs

AWS_WORDS = ("MISCONFIGURATION", "CAPACITY", "ACTION_REQUIRED", "UNDETERMINED")


@pytest.fixture
def world(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> World:
    """On a machine of two vCPUs; its clients know batchd's members."""
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    return World.of(serve(vcpus=2, memory_mib=1024))


def test_every_waiting_job_says_why_and_small_ones_go_before_a_head_they_cannot_delay(world: World, gate: Gate) -> None:
    batch, whole = world.batch, {"containerOverrides": {"resourceRequirements": needs("2")}}
    definition = world.define("true")
    long = world.submit(gate.script, timeout={"attemptDurationSeconds": 3600})
    started_at = reached(batch, long, "RUNNING")["startedAt"]
    head = world.submit(jobDefinition=definition, timeout={"attemptDurationSeconds": 60}, **whole)
    behind = world.submit(jobDefinition=definition)
    pending = world.submit(jobDefinition=definition, dependsOn=[{"jobId": behind}])

    jobs = {job["jobId"]: job for job in batch.describe_jobs(jobs=[long, head, behind, pending])["jobs"]}
    assert "batchdWhy" not in jobs[long]
    assert jobs[head]["statusReason"].startswith("The machine is full: 1 of 2 vCPUs")
    why = jobs[head]["batchdWhy"]
    assert (why["ahead"], why["head"], why["obstacles"][0]["kind"]) == (0, head, "MACHINE_FULL")
    assert why["expectedStartAt"] >= started_at + 3600_000
    assert jobs[behind]["statusReason"].endswith(", 1 job ahead of it.")
    assert jobs[behind]["batchdWhy"]["head"] == head
    assert jobs[behind]["batchdWhy"]["expectedStartAt"] > why["expectedStartAt"]
    assert jobs[pending]["batchdWhy"]["waitsFor"] == [behind]
    assert not [job for job in jobs.values() if job.get("statusReason", "").startswith(AWS_WORDS)]

    queue = batch.describe_job_queues(jobQueues=[world.queue])["jobQueues"][0]["jobQueueArn"]
    batch.tag_resource(resourceArn=queue, tags={"batchd:backfill": "true"})
    assert described(batch, behind)["status"] == "RUNNABLE", "it has no limit of time"
    short = world.submit(jobDefinition=definition, timeout={"attemptDurationSeconds": 60})
    assert ended(batch, short)["status"] == "SUCCEEDED"
    assert described(batch, head)["status"] == "RUNNABLE"
    gate.open()
    assert ended(batch, pending)["status"] == "SUCCEEDED"
    assert ended(batch, head)["startedAt"] <= ended(batch, behind)["startedAt"]
