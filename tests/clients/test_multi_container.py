"""Jobs of several containers, on ECS and on EKS, through boto3, with real processes."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.clients.refusals import refused
from tests.clients.waiting import ended, eventually, reached
from tests.clients.worlds import MACHINES, Gate, World, fresh, needs

CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/lab"


def container(name: str, script: str, **more: Any) -> dict[str, Any]:
    """An entry of taskProperties.containers that runs a shell script."""
    command = ["sh", "-c", script]
    return {"name": name, "image": "busybox", "command": command, "resourceRequirements": needs(), **more}


def after(name: str, condition: str) -> list[dict[str, str]]:
    return [{"containerName": name, "condition": condition}]


def define(world: World, *containers: dict[str, Any], **task: Any) -> str:
    """The ARN of a new definition of a task of these containers."""
    registered = world.batch.register_job_definition(
        jobDefinitionName=fresh("task"),
        type="container",
        ecsProperties={"taskProperties": [{"containers": list(containers), **task}]},
    )
    return str(registered["jobDefinitionArn"])


def override(**commands: str) -> dict[str, Any]:
    """An ecsPropertiesOverride of these containers' scripts."""
    containers = [{"name": name, "command": ["sh", "-c", script]} for name, script in commands.items()]
    return {"taskProperties": [{"containers": containers}]}


def task_of(job: dict[str, Any]) -> dict[str, Any]:
    (task,) = job["ecsProperties"]["taskProperties"]
    found: dict[str, Any] = task
    return found


