from __future__ import annotations

import pytest

from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Attempt
from batchd.store.store import Body
from tests.services.batch.worlds import CONTAINER, World

CE = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"
CLUSTER = "AWSBatch-ce-"
TASK = "0123456789abcdef0123456789abcdef"
NEXT_TASK = "fedcba9876543210fedcba9876543210"
KILLED = "OutOfMemoryError: Container killed due to memory usage"
EXITED = "Essential container in task exited"


def task_arn(world: World, task_id: str = TASK) -> str:
    (environment,) = world.ask("describe_compute_environments")["computeEnvironments"]
    return f"{environment['ecsClusterArn'].replace(':cluster/', ':task/')}/{task_id}"


def ids(answer: Body) -> list[str]:
    return [job["jobId"] for job in answer["jobSummaryList"]]


def test_a_new_job_shows_what_was_submitted_and_nothing_that_has_not_happened(world: World) -> None:
    world.ready()
    job_id = world.submit(tags={"team": "risk"})

    assert world.job(job_id) == {
        "jobArn": f"arn:aws:batch:us-east-1:123456789012:job/{job_id}",
        "jobName": "run",
        "jobId": job_id,
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/night",
        "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/feed:1",
        "status": "SUBMITTED",
        "createdAt": world.now_ms,
        "attempts": [],
        "retryStrategy": {"attempts": 1, "evaluateOnExit": []},
        "dependsOn": [],
        "parameters": {},
        "container": {
            **CONTAINER,
            "volumes": [],
            "environment": [],
            "mountPoints": [],
            "ulimits": [],
            "networkInterfaces": [],
            "secrets": [],
        },
        "tags": {"team": "risk"},
        "propagateTags": False,
        "platformCapabilities": [],
        "isCancelled": False,
        "isTerminated": False,
    }


def test_the_task_is_known_from_starting_and_its_stream_from_running(world: World) -> None:
    world.ready()
    job_id = world.submit()

    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment=CE)
    container = world.job(job_id)["container"]
    assert container["taskArn"] == task_arn(world)
    assert ":container-instance/AWSBatch-ce-" in container["containerInstanceArn"]
    assert "logStreamName" not in container

    world.becomes(job_id, JobStatus.RUNNING, started_at=5)
    job = world.job(job_id)
    assert job["container"]["logStreamName"] == f"feed/default/{TASK}"
    assert job["startedAt"] == 5
    assert "stoppedAt" not in job
    assert "exitCode" not in job["container"]
    assert job["attempts"] == []


def test_a_finished_job_shows_its_last_attempt(world: World) -> None:
    world.ready()
    job_id = world.submit()
    attempt = Attempt(TASK, CE, 5, 9, EXITED, 137, KILLED)
    ended = {"task_id": TASK, "environment": CE, "started_at": 5, "stopped_at": 9, "exit_code": 137, "reason": KILLED}
    world.becomes(job_id, JobStatus.FAILED, [attempt], status_reason=EXITED, **ended)

    job = world.job(job_id)

    ran = {
        "taskArn": task_arn(world),
        "containerInstanceArn": job["container"]["containerInstanceArn"],
        "logStreamName": f"feed/default/{TASK}",
        "exitCode": 137,
        "reason": KILLED,
    }
    assert (job["status"], job["statusReason"], job["startedAt"], job["stoppedAt"]) == ("FAILED", EXITED, 5, 9)
    assert job["container"].items() >= ran.items()
    assert job["attempts"] == [
        {
            "container": {**ran, "networkInterfaces": []},
            "startedAt": 5,
            "stoppedAt": 9,
            "statusReason": EXITED,
        }
    ]


def test_a_retried_job_shows_the_attempt_under_way(world: World) -> None:
    world.ready()
    job_id = world.submit()
    first = Attempt(TASK, CE, 5, 9, EXITED, 1)
    world.becomes(job_id, JobStatus.RUNNABLE, [first], status_reason=EXITED, exit_code=1)
    waiting = world.job(job_id)
    assert (waiting["statusReason"], waiting["container"]["exitCode"]) == (EXITED, 1)
    assert waiting["container"]["logStreamName"] == f"feed/default/{TASK}"

    world.becomes(job_id, JobStatus.RUNNING, status_reason=None, task_id=NEXT_TASK, environment=CE, started_at=20)
    job = world.job(job_id)

    assert job["container"]["taskArn"] == task_arn(world, NEXT_TASK)
    assert job["container"]["logStreamName"] == f"feed/default/{NEXT_TASK}"
    assert "exitCode" not in job["container"]
    assert "statusReason" not in job
    assert job["attempts"][0]["container"]["taskArn"] == task_arn(world)


