"""Service jobs that really run, through boto3: as processes of this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.waiting import eventually
from tests.clients.worlds import Gate, fresh

GROUP = "/aws/sagemaker/TrainingJobs"


def training(script: str, **more: Any) -> dict[str, Any]:
    """A CreateTrainingJob request that runs a shell script."""
    return {
        "TrainingJobName": "digits",
        "RoleArn": "arn:aws:iam::123456789012:role/training",
        "AlgorithmSpecification": {
            "TrainingImage": "busybox",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c"],
            "ContainerArguments": [script],
        },
        "OutputDataConfig": {"S3OutputPath": "s3://models"},
        "ResourceConfig": {"InstanceType": "ml.t3.small", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **more,
    }


@dataclass(frozen=True)
class Room:
    """A queue of service jobs on an environment of its own."""

    batch: Any
    logs: Any
    environment: str
    queue: str

    @classmethod
    def of(cls, server: Any, instances: int = 10) -> Room:
        batch, name = server.client("batch"), fresh("room")
        limits = [{"maxCapacity": instances, "capacityUnit": "NUM_INSTANCES"}]
        batch.create_service_environment(
            serviceEnvironmentName=name, serviceEnvironmentType="SAGEMAKER_TRAINING", capacityLimits=limits
        )
        order = [{"order": 1, "serviceEnvironment": name}]
        batch.create_job_queue(
            jobQueueName=name, priority=1, jobQueueType="SAGEMAKER_TRAINING", serviceEnvironmentOrder=order
        )
        return cls(batch, server.client("logs"), name, name)

    def submit(self, payload: dict[str, Any], **more: Any) -> str:
        job_id: str = self.batch.submit_service_job(
            jobName="digits",
            jobQueue=self.queue,
            serviceJobType="SAGEMAKER_TRAINING",
            serviceRequestPayload=json.dumps(payload),
            **more,
        )["jobId"]
        return job_id

    def reached(self, job_id: str, *statuses: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job: dict[str, Any] = self.batch.describe_service_job(jobId=job_id)
            return job if job["status"] in statuses else None

        return eventually(look, f"service job {job_id} is {' or '.join(statuses)}")

    def ended(self, job_id: str) -> dict[str, Any]:
        return self.reached(job_id, "SUCCEEDED", "FAILED")

    def lines(self, attempt: dict[str, Any]) -> list[str]:
        """What an attempt wrote, found as SageMaker's own tools find it: by the name of the training job."""
        prefix = attempt["serviceResourceId"]["value"].rpartition("/")[2] + "/"
        (stream,) = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=prefix)["logStreams"]
        page = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
        return [event["message"] for event in page["events"]]


def test_a_training_job_runs_and_logs(server: Any) -> None:
    room = Room.of(server)
    script = "echo $MODE $SM_HP_LEARNING_RATE $SM_CURRENT_INSTANCE_TYPE $AWS_BATCH_JQ_NAME"
    job_id = room.submit(
        training(script, Environment={"MODE": "fast"}, HyperParameters={"learning-rate": "0.1"}), tags={"a": "b"}
    )
    job = room.ended(job_id)

    assert (job["status"], job["statusReason"]) == (
        "SUCCEEDED",
        "Received status from SageMaker: Training job completed",
    )
    assert job["createdAt"] <= job["scheduledAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert job["latestAttempt"]["serviceResourceId"] == job["attempts"][0]["serviceResourceId"]
    assert job["tags"] == {"a": "b"}
    assert room.lines(job["attempts"][0]) == [f"fast 0.1 ml.t3.small {room.queue}"]
    pages = room.batch.get_paginator("list_service_jobs").paginate(jobQueue=room.queue, jobStatus="SUCCEEDED")
    assert [found["jobId"] for page in pages for found in page["jobSummaryList"]] == [job_id]


def test_a_failed_attempt_is_retried_by_what_sagemaker_said(server: Any) -> None:
    room = Room.of(server)
    strategy = {
        "attempts": 5,
        "evaluateOnExit": [
            {"action": "RETRY", "onStatusReason": "Received status from SageMaker: AlgorithmError: exit code: 3"},
            {"action": "EXIT", "onStatusReason": "*"},
        ],
    }
    job = room.ended(room.submit(training("exit $((2 + AWS_BATCH_JOB_ATTEMPT))"), retryStrategy=strategy))

    assert [attempt["statusReason"].rpartition(": ")[2] for attempt in job["attempts"]] == ["3", "4"]
    assert job["statusReason"] == "Received status from SageMaker: AlgorithmError: exit code: 4"


def test_an_environment_runs_no_more_instances_than_its_limit(server: Any, gate: Gate) -> None:
    room = Room.of(server, instances=1)
    first = room.submit(training(gate.script))
    second = room.submit(training("true"))
    room.reached(first, "RUNNING")
    assert room.batch.describe_service_job(jobId=second)["status"] == "RUNNABLE"
    snapshot = room.batch.get_job_queue_snapshot(jobQueue=room.queue)
    (waiting,) = snapshot["frontOfQueue"]["jobs"]
    assert waiting["jobArn"].endswith(f":service-job/{second}")
    usage = snapshot["queueUtilization"]["totalCapacityUsage"]
    assert usage == [{"capacityUnit": "ml.t3.small", "quantity": 1.0}]

    answer = room.batch.terminate_service_jobs(jobs=[first], reason="enough")
    assert (answer["successful"], answer["errors"]) == ([first], [])
    stopped = room.ended(first)
    assert (stopped["status"], stopped["statusReason"], stopped["isTerminated"]) == ("FAILED", "enough", True)
    assert room.ended(second)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"InputDataConfig": [{"ChannelName": "training"}]},
            "ValidationException: this server can not provide InputDataConfig",
        ),
        ({"AlgorithmSpecification": {"TrainingImage": "busybox"}}, "ClientError: CannotStartContainerError"),
    ],
)
def test_what_can_not_be_run_fails_and_says_why(server: Any, more: dict[str, Any], text: str) -> None:
    room = Room.of(server)
    job = room.ended(room.submit(training("true", **more)))

    assert job["status"] == "FAILED"
    assert job["statusReason"].startswith(f"Received status from SageMaker: {text}")


