from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from batchd.scheduler.events import (
    Dependency,
    ExitRule,
    JobSpec,
    JobStatus,
    JobSubmitted,
    Resources,
)
from batchd.store.store import Body, Key
from batchd.task import ContainerSpec, Device, LogDestination, Mount, TaskSpec, Tmpfs, Ulimit, decode_task
from tests.services.batch.worlds import FARGATE, World

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
LOG = LogDestination("us-east-1", "/aws/batch/job", "feed/default/")
FULL: Body = {
    "jobRoleArn": "arn:aws:iam::123456789012:role/job",
    "environment": [{"name": "A", "value": "1"}],
    "resourceRequirements": [
        {"type": "VCPU", "value": "1"},
        {"type": "MEMORY", "value": "64"},
        {"type": "GPU", "value": "2"},
    ],
    "user": "nobody",
    "privileged": True,
    "readonlyRootFilesystem": True,
    "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
    "volumes": [{"name": "in", "host": {"sourcePath": "/data"}}, {"name": "tmp", "host": {}}, {"name": "t2"}],
    "mountPoints": [
        {"sourceVolume": "in", "containerPath": "/in", "readOnly": True},
        {"sourceVolume": "tmp", "containerPath": "/scratch"},
        {"sourceVolume": "t2", "containerPath": "/t2"},
    ],
    "linuxParameters": {
        "initProcessEnabled": True,
        "sharedMemorySize": 32,
        "maxSwap": 16,
        "swappiness": 10,
        "tmpfs": [{"containerPath": "/fast", "size": 8, "mountOptions": ["noexec"]}],
        "devices": [{"hostPath": "/dev/a"}, {"hostPath": "/b", "containerPath": "/c", "permissions": ["READ"]}],
    },
}


def submitted(world: World) -> JobSpec:
    """What the scheduler was last told."""
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    return event.job


def container_of(world: World, job_id: str) -> ContainerSpec:
    (container,) = decode_task(world.row(job_id).task).containers
    return container


def request(**params: Any) -> Body:
    return {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", **params}


def test_a_submit_writes_the_job_and_tells_the_scheduler(world: World) -> None:
    world.ready()

    answer = world.ask("submit_job", **request(tags={"team": "risk"}))

    job_id = answer["jobId"]
    assert str(UUID(job_id)) == job_id
    assert answer["jobArn"] == f"arn:aws:batch:us-east-1:123456789012:job/{job_id}"
    assert answer["jobName"] == "run"
    row = world.row(job_id)
    assert submitted(world) == JobSpec(job_id, QUEUE, Resources(2000, 1024), definition=row.definition)
    assert (row.queue, row.name, row.created_at, row.tags) == (QUEUE, "run", world.now_ms, {"team": "risk"})
    assert row.definition == "arn:aws:batch:us-east-1:123456789012:job-definition/feed:1"
    assert row.status is JobStatus.SUBMITTED
    assert decode_task(row.task) == TaskSpec(
        "", (ContainerSpec("default", "busybox:latest", ("echo", "hello"), {}, 2.0, 1024, log=LOG),)
    )


def test_every_setting_of_the_container_reaches_the_task(world: World) -> None:
    world.ready()
    world.definition("full", container=FULL)

    job_id = world.submit(jobDefinition="full")

    task = decode_task(world.row(job_id).task)
    assert task.labels == {"job_role": "arn:aws:iam::123456789012:role/job"}
    assert task.containers == (
        ContainerSpec(
            name="default",
            image="busybox:latest",
            command=("echo", "hello"),
            environment={"A": "1"},
            vcpus=1.0,
            memory_mib=64,
            gpus=2,
            user="nobody",
            privileged=True,
            readonly_root=True,
            init=True,
            shm_mib=32,
            max_swap_mib=16,
            swappiness=10,
            tmpfs=(Tmpfs("/fast", 8, ("noexec",)),),
            devices=(Device("/dev/a", "/dev/a", "rwm"), Device("/b", "/c", "r")),
            ulimits=(Ulimit("nofile", 10, 20),),
            mounts=(Mount("/data", "/in", True), Mount("", "/scratch"), Mount("", "/t2")),
            log=LogDestination("us-east-1", "/aws/batch/job", "full/default/"),
        ),
    )
    assert submitted(world).resources == Resources(1000, 64, 2)


def test_overrides_are_merged(world: World) -> None:
    world.ready()
    world.definition("env", container={"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})

    job_id = world.submit(
        jobDefinition="env",
        containerOverrides={
            "command": ["true"],
            "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": ""}],
            "resourceRequirements": [{"type": "MEMORY", "value": "2048"}],
        },
    )

    container = container_of(world, job_id)
    assert container.command == ("true",)
    assert container.environment == {"A": "1", "B": "3", "C": ""}
    assert (container.vcpus, container.memory_mib) == (2.0, 2048)
    assert submitted(world).resources == Resources(2000, 2048)
    shown = world.job(job_id)["container"]
    assert shown["command"] == ["true"]
    assert shown["environment"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "3"},
        {"name": "C", "value": ""},
    ]
    assert shown["resourceRequirements"] == [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "2048"}]