def test_an_attempt_that_never_ran_has_no_stream_and_no_start(world: World) -> None:
    world.ready()
    job_id = world.submit()
    reason = "CannotPullContainerError: no such image"
    attempt = Attempt(TASK, CE, None, 9, "Task failed to start", None, reason)
    ended = {"task_id": TASK, "environment": CE, "stopped_at": 9, "reason": reason}
    world.becomes(job_id, JobStatus.FAILED, [attempt], status_reason="Task failed to start", **ended)

    job = world.job(job_id)

    assert "startedAt" not in job
    assert job["container"]["reason"] == reason
    assert not {"exitCode", "logStreamName"} & job["container"].keys()
    assert "startedAt" not in job["attempts"][0]


def test_fargate_jobs_have_no_container_instance(world: World) -> None:
    world.fargate_ready()
    job_id = world.submit()
    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment=CE)

    job = world.job(job_id)

    assert job["container"]["taskArn"] == task_arn(world)
    assert "containerInstanceArn" not in job["container"]
    assert job["platformCapabilities"] == ["FARGATE"]


def test_a_clamped_job_says_so_while_aws_says_nothing(world: World) -> None:
    world.ready()
    job_id = world.submit()
    world.becomes(job_id, JobStatus.RUNNING, task_id=TASK, environment=CE, clamped=True)

    assert world.job(job_id)["statusReason"].startswith("Running clamped: ")
    world.becomes(job_id, JobStatus.SUCCEEDED, status_reason=EXITED)
    assert world.job(job_id)["statusReason"] == EXITED


@pytest.mark.parametrize("flag", ["isCancelled", "isTerminated"])
def test_a_stopped_job_says_by_which_call(world: World, flag: str) -> None:
    world.ready()
    job_id = world.submit()
    by_cancel = flag == "isCancelled"
    world.becomes(job_id, JobStatus.FAILED, status_reason="enough", is_cancelled=by_cancel, is_terminated=not by_cancel)

    job = world.job(job_id)
    (summary,) = world.ask("list_jobs", jobQueue="night", jobStatus="FAILED")["jobSummaryList"]

    assert {name for name in ("isCancelled", "isTerminated") if job[name]} == {flag}
    assert {name for name in ("isCancelled", "isTerminated") if summary[name]} == {flag}


def test_a_finished_jobs_task_arn_outlives_its_environment(world: World) -> None:
    world.ready()
    job_id = world.submit()
    world.becomes(job_id, JobStatus.SUCCEEDED, [Attempt(TASK, CE, 5, 9, EXITED, 0)], task_id=TASK, environment=CE)
    before = world.job(job_id)["container"]["taskArn"]
    for operation, member in (("job_queue", "jobQueue"), ("compute_environment", "computeEnvironment")):
        name = {"jobQueue": "night", "computeEnvironment": "ce"}[member]
        world.ask(f"update_{operation}", **{member: name, "state": "DISABLED"})
        world.ask(f"delete_{operation}", **{member: name})

    assert world.job(job_id)["container"]["taskArn"] == before


def test_jobs_are_described_as_asked_and_unknown_ones_are_left_out(world: World) -> None:
    world.ready()
    first, second = world.submit(), world.submit()
    arn = f"arn:aws:batch:us-east-1:123456789012:job/{first}"

    answer = world.ask("describe_jobs", jobs=[second, "nobody", arn, f"{first}:0", "arn:aws:s3:::x"])

    assert [job["jobId"] for job in answer["jobs"]] == [second, first]
    assert world.ask("describe_jobs", jobs=[]) == {"jobs": []}
    text = world.wrapped("describe_jobs", jobs=[first] * 101)
    assert text == "Maximum number of jobs supported is  100"


def test_a_job_belongs_to_its_region(world: World) -> None:
    world.ready()
    job_id = world.submit()
    world.region = "eu-west-1"

    assert world.ask("describe_jobs", jobs=[job_id]) == {"jobs": []}


def test_without_a_status_running_jobs_are_listed(world: World) -> None:
    world.ready()
    waiting, running = world.submit(), world.submit()
    world.becomes(running, JobStatus.RUNNING, started_at=5)

    assert ids(world.ask("list_jobs", jobQueue="night")) == [running]
    assert ids(world.ask("list_jobs", jobQueue="night", jobStatus="SUBMITTED")) == [waiting]
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
    assert world.ask("list_jobs", jobQueue=queue, jobStatus="RUNNING")["jobSummaryList"] == [
        {
            "jobArn": f"arn:aws:batch:us-east-1:123456789012:job/{running}",
            "jobId": running,
            "jobName": "run",
            "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/feed:1",
            "createdAt": world.now_ms,
            "startedAt": 5,
            "status": "RUNNING",
            "isCancelled": False,
            "isTerminated": False,
        }
    ]


