from __future__ import annotations

from typing import Any

import pytest

from batchd.scheduler.events import JobSubmitted, Resources
from batchd.store.store import Body
from batchd.task import POD, LogDestination, Mount, TaskSpec, Tmpfs, decode_task
from tests.services.batch.pods import container, ready
from tests.services.batch.worlds import World

OVERRIDE = "eksPropertiesOverride.podProperties"


def submit(world: World, **params: Any) -> TaskSpec:
    """The template of a job of the definition `pod`."""
    return decode_task(world.row(world.submit(jobDefinition="pod", **params)).task)


def override(*containers: Body, **pod: Any) -> Body:
    return {"podProperties": {"containers": list(containers), **pod}}


def refusal(world: World, wanted: Body) -> str:
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "pod", "eksPropertiesOverride": wanted}
    return world.refusal("submit_job", **request)


def wanted(world: World) -> Resources:
    (job,) = [event.job for event in world.events() if isinstance(event, JobSubmitted)]
    return job.resources


def test_a_pod_becomes_a_task_in_which_none_is_essential(world: World) -> None:
    security = {"runAsUser": 5, "runAsGroup": 6, "privileged": True, "readOnlyRootFilesystem": True}
    main = container(env=[{"name": "A", "value": "1"}, {"name": "B"}], securityContext=security, cpu="0.5")
    ready(world, main, container("other"))

    task = submit(world)

    one, other = task.containers
    assert task.labels == {POD: "1"}
    assert (one.name, one.entry_point, one.command) == ("main", ("echo",), ("main",))
    assert (one.environment, one.expands, one.essential, one.depends_on) == ({"A": "1", "B": ""}, True, False, ())
    assert (one.vcpus, one.memory_mib, one.user) == (0.5, 512, "5:6")
    assert (one.privileged, one.readonly_root) == (True, True)
    assert one.log == LogDestination("us-east-1", "/aws/batch/job", "pod/main/")
    assert (other.user, other.privileged) == (None, False)
    assert wanted(world) == Resources(1500, 1024)


@pytest.mark.parametrize(
    ("of_pod", "of_container", "user"),
    [
        ({"runAsUser": 5}, {}, "5"),
        ({"runAsUser": 5}, {"runAsUser": 7}, "7"),
        ({"runAsGroup": 5}, {}, "0:5"),
        ({"runAsUser": 0}, {"runAsGroup": 0}, "0:0"),
        ({}, {}, None),
    ],
)
def test_a_container_runs_as_it_says_itself_else_as_its_pod_does(
    world: World, of_pod: Body, of_container: Body, user: str | None
) -> None:
    ready(world, container(securityContext=of_container), pod={"securityContext": of_pod})
    assert submit(world).containers[0].user == user


def test_init_containers_succeed_one_after_the_other_before_the_rest(world: World) -> None:
    unsized = {"name": "two", "image": "busybox"}
    ready(world, container("a"), container("b"), pod={"initContainers": [container("one", memory="64Mi"), unsized]})
    containers = submit(world).containers
    assert [(one.name, one.depends_on) for one in containers] == [
        ("one", ()),
        ("two", (("one", "SUCCESS"),)),
        ("a", (("two", "SUCCESS"),)),
        ("b", (("two", "SUCCESS"),)),
    ]
    assert [one.memory_mib for one in containers] == [64, 1024, 512, 512]


def test_volumes_are_paths_of_the_host_or_shared_within_the_pod(world: World) -> None:
    volumes = [
        {"name": "data", "hostPath": {"path": "/data/"}},
        {"name": "shared", "emptyDir": {}},
        {"name": "fast", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "both", "emptyDir": {"medium": "Memory"}},
        {"name": "perhaps", "secret": {"secretName": "s", "optional": True}},
    ]
    mounts = [
        {"name": "data", "mountPath": "/d", "readOnly": True, "subPath": "in"},
        {"name": "shared", "mountPath": "/s"},
        {"name": "fast", "mountPath": "/f"},
        {"name": "both", "mountPath": "/b"},
        {"name": "perhaps", "mountPath": "/p"},
    ]
    other = [{"name": "shared", "mountPath": "/x"}, {"name": "both", "mountPath": "/y"}]
    ready(world, container(volumeMounts=mounts), container("other", volumeMounts=other), pod={"volumes": volumes})

    one, two = submit(world).containers

    assert one.mounts == (
        Mount("/data/in", "/d", True),
        Mount("", "/s", volume="shared"),
        Mount("", "/b", volume="both"),
        Mount("", "/p", volume="perhaps"),
    )
    assert one.tmpfs == (Tmpfs("/f", 512, ("exec",)),)
    assert (two.mounts, two.tmpfs) == ((Mount("", "/x", volume="shared"), Mount("", "/y", volume="both")), ())