def test_a_repeated_request_is_refused(server: Any) -> None:
    room, token = Room.of(server), fresh("token")
    room.submit(training("true"), clientToken=token)
    with pytest.raises(ClientError, match=f"A service job was already submitted with clientToken {token}"):
        room.submit(training("true"), clientToken=token)


def quota_room(server: Any, instances: int) -> Room:
    """A queue with quota shares, which has so many ml.t3.small."""
    batch, name = server.client("batch"), fresh("quotas")
    limits = [{"maxCapacity": instances, "capacityUnit": "ml.t3.small"}]
    batch.create_service_environment(
        serviceEnvironmentName=name, serviceEnvironmentType="SAGEMAKER_TRAINING", capacityLimits=limits
    )
    policy = batch.create_scheduling_policy(name=name, quotaSharePolicy={"idleResourceAssignmentStrategy": "FIFO"})[
        "arn"
    ]
    batch.create_job_queue(
        jobQueueName=name,
        priority=1,
        jobQueueType="SAGEMAKER_TRAINING",
        serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": name}],
        schedulingPolicyArn=policy,
    )
    return Room(batch, server.client("logs"), name, name)


def add_share(room: Room, name: str, instances: int, strategy: str, preempts: str = "DISABLED") -> str:
    arn: str = room.batch.create_quota_share(
        quotaShareName=name,
        jobQueue=room.queue,
        capacityLimits=[{"maxCapacity": instances, "capacityUnit": "ml.t3.small"}],
        resourceSharingConfiguration={"strategy": strategy},
        preemptionConfiguration={"inSharePreemption": preempts},
    )["quotaShareArn"]
    return arn


def test_lent_capacity_comes_back_to_its_owner_and_the_borrower_runs_again(server: Any, gate: Gate) -> None:
    room = quota_room(server, instances=2)
    add_share(room, "desk", 1, "LEND_AND_BORROW")
    lender = add_share(room, "risk", 1, "LEND")
    assert room.batch.describe_quota_share(quotaShareArn=lender)["quotaShareName"] == "risk"
    first = room.submit(training(gate.script), quotaShareName="desk", schedulingPriority=5)
    borrower = room.submit(training(gate.script), quotaShareName="desk", schedulingPriority=1)
    for job_id in (first, borrower):
        room.reached(job_id, "RUNNING")

    owner = room.submit(training(gate.script), quotaShareName="risk")
    room.reached(owner, "RUNNING")
    preempted = room.reached(borrower, "RUNNABLE")
    assert preempted["attempts"] == []
    assert preempted["preemptionSummary"]["preemptedAttemptCount"] == 1
    assert preempted["statusReason"].startswith("Preempted by Batch")
    snapshot = room.batch.get_job_queue_snapshot(jobQueue=room.queue)
    (front,) = snapshot["frontOfQuotaShares"]["quotaShares"]["desk"]
    assert front["jobArn"] == preempted["jobArn"]
    usage = snapshot["queueUtilization"]["quotaShareUtilization"]["topCapacityUtilization"]
    assert {share["quotaShareName"]: share["capacityUsage"][0]["quantity"] for share in usage} == {"desk": 1, "risk": 1}

    gate.open()
    assert [room.ended(job_id)["status"] for job_id in (first, owner, borrower)] == ["SUCCEEDED"] * 3
    assert len(room.batch.describe_service_job(jobId=borrower)["attempts"]) == 1
    room.batch.update_quota_share(quotaShareArn=lender, state="DISABLED")
    room.batch.delete_quota_share(quotaShareArn=lender)
    shares = room.batch.list_quota_shares(jobQueue=room.queue)["quotaShares"]
    assert [share["quotaShareName"] for share in shares] == ["desk"]


def test_a_raised_priority_takes_the_place_of_a_lower_one(server: Any, gate: Gate) -> None:
    room = quota_room(server, instances=1)
    add_share(room, "desk", 1, "RESERVE", "ENABLED")
    once = {"preemptionRetriesBeforeTermination": 0}
    low = room.submit(training(gate.script), quotaShareName="desk", preemptionConfiguration=once)
    high = room.submit(training("true"), quotaShareName="desk")
    room.reached(low, "RUNNING")
    room.batch.update_service_job(jobId=high, schedulingPriority=9)

    assert room.ended(high)["status"] == "SUCCEEDED"
    stopped = room.ended(low)
    assert (stopped["status"], stopped["preemptionSummary"]["preemptedAttemptCount"]) == ("FAILED", 1)
