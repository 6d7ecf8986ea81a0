"""`Ref::` in any string of a definition: known at registration as far as defaults say, and whole at submit."""

from __future__ import annotations

from typing import Any

import pytest

from batchd.scheduler.events import JobSubmitted, Resources
from batchd.store.store import Body
from batchd.task import ContainerSpec, LogDestination, Mount, Ulimit, decode_task
from tests.services.batch import pods, tasks
from tests.services.batch.worlds import FARGATE, FARGATE_CONTAINER, World

VALUES = {
    "image": "feed",
    "role": "night",
    "user": "nobody",
    "dir": "/data",
    "name": "DAY",
    "value": "monday",
    "group": "feeds",
    "vcpus": "2",
    "memory": "64",
    "secret": "arn:aws:ssm:us-east-1:123456789012:parameter/a",
    "limit": "nofile",
    "device": "/dev/null",
}
OPEN: Body = {
    "image": "registry.example.com/Ref::image:1",
    "jobRoleArn": "arn:aws:iam::123456789012:role/Ref::role",
    "user": "Ref::user",
    "volumes": [{"name": "in-Ref::role", "host": {"sourcePath": "Ref::dir"}}],
    "mountPoints": [{"sourceVolume": "in-Ref::role", "containerPath": "/Ref::role"}],
    "environment": [{"name": "Ref::name", "value": "x=Ref::value"}],
    "secrets": [{"name": "KEY", "valueFrom": "Ref::secret"}],
    "ulimits": [{"name": "Ref::limit", "softLimit": 10, "hardLimit": 20}],
    "resourceRequirements": [{"type": "VCPU", "value": "Ref::vcpus"}, {"type": "MEMORY", "value": "Ref::memory"}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "Ref::group", "awslogs-stream-prefix": "Ref::group/Ref::role"},
    },
    "linuxParameters": {"devices": [{"hostPath": "Ref::device"}]},
}


def container_of(world: World, job_id: str) -> ContainerSpec:
    (container,) = decode_task(world.row(job_id).task).containers
    return container


def wanted(world: World) -> Resources:
    event = world.events()[-1]
    assert isinstance(event, JobSubmitted)
    return event.job.resources


def test_every_string_of_a_container_may_have_a_placeholder(world: World) -> None:
    world.ready()
    world.definition("open", OPEN)
    (described,) = world.ask("describe_job_definitions", jobDefinitionName="open")["jobDefinitions"]
    kept = {member: described["containerProperties"][member] for member in OPEN}
    assert kept == {
        **OPEN,
        "linuxParameters": {"tmpfs": [], **OPEN["linuxParameters"]},
        "logConfiguration": {"secretOptions": [], **OPEN["logConfiguration"]},
    }, "as it was sent"

    job_id = world.submit(jobDefinition="open", parameters=VALUES)

    container = container_of(world, job_id)
    assert (container.image, container.user) == ("registry.example.com/feed:1", "nobody")
    assert container.environment == {"DAY": "x=monday"}
    assert container.mounts == (Mount("/data", "/night"),)
    assert container.secrets == (("KEY", VALUES["secret"]),)
    assert container.ulimits == (Ulimit("nofile", 10, 20),)
    assert container.log == LogDestination("us-east-1", "feeds", "feeds/night/default/")
    assert container.devices[0].host_path == "/dev/null"
    assert wanted(world) == Resources(2000, 64)
    assert decode_task(world.row(job_id).task).labels == {"job_role": "arn:aws:iam::123456789012:role/night"}
    shown = world.job(job_id)["container"]
    assert (shown["image"], shown["user"]) == ("registry.example.com/feed:1", "nobody")
    assert shown["environment"] == [{"name": "DAY", "value": "x=monday"}]


@pytest.mark.parametrize("missing", [name for name in VALUES if name != "value"])
def test_a_placeholder_without_a_value_is_refused_as_in_commands(world: World, missing: str) -> None:
    world.ready()
    world.definition("open", OPEN)
    parameters = {name: value for name, value in VALUES.items() if name != missing}
    request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "open", "parameters": parameters}
    text = f"Unable to substitute value. No parameter found for reference {missing}"
    assert world.refusal("submit_job", **request) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"image": "two words"}, "Container image should match valid pattern"),
        ({"user": "Nobody!"}, "User 'Nobody!' does not match regex"),
        ({"name": "AWS_BATCH_X"}, "environment variable AWS_BATCH_X is not allowed"),
        ({"vcpus": "many"}, "VCPU value many is not a whole number"),
        ({"memory": "1"}, "MEMORY must be at least 4 MiB"),
        ({"group": "a b"}, "logConfiguration.options awslogs-group should match valid pattern"),
        ({"limit": "speed"}, "ulimits: speed is not a limit"),
    ],
)
def test_what_comes_of_the_placeholders_must_keep_the_rules(world: World, change: Body, text: str) -> None:
    world.ready()
    world.definition("open", OPEN)
    request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "open", "parameters": VALUES | change}
    assert text in world.wrapped("submit_job", **request)


def test_defaults_are_held_to_the_rules_when_the_definition_is_registered(world: World) -> None:
    world.ready()
    world.definition("open", OPEN, parameters=VALUES)
    assert container_of(world, world.submit(jobDefinition="open")).user == "nobody"
    request = {"jobDefinitionName": "open", "type": "container", "containerProperties": OPEN | {"command": ["Ref::x"]}}
    assert "Nobody!" in world.wrapped("register_job_definition", **request, parameters={"user": "Nobody!"})
    assert "VCPU value a" in world.wrapped("register_job_definition", **request, parameters=VALUES | {"vcpus": "a"})
    mounts = {"mountPoints": [{"sourceVolume": "never", "containerPath": "/Ref::role"}]}
    request["containerProperties"] = OPEN | mounts
    assert world.wrapped("register_job_definition", **request) == "mountPoints: there is no volume never"