def test_a_finished_jobs_summary_has_its_exit(world: World) -> None:
    world.ready()
    job_id = world.submit()
    world.becomes(job_id, JobStatus.FAILED, status_reason=EXITED, exit_code=137, reason=KILLED, stopped_at=9)

    (summary,) = world.ask("list_jobs", jobQueue="night", jobStatus="FAILED")["jobSummaryList"]

    assert summary["container"] == {"exitCode": 137, "reason": KILLED}
    assert (summary["statusReason"], summary["stoppedAt"]) == (EXITED, 9)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("JOB_NAME", "ALPHA", ["alpha"]),
        ("JOB_NAME", "al*", ["alps", "alpha"]),
        ("JOB_NAME", "al", []),
        ("JOB_DEFINITION", "feed", ["alps", "alpha"]),
        ("JOB_DEFINITION", "f*", ["beta", "alps", "alpha"]),
        ("JOB_DEFINITION", "arn:aws:batch:us-east-1:123456789012:job-definition/feed:1", ["alpha"]),
        ("BEFORE_CREATED_AT", "1700000000002", ["alps", "alpha"]),
        ("AFTER_CREATED_AT", "1700000000000", ["beta", "alps"]),
        ("SHARE_IDENTIFIER", "a", []),
    ],
)
def test_a_filter_looks_at_all_states(world: World, name: str, value: str, found: list[str]) -> None:
    world.ready()
    world.definition("feed")
    world.definition("fee")
    for number, (job, definition) in enumerate([("alpha", "feed:1"), ("alps", "feed:2"), ("beta", "fee")]):
        world.now_ms = 1_700_000_000_000 + number
        world.submit(jobName=job, jobDefinition=definition)

    filters = [{"name": name, "values": [value]}]
    answer = world.ask("list_jobs", jobQueue="night", jobStatus="RUNNING", filters=filters)

    assert [job["jobName"] for job in answer["jobSummaryList"]] == found


def test_pages_hold_every_job_once_newest_first(world: World) -> None:
    world.ready()
    submitted = []
    for number in range(5):
        world.now_ms = 1_700_000_000_000 + number // 2
        submitted.append(world.submit())

    found, token = [], None
    while True:
        more: Body = {"nextToken": token} if token else {}
        page = world.ask("list_jobs", jobQueue="night", jobStatus="SUBMITTED", maxResults=2, **more)
        assert len(page["jobSummaryList"]) <= 2
        found += ids(page)
        token = page.get("nextToken")
        if token is None:
            break

    assert sorted(found) == sorted(submitted)
    assert found[0] == submitted[4]


@pytest.mark.parametrize("parent", ["arrayJobId", "multiNodeJobId"])
def test_no_job_has_children(world: World, parent: str) -> None:
    world.ready()
    assert world.ask("list_jobs", **{parent: world.submit()}) == {"jobSummaryList": []}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "Exactly one of jobQueue, arrayJobId and multiNodeJobId must be specified"),
        (
            {"jobQueue": "night", "arrayJobId": "x"},
            "Exactly one of jobQueue, arrayJobId and multiNodeJobId must be specified",
        ),
        ({"jobQueue": "day"}, "JobQueue day not found."),
        ({"jobQueue": "night", "maxResults": 0}, "maxResults must be at least 1"),
        ({"jobQueue": "night", "nextToken": "WyJhIiwiYiJd"}, "The specified nextToken is invalid."),
        ({"jobQueue": "night", "nextToken": encode_token([2**63, "a"])}, "The specified nextToken is invalid."),
        (
            {"jobQueue": "night", "filters": [{"name": "JOB_NAME", "values": ["a"]}] * 2},
            "filters must have at most one entry",
        ),
        (
            {"jobQueue": "night", "filters": [{"name": "JOB_NAME", "values": []}]},
            "filters.values must have one value",
        ),
        (
            {"jobQueue": "night", "filters": [{"name": "job_name", "values": ["a"]}]},
            "filters.name job_name is not a filter",
        ),
        (
            {"jobQueue": "night", "filters": [{"name": "BEFORE_CREATED_AT", "values": ["now"]}]},
            "filters.values: now is not a time in milliseconds since the epoch",
        ),
        (
            {"jobQueue": "night", "filters": [{"name": "JOB_DEFINITION", "values": ["arn:x*"]}]},
            "filters.values: a job definition ARN can not end with *",
        ),
    ],
)
def test_lists_that_cannot_be_are_refused(world: World, params: Body, text: str) -> None:
    world.ready()
    assert world.refusal("list_jobs", **params) == text