def parts(task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its containers by name."""
    return {one["name"]: one for one in task["containers"]}


def outputs(world: World, task: dict[str, Any]) -> dict[str, list[str]]:
    return {name: world.stream(one["logStreamName"]) for name, one in parts(task).items()}


# --- on ECS ---


def test_containers_run_in_their_order_and_tell_how_each_of_them_ended(world: World, tmp_path: Path) -> None:
    made, here = tmp_path / "made", tmp_path / "here"
    sidecar = f"trap 'echo bye; exit 0' TERM; echo here; touch {here}; sleep 600 & wait"
    definition = define(
        world,
        container("prepare", f"echo preparing; echo data > {made}", essential=False),
        container("sidecar", sidecar, essential=False),
        container(
            "main",
            f"cat {made}; echo $AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT; until [ -e {here} ]; do sleep 0.02; done",
            dependsOn=[*after("prepare", "SUCCESS"), *after("sidecar", "START")],
        ),
    )

    job = world.run(jobDefinition=definition)

    assert (job["status"], job["container"]) == ("SUCCEEDED", {})
    task = task_of(job)
    assert {name: one["exitCode"] for name, one in parts(task).items()} == {"prepare": 0, "sidecar": 0, "main": 0}
    assert outputs(world, task) == {
        "prepare": ["preparing"],
        "sidecar": ["here", "bye"],
        "main": ["data", f"{job['jobId']} 1"],
    }
    task_id = task["taskArn"].rpartition("/")[2]
    name = job["jobDefinition"].rpartition("/")[2].partition(":")[0]
    assert parts(task)["main"]["logStreamName"] == f"{name}/main/{task_id}"
    (attempt,) = job["attempts"]
    (tried,) = attempt["taskProperties"]
    assert tried["taskArn"] == task["taskArn"]
    assert [(one["name"], one["exitCode"]) for one in tried["containers"]] == [
        ("prepare", 0),
        ("sidecar", 0),
        ("main", 0),
    ]
    assert job["startedAt"] <= job["stoppedAt"]


def test_the_essential_container_decides_and_each_attempt_keeps_its_own_ends(world: World) -> None:
    definition = define(
        world,
        container("main", "exit $((6 + AWS_BATCH_JOB_ATTEMPT))", dependsOn=after("helper", "COMPLETE")),
        container("helper", "exit 1", essential=False),
    )
    job = world.run(jobDefinition=definition, retryStrategy={"attempts": 2})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Essential container in task exited")
    ends = [
        {one["name"]: one["exitCode"] for one in attempt["taskProperties"][0]["containers"]}
        for attempt in job["attempts"]
    ]
    assert ends == [{"main": 7, "helper": 1}, {"main": 8, "helper": 1}]
    assert parts(task_of(job))["main"]["exitCode"] == 8


def test_a_first_step_that_fails_keeps_the_rest_from_starting(world: World) -> None:
    definition = define(
        world,
        container("prepare", "exit 3", essential=False),
        container("main", "echo never", dependsOn=after("prepare", "SUCCESS")),
    )
    job = world.run(jobDefinition=definition)
    assert job["status"] == "FAILED"
    main = parts(task_of(job))["main"]
    assert "exitCode" not in main
    assert main["reason"] == "CannotStartContainerError: container prepare did not succeed"


def test_each_container_is_overridden_by_its_name_and_gets_its_parameters(world: World) -> None:
    definition = define(
        world,
        container("one", "echo Ref::what $NUMBER $OTHER", environment=[{"name": "OTHER", "value": "o"}]),
        container("two", "echo two", essential=False),
    )
    mine = override(two="echo new Ref::what")
    mine["taskProperties"][0]["containers"].append({"name": "one", "environment": [{"name": "NUMBER", "value": "5"}]})
    job = world.run(jobDefinition=definition, parameters={"what": "it"}, ecsPropertiesOverride=mine)
    assert parts(task_of(job))["two"]["command"] == ["sh", "-c", "echo new it"]
    assert world.stream(parts(task_of(job))["one"]["logStreamName"]) == ["it 5 o"]


def test_a_running_job_shows_where_its_containers_write_and_is_stopped_as_one(world: World, gate: Gate) -> None:
    waits = f"echo up; {gate.script}"
    definition = define(world, container("main", waits), container("other", waits, essential=False))
    job_id = world.submit(jobDefinition=definition)
    task = task_of(reached(world.batch, job_id, "RUNNING"))
    assert "exitCode" not in parts(task)["main"]
    eventually(lambda: set(map(tuple, _written(world, task))) == {("up",)}, "both containers write")

    world.batch.terminate_job(jobId=job_id, reason="enough")

    job = ended(world.batch, job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "enough")
    assert {one["exitCode"] for one in parts(task_of(job)).values()} == {143}


def _written(world: World, task: dict[str, Any]) -> list[list[str]]:
    try:
        return list(outputs(world, task).values())
    except world.logs.exceptions.ResourceNotFoundException:
        return []


def test_an_array_runs_the_task_for_each_child(world: World) -> None:
    definition = define(
        world,
        container("main", "echo $AWS_BATCH_JOB_ARRAY_INDEX", dependsOn=after("b", "COMPLETE")),
        container("b", "echo b", essential=False),
    )
    array = world.submit(jobDefinition=definition, arrayProperties={"size": 2})
    assert ended(world.batch, array)["status"] == "SUCCEEDED"
    children = world.batch.describe_jobs(jobs=[f"{array}:0", f"{array}:1"])["jobs"]
    assert [outputs(world, task_of(child))["main"] for child in children] == [["0"], ["1"]]


def test_a_definition_is_described_as_it_was_sent_with_empty_lists(world: World) -> None:
    sent = container("main", "true", essential=True, stopTimeout=5)
    arn = define(world, sent, ipcMode="none", taskRoleArn="arn:aws:iam::123456789012:role/job")
    (described,) = world.batch.describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
    assert described["containerOrchestrationType"] == "ECS"
    empty = ("dependsOn", "environment", "mountPoints", "secrets", "ulimits")
    (task,) = described["ecsProperties"]["taskProperties"]
    assert task == {
        "containers": [{**sent, **{member: [] for member in empty}}],
        "ipcMode": "none",
        "taskRoleArn": "arn:aws:iam::123456789012:role/job",
        "volumes": [],
    }


def test_an_override_of_another_kind_or_of_nobody_is_refused(world: World) -> None:
    several, single = define(world, container("main", "true")), world.define()
    with refused("ecsPropertiesOverride can not override a job definition with containerProperties"):
        world.submit(jobDefinition=single, ecsPropertiesOverride=override(main="true"))
    with refused("containerOverrides can not override a job definition with ecsProperties"):
        world.submit(jobDefinition=several, containerOverrides={"command": ["true"]})
    with refused("ecsPropertiesOverride.taskProperties.containers: there is no container other"):
        world.submit(jobDefinition=several, ecsPropertiesOverride=override(other="true"))


# --- on EKS ---


@pytest.fixture
def pods(server: Any) -> World:
    """A queue on an Amazon EKS environment."""
    return on_eks(server)


def on_eks(server: Any) -> World:
    batch, name = server.client("batch"), fresh("eks")
    batch.create_compute_environment(
        computeEnvironmentName=name,
        type="MANAGED",
        eksConfiguration={"eksClusterArn": CLUSTER, "kubernetesNamespace": "night"},
        computeResources=MACHINES,
    )
    world = World(batch, server.client("logs"), name, name)
    world.add_queue(name)
    return world


def pod_container(script: str, **more: Any) -> dict[str, Any]:
    resources = {"limits": {"cpu": "1", "memory": "64Mi"}}
    return {"image": "busybox", "command": ["sh", "-c", script], "resources": resources, **more}


def define_pod(world: World, *containers: dict[str, Any], **pod: Any) -> str:
    registered = world.batch.register_job_definition(
        jobDefinitionName=fresh("pod"),
        type="container",
        eksProperties={"podProperties": {"containers": list(containers), **pod}},
    )
    return str(registered["jobDefinitionArn"])


def test_a_pod_runs_its_init_containers_first_and_expands_variables(pods: World, tmp_path: Path) -> None:
    made = tmp_path / "made"
    definition = define_pod(
        pods,
        pod_container(
            f"cat {made}; echo $0 $1",
            name="main",
            args=["$(JOB)", "$(UNKNOWN) $$(JOB)"],
            env=[{"name": "JOB", "value": "job $(AWS_BATCH_JOB_ID)"}],
        ),
        initContainers=[
            pod_container(f"echo first > {made}", name="one"),
            pod_container(f"echo second >> {made}", name="two"),
        ],
    )

    job = pods.run(jobDefinition=definition)

    assert (job["status"], job["attempts"]) == ("SUCCEEDED", [])
    assert "container" not in job
    pod = job["eksProperties"]["podProperties"]
    assert [one["exitCode"] for one in (*pod["initContainers"], *pod["containers"])] == [0, 0, 0]
    (attempt,) = job["eksAttempts"]
    assert attempt["containers"] == [{"name": "main", "exitCode": 0}]
    assert [one["name"] for one in attempt["initContainers"]] == ["one", "two"]
    assert (attempt["eksClusterArn"], attempt["podNamespace"]) == (CLUSTER, "night")
    assert attempt["podName"] == pod["podName"]
    assert attempt["nodeName"] == pod["nodeName"]
    assert pods.stream(pod_stream(job, "main")) == [
        "first",
        "second",
        f"job {job['jobId']} $(UNKNOWN) $(JOB)",
    ]


def pod_stream(job: dict[str, Any], name: str) -> str:
    """Where a pod's container writes to: its definition, its name, the pod's uuid in hex."""
    definition = job["jobDefinition"].rpartition("/")[2].partition(":")[0]
    pod = job["eksProperties"]["podProperties"]["podName"].removeprefix("aws-batch.")
    return f"{definition}/{name}/{uuid.UUID(pod).hex}"


def test_all_containers_of_a_pod_run_to_their_end_and_one_failure_fails_it(pods: World) -> None:
    definition = define_pod(
        pods, pod_container("exit 4", name="ill"), pod_container("sleep 0.3; echo $((1 + 1))", name="well")
    )
    job = pods.run(jobDefinition=definition, retryStrategy={"attempts": 2})
    assert job["status"] == "FAILED"
    ends = [[(one["name"], one["exitCode"]) for one in attempt["containers"]] for attempt in job["eksAttempts"]]
    assert ends == [[("ill", 4), ("well", 0)]] * 2
    assert pods.stream(pod_stream(job, "well")) == ["2"]


def test_an_init_container_that_fails_fails_the_pod(pods: World) -> None:
    definition = define_pod(
        pods, pod_container("echo never", name="main"), initContainers=[pod_container("exit 9", name="first")]
    )
    pod = pods.run(jobDefinition=definition)["eksProperties"]["podProperties"]
    assert pod["initContainers"][0]["exitCode"] == 9
    assert "exitCode" not in pod["containers"][0]


def test_the_only_container_of_a_pod_needs_no_name_to_be_overridden(pods: World) -> None:
    definition = define_pod(pods, pod_container('echo "$0 $MORE"', env=[{"name": "MORE", "value": "m"}]))
    job = pods.run(
        jobDefinition=definition,
        parameters={"what": "it"},
        eksPropertiesOverride={
            "podProperties": {
                "containers": [
                    {
                        "image": "other",
                        "args": ["Ref::what"],
                        "env": [{"name": "MORE", "value": "n"}],
                        "resources": {"requests": {"memory": "32Mi"}},
                    }
                ]
            }
        },
    )
    (one,) = job["eksProperties"]["podProperties"]["containers"]
    assert (one["image"], one["args"]) == ("other", ["it"])
    assert one["resources"] == {"limits": {"cpu": "1"}, "requests": {"memory": "32Mi"}}
    assert pods.stream(pod_stream(job, "Default")) == ["it n"]


def test_environments_and_queues_say_that_they_are_on_eks(pods: World, world: World) -> None:
    (environment,) = pods.batch.describe_compute_environments(computeEnvironments=[pods.environment])[
        "computeEnvironments"
    ]
    assert environment["containerOrchestrationType"] == "EKS"
    assert environment["eksConfiguration"] == {"eksClusterArn": CLUSTER, "kubernetesNamespace": "night"}
    assert "ecsClusterArn" not in environment
    (queue,) = pods.batch.describe_job_queues(jobQueues=[pods.queue])["jobQueues"]
    assert queue["jobQueueType"] == "EKS"
    order = [{"order": n, "computeEnvironment": one.environment} for n, one in enumerate((pods, world), 1)]
    with refused("all on Amazon ECS or all on Amazon EKS"):
        pods.batch.create_job_queue(jobQueueName=fresh(), priority=1, computeEnvironmentOrder=order)


def test_a_job_is_refused_by_a_queue_of_the_other_kind(pods: World, world: World) -> None:
    text = "Job Queue is attached to Compute Environment that can not run Jobs with capability"
    with refused(f"{text} EKS"):
        world.submit(jobDefinition=define_pod(world, pod_container("true")))
    with refused(f"{text} EC2"):
        pods.submit(jobDefinition=world.define())