def test_sizes_of_fargate_jobs_are_checked_once_they_are_known(world: World) -> None:
    world.environment(resources=FARGATE)
    world.queue()
    needs = [{"type": "VCPU", "value": "Ref::vcpus"}, {"type": "MEMORY", "value": "Ref::memory"}]
    definition = {
        "jobDefinitionName": "feed",
        "type": "container",
        "platformCapabilities": ["FARGATE"],
        "containerProperties": {**FARGATE_CONTAINER, "resourceRequirements": needs},
    }
    world.ask("register_job_definition", **definition)
    world.submit(parameters={"vcpus": "0.25", "memory": "512"})
    assert wanted(world) == Resources(250, 512)
    wrong = {"vcpus": "2", "memory": "1024"}
    text = "Fargate resource requirements (2.00 vCPU, 1024 MiB) not valid."
    request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "feed"}
    assert world.wrapped("submit_job", **request, parameters=wrong) == text
    assert world.wrapped("register_job_definition", **definition, parameters=wrong) == text


def test_overrides_have_placeholders_as_well(world: World) -> None:
    world.ready()
    overrides = {"environment": [{"name": "DAY", "value": "Ref::day"}], "command": ["echo", "Ref::day"]}
    job_id = world.submit(containerOverrides=overrides, parameters={"day": "monday"})
    container = container_of(world, job_id)
    assert (container.environment, container.command) == ({"DAY": "monday"}, ("echo", "monday"))


def test_several_containers_of_a_task(world: World) -> None:
    world.ready()
    main = tasks.container(
        "Ref::who",
        image="Ref::image",
        dependsOn=tasks.after("helper"),
        mountPoints=[{"sourceVolume": "Ref::role", "containerPath": "/x"}],
    )
    helper = tasks.helper(resourceRequirements=OPEN["resourceRequirements"])
    task = {"taskRoleArn": "arn:aws:iam::123456789012:role/Ref::role", "volumes": [{"name": "night"}]}
    tasks.register(world, main, helper, task=task)

    job_id = world.submit(jobDefinition="task", parameters=VALUES | {"who": "main"})

    template = decode_task(world.row(job_id).task)
    assert [(one.name, one.image) for one in template.containers] == [("main", "feed"), ("helper", "busybox")]
    assert template.containers[0].mounts == (Mount("", "/x", volume="night"),)
    assert template.labels == {"job_role": "arn:aws:iam::123456789012:role/night"}
    assert wanted(world) == Resources(3000, 576)
    request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "task", "parameters": VALUES | {"who": "a b"}}
    assert world.wrapped("submit_job", **request) == "Container name should match valid pattern"


def test_a_pod(world: World) -> None:
    main = pods.container(
        "Ref::who",
        "Ref::vcpus",
        "Ref::memory",
        image="Ref::image",
        env=[{"name": "DAY", "value": "Ref::value"}],
        imagePullPolicy="Ref::policy",
        volumeMounts=[{"name": "Ref::role", "mountPath": "/x"}],
    )
    pod: Body = {
        "volumes": [{"name": "night", "hostPath": {"path": "Ref::dir"}}],
        "dnsPolicy": "Ref::dns",
        "metadata": {"namespace": "Ref::role", "labels": {"day": "Ref::value"}},
    }
    pods.ready(world, main, pod=pod)
    values = VALUES | {"who": "main", "memory": "64Mi", "policy": "Always", "dns": "Default"}

    job_id = world.submit(jobDefinition="pod", parameters=values)

    container = container_of(world, job_id)
    assert (container.name, container.image, container.environment) == ("main", "feed", {"DAY": "monday"})
    assert (container.mounts, wanted(world)) == ((Mount("/data", "/x"),), Resources(2000, 64))
    shown = world.job(job_id)["eksProperties"]["podProperties"]
    assert shown["metadata"] == {"namespace": "night", "labels": {"day": "monday"}}

    def refused(**change: Any) -> str:
        request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "pod", "parameters": values | change}
        return world.wrapped("submit_job", **request)

    assert refused(policy="Sometimes") == "imagePullPolicy must be one of Always, IfNotPresent, Never"
    assert refused(dns="a").startswith("dnsPolicy must be one of")
    assert refused(dir="data") == "volume night: hostPath.path must be an absolute path"
    assert refused(who="A b") == "Container name should match valid pattern"
    assert refused(role="other") == "volumeMounts: there is no volume other"
    assert refused(memory="64") == "memory value 64 is not a whole number with the suffix Mi"


def test_a_variable_may_refer_to_a_result_and_an_image_may_not(world: World) -> None:
    world.ready()
    first = world.submit(jobName="extract")
    after: Body = {"dependsOn": [{"jobId": first}]}
    environment = {"environment": [{"name": "ROWS", "value": "Ref::extract.rows"}]}

    job_id = world.submit(containerOverrides=environment, **after)

    assert container_of(world, job_id).environment == {"ROWS": "Ref::extract.rows"}
    assert decode_task(world.row(job_id).task).inputs == {"extract": first}
    world.definition("image", {"image": "Ref::image"})
    request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "image", **after}
    text = "Unable to substitute value. No parameter found for reference extract"
    assert world.refusal("submit_job", **request, parameters={"image": "Ref::extract.tag"}) == text


def test_an_image_chosen_by_tag_may_have_a_placeholder(world: World) -> None:
    world.ready()
    job_id = world.submit(tags={"batchd:image": "feed:Ref::version"}, parameters={"version": "2"})
    assert container_of(world, job_id).image == "feed:2"