def test_an_empty_override_overrides_nothing(world: World) -> None:
    world.ready()

    job_id = world.submit(containerOverrides={"command": [], "environment": []}, arrayProperties={}, parameters={})

    assert container_of(world, job_id).command == ("echo", "hello")


def test_parameters_fill_placeholders_of_either_command(world: World) -> None:
    world.ready()
    world.definition("p", container={"command": ["get", "--in=Ref::day", "Ref::mode"]}, parameters={"mode": "fast"})

    job_id = world.submit(jobDefinition="p", parameters={"day": "monday", "spare": "x"})
    overridden = world.submit(jobDefinition="p", containerOverrides={"command": ["put", "Ref::mode"]})

    assert container_of(world, job_id).command == ("get", "--in=monday", "fast")
    assert world.job(job_id)["container"]["command"] == ["get", "--in=monday", "fast"]
    assert world.job(job_id)["parameters"] == {"mode": "fast", "day": "monday", "spare": "x"}
    assert container_of(world, overridden).command == ("put", "fast")


def test_a_placeholder_without_a_value_is_refused(world: World) -> None:
    world.ready()
    world.definition("p", container={"command": ["Ref::day"]})

    text = world.refusal("submit_job", **request(jobDefinition="p", parameters={"da": "x"}))

    assert text == "Unable to substitute value. No parameter found for reference day"


def test_retry_strategy_and_timeout_are_the_definitions_unless_given(world: World) -> None:
    world.ready()
    world.definition(
        "r",
        retryStrategy={
            "attempts": 3,
            "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}],
        },
        timeout={"attemptDurationSeconds": 90},
    )

    world.submit(jobDefinition="r")
    assert (submitted(world).attempts, submitted(world).timeout_s) == (3, 90)
    assert submitted(world).exit_rules == (ExitRule("RETRY", "Host EC2*"), ExitRule("EXIT", on_reason="*"))

    job_id = world.submit(jobDefinition="r", retryStrategy={"attempts": 2}, timeout={"attemptDurationSeconds": 60})
    assert (submitted(world).attempts, submitted(world).exit_rules, submitted(world).timeout_s) == (2, (), 60)
    assert world.job(job_id)["retryStrategy"] == {"attempts": 2, "evaluateOnExit": []}
    assert world.job(job_id)["timeout"] == {"attemptDurationSeconds": 60}


def test_an_exit_code_rule_reaches_the_scheduler(world: World) -> None:
    world.ready()
    world.submit(retryStrategy={"attempts": 2, "evaluateOnExit": [{"onExitCode": "13*", "action": "RETRY"}]})

    assert submitted(world).exit_rules == (ExitRule("RETRY", on_exit_code="13*"),)


@pytest.mark.parametrize(
    "text",
    [
        "feed",
        "feed:2",
        "arn:aws:batch:us-east-1:123456789012:job-definition/feed",
        "arn:aws:batch:us-east-1:123456789012:job-definition/feed:2",
    ],
)
def test_a_definition_may_be_named_in_four_ways(world: World, text: str) -> None:
    world.ready()
    world.definition()

    job_id = world.submit(jobDefinition=text)

    assert world.row(job_id).definition == "arn:aws:batch:us-east-1:123456789012:job-definition/feed:2"


def test_a_name_means_the_latest_active_revision(world: World) -> None:
    world.ready()
    for _ in range(3):
        world.definition()
    world.ask("deregister_job_definition", jobDefinition="feed:3")
    world.ask("deregister_job_definition", jobDefinition="feed:4")

    assert world.row(world.submit()).definition.endswith("feed:2")
    for revision in (1, 2):
        world.ask("deregister_job_definition", jobDefinition=f"feed:{revision}")
    for text in ("feed", "feed:3", "feed:9", "nothing", "feed:x"):
        refusal = world.refusal("submit_job", **request(jobDefinition=text))
        assert refusal == f"JobDefinition name {text} does not exist or is not in ACTIVE status"


def test_a_queue_may_be_named_by_arn(world: World) -> None:
    world.ready()
    assert world.row(world.submit(jobQueue=QUEUE)).queue == QUEUE


