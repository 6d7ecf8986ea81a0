"""A Batch service with a service environment and a queue of service jobs on it."""

from __future__ import annotations

import json
from typing import Any

from batchd.store.store import Body
from tests.services.batch.worlds import World

ARN = "arn:aws:batch:us-east-1:123456789012"
INSTANCES = [{"maxCapacity": 4, "capacityUnit": "NUM_INSTANCES"}]
PAYLOAD: Body = {
    "TrainingJobName": "digits",
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "AlgorithmSpecification": {
        "TrainingImage": "pytorch",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python"],
        "ContainerArguments": ["train.py"],
    },
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "OutputDataConfig": {"S3OutputPath": "s3://models"},
}


def create_environment(world: World, name: str = "gpus", limits: list[Body] = INSTANCES, **params: Any) -> str:
    answer = world.ask(
        "create_service_environment",
        serviceEnvironmentName=name,
        serviceEnvironmentType="SAGEMAKER_TRAINING",
        capacityLimits=limits,
        **params,
    )
    return str(answer["serviceEnvironmentArn"])


def create_queue(world: World, name: str = "training", environment: str = "gpus", **params: Any) -> str:
    answer = world.ask(
        "create_job_queue",
        **{
            "jobQueueName": name,
            "priority": 1,
            "serviceEnvironmentOrder": [{"order": 1, "serviceEnvironment": environment}],
            **params,
        },
    )
    return str(answer["jobQueueArn"])


def submission(payload: Body | str = PAYLOAD, **params: Any) -> Body:
    """A SubmitServiceJob."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return {
        "jobName": "digits",
        "jobQueue": "training",
        "serviceJobType": "SAGEMAKER_TRAINING",
        "serviceRequestPayload": text,
        **params,
    }


def submit(world: World, payload: Body | str = PAYLOAD, **params: Any) -> str:
    return str(world.ask("submit_service_job", **submission(payload, **params))["jobId"])


def ready(world: World) -> World:
    """With an environment and a queue on it."""
    create_environment(world)
    create_queue(world)
    return world
