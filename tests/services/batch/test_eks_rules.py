from __future__ import annotations

import pytest

from batchd.store.store import Body
from tests.services.batch.pods import container, definition
from tests.services.batch.worlds import World

WHERE = "eksProperties.podProperties"
NAMESPACE = "must have 1 to 63 lower-case letters, digits or hyphens, and must not be default or start with kube"


def volume(name: str = "v", **source: object) -> Body:
    return {"name": name, **(source or {"emptyDir": {}})}


def test_a_pod_is_described_as_it_was_sent_with_empty_lists(world: World) -> None:
    pod = {
        "hostNetwork": False,
        "serviceAccountName": "worker",
        "metadata": {"labels": {"team": "night"}, "namespace": "lab"},
        "volumes": [volume(emptyDir={"medium": "Memory", "sizeLimit": "1Gi"})],
        "initContainers": [container("first")],
    }
    sent = container(volumeMounts=[{"name": "v", "mountPath": "/v"}], securityContext={"runAsUser": 5})

    world.ask("register_job_definition", **definition(sent, pod=pod))

    (found,) = world.ask("describe_job_definitions", jobDefinitions=["pod:1"])["jobDefinitions"]
    assert found["containerOrchestrationType"] == "EKS"
    assert found["eksProperties"]["podProperties"] == {
        **pod,
        "containers": [{**sent, "env": []}],
        "initContainers": [{**container("first"), "env": [], "volumeMounts": []}],
    }


def test_what_was_not_said_is_not_described(world: World) -> None:
    world.ask("register_job_definition", **definition(container()))
    (found,) = world.ask("describe_job_definitions", jobDefinitions=["pod:1"])["jobDefinitions"]
    assert found["eksProperties"]["podProperties"].keys() == {"containers", "volumes"}


@pytest.mark.parametrize(
    ("containers", "pod", "text"),
    [
        ([], {}, f"{WHERE}.containers must have 1 to 10 entries"),
        ([container(f"c{n}") for n in range(11)], {}, f"{WHERE}.containers must have 1 to 10 entries"),
        (
            [container()],
            {"initContainers": [container(f"c{n}") for n in range(11)]},
            f"{WHERE}.initContainers must have at most 10 entries",
        ),
        ([container("a"), container("a")], {}, "containers of a pod must have names of their own"),
        (
            [container("a")],
            {"initContainers": [container("a")]},
            "containers of a pod must have names of their own",
        ),
        ([container("Not-A-Label")], {}, "Container name should match valid pattern"),
        ([container(image="no image")], {}, "Container image should match valid pattern"),
        ([container(imagePullPolicy="Often")], {}, "imagePullPolicy must be one of Always, IfNotPresent, Never"),
        (
            [container()],
            {"dnsPolicy": "None"},
            "dnsPolicy must be one of Default, ClusterFirst, ClusterFirstWithHostNet",
        ),
        (
            [container(env=[{"name": "AWS_BATCH_JOB_ID", "value": "x"}])],
            {},
            "environment variable AWS_BATCH_JOB_ID is not allowed, names starting with AWS_BATCH are reserved",
        ),
        ([container(cpu="100m")], {}, "cpu value 100m is not a multiple of 0.25"),
        ([container(volumeMounts=[{"name": "v"}])], {}, "volumeMounts: there is no volume v"),
        (
            [container(volumeMounts=[{"name": "v"}])],
            {"volumes": [volume()]},
            "volumeMounts must have a mountPath",
        ),
        (
            [container(volumeMounts=[{"name": "v", "mountPath": "/v", "subPath": "a/../../b"}])],
            {"volumes": [volume()]},
            "volumeMounts.subPath must be a path below the volume",
        ),
        ([container()], {"volumes": [volume(), volume()]}, "volumes must have names of their own"),
        (
            [container()],
            {"volumes": [volume(emptyDir={}, hostPath={"path": "/"})]},
            "volume v must have exactly one of hostPath, emptyDir, secret, persistentVolumeClaim",
        ),
        (
            [container()],
            {"volumes": [volume(hostPath={"path": "data"})]},
            "volume v: hostPath.path must be an absolute path",
        ),
        (
            [container()],
            {"volumes": [volume(emptyDir={"medium": "Disk"})]},
            'volume v: emptyDir.medium must be "" or "Memory"',
        ),
        (
            [container(securityContext={"runAsUser": -1})],
            {},
            "securityContext.runAsUser must be between 0 and 2147483647",
        ),
        (
            [container(securityContext={"runAsUser": 0, "runAsNonRoot": True})],
            {},
            "securityContext.runAsUser can not be 0 with runAsNonRoot",
        ),
    ],
)
def test_a_pod_that_cannot_be_is_refused(world: World, containers: list[Body], pod: Body, text: str) -> None:
    assert world.wrapped("register_job_definition", **definition(*containers, pod=pod)) == text


@pytest.mark.parametrize(
    "namespace", ["", "default", "kube-system", "kubernetes", "Upper", "-a", "a-", "a_b", "a" * 64]
)
def test_a_namespace_that_batch_does_not_take_is_refused(world: World, namespace: str) -> None:
    request = definition(container(), pod={"metadata": {"namespace": namespace}})
    assert world.wrapped("register_job_definition", **request) == f"Kubernetes namespace {namespace} {NAMESPACE}"


@pytest.mark.parametrize("namespace", ["a", "night-2", "a" * 63, "defaults"])
def test_any_other_label_is_a_namespace(world: World, namespace: str) -> None:
    world.ask("register_job_definition", **definition(container(), pod={"metadata": {"namespace": namespace}}))


@pytest.mark.parametrize(("member", "value"), [("platformCapabilities", ["EC2"]), ("propagateTags", True)])
def test_what_only_ecs_knows_is_refused(world: World, member: str, value: object) -> None:
    text = world.wrapped("register_job_definition", **definition(container(), **{member: value}))
    assert text == f"{member} can not be combined with eksProperties"


def test_properties_without_a_pod_are_refused(world: World) -> None:
    request = {"jobDefinitionName": "pod", "type": "container", "eksProperties": {"podProperties": {}}}
    assert world.wrapped("register_job_definition", **request) == "eksProperties must have podProperties"