def test_an_override_changes_image_words_variables_and_size_of_the_container_it_names(world: World) -> None:
    first = {"initContainers": [container("first")]}
    ready(world, container(env=[{"name": "A", "value": "1"}]), container("other"), pod=first)

    task = submit(
        world,
        eksPropertiesOverride=override(
            {
                "name": "main",
                "image": "new",
                "command": ["run"],
                "args": ["fast"],
                "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}],
                "resources": {"requests": {"memory": "1024Mi"}},
            },
            initContainers=[{"name": "first", "args": ["soon"]}],
        ),
    )

    init, main, other = task.containers
    assert init.command == ("soon",)
    assert (main.image, main.entry_point, main.command) == ("new", ("run",), ("fast",))
    assert (main.environment, main.memory_mib) == ({"A": "2", "B": "3"}, 1024)
    assert (other.image, other.memory_mib) == ("busybox", 512)
    assert wanted(world) == Resources(2000, 1536)


def test_metadata_of_the_submit_is_added_to_the_definitions(world: World) -> None:
    ready(world, pod={"metadata": {"labels": {"a": "1", "b": "1"}, "namespace": "lab"}})
    more = {"labels": {"b": "2"}, "annotations": {"c": "3"}}
    job = world.job(world.submit(jobDefinition="pod", eksPropertiesOverride=override(metadata=more)))
    assert job["eksProperties"]["podProperties"]["metadata"] == {
        "labels": {"a": "1", "b": "2"},
        "annotations": {"c": "3"},
        "namespace": "lab",
    }
    text = refusal(world, override(metadata={"namespace": "default"}))
    assert "Kubernetes namespace default must have" in text


def test_placeholders_are_replaced_in_commands_and_args(world: World) -> None:
    ready(world, container(command=["Ref::a"], args=["x-Ref::b"]))
    (one,) = submit(world, parameters={"a": "1", "b": "2"}).containers
    assert (one.entry_point, one.command) == (("1",), ("x-2",))
    text = world.refusal("submit_job", jobName="run", jobQueue="night", jobDefinition="pod", parameters={"a": "1"})
    assert text == "Unable to substitute value. No parameter found for reference b"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (override({"name": "nobody"}), f"{OVERRIDE}.containers: there is no container nobody"),
        (override({"args": ["x"]}), f"{OVERRIDE}.containers must have a name"),
        (override(initContainers=[{"args": ["x"]}]), f"{OVERRIDE}.initContainers must have a name"),
        (override({"name": "main", "resources": {"limits": {"cpu": "1m"}}}), "cpu value 1m is not a multiple of 0.25"),
        (override({"name": "main", "env": [{"name": "AWS_BATCH", "value": ""}]}), "AWS_BATCH is not allowed"),
    ],
)
def test_an_override_that_cannot_be_is_refused(world: World, wanted: Body, text: str) -> None:
    ready(world, container(), container("other"))
    assert text in refusal(world, wanted)


@pytest.mark.parametrize(
    ("one", "pod", "member"),
    [
        ({}, {"shareProcessNamespace": True}, "eksProperties.podProperties.shareProcessNamespace"),
        (
            {},
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            "eksProperties.podProperties.volumes.persistentVolumeClaim",
        ),
        (
            {},
            {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
            "eksProperties.podProperties.volumes.secret",
        ),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}]},
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            "eksProperties volumeMounts.subPath of a volume that is no hostPath",
        ),
        (
            {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}},
            {},
            "eksProperties securityContext.capabilities",
        ),
    ],
)
def test_what_no_engine_can_do_is_refused_by_name(world: World, one: Body, pod: Body, member: str) -> None:
    ready(world, container(**one), pod=pod)
    assert refusal(world, {}) == f"{member} is not supported by this server"