@pytest.mark.parametrize("text", ["day", QUEUE.replace("us-east-1", "eu-west-1"), QUEUE.replace("123", "999")])
def test_an_unknown_queue_is_not_found(world: World, text: str) -> None:
    world.ready()
    assert world.refusal("submit_job", **request(jobQueue=text)) == f"JobQueue {text} not found."


def test_a_disabled_queue_takes_no_jobs(world: World) -> None:
    world.ready()
    world.ask("update_job_queue", jobQueue="night", state="DISABLED")

    text = world.refusal("submit_job", **request())

    assert text == "JobQueue night is in DISABLED state. Only ENABLED JobQueues accept jobs."


def test_an_ec2_definition_does_not_fit_a_fargate_queue(world: World) -> None:
    world.environment(resources=FARGATE)
    world.queue()
    world.definition()

    text = world.refusal("submit_job", **request())

    assert text == "Job Queue is attached to Compute Environment that can not run Jobs with capability EC2"


def test_a_fargate_definition_does_not_fit_an_ec2_queue(world: World) -> None:
    world.fargate_ready()
    world.environment("machines")
    world.queue("day", environments=["machines"])

    text = world.refusal("submit_job", **request(jobQueue="day"))

    assert text == "Job Queue is attached to Compute Environment that can not run Jobs with capability FARGATE"


def test_a_fargate_job_may_be_a_fraction_of_a_vcpu_but_must_keep_to_the_table(world: World) -> None:
    world.fargate_ready()

    job_id = world.submit()
    assert submitted(world).resources == Resources(250, 512)
    assert container_of(world, job_id).vcpus == 0.25

    overrides = {"resourceRequirements": [{"type": "MEMORY", "value": "4096"}]}
    text = world.wrapped("submit_job", **request(containerOverrides=overrides))
    assert text == "Fargate resource requirements (0.25 vCPU, 4096 MiB) not valid."


@pytest.mark.parametrize("params", [{"shareIdentifier": "a"}, {"schedulingPriorityOverride": 0}])
def test_shares_need_a_fair_share_queue(world: World, params: Body) -> None:
    world.ready()

    text = world.refusal("submit_job", **request(**params))

    assert text == (
        "Job with shareIdentifier or schedulingPriority can onlybe submitted to job queue "
        "with fair share scheduling policy."
    )


def test_dependencies_come_with_the_outcome_of_those_that_ended(world: World) -> None:
    world.ready()
    first, second, third = world.submit(), world.submit(), world.submit()
    world.becomes(second, JobStatus.SUCCEEDED)
    world.becomes(third, JobStatus.FAILED)
    arn = f"arn:aws:batch:us-east-1:123456789012:job/{third}"

    depends_on = [{"jobId": first}, {"jobId": second}, {"jobId": arn}, {"jobId": first}]
    job_id = world.submit(dependsOn=depends_on)

    assert submitted(world).depends_on == (
        Dependency(first),
        Dependency(second, JobStatus.SUCCEEDED),
        Dependency(third, JobStatus.FAILED),
    )
    assert world.job(job_id)["dependsOn"] == depends_on


def test_dependencies_that_cannot_be_are_refused(world: World) -> None:
    world.ready()
    job_id = world.submit()

    text = world.wrapped("submit_job", **request(dependsOn=[{"jobId": job_id}] * 21))
    assert text == "Job cannot have more than 20 dependencies"
    text = world.refusal("submit_job", **request(dependsOn=[{"jobId": "nobody"}]))
    assert text == "Dependent job nobody does not exist"
    text = world.refusal("submit_job", **request(dependsOn=[{}]))
    assert text == "Dependent job  does not exist"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"jobName": "a b"}, "Job name should match valid pattern"),
        ({"jobName": "a" * 129}, "Job name should match valid pattern"),
        ({"jobName": "run\n"}, "Job name should match valid pattern"),
        ({"retryStrategy": {}}, "RetryAttempts must be provided with retry strategy"),
        ({"timeout": {"attemptDurationSeconds": 1}}, "timeout.attemptDurationSeconds must be at least 60"),
        ({"parameters": {"a": "x" * 30 * 1024}}, "Job must not be larger than 30720 bytes"),
        (
            {"containerOverrides": {"command": ["a", ""]}},
            "containerOverrides.command must not contain an empty string",
        ),
        (
            {"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": "1"}]}},
            "environment variable AWS_BATCH_X is not allowed, names starting with AWS_BATCH are reserved",
        ),
        (
            {"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "0.5"}]}},
            "VCPU value 0.5 is not a whole number",
        ),
        (
            {"containerOverrides": {"resourceRequirements": [{"type": "MEMORY", "value": "3"}]}},
            "MEMORY must be at least 4 MiB",
        ),
        ({"tags": {"aws:x": "1"}}, "tag key aws:x is not allowed, keys starting with aws: are reserved"),
    ],
)
def test_submits_that_cannot_be_are_refused(world: World, params: Body, text: str) -> None:
    world.ready()
    assert world.wrapped("submit_job", **request(**params)) == text
    assert world.store.transact(lambda tx: tx.jobs.live()) == []


