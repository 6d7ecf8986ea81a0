"""Job queues through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.waiting import ended, reached
from tests.clients.worlds import MACHINES, Gate, World, fresh


def describe(batch: Any, name: str) -> dict[str, Any]:
    [found] = batch.describe_job_queues(jobQueues=[name])["jobQueues"]
    described: dict[str, Any] = found
    return described


def test_a_queue_lives_from_create_to_delete(world: World) -> None:
    batch, name = world.batch, fresh("queue")
    order = [{"order": 7, "computeEnvironment": world.environment}]
    answer = batch.create_job_queue(
        jobQueueName=name, priority=3, computeEnvironmentOrder=order, tags={"team": "blue"}, state="DISABLED"
    )
    made = describe(batch, answer["jobQueueArn"])
    assert (made["state"], made["status"], made["statusReason"]) == ("DISABLED", "VALID", "JobQueue Healthy")
    assert (made["priority"], made["jobQueueType"], made["tags"]) == (3, "ECS", {"team": "blue"})
    [entry] = made["computeEnvironmentOrder"]
    assert entry["order"] == 7
    assert entry["computeEnvironment"].endswith(f":compute-environment/{world.environment}")
    batch.update_job_queue(jobQueue=name, state="ENABLED", priority=9)
    assert (describe(batch, name)["state"], describe(batch, name)["priority"]) == ("ENABLED", 9)
    batch.update_job_queue(jobQueue=name, state="DISABLED")
    batch.delete_job_queue(jobQueue=name)
    assert batch.describe_job_queues(jobQueues=[name])["jobQueues"] == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"jobQueueName": "no spaces"}, "Job queue name should match valid pattern"),
        ({"computeEnvironmentOrder": []}, "At least 1 compute environment must be provided"),
        ({"computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "nobody"}]}, "nobody does not exist"),
        ({"priority": -1}, "priority must not be negative"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_queue_that_cannot_be_is_refused(world: World, change: dict[str, Any], text: str) -> None:
    order = [{"order": 1, "computeEnvironment": world.environment}]
    request = {"jobQueueName": fresh("queue"), "priority": 1, "computeEnvironmentOrder": order, **change}
    with refused(text):
        world.batch.create_job_queue(**request)


def test_a_name_is_taken_once(world: World) -> None:
    with refused("Object already exists"):
        world.add_queue(world.queue)


def test_an_unknown_queue_cannot_be_changed_and_is_described_as_nothing(world: World) -> None:
    with refused("does not exist"):
        world.batch.update_job_queue(jobQueue="nobody", priority=1)
    with refused("does not exist"):
        world.batch.delete_job_queue(jobQueue="nobody")
    assert world.batch.describe_job_queues(jobQueues=["nobody"])["jobQueues"] == []


def test_an_enabled_queue_cannot_be_deleted(world: World) -> None:
    with refused("Cannot delete, job queue state must be DISABLED"):
        world.batch.delete_job_queue(jobQueue=world.queue)


def test_a_disabled_queue_takes_no_jobs_and_finishes_those_it_has(world: World, gate: Gate) -> None:
    job_id = world.submit(gate.script)
    reached(world.batch, job_id, "RUNNING")
    world.batch.update_job_queue(jobQueue=world.queue, state="DISABLED")
    with refused("is in DISABLED state. Only ENABLED JobQueues accept jobs."):
        world.submit()
    gate.open()
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"


def test_a_deleted_queue_ends_its_jobs(world: World, gate: Gate) -> None:
    running = world.submit(gate.script)
    waiting = world.submit(dependsOn=[{"jobId": running}])
    reached(world.batch, running, "RUNNING")
    world.batch.update_job_queue(jobQueue=world.queue, state="DISABLED")
    world.batch.delete_job_queue(jobQueue=world.queue)
    for job in (ended(world.batch, running), ended(world.batch, waiting)):
        assert (job["status"], job["statusReason"]) == ("FAILED", "JobQueue deleted")


def test_the_pages_of_all_queues_hold_each_once(world: World) -> None:
    made = {world.add_queue(fresh("queue")) for _ in range(5)}
    pages = world.batch.get_paginator("describe_job_queues").paginate(PaginationConfig={"PageSize": 2})
    names = [found["jobQueueName"] for page in pages for found in page["jobQueues"]]
    assert made <= set(names)
    assert len(names) == len(set(names))


def test_tags_are_added_listed_and_removed(world: World) -> None:
    arn = describe(world.batch, world.queue)["jobQueueArn"]
    world.batch.tag_resource(resourceArn=arn, tags={"a": "1", "b": ""})
    world.batch.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert world.batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": ""}
    assert describe(world.batch, world.queue)["tags"] == {"b": ""}


def test_ec2_and_fargate_do_not_mix_in_one_queue(world: World) -> None:
    fargate = fresh("fargate")
    resources = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    world.batch.create_compute_environment(computeEnvironmentName=fargate, type="MANAGED", computeResources=resources)
    order = [{"order": n, "computeEnvironment": name} for n, name in enumerate((world.environment, fargate))]
    with refused("must be all EC2 or SPOT, or all FARGATE or FARGATE_SPOT"):
        world.batch.create_job_queue(jobQueueName=fresh("queue"), priority=1, computeEnvironmentOrder=order)


def test_a_disabled_environment_is_passed_over_for_the_next_one(world: World) -> None:
    second = fresh("second")
    world.batch.create_compute_environment(
        computeEnvironmentName=second,
        type="MANAGED",
        computeResources={**MACHINES, "type": "SPOT", "spotIamFleetRole": "r"},
    )
    order = [{"order": n, "computeEnvironment": name} for n, name in enumerate((world.environment, second))]
    world.batch.update_job_queue(jobQueue=world.queue, computeEnvironmentOrder=order)
    assert world.output(world.run("echo $AWS_BATCH_CE_NAME")) == [world.environment]
    world.batch.update_compute_environment(computeEnvironment=world.environment, state="DISABLED")
    assert world.output(world.run("echo $AWS_BATCH_CE_NAME")) == [second]
