from __future__ import annotations

import pytest

from batchd.scheduler.events import ContainerExit, JobStatus
from batchd.scheduler.state import Attempt
from batchd.store.store import Body
from tests.services.batch.tasks import container, helper, register
from tests.services.batch.worlds import FARGATE, World

CE = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"
TASK = "0123456789abcdef0123456789abcdef"
EXITED = "Essential container in task exited"
STREAMS = {name: f"task/{name}/{TASK}" for name in ("main", "helper")}


@pytest.fixture
def world(world: World) -> World:
    world.ready()
    register(world, container(), helper())
    return world


def shown(world: World, job_id: str) -> Body:
    (task,) = world.job(job_id)["ecsProperties"]["taskProperties"]
    found: Body = task
    return found


def test_a_job_that_has_not_started_shows_its_containers_resolved(world: World) -> None:
    job_id = world.submit(jobDefinition="task")
    job = world.job(job_id)
    assert (job["container"], job["attempts"]) == ({}, [])
    task = shown(world, job_id)
    assert "taskArn" not in task
    assert [one["networkInterfaces"] for one in task["containers"]] == [[], []]
    assert not any({"exitCode", "logStreamName", "reason"} & one.keys() for one in task["containers"])


def test_a_running_job_shows_where_each_container_writes(world: World) -> None:
    job_id = world.submit(jobDefinition="task")
    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment=CE)
    assert shown(world, job_id)["taskArn"].endswith(f"/{TASK}")
    assert "logStreamName" not in shown(world, job_id)["containers"][0]
    world.becomes(job_id, JobStatus.RUNNING, started_at=5)
    assert {one["name"]: one["logStreamName"] for one in shown(world, job_id)["containers"]} == STREAMS


def test_an_attempt_shows_how_each_container_ended(world: World) -> None:
    job_id = world.submit(jobDefinition="task")
    ends = (ContainerExit("main", 3, "why"), ContainerExit("helper", None))
    attempt = Attempt(TASK, CE, 5, 9, EXITED, 3, "why", containers=ends)
    world.becomes(job_id, JobStatus.FAILED, [attempt], task_id=TASK, environment=CE, exit_code=3, reason="why")

    (described,) = world.job(job_id)["attempts"]

    (tried,) = described["taskProperties"]
    assert (described["container"], described["startedAt"], described["statusReason"]) == ({}, 5, EXITED)
    assert tried["containers"] == [
        {
            "name": "main",
            "exitCode": 3,
            "reason": "why",
            "logStreamName": STREAMS["main"],
            "networkInterfaces": [],
        },
        {"name": "helper", "logStreamName": STREAMS["helper"], "networkInterfaces": []},
    ]
    assert "containerInstanceArn" in tried
    assert shown(world, job_id)["containers"][0]["exitCode"] == 3


def test_what_is_known_of_the_task_alone_is_told_of_its_first_container(world: World) -> None:
    job_id = world.submit(jobDefinition="task")
    attempt = Attempt(TASK, CE, None, 9, "Task failed to start", None, "CannotPullContainerError: no")
    world.becomes(job_id, JobStatus.FAILED, [attempt], task_id=TASK, environment=CE)
    main, other = shown(world, job_id)["containers"]
    assert main["reason"] == "CannotPullContainerError: no"
    assert "reason" not in other
    assert "logStreamName" not in main


def test_a_task_on_fargate_has_no_container_instance(world: World) -> None:
    world.environment("serverless", FARGATE)
    world.queue("serverless", ["serverless"])
    needs = [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}]
    role = {"executionRoleArn": "arn:aws:iam::123456789012:role/execution"}
    register(world, container(resourceRequirements=needs), task=role, name="small", platformCapabilities=["FARGATE"])
    job_id = world.submit(jobDefinition="small", jobQueue="serverless")
    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment=CE.replace("/ce", "/serverless"))
    assert "containerInstanceArn" not in shown(world, job_id)


def test_a_list_shows_the_end_of_the_container_that_decided(world: World) -> None:
    job_id = world.submit(jobDefinition="task")
    attempt = Attempt(TASK, CE, 5, 9, EXITED, 3, containers=(ContainerExit("main", 3), ContainerExit("helper", 0)))
    world.becomes(job_id, JobStatus.FAILED, [attempt], task_id=TASK, environment=CE, exit_code=3)
    (summary,) = world.ask("list_jobs", jobQueue="night", jobStatus="FAILED")["jobSummaryList"]
    assert summary["container"] == {"exitCode": 3}