@pytest.mark.parametrize(
    ("params", "member"),
    [
        ({"containerOverrides": {"instanceType": "m5.large"}}, "containerOverrides.instanceType"),
    ],
)
def test_what_is_not_served_is_refused_by_name(world: World, params: Body, member: str) -> None:
    world.ready()
    assert world.refusal("submit_job", **request(**params)) == f"{member} is not supported by this server"


@pytest.mark.parametrize(
    ("container", "member"),
    [
        (
            {"volumes": [{"name": "a", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]},
            "containerProperties.volumes.efsVolumeConfiguration",
        ),
        (
            {"volumes": [{"name": "a", "s3filesVolumeConfiguration": {"fileSystemArn": "arn:x"}}]},
            "containerProperties.volumes.s3filesVolumeConfiguration",
        ),
    ],
)
def test_a_definition_no_engine_can_honour_is_refused_at_submit(world: World, container: Body, member: str) -> None:
    world.ready()
    world.definition("far", container=container)
    assert world.refusal("submit_job", **request(jobDefinition="far")) == f"{member} is not supported by this server"


def test_deprecated_overrides_reach_deprecated_values_only(world: World) -> None:
    world.ready()
    world.definition("old", container={"resourceRequirements": [], "vcpus": 1, "memory": 64})
    overrides = {"vcpus": 4, "memory": 128}

    world.submit(jobDefinition="old", containerOverrides=overrides)
    assert submitted(world).resources == Resources(4000, 128)
    world.submit(jobDefinition="feed", containerOverrides=overrides)
    assert submitted(world).resources == Resources(2000, 1024)


def test_a_requirement_overrides_a_deprecated_value(world: World) -> None:
    world.ready()
    world.definition("old", container={"resourceRequirements": [], "vcpus": 1, "memory": 64})

    job_id = world.submit(
        jobDefinition="old", containerOverrides={"resourceRequirements": [{"type": "VCPU", "value": "3"}]}
    )

    assert submitted(world).resources == Resources(3000, 64)
    container = world.job(job_id)["container"]
    assert "vcpus" not in container
    assert container["memory"] == 64


def test_output_goes_where_the_definition_says(world: World) -> None:
    world.ready()
    options = {"awslogs-group": "/own", "awslogs-stream-prefix": "feeds", "awslogs-region": "us-east-1"}
    world.definition("log", container={"logConfiguration": {"logDriver": "awslogs", "options": options}})
    world.store.transact(lambda tx: tx.resources.put(Key("logs.group", "us-east-1", "/own"), {}))

    job_id = world.submit(jobDefinition="log")

    assert container_of(world, job_id).log == LogDestination("us-east-1", "/own", "feeds/default/")
    assert world.calls == []


def test_a_log_group_that_is_missing_is_created(world: World) -> None:
    world.ready()
    options = {"awslogs-group": "/own"}
    world.definition("log", container={"logConfiguration": {"logDriver": "awslogs", "options": options}})

    world.submit(jobDefinition="log")

    assert world.calls == [("logs", "CreateLogGroup", {"logGroupName": "/own"})]


def test_a_log_group_of_another_region_must_exist(world: World) -> None:
    world.ready()
    options = {"awslogs-group": "/own", "awslogs-region": "eu-west-1"}
    world.definition("log", container={"logConfiguration": {"logDriver": "awslogs", "options": options}})

    text = world.refusal("submit_job", **request(jobDefinition="log"))

    assert text == "logConfiguration: log group /own does not exist in eu-west-1"


def test_other_log_drivers_keep_their_lines_in_the_default_group(world: World) -> None:
    world.ready()
    world.definition(container={"logConfiguration": {"logDriver": "json-file", "options": {"awslogs-group": "/own"}}})

    assert container_of(world, world.submit()).log == LOG


def test_propagate_tags_is_the_definitions_unless_given(world: World) -> None:
    world.ready()
    world.definition("p", propagateTags=True)

    assert world.job(world.submit())["propagateTags"] is False
    assert world.job(world.submit(jobDefinition="p"))["propagateTags"] is True
    assert world.job(world.submit(jobDefinition="p", propagateTags=False))["propagateTags"] is False
