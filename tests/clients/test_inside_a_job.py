"""A job that uses AWS itself: it acts as its role, for as long as it runs."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.clients.waiting import ended, eventually, reached
from tests.clients.worlds import Gate, World, fresh
from tests.patience import LONG_S

PROGRAM = Path(__file__).with_name("program_in_a_job.py")
ROLE = "arn:aws:iam::123456789012:role/jobs/night-shift"


def program(world: World, **properties: Any) -> dict[str, Any]:
    """The program ran as a job, from a definition with these containerProperties: what it told of itself."""
    command = [sys.executable, str(PROGRAM), world.queue, world.define("echo from inside")]
    job = world.run(jobDefinition=world.define(containerProperties={"command": command, **properties}))
    assert job["status"] == "SUCCEEDED", world.output(job)
    told: dict[str, Any] = json.loads(world.output(job)[-1])
    return {**told, "task": job["container"]["taskArn"].rpartition("/")[2]}


def ask(uri: str, token: str) -> dict[str, Any]:
    """The credentials that a task's token gives. Raises HTTPError."""
    request = urllib.request.Request(uri, headers={"Authorization": token})
    with urllib.request.urlopen(request, timeout=LONG_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_a_job_acts_as_its_role_without_any_keys_in_its_environment(world: World) -> None:
    told = program(world, jobRoleArn=ROLE)
    assert told["keys"] == []
    assert told["arn"] == f"arn:aws:sts::123456789012:assumed-role/night-shift/{told['task']}"
    other = ended(world.batch, told["submitted"])
    assert (other["jobName"], other["status"]) == ("from-inside", "SUCCEEDED")
    assert world.output(other) == ["from inside"]


def test_a_job_without_a_role_acts_as_the_instance(world: World) -> None:
    told = program(world)
    assert told["arn"] == f"arn:aws:sts::123456789012:assumed-role/ecsInstanceRole/{told['task']}"


def test_the_token_is_good_while_the_job_runs_and_for_nothing_after_its_end(world: World, gate: Gate) -> None:
    script = f'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN" > {gate.path}.told'
    job_id = world.submit(f"{script}; {gate.script}")
    told = Path(f"{gate.path}.told")

    def tokens() -> list[str] | None:
        return told.read_text().split() if told.exists() and told.read_text().endswith("\n") else None

    uri, token = eventually(tokens, "the job tells its token")
    assert ask(uri, token)["RoleArn"].endswith(":role/ecsInstanceRole")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(uri, token[:-4])
    gate.open()
    ended(world.batch, job_id)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(uri, token)


def test_the_token_of_a_failed_attempt_is_good_for_nothing_while_the_job_waits_to_be_tried_again(
    world: World, gate: Gate
) -> None:
    """The environment is switched off while the first attempt runs, so that the second one waits."""
    script = f'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; {gate.script}; exit 1'
    job_id = world.submit(script, retryStrategy={"attempts": 2})
    reached(world.batch, job_id, "RUNNING")
    world.batch.update_compute_environment(computeEnvironment=world.environment, state="DISABLED")
    gate.open()
    job = reached(world.batch, job_id, "RUNNABLE")
    uri, token = world.stream(job["attempts"][0]["container"]["logStreamName"])[0].split()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(uri, token)
    world.batch.terminate_job(jobId=job_id, reason="done")


def test_a_definition_may_send_its_job_elsewhere(world: World) -> None:
    """What leads an SDK back here can be overridden, what Batch says of the job cannot."""
    environment = [{"name": "AWS_ENDPOINT_URL", "value": "http://elsewhere"}]
    name = fresh("definition")
    definition = world.define(
        "echo $AWS_ENDPOINT_URL", jobDefinitionName=name, containerProperties={"environment": environment}
    )
    assert world.output(world.run(jobDefinition=definition)) == ["http://elsewhere"]
