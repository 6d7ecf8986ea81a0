from __future__ import annotations

import pytest

from batchd.scheduler.events import EnvironmentSaved, QueueDeleted, QueueSaved, QueueSpec, TimeLimit
from batchd.store.store import Body
from tests.services.batch.worlds import EC2, FARGATE, World

ARN = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
CE = "arn:aws:batch:us-east-1:123456789012:compute-environment/"
LIMIT: Body = {
    "reason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "state": "RUNNABLE",
    "maxTimeSeconds": 600,
    "action": "CANCEL",
}


def described(world: World) -> Body:
    (found,) = world.ask("describe_job_queues", jobQueues=["night"])["jobQueues"]
    queue: Body = found
    return queue


def test_a_created_queue_is_valid_at_once_and_names_environments_by_arn(world: World) -> None:
    world.environment("a")
    world.environment("b")
    order = [{"order": 9, "computeEnvironment": "a"}, {"order": 2, "computeEnvironment": CE + "b"}]

    world.queue(computeEnvironmentOrder=order, priority=7, tags={"team": "risk"})

    assert described(world) == {
        "jobQueueName": "night",
        "jobQueueArn": ARN,
        "state": "ENABLED",
        "status": "VALID",
        "statusReason": "JobQueue Healthy",
        "priority": 7,
        "computeEnvironmentOrder": [
            {"order": 2, "computeEnvironment": CE + "b"},
            {"order": 9, "computeEnvironment": CE + "a"},
        ],
        "jobQueueType": "ECS",
        "tags": {"team": "risk"},
        "jobStateTimeLimitActions": [],
    }


def test_the_scheduler_learns_of_every_change(world: World) -> None:
    world.environment("a")
    world.environment("b")
    world.queue(environments=["a"])
    world.ask("update_job_queue", jobQueue=ARN, priority=5)
    order = [{"order": 1, "computeEnvironment": "b"}, {"order": 0, "computeEnvironment": "a"}]
    world.ask("update_job_queue", jobQueue="night", computeEnvironmentOrder=order, state="DISABLED")
    world.ask("delete_job_queue", jobQueue="night")

    assert [event for event in world.events() if not isinstance(event, EnvironmentSaved)] == [
        QueueSaved(QueueSpec(ARN, 1, (CE + "a",))),
        QueueSaved(QueueSpec(ARN, 5, (CE + "a",))),
        QueueSaved(QueueSpec(ARN, 5, (CE + "a", CE + "b"))),
        QueueDeleted(ARN),
    ]
    assert world.ask("describe_job_queues") == {"jobQueues": []}


def test_the_document_keeps_the_spec_for_a_restart(world: World) -> None:
    world.environment()
    world.queue()

    spec = world.body("batch.job-queue", "night")["spec"]

    assert spec == {
        "arn": ARN,
        "priority": 1,
        "environments": [CE + "ce"],
        "limits": [],
        "max_concurrency": None,
        "fair_share": None,
        "backfill": False,
        "quota_shares": None,
    }


def test_the_type_follows_from_the_environments(world: World) -> None:
    world.environment("f", resources=FARGATE)
    world.environment("s", resources={**FARGATE, "type": "FARGATE_SPOT"})
    world.queue(environments=["f", "s"], jobQueueType="ECS_FARGATE")

    assert described(world)["jobQueueType"] == "ECS_FARGATE"


def test_an_unmanaged_environment_counts_as_ec2(world: World) -> None:
    world.ask("create_compute_environment", computeEnvironmentName="ce", type="UNMANAGED")
    world.queue()

    assert described(world)["jobQueueType"] == "ECS"


