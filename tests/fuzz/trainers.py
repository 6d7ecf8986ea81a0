"""Who lives in the town of service environments, quota shares and service jobs. See `inhabitants`."""

from __future__ import annotations

from typing import Any

import orjson

from tests.contexts import ACCOUNT

Call = tuple[str, str, dict[str, Any]]  # service, operation, params
PAYLOAD = orjson.dumps(
    {
        "TrainingJobName": "digits",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
        "AlgorithmSpecification": {
            "TrainingImage": "trainer",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python"],
            "ContainerArguments": ["train.py"],
        },
        "HyperParameters": {"learning-rate": "0.1"},
        "Environment": {"A": "b"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "OutputDataConfig": {"S3OutputPath": "s3://models"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
).decode()
_BATCH = f"arn:aws:batch:us-east-1:{ACCOUNT}"
_RETRY = {
    "attempts": 3,
    "evaluateOnExit": [
        {"action": "RETRY", "onStatusReason": "Received status from SageMaker: InternalServerError*"},
        {"action": "EXIT", "onStatusReason": "*"},
    ],
}
_LIMIT = {
    "reason": "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE",
    "state": "RUNNABLE",
    "maxTimeSeconds": 600,
    "action": "TERMINATE",
}


def _batch(operation: str, **params: Any) -> Call:
    return "batch", operation, params


def _environment(name: str, unit: str, most: int, **params: Any) -> Call:
    return _batch(
        "CreateServiceEnvironment",
        serviceEnvironmentName=name,
        serviceEnvironmentType="SAGEMAKER_TRAINING",
        capacityLimits=[{"maxCapacity": most, "capacityUnit": unit}],
        **params,
    )


def _queue(name: str, environment: str, **params: Any) -> Call:
    order = [{"order": 1, "serviceEnvironment": environment}]
    kind = "SAGEMAKER_TRAINING"
    return _batch(
        "CreateJobQueue", jobQueueName=name, priority=1, jobQueueType=kind, serviceEnvironmentOrder=order, **params
    )


def _share(name: str, most: int, strategy: str, borrowLimit: int | None = None, **params: Any) -> Call:
    borrowing = {} if borrowLimit is None else {"borrowLimit": borrowLimit}
    return _batch(
        "CreateQuotaShare",
        quotaShareName=name,
        jobQueue="teams",
        capacityLimits=[{"maxCapacity": most, "capacityUnit": "ml.m5.large"}],
        resourceSharingConfiguration={"strategy": strategy, **borrowing},
        preemptionConfiguration={"inSharePreemption": "ENABLED"},
        **params,
    )


def service_job(queue: str, **params: Any) -> dict[str, Any]:
    """A SubmitServiceJob."""
    return {
        "jobName": "digits",
        "jobQueue": queue,
        "serviceJobType": "SAGEMAKER_TRAINING",
        "serviceRequestPayload": PAYLOAD,
        **params,
    }


FIRST: list[Call] = [
    _environment("instances", "NUM_INSTANCES", 2, tags={"team": "night"}),
    _environment("free", "NUM_INSTANCES", 2, state="DISABLED"),
    _queue("training", "instances", jobStateTimeLimitActions=[_LIMIT]),
    _environment("types", "ml.m5.large", 2),
    _batch("CreateSchedulingPolicy", name="quotas", quotaSharePolicy={"idleResourceAssignmentStrategy": "FIFO"}),
    _queue("teams", "types", schedulingPolicyArn=f"{_BATCH}:scheduling-policy/quotas"),
    _share("desk", 1, "LEND_AND_BORROW", borrowLimit=100),
    _share("risk", 1, "LEND"),
    _share("shut", 1, "RESERVE", state="DISABLED"),
]

MORE: list[Call] = [
    _environment("new", "ml.m5.large", 2),
    _queue("new", "instances"),
    _batch(
        "SubmitServiceJob",
        **service_job(
            "training",
            retryStrategy=_RETRY,
            schedulingPriority=5,
            timeoutConfig={"attemptDurationSeconds": 60},
            tags={"team": "night"},
            clientToken="once",
        ),
    ),
    _share("new", 1, "RESERVE", tags={"team": "night"}),
    _batch("DescribeQuotaShare", quotaShareArn=f"{_BATCH}:job-queue/teams/quota-share/desk"),
    _batch("ListQuotaShares", jobQueue="teams", maxResults=1),
    _batch(
        "UpdateQuotaShare",
        quotaShareArn=f"{_BATCH}:job-queue/teams/quota-share/risk",
        capacityLimits=[{"maxCapacity": 0, "capacityUnit": "ml.m5.large"}],
        resourceSharingConfiguration={"strategy": "LEND_AND_BORROW", "borrowLimit": -1},
        preemptionConfiguration={"inSharePreemption": "DISABLED"},
        state="DISABLED",
    ),
    _batch("DeleteQuotaShare", quotaShareArn=f"{_BATCH}:job-queue/teams/quota-share/shut"),
    _batch(
        "SubmitServiceJob",
        **service_job(
            "teams",
            quotaShareName="risk",
            schedulingPriority=9,
            preemptionConfiguration={"preemptionRetriesBeforeTermination": 1},
        ),
    ),
    _batch("UpdateServiceJob", jobId="@ServiceJobId", schedulingPriority=7),
    _batch("ListServiceJobs", jobQueue="teams", filters=[{"name": "QUOTA_SHARE_NAME", "values": ["desk"]}]),
    _batch("GetJobQueueSnapshot", jobQueue="teams"),
    _batch("DescribeServiceEnvironments", serviceEnvironments=["instances"], maxResults=1),
    _batch(
        "UpdateServiceEnvironment",
        serviceEnvironment="instances",
        state="DISABLED",
        capacityLimits=[{"maxCapacity": 1, "capacityUnit": "NUM_INSTANCES"}],
    ),
    _batch("DeleteServiceEnvironment", serviceEnvironment="free"),
    _batch("UpdateJobQueue", jobQueue="training", serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": "free"}]),
    _batch("DescribeServiceJob", jobId="@ServiceJobId"),
    _batch("ListServiceJobs", jobQueue="training", jobStatus="RUNNING", maxResults=1),
    _batch("ListServiceJobs", jobQueue="training", filters=[{"name": "JOB_NAME", "values": ["d*"]}]),
    _batch("GetJobQueueSnapshot", jobQueue="training"),
    _batch("TerminateServiceJob", jobId="@ServiceJobId", reason="enough"),
    _batch("TerminateServiceJobs", jobs=["@ServiceJobId"], reason="enough"),
    _batch("TagResource", resourceArn="@ServiceEnvironmentArn", tags={"a": "b"}),
]
