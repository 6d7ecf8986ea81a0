"""Shares of a queue through boto3, and over a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batchd.config import Settings
from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, fresh, needs
from tests.conftest import Running, serving


def test_shares_take_turns_as_their_weights_say_and_a_restart_forgets_nothing(tmp_path: Path, gate: Gate) -> None:
    settings = Settings(port=0, engine="process", data_dir=tmp_path / "data", vcpus=2, memory_mib=1024).checked()
    with serving(settings) as server:
        queue, line, jobs = prepare(server, gate)
    with serving(settings) as server:
        batch = server.client("batch")
        again = batch.get_job_queue_snapshot(jobQueue=queue)["frontOfQueue"]["jobs"]
        assert [job["jobArn"].rpartition("/")[2] for job in again][:2] == line[:2]
        gate.open()
        done = sorted((ended(batch, job_id) for job_id in jobs), key=lambda job: job["startedAt"])
    assert [job["jobId"] for job in done[1:3]] == line[:2]


def prepare(server: Running, gate: Gate) -> tuple[str, list[str], list[str]]:
    """A queue whose shares have jobs waiting, the line of them, and all jobs with the one that runs."""
    world = World.of(server)
    batch = world.batch
    weights = [{"shareIdentifier": "light*", "weightFactor": 0.5}]
    policy = batch.create_scheduling_policy(name=fresh("fair"), fairsharePolicy={"shareDistribution": weights})["arn"]
    order = [{"order": 1, "computeEnvironment": world.environment}]
    queue = fresh("shared")
    batch.create_job_queue(jobQueueName=queue, priority=1, computeEnvironmentOrder=order, schedulingPolicyArn=policy)
    whole = {"resourceRequirements": needs("2")}
    definition = world.define("sleep 0.01", schedulingPriority=5)

    def submit(share: str, **more: Any) -> str:
        return world.submit(jobQueue=queue, shareIdentifier=share, **{"jobDefinition": definition, **more})

    first = submit("heavy", jobDefinition=world.define(gate.script), containerOverrides=whole)
    reached(batch, first, "RUNNING")
    heavy = [submit("heavy", containerOverrides=whole) for _ in range(2)]
    light = [submit("light1", containerOverrides=whole) for _ in range(2)]
    urgent = submit("light1", containerOverrides=whole, schedulingPriorityOverride=9)

    shown = described(batch, urgent)
    assert (shown["shareIdentifier"], shown["schedulingPriority"]) == ("light1", 9)
    assert described(batch, heavy[0])["schedulingPriority"] == 5
    by_share = [{"name": "SHARE_IDENTIFIER", "values": ["heavy"]}]
    assert len(batch.list_jobs(jobQueue=queue, filters=by_share)["jobSummaryList"]) == 3
    [listed] = batch.list_jobs(jobQueue=queue, filters=by_share, jobStatus="RUNNING")["jobSummaryList"]
    assert (listed["jobId"], listed["shareIdentifier"]) == (first, "heavy")
    snapshot = batch.get_job_queue_snapshot(jobQueue=queue)
    line = [job["jobArn"].rpartition("/")[2] for job in snapshot["frontOfQueue"]["jobs"]]
    assert line[:2] == [urgent, light[0]], "heavy holds all there is"
    assert sorted(line) == sorted([*heavy, *light, urgent])
    fairness = snapshot["queueUtilization"]["fairshareUtilization"]
    assert fairness["activeShareCount"] == 2
    assert [(one["shareIdentifier"], one["capacityUsage"]) for one in fairness["topCapacityUtilization"]] == [
        ("heavy", [{"capacityUnit": "VCPU", "quantity": 2.0}])
    ]
    with refused("can onlybe submitted to job queue with fair share scheduling policy."):
        world.submit(shareIdentifier="heavy")
    with refused("must have a shareIdentifier"):
        world.submit(jobQueue=queue)
    with refused("found existing JobQueue relationship"):
        batch.delete_scheduling_policy(arn=policy)

    return queue, line, [first, *line]
