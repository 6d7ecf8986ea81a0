"""Submitting a job and reading what became of it, through boto3, with real processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, eventually, reached
from tests.clients.worlds import Gate, World, fresh, needs


def test_a_job_runs_and_says_everything_about_itself(world: World) -> None:
    job_id = world.submit("echo hello", jobName="first", tags={"team": "blue"})
    job = ended(world.batch, job_id)
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert job["jobArn"].endswith(f":job/{job_id}")
    assert job["jobName"] == "first"
    assert job["jobQueue"].endswith(f":job-queue/{world.queue}")
    assert job["jobDefinition"].endswith(":1")
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert job["tags"] == {"team": "blue"}
    assert job["dependsOn"] == job["container"]["environment"] == job["container"]["volumes"] == []
    assert (job["isCancelled"], job["isTerminated"]) == (False, False)
    assert job["container"]["exitCode"] == 0
    assert "reason" not in job["container"]
    assert f":task/AWSBatch-{world.environment}-" in job["container"]["taskArn"]
    [attempt] = job["attempts"]
    assert attempt["container"]["logStreamName"] == job["container"]["logStreamName"]
    assert attempt["statusReason"] == job["statusReason"]
    assert (attempt["startedAt"], attempt["stoppedAt"]) == (job["startedAt"], job["stoppedAt"])
    assert world.output(job) == ["hello"]


def test_parameters_and_overrides_make_the_job_that_runs(world: World) -> None:
    definition = world.batch.register_job_definition(
        jobDefinitionName=fresh("definition"),
        type="container",
        parameters={"who": "nobody", "greeting": "good day"},
        containerProperties={
            "image": "busybox",
            "command": ["echo", "Ref::greeting,", "Ref::who"],
            "environment": [{"name": "KEPT", "value": "definition"}, {"name": "CHANGED", "value": "definition"}],
            "resourceRequirements": needs("1", "512"),
        },
    )["jobDefinitionArn"]
    overrides: dict[str, Any] = {"environment": [{"name": "CHANGED", "value": "submit"}]}
    overrides["resourceRequirements"] = [{"type": "VCPU", "value": "2"}]
    job = world.run(jobDefinition=definition, parameters={"who": "world"}, containerOverrides=overrides)
    assert world.output(job) == ["good day, world"]
    assert job["parameters"] == {"who": "world", "greeting": "good day"}
    assert job["container"]["command"] == ["echo", "good day,", "world"]
    assert {e["name"]: e["value"] for e in job["container"]["environment"]} == {
        "KEPT": "definition",
        "CHANGED": "submit",
    }
    assert {r["type"]: r["value"] for r in job["container"]["resourceRequirements"]} == {"VCPU": "2", "MEMORY": "512"}


def test_the_deprecated_vcpus_and_memory_of_old_scripts_still_work(world: World) -> None:
    definition = world.batch.register_job_definition(
        jobDefinitionName=fresh("definition"),
        type="container",
        containerProperties={"image": "busybox", "command": ["true"], "vcpus": 1, "memory": 128},
    )["jobDefinitionName"]
    job = world.run(jobDefinition=definition, containerOverrides={"vcpus": 2, "memory": 2000})
    assert job["status"] == "SUCCEEDED"
    assert (job["container"]["vcpus"], job["container"]["memory"]) == (2, 2000)


def test_requirements_of_the_definition_are_stronger_than_deprecated_overrides(world: World) -> None:
    job = world.run(containerOverrides={"vcpus": 2, "memory": 2000})
    assert job["status"] == "SUCCEEDED"
    assert {r["type"]: r["value"] for r in job["container"]["resourceRequirements"]} == {"VCPU": "1", "MEMORY": "64"}


def test_a_command_override_replaces_the_command_and_its_placeholders_are_filled(world: World) -> None:
    job = world.run(parameters={"n": "7"}, containerOverrides={"command": ["echo", "--n=Ref::n"]})
    assert world.output(job) == ["--n=7"]


def test_the_job_sees_the_variables_of_aws_batch(world: World) -> None:
    names = ("AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ATTEMPT", "AWS_BATCH_JQ_NAME", "AWS_BATCH_CE_NAME", "AWS_REGION")
    job = world.run("; ".join(f'echo "${name}"' for name in names))
    assert world.output(job) == [job["jobId"], "1", world.queue, world.environment, "us-east-1"]


def test_a_job_that_exits_with_a_code_has_failed_with_it(world: World) -> None:
    job = world.run("echo before; exit 42")
    assert (job["status"], job["statusReason"]) == ("FAILED", "Essential container in task exited")
    assert job["container"]["exitCode"] == 42
    assert world.output(job) == ["before"]


def test_a_command_that_is_not_there_cannot_start(world: World) -> None:
    definition = world.define(containerProperties={"command": ["no-such-program"]})
    job = world.run(jobDefinition=definition)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith("CannotStartContainerError: ")
    assert "exitCode" not in job["container"]
    assert "startedAt" not in job


def test_a_job_passes_its_statuses_in_order_and_output_can_be_read_while_it_runs(world: World, gate: Gate) -> None:
    job_id = world.submit(f"echo early; {gate.script}; echo late")
    running = reached(world.batch, job_id, "RUNNING")
    assert running["attempts"] == []
    assert "stoppedAt" not in running
    stream = running["container"]["logStreamName"]

    def lines() -> list[str]:
        try:
            return world.stream(stream)
        except world.logs.exceptions.ResourceNotFoundException:
            return []

    assert eventually(lines, "the first line can be read") == ["early"]
    gate.open()
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"
    assert world.stream(stream) == ["early", "late"]


def test_the_log_stream_is_named_by_definition_and_task(world: World) -> None:
    name = fresh("nightly")
    job = world.run(jobDefinition=world.define("echo a; echo b >&2", jobDefinitionName=name))
    task = job["container"]["taskArn"].rpartition("/")[2]
    assert job["container"]["logStreamName"] == f"{name}/default/{task}"
    assert sorted(world.output(job)) == ["a", "b"]


def test_output_goes_to_the_group_and_prefix_that_the_definition_names(world: World) -> None:
    group = f"/teams/{fresh('blue')}"
    options = {"awslogs-group": group, "awslogs-stream-prefix": "etl"}
    log = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    job = world.run(jobDefinition=world.define("echo here", containerProperties=log))
    assert job["container"]["logStreamName"].startswith("etl/default/")
    found = world.logs.filter_log_events(logGroupName=group)["events"]
    assert [event["message"] for event in found] == ["here"]


def test_what_was_submitted_can_be_read_at_once(world: World) -> None:
    definition = world.define()
    for _ in range(20):
        job_id = world.submit(jobDefinition=definition)
        assert described(world.batch, job_id)["jobId"] == job_id


def test_a_name_means_the_latest_active_revision_and_old_revisions_stay(world: World) -> None:
    name = fresh("definition")
    first = world.define("echo one", jobDefinitionName=name)
    second = world.define("echo two", jobDefinitionName=name)
    assert world.output(world.run(jobDefinition=name)) == ["two"]
    assert world.output(world.run(jobDefinition=f"{name}:1")) == ["one"]
    world.batch.deregister_job_definition(jobDefinition=second)
    job = world.run(jobDefinition=name)
    assert job["jobDefinition"] == first
    assert world.output(job) == ["one"]


def test_a_fargate_job_runs_with_a_quarter_of_a_vcpu(server: Any) -> None:
    batch, name = server.client("batch"), fresh("fargate")
    resources = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    batch.create_compute_environment(computeEnvironmentName=name, type="MANAGED", computeResources=resources)
    world = World(batch, server.client("logs"), name, name)
    world.add_queue(name)
    properties = {
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        "resourceRequirements": needs("0.25", "512"),
    }
    definition = world.define("echo light", platformCapabilities=["FARGATE"], containerProperties=properties)
    job = world.run(jobDefinition=definition)
    assert world.output(job) == ["light"]
    assert job["platformCapabilities"] == ["FARGATE"]
    assert "containerInstanceArn" not in job["container"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"jobQueue": "nowhere"}, "JobQueue nowhere not found."),
        ({"jobDefinition": "nothing"}, "JobDefinition name nothing does not exist or is not in ACTIVE status"),
        ({"jobName": "no spaces"}, "Job name should match valid pattern"),
        ({"retryStrategy": {}}, "RetryAttempts must be provided with retry strategy"),
        ({"retryStrategy": {"attempts": 11}}, "retryStrategy.attempts must be between 1 and 10"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "attemptDurationSeconds"),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": "1"}]}}, "AWS_BATCH_X"),
        ({"containerOverrides": {"command": ["echo", "Ref::none"]}}, "No parameter found for reference none"),
        ({"dependsOn": [{"jobId": "nobody"}]}, "Dependent job nobody does not exist"),
        ({"dependsOn": [{"jobId": str(n)} for n in range(21)]}, "Job cannot have more than 20 dependencies"),
        ({"shareIdentifier": "blue"}, "can onlybe submitted to job queue with fair share scheduling policy."),
        ({"tags": {"aws:x": "1"}}, "aws:x"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_submit_that_cannot_work_is_refused_with_its_reason(world: World, change: dict[str, Any], text: str) -> None:
    with refused(text):
        world.submit(**change)


def test_an_ec2_definition_does_not_fit_a_fargate_queue(server: Any, world: World) -> None:
    batch, name = server.client("batch"), fresh("fargate")
    resources = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    batch.create_compute_environment(computeEnvironmentName=name, type="MANAGED", computeResources=resources)
    order = [{"order": 1, "computeEnvironment": name}]
    batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)
    with refused("can not run Jobs with capability EC2"):
        world.submit(jobQueue=name)


def test_a_submit_with_a_token_makes_one_job_however_often_and_from_wherever_it_comes(world: World) -> None:
    request = {"jobName": fresh("job"), "jobQueue": world.queue, "jobDefinition": world.define()}
    tags = {"batchd:client-token": fresh("token")}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.batch.submit_job(**request, tags=tags), range(16)))
    assert len({answer["jobId"] for answer in answers}) == 1
    job = ended(world.batch, answers[0]["jobId"])
    assert (job["status"], job["jobArn"], job["tags"]) == ("SUCCEEDED", answers[5]["jobArn"], tags)
    assert world.batch.submit_job(**request, tags=tags)["jobId"] == job["jobId"]
    with refused("IdempotentParameterMismatch"):
        world.batch.submit_job(**request, tags=tags, parameters={"a": "1"})
    listed = world.batch.list_jobs(jobQueue=world.queue, filters=[{"name": "JOB_NAME", "values": [job["jobName"]]}])
    assert [one["jobId"] for one in listed["jobSummaryList"]] == [job["jobId"]]


def test_the_image_of_a_job_may_be_chosen_at_submit(world: World) -> None:
    job = world.run("true", tags={"batchd:image": "registry.example.com/feed:2"})
    assert job["container"]["image"] == "registry.example.com/feed:2"


def test_placeholders_may_be_in_any_string_of_a_definition(world: World, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("rows\n")
    properties = {
        "image": "registry.example.com/feed:Ref::version",
        "environment": [{"name": "DAY", "value": "Ref::day"}],
        "volumes": [{"name": "data", "host": {"sourcePath": "Ref::dir"}}],
        "mountPoints": [{"sourceVolume": "data", "containerPath": "Ref::dir"}],
        "resourceRequirements": needs("Ref::vcpus", "64"),
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "Ref::day"}},
    }
    script = 'echo "$DAY $(cat Ref::dir/in)"'
    definition = world.define(script, containerProperties=properties, parameters={"version": "1", "vcpus": "1"})
    parameters = {"day": "monday", "dir": str(tmp_path), "version": "2"}

    job = world.run(jobDefinition=definition, parameters=parameters)

    container = job["container"]
    assert (job["status"], container["image"]) == ("SUCCEEDED", "registry.example.com/feed:2")
    assert container["environment"] == [{"name": "DAY", "value": "monday"}]
    assert container["logStreamName"].startswith("monday/default/")
    assert world.output(job) == ["monday rows"]
    with refused("Unable to substitute value. No parameter found for reference dir"):
        world.submit(jobDefinition=definition, parameters={"day": "monday"})
    (described,) = world.batch.describe_job_definitions(jobDefinitions=[definition])["jobDefinitions"]
    assert described["containerProperties"]["image"] == properties["image"]
