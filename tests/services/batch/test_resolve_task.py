from __future__ import annotations

from typing import Any

import pytest

from batchd.scheduler.events import JobSubmitted, Resources
from batchd.store.store import Body
from batchd.task import LogDestination, Mount, TaskSpec, decode_task
from tests.services.batch.tasks import after, container, helper, register
from tests.services.batch.worlds import World

OVERRIDE = "ecsPropertiesOverride.taskProperties.containers"


@pytest.fixture
def world(world: World) -> World:
    return world.ready()


def submit(world: World, **params: Any) -> TaskSpec:
    """The template of a job of the definition `task`."""
    return decode_task(world.row(world.submit(jobDefinition="task", **params)).task)


def override(*containers: Body) -> Body:
    return {"taskProperties": [{"containers": list(containers)}]}


def wanted(world: World) -> Resources:
    (job,) = [event.job for event in world.events() if isinstance(event, JobSubmitted)]
    return job.resources


def test_every_container_of_the_definition_is_one_of_the_task(world: World) -> None:
    volumes = [{"name": "shared", "host": {}}, {"name": "data", "host": {"sourcePath": "/data"}}]
    mounts = [{"sourceVolume": "shared", "containerPath": "/s"}, {"sourceVolume": "data", "containerPath": "/d"}]
    register(
        world,
        container(dependsOn=after("helper"), mountPoints=mounts, startTimeout=5, stopTimeout=7),
        helper(mountPoints=mounts[:1], secrets=[{"name": "S", "valueFrom": "arn:of:it"}]),
        task={"volumes": volumes, "taskRoleArn": "arn:aws:iam::123456789012:role/job", "pidMode": "host"},
    )

    task = submit(world)

    main, other = task.containers
    assert task.labels == {"job_role": "arn:aws:iam::123456789012:role/job"}
    assert (main.name, main.essential, main.depends_on) == ("main", True, (("helper", "SUCCESS"),))
    assert (main.start_timeout_s, main.stop_timeout_s, main.host_pid, main.host_ipc) == (5, 7, True, False)
    assert main.mounts == (Mount("", "/s", volume="shared"), Mount("/data", "/d"))
    assert (other.name, other.essential, other.mounts) == ("helper", False, (Mount("", "/s", volume="shared"),))
    assert other.secrets == (("S", "arn:of:it"),)
    assert [one.log for one in task.containers] == [
        LogDestination("us-east-1", "/aws/batch/job", f"task/{name}/") for name in ("main", "helper")
    ]
    assert wanted(world) == Resources(2000, 1024)


def test_the_only_container_needs_no_name(world: World) -> None:
    register(world, {**container(), "name": ""})
    (only,) = submit(world, ecsPropertiesOverride=override({"command": ["new"]})).containers
    assert (only.name, only.command) == ("default", ("new",))


def test_overrides_find_their_containers_by_name(world: World) -> None:
    register(world, container(environment=[{"name": "A", "value": "1"}]), helper())
    more = [{"type": "MEMORY", "value": "1024"}]
    main, other = submit(
        world,
        ecsPropertiesOverride=override(
            {"name": "helper", "resourceRequirements": more},
            {"name": "main", "command": ["new"], "environment": [{"name": "B", "value": "2"}]},
        ),
    ).containers
    assert (main.command, main.environment) == (("new",), {"A": "1", "B": "2"})
    assert (other.command, other.memory_mib, other.vcpus) == (("echo", "helper"), 1024, 1.0)
    assert wanted(world) == Resources(2000, 512 + 1024)


def test_placeholders_are_replaced_in_every_command(world: World) -> None:
    register(world, container(command=["Ref::a"]), helper(command=["x-Ref::b"]), parameters={"a": "1"})
    main, other = submit(world, parameters={"b": "2"}).containers
    assert (main.command, other.command) == (("1",), ("x-2",))
    text = world.refusal("submit_job", jobName="run", jobQueue="night", jobDefinition="task")
    assert text == "Unable to substitute value. No parameter found for reference b"


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ([{"name": "nobody"}], f"{OVERRIDE}: there is no container nobody"),
        ([{"command": ["x"]}], f"{OVERRIDE} must have a name"),
    ],
)
def test_an_override_of_nobody_is_refused(world: World, overrides: list[Body], text: str) -> None:
    register(world, container(), helper())
    assert refusal(world, override(*overrides)) == text


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ([{"name": "main"}, {"name": "main"}], f"{OVERRIDE}: container main must not be named twice"),
        ([{"name": "main", "command": [""]}], f"{OVERRIDE}.command must not contain an empty string"),
        ([{"name": "main", "environment": [{"value": "x"}]}], "environment entries must have a name"),
    ],
)
def test_an_override_that_cannot_be_is_refused(world: World, overrides: list[Body], text: str) -> None:
    register(world, container(), helper())
    assert text in refusal(world, override(*overrides))


def refusal(world: World, wanted: Body) -> str:
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "task", "ecsPropertiesOverride": wanted}
    return world.refusal("submit_job", **request)


@pytest.mark.parametrize(
    ("one", "task", "member"),
    [
        ({}, {"ipcMode": "task"}, "ecsProperties.taskProperties.ipcMode task"),
        ({}, {"pidMode": "task"}, "ecsProperties.taskProperties.pidMode task"),
        (
            {},
            {"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]},
            "ecsProperties.taskProperties.volumes.efsVolumeConfiguration",
        ),
        (
            {"firelensConfiguration": {"type": "fluentd"}},
            {},
            "ecsProperties.taskProperties.containers.firelensConfiguration",
        ),
    ],
)
def test_what_no_engine_can_do_is_refused_by_name(world: World, one: Body, task: Body, member: str) -> None:
    register(world, container(**one), task=task)
    assert refusal(world, {}) == f"{member} is not supported by this server"


def test_an_override_of_another_kind_is_refused_and_an_empty_one_is_none(world: World) -> None:
    register(world, container())
    world.submit(jobDefinition="task", containerOverrides={})
    text = world.refusal(
        "submit_job",
        jobName="run",
        jobQueue="night",
        jobDefinition="task",
        containerOverrides={"command": ["x"]},
    )
    assert text == "containerOverrides can not override a job definition with ecsProperties"
