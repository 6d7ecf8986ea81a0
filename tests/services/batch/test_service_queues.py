from __future__ import annotations

import pytest

from batchd.scheduler.events import QueueSaved, QueueSpec, TimeLimit
from batchd.store.store import Body
from tests.services.batch.service_worlds import ARN, create_environment, create_queue, ready
from tests.services.batch.worlds import World

LIMIT: Body = {
    "reason": "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE",
    "state": "RUNNABLE",
    "maxTimeSeconds": 600,
    "action": "TERMINATE",
}


def described(world: World) -> Body:
    (found,) = world.ask("describe_job_queues", jobQueues=["training"])["jobQueues"]
    queue: Body = found
    return queue


def test_a_queue_stands_on_one_service_environment(world: World) -> None:
    environment, other = create_environment(world), create_environment(world, "other")
    arn = create_queue(world, jobQueueType="SAGEMAKER_TRAINING", jobStateTimeLimitActions=[LIMIT])

    queue = described(world)
    assert queue["jobQueueType"] == "SAGEMAKER_TRAINING"
    assert queue["computeEnvironmentOrder"] == []
    assert queue["serviceEnvironmentOrder"] == [{"order": 1, "serviceEnvironment": environment}]
    limits = (TimeLimit(LIMIT["reason"], 600),)
    assert world.events()[-1] == QueueSaved(QueueSpec(arn, 1, (environment,), limits))

    order = [{"order": 7, "serviceEnvironment": "other"}]
    world.ask("update_job_queue", jobQueue="training", serviceEnvironmentOrder=order, priority=3)
    assert described(world)["serviceEnvironmentOrder"] == [{"order": 7, "serviceEnvironment": other}]
    assert world.events()[-1] == QueueSaved(QueueSpec(arn, 3, (other,), limits))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"serviceEnvironmentOrder": []}, "serviceEnvironmentOrder must have one service environment"),
        (
            {"serviceEnvironmentOrder": [{"order": n, "serviceEnvironment": "gpus"} for n in (1, 2)]},
            "serviceEnvironmentOrder must have one service environment",
        ),
        (
            {"computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "ce"}]},
            "computeEnvironmentOrder can not be specified for a job queue of this type",
        ),
        (
            {"jobStateTimeLimitActions": [{**LIMIT, "action": "CANCEL"}]},
            "jobStateTimeLimitActions.action must be TERMINATE",
        ),
    ],
)
def test_impossible_queues_are_refused(world: World, params: Body, text: str) -> None:
    create_environment(world)
    world.environment()
    order = [{"order": 1, "serviceEnvironment": "gpus"}]
    request = {"jobQueueName": "q", "priority": 1, "serviceEnvironmentOrder": order, **params}

    assert world.wrapped("create_job_queue", jobQueueType="SAGEMAKER_TRAINING", **request) == text


def test_reasons_of_limits_belong_to_the_type_of_the_queue(world: World) -> None:
    world.ready()
    ready(world)
    compute = {**LIMIT, "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"}

    text = world.refusal("update_job_queue", jobQueue="training", jobStateTimeLimitActions=[compute])
    assert text == "Invalid job reason"
    text = world.refusal("update_job_queue", jobQueue="night", jobStateTimeLimitActions=[LIMIT])
    assert text == "Invalid job reason"


def test_a_queue_keeps_its_type(world: World) -> None:
    world.ready()
    ready(world)
    service = [{"order": 1, "serviceEnvironment": "gpus"}]
    compute = [{"order": 1, "computeEnvironment": "ce"}]

    text = "serviceEnvironmentOrder can not be specified for a job queue of this type"
    assert world.wrapped("update_job_queue", jobQueue="night", serviceEnvironmentOrder=service) == text
    text = "computeEnvironmentOrder can not be specified for a job queue of this type"
    assert world.wrapped("update_job_queue", jobQueue="training", computeEnvironmentOrder=compute) == text
    order = [{"order": 1, "serviceEnvironment": "gone"}]
    text = world.refusal("update_job_queue", jobQueue="training", serviceEnvironmentOrder=order)
    assert text == "ServiceEnvironment gone does not exist"


def test_container_jobs_do_not_go_to_a_queue_for_service_jobs(world: World) -> None:
    world.ready()
    ready(world)
    request = {"jobName": "run", "jobQueue": "training", "jobDefinition": "feed"}

    text = "Job Queue is attached to Compute Environment that can not run Jobs with capability EC2"
    assert world.refusal("submit_job", **request) == text


def test_a_snapshot_counts_instances(world: World) -> None:
    ready(world)
    arn = f"{ARN}:job-queue/training"
    world.deployment = {
        "front": lambda queue, limit: [("j-1", 5)] if queue == arn else [],
        "queue_instances": lambda queue: {"": {"ml.p5.48xlarge": 1, "ml.m5.large": 2}} if queue == arn else {},
    }

    snapshot = world.ask("get_job_queue_snapshot", jobQueue="training")
    assert snapshot["frontOfQueue"]["jobs"] == [{"jobArn": f"{ARN}:service-job/j-1", "earliestTimeAtPosition": 5}]
    assert snapshot["queueUtilization"]["totalCapacityUsage"] == [
        {"capacityUnit": "ml.m5.large", "quantity": 2.0},
        {"capacityUnit": "ml.p5.48xlarge", "quantity": 1.0},
    ]