def test_time_limits_are_kept_and_cleared(world: World) -> None:
    world.environment()
    world.queue(jobStateTimeLimitActions=[LIMIT])
    assert described(world)["jobStateTimeLimitActions"] == [LIMIT]
    assert world.events()[-1] == QueueSaved(QueueSpec(ARN, 1, (CE + "ce",), (TimeLimit(LIMIT["reason"], 600),)))

    world.ask("update_job_queue", jobQueue="night", jobStateTimeLimitActions=[])
    assert described(world)["jobStateTimeLimitActions"] == []


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"jobQueueName": "a b"}, "Job queue name should match valid pattern"),
        ({"priority": -1}, "priority must not be negative"),
        ({"computeEnvironmentOrder": []}, "At least 1 compute environment must be provided"),
        ({"environments": ["ce", "ce"]}, "computeEnvironmentOrder must not repeat a value of computeEnvironment"),
        (
            {
                "computeEnvironmentOrder": [
                    {"order": 1, "computeEnvironment": "ce"},
                    {"order": 1, "computeEnvironment": "c2"},
                ]
            },
            "computeEnvironmentOrder must not repeat a value of order",
        ),
        ({"environments": ["ce"] * 4}, "computeEnvironmentOrder must have at most 3 compute environments"),
        (
            {"environments": ["ce", "arm"]},
            "compute environments of a job queue must have the same CPU architecture",
        ),
        (
            {"environments": ["ce", "f"]},
            "compute environments of a job queue must be all EC2 or SPOT, or all FARGATE or FARGATE_SPOT",
        ),
        (
            {"jobStateTimeLimitActions": [{**LIMIT, "maxTimeSeconds": 599}]},
            "jobStateTimeLimitActions.maxTimeSeconds must be between 600 and 86400",
        ),
        (
            {"jobStateTimeLimitActions": [{**LIMIT, "action": "TERMINATE"}]},
            "jobStateTimeLimitActions.action must be CANCEL",
        ),
    ],
)
def test_queues_that_cannot_be_are_refused(world: World, params: Body, text: str) -> None:
    world.environment()
    world.environment("c2", resources=EC2)
    world.environment("f", resources=FARGATE)
    world.environment("arm", resources={**EC2, "instanceTypes": ["m6g", "c7g.large"]})
    environments = params.get("environments", ["ce"])
    order = [{"order": i, "computeEnvironment": name} for i, name in enumerate(environments)]
    request = {"jobQueueName": "night", "priority": 1, "computeEnvironmentOrder": order, **params}
    request.pop("environments", None)

    assert world.wrapped("create_job_queue", **request) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"schedulingPolicyArn": "arn:aws:batch:us-east-1:123456789012:scheduling-policy/p"},
            "SchedulingPolicy p does not exist",
        ),
        ({"jobStateTimeLimitActions": [{**LIMIT, "reason": "UNDETERMINED"}]}, "Invalid job reason"),
        ({"jobQueueType": "EKS"}, "jobQueueType of these compute environments is ECS"),
        (
            {"computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "gone"}]},
            "ComputeEnvironment gone does not exist",
        ),
    ],
)
def test_some_texts_come_bare(world: World, params: Body, text: str) -> None:
    world.environment()
    order = [{"order": 1, "computeEnvironment": "ce"}]
    request = {"jobQueueName": "night", "priority": 1, "computeEnvironmentOrder": order, **params}

    assert world.refusal("create_job_queue", **request) == text


def test_a_name_is_taken_once(world: World) -> None:
    world.ready()
    order = [{"order": 1, "computeEnvironment": "ce"}]
    text = world.refusal("create_job_queue", jobQueueName="night", priority=1, computeEnvironmentOrder=order)
    assert text == "Object already exists"


def test_the_same_name_in_another_region_is_another_queue(world: World) -> None:
    world.ready()
    world.region = "eu-west-1"
    world.environment()

    assert world.queue() == ARN.replace("us-east-1", "eu-west-1")


def test_only_a_disabled_queue_is_deleted(world: World) -> None:
    world.ready()
    assert world.refusal("delete_job_queue", jobQueue="night") == "Cannot delete, job queue state must be DISABLED"


def test_an_unknown_queue_does_not_exist(world: World) -> None:
    for operation in ("update_job_queue", "delete_job_queue"):
        assert world.refusal(operation, jobQueue="day") == "JobQueue day does not exist"
    assert world.ask("describe_job_queues", jobQueues=["day"]) == {"jobQueues": []}


def test_a_tag_lets_jobs_go_before_a_head_they_cannot_delay(world: World) -> None:
    def backfills() -> bool:
        event = world.events()[-1]
        return isinstance(event, QueueSaved) and event.queue.backfill

    world.environment()
    world.queue(tags={"batchd:backfill": "true"})
    assert backfills()
    world.ask("update_job_queue", jobQueue="night", priority=2)
    assert backfills()
    world.ask("untag_resource", resourceArn=ARN, tagKeys=["batchd:backfill"])
    assert not backfills()
    world.ask("tag_resource", resourceArn=ARN, tags={"batchd:backfill": "true"})
    assert backfills()
    text = "The tag batchd:backfill must be true or false"
    assert world.refusal("tag_resource", resourceArn=ARN, tags={"batchd:backfill": "yes"}) == text
