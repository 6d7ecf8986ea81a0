from __future__ import annotations

from batchd.scheduler.events import ContainerExit, JobStatus
from batchd.scheduler.state import Attempt
from tests.services.batch.pods import CLUSTER, container, ready
from tests.services.batch.worlds import World

CE = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"
TASK = "0123456789abcdef0123456789abcdef"
POD = "aws-batch.01234567-89ab-cdef-0123-456789abcdef"
EXITED = "Essential container in task exited"


def test_a_job_that_has_not_started_has_a_pod_without_a_place(world: World) -> None:
    ready(world)
    job = world.job(world.submit(jobDefinition="pod"))
    assert (job["attempts"], job["eksAttempts"]) == ([], [])
    assert "container" not in job
    assert not {"podName", "nodeName"} & job["eksProperties"]["podProperties"].keys()


def test_a_started_job_says_what_its_pod_and_node_are_called(world: World) -> None:
    ready(world)
    job_id = world.submit(jobDefinition="pod")
    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment=CE)
    pod = world.job(job_id)["eksProperties"]["podProperties"]
    assert pod["podName"] == POD
    assert pod["nodeName"].endswith(".us-east-1.compute.internal")
    assert "exitCode" not in pod["containers"][0]


def test_an_attempt_shows_the_end_of_every_container(world: World) -> None:
    ready(world, container(), container("other"), pod={"initContainers": [container("first")]})
    job_id = world.submit(jobDefinition="pod")
    ends = (ContainerExit("first", 0), ContainerExit("main", 3, "why"), ContainerExit("other", 0))
    attempt = Attempt(TASK, CE, 5, 9, EXITED, 3, "why", containers=ends)
    world.becomes(job_id, JobStatus.FAILED, [attempt], task_id=TASK, environment=CE, exit_code=3)

    job = world.job(job_id)

    pod = job["eksProperties"]["podProperties"]
    assert job["eksAttempts"] == [
        {
            "containers": [{"name": "main", "exitCode": 3, "reason": "why"}, {"name": "other", "exitCode": 0}],
            "initContainers": [{"name": "first", "exitCode": 0}],
            "podName": POD,
            "nodeName": pod["nodeName"],
            "podNamespace": "night",
            "eksClusterArn": CLUSTER,
            "startedAt": 5,
            "stoppedAt": 9,
            "statusReason": EXITED,
        }
    ]
    assert (pod["containers"][0]["exitCode"], pod["containers"][0]["reason"]) == (3, "why")
    assert pod["initContainers"][0]["exitCode"] == 0


def test_the_pods_own_namespace_is_stronger_than_the_environments(world: World) -> None:
    ready(world, pod={"metadata": {"namespace": "lab"}})
    job_id = world.submit(jobDefinition="pod")
    world.becomes(job_id, JobStatus.FAILED, [Attempt(TASK, CE, 5, 9, EXITED, 1)], task_id=TASK, environment=CE)
    (attempt,) = world.job(job_id)["eksAttempts"]
    assert attempt["podNamespace"] == "lab"
    assert attempt["containers"] == [{"name": "main", "exitCode": 1}]


def test_an_attempt_in_an_environment_that_the_queue_did_not_have_names_no_cluster(world: World) -> None:
    ready(world)
    job_id = world.submit(jobDefinition="pod")
    attempt = Attempt(TASK, CE.replace("/ce", "/later"), 5, 9, EXITED, 1)
    world.becomes(job_id, JobStatus.FAILED, [attempt], task_id=TASK, environment=attempt.environment)
    (described,) = world.job(job_id)["eksAttempts"]
    assert not {"eksClusterArn", "podNamespace"} & described.keys()
