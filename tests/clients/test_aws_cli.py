"""The aws command: the walk of AWS's getting-started guide, then what people do next."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.waiting import ended, eventually
from tests.clients.worlds import World, fresh
from tests.patience import LONG_S

Aws = Callable[..., Any]


@pytest.fixture
def aws(server: Any) -> Aws:
    """Runs the aws command of this virtualenv; its JSON, or its text if it is none."""

    def call(*arguments: str, expected: int = 0) -> Any:
        done = command(server, *arguments)
        assert done.returncode == expected, done.stderr
        if expected:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    return call


def command(server: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    program = Path(sys.executable).with_name("aws")
    return subprocess.run(
        [program, *arguments],
        env={**own, **server.environ},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def test_the_getting_started_walk(aws: Aws, tmp_path: Path) -> None:
    name = fresh("walk")
    environment = {
        "computeEnvironmentName": name,
        "type": "MANAGED",
        "computeResources": {
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4,
            "instanceTypes": ["optimal"],
            "instanceRole": "ecsInstanceRole",
            "subnets": [aws("ec2", "describe-subnets")["Subnets"][0]["SubnetId"]],
        },
    }
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    aws("batch", "create-compute-environment", "--cli-input-json", f"file://{tmp_path}/environment.json")
    order = f"order=1,computeEnvironment={name}"
    aws("batch", "create-job-queue", "--job-queue-name", name, "--priority", "1", "--compute-environment-order", order)
    [queue] = aws("batch", "describe-job-queues", "--job-queues", name)["jobQueues"]
    assert (queue["state"], queue["status"]) == ("ENABLED", "VALID")
    properties = {
        "image": "busybox",
        "command": ["echo", "hello", "Ref::who"],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}],
    }
    defined = ("--job-definition-name", name, "--type", "container", "--container-properties", json.dumps(properties))
    assert aws("batch", "register-job-definition", *defined)["revision"] == 1
    job = ("--job-name", "hello", "--job-queue", name, "--job-definition", name, "--parameters", "who=world")
    job_id = aws("batch", "submit-job", *job)["jobId"]

    def done() -> Any:
        query = ("--query", "jobs[0].[status,container.logStreamName]")
        status, stream = aws("batch", "describe-jobs", "--jobs", job_id, *query)
        return (status, stream) if status in ("SUCCEEDED", "FAILED") else None

    status, stream = eventually(done, "the job ends")
    assert status == "SUCCEEDED"
    listed = aws("batch", "list-jobs", "--job-queue", name, "--job-status", "SUCCEEDED")["jobSummaryList"]
    assert [summary["jobId"] for summary in listed] == [job_id]
    group = ("--log-group-name", "/aws/batch/job")
    events = aws("logs", "get-log-events", *group, "--log-stream-name", stream)["events"]
    assert [event["message"] for event in events] == ["hello world"]
    found = aws("logs", "filter-log-events", *group, "--filter-pattern", "hello", "--start-time", "0")["events"]
    assert "hello world" in [event["message"] for event in found]
    aws("batch", "update-job-queue", "--job-queue", name, "--state", "DISABLED")
    aws("batch", "delete-job-queue", "--job-queue", name)
    aws("batch", "update-compute-environment", "--compute-environment", name, "--state", "DISABLED")
    aws("batch", "delete-compute-environment", "--compute-environment", name)
    aws("batch", "deregister-job-definition", "--job-definition", f"{name}:1")
    assert aws("batch", "describe-job-queues", "--job-queues", name)["jobQueues"] == []


def test_what_batchd_adds_to_submit_job_passes_the_command_as_it_is(aws: Aws, world: World) -> None:
    first = world.submit("false")
    submit = ["batch", "submit-job", "--job-name", "next", "--job-queue", world.queue]
    submit += ["--job-definition", world.define("true"), "--depends-on", f"jobId={first},type=AFTER_ANY"]
    submit += ["--tags", f"batchd:client-token={first},batchd:image=busybox:1.36"]

    once, twice = aws(*submit), aws(*submit)

    assert once == twice
    job = ended(world.batch, once["jobId"])
    assert (job["status"], job["container"]["image"]) == ("SUCCEEDED", "busybox:1.36")
    assert job["dependsOn"] == [{"jobId": first, "type": "AFTER_ANY"}]


def test_who_am_i(aws: Aws) -> None:
    identity = aws("sts", "get-caller-identity")
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == "arn:aws:iam::123456789012:root"


def test_a_role_is_made_given_rights_and_removed(aws: Aws) -> None:
    name = fresh("role")
    statement = {"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", trust)["Role"]
    assert role["Arn"] == f"arn:aws:iam::123456789012:role/{name}"
    policy = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"
    aws("iam", "attach-role-policy", "--role-name", name, "--policy-arn", policy)
    attached = aws("iam", "list-attached-role-policies", "--role-name", name)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [policy]
    aws("iam", "detach-role-policy", "--role-name", name, "--policy-arn", policy)
    aws("iam", "delete-role", "--role-name", name)
    assert "NoSuchEntity" in aws("iam", "get-role", "--role-name", name, expected=255)


def test_a_registry_password_is_given(aws: Aws) -> None:
    password = aws("ecr", "get-login-password").strip()
    assert password
    token = aws("ecr", "get-authorization-token")["authorizationData"][0]["authorizationToken"]
    assert base64.b64decode(token).decode().startswith("AWS:")


def test_a_refusal_is_shown_with_its_code_and_text(aws: Aws) -> None:
    job = ("--job-name", "x", "--job-queue", "nowhere", "--job-definition", "nothing")
    said = aws("batch", "submit-job", *job, expected=255)
    assert "(ClientException) when calling the SubmitJob operation: JobQueue nowhere not found." in said


def test_wrong_keys_are_refused(server: Any) -> None:
    environ = {**os.environ, **server.environ, "AWS_SECRET_ACCESS_KEY": "wrong"}
    program = Path(sys.executable).with_name("aws")
    done = subprocess.run(
        [program, "batch", "describe-job-queues"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 255
    assert "signature we calculated does not match" in done.stderr


def test_lists_are_paged_by_the_command_itself(aws: Aws) -> None:
    names = {fresh("page") for _ in range(3)}
    for name in names:
        aws("batch", "create-compute-environment", "--compute-environment-name", name, "--type", "UNMANAGED")
    query = ("--page-size", "1", "--query", "computeEnvironments[].computeEnvironmentName")
    assert names <= set(aws("batch", "describe-compute-environments", *query))


def test_the_log_of_a_job_that_printed_nothing_is_empty(aws: Aws, world: World) -> None:
    name = world.run()["container"]["logStreamName"]
    group = ("--log-group-name", "/aws/batch/job")
    assert aws("logs", "get-log-events", *group, "--log-stream-name", name)["events"] == []
    assert aws("logs", "filter-log-events", *group, "--log-stream-names", name)["events"] == []
    [stream] = aws("logs", "describe-log-streams", *group, "--log-stream-name-prefix", name)["logStreams"]
    assert stream["logStreamName"] == name
