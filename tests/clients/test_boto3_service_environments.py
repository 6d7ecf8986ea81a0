"""Environments of service jobs, through boto3."""

from __future__ import annotations

from typing import Any

from tests.clients.refusals import refused
from tests.clients.worlds import fresh


def test_a_service_environment_lives_from_create_to_delete(server: Any) -> None:
    batch, name = server.client("batch"), fresh("room")
    limits = [{"maxCapacity": 2, "capacityUnit": "NUM_INSTANCES"}]
    created = batch.create_service_environment(
        serviceEnvironmentName=name, serviceEnvironmentType="SAGEMAKER_TRAINING", capacityLimits=limits
    )
    arn = created["serviceEnvironmentArn"]
    batch.update_service_environment(serviceEnvironment=name, state="DISABLED")
    (found,) = batch.describe_service_environments(serviceEnvironments=[name])["serviceEnvironments"]
    assert (found["serviceEnvironmentArn"], found["state"], found["capacityLimits"]) == (arn, "DISABLED", limits)
    batch.delete_service_environment(serviceEnvironment=arn)
    assert batch.describe_service_environments(serviceEnvironments=[name])["serviceEnvironments"] == []
    with refused("does not exist"):
        batch.update_service_environment(serviceEnvironment=name, state="ENABLED")


def test_a_service_job_that_nobody_knows_is_terminated_without_a_word(server: Any) -> None:
    answer = server.client("batch").terminate_service_job(jobId=fresh("never"), reason="not needed")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
