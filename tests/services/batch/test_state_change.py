"""What EventBridge is told of jobs, made from the journal and the rows that are there in the end. [batch.md 11.1]"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from batchd.scheduler.events import TaskFailedToStart, TaskLost
from batchd.services.batch.state_change import detail, envelope, envelopes
from tests.services.batch.gangs import of, register
from tests.services.batch.towns import Town
from tests.services.batch.worlds import new_world, without

EXITED = "Essential container in task exited"


@pytest.fixture
def town() -> Iterator[Town]:
    world = new_world()
    yield Town(world.ready())
    world.store.close()


def test_each_event_of_a_retried_job_has_the_right_status_attempts_and_times(town: Town) -> None:
    job_id = town.submit(retryStrategy={"attempts": 2})
    first_task = town.tasks[job_id]
    submitted = town.clock.now_ms()
    first_start = town.start(job_id)
    first_end = town.exit(job_id, 1)
    second_task = town.tasks[job_id]
    second_start = town.start(job_id)
    second_end = town.exit(job_id, 0)

    events = town.details(job_id)

    assert [event["status"] for event in events] == [
        *("RUNNABLE", "STARTING", "RUNNING"),
        *("RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"),
    ]
    assert [len(event["attempts"]) for event in events] == [0, 0, 0, 1, 1, 1, 2]
    assert [event.get("startedAt") for event in events] == [
        *(None, None, first_start),
        *(first_start, None, second_start, second_start),
    ]
    assert [event.get("stoppedAt") for event in events] == [None] * 6 + [second_end]
    assert [event.get("statusReason") for event in events] == [None, None, None, EXITED, None, None, EXITED]
    assert [event["container"].get("exitCode") for event in events] == [None, None, None, 1, None, None, 0]
    tasks = [event["container"].get("taskArn", "").rpartition("/")[2] for event in events]
    assert tasks == ["", first_task, first_task, first_task, second_task, second_task, second_task]
    streams = [event["container"].get("logStreamName", "").rpartition("/")[2] for event in events]
    assert streams == ["", "", first_task, first_task, "", second_task, second_task]
    times = [(attempt["startedAt"], attempt["stoppedAt"]) for attempt in events[-1]["attempts"]]
    assert times == [(first_start, first_end), (second_start, second_end)]
    assert [one.at for one in town.moved()] == [
        *(submitted, submitted, first_start),
        *(first_end, first_end, second_start, second_end),
    ]


def test_no_event_tells_of_submitted(town: Town) -> None:
    job_id = town.submit()
    waiting = town.submit(dependsOn=[{"jobId": job_id}])
    assert [event["status"] for event in town.details(waiting)] == ["PENDING"]
    assert [event["status"] for event in town.details(job_id)] == ["RUNNABLE", "STARTING"]


def test_the_envelope_is_that_of_event_bridge(town: Town) -> None:
    job_id = town.submit(tags={"team": "research"})
    moved, row = town.moved(), town.world.row(job_id)
    arn = f"arn:aws:batch:us-east-1:123456789012:job/{job_id}"
    event = envelope(row, moved[0])
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]
    assert without(event, "id", "detail") == {
        "version": "0",
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": "123456789012",
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": [arn],
    }
    assert event["detail"]["tags"] == {"resourceArn": arn, "team": "research"}
    assert event["detail"]["jobDefinition"] == "arn:aws:batch:us-east-1:123456789012:job-definition/feed:1"


def test_an_event_keeps_its_id_and_no_other_has_it(town: Town) -> None:
    job_ids = [town.submit(retryStrategy={"attempts": 2}), town.submit()]
    town.start(job_ids[0])
    town.exit(job_ids[0], 1)
    before = [envelope(town.world.row(one.job_id), one)["id"] for one in town.moved()]
    town.start(job_ids[0])
    after = [envelope(town.world.row(one.job_id), one)["id"] for one in town.moved()]
    assert after[: len(before)] == before
    assert len(set(after)) == len(after) == 8
    assert all(str(UUID(event_id)) == event_id and UUID(event_id).version == 4 for event_id in after)


def retried(town: Town) -> None:
    job_id = town.submit(retryStrategy={"attempts": 3})
    town.start(job_id)
    town.exit(job_id, 1)
    town.tell(TaskFailedToStart(town.tasks[job_id], town.clock.now_ms(), "CannotPullContainerError: no"))
    town.start(job_id)
    town.tell(TaskLost(town.tasks[job_id], town.clock.now_ms(), "gone"))


def cancelled_between_attempts(town: Town) -> None:
    job_id = town.submit(retryStrategy={"attempts": 2})
    town.start(job_id)
    blocked = town.submit(containerOverrides={"resourceRequirements": [{"type": "VCPU", "value": "4"}]})
    town.ask("update_compute_environment", computeEnvironment="ce", state="DISABLED")
    town.exit(job_id, 1)
    town.ask("cancel_job", jobId=job_id, reason="enough")
    town.ask("cancel_job", jobId=blocked, reason="enough")


def retried_elsewhere(town: Town) -> None:
    town.world.environment("other")
    order = [{"order": 1, "computeEnvironment": "ce"}, {"order": 2, "computeEnvironment": "other"}]
    town.ask("update_job_queue", jobQueue="night", computeEnvironmentOrder=order)
    job_id = town.submit(retryStrategy={"attempts": 2})
    town.start(job_id)
    town.ask("update_compute_environment", computeEnvironment="ce", state="DISABLED")
    town.exit(job_id, 1)
    town.start(job_id)
    town.exit(job_id, 0)


def terminated_before_it_ran(town: Town) -> None:
    job_id = town.submit()
    town.ask("terminate_job", jobId=job_id, reason="enough")
    town.start(job_id)
    town.exit(job_id, 143)


def terminated_while_it_ran(town: Town) -> None:
    job_id = town.submit()
    town.start(job_id)
    town.ask("terminate_job", jobId=job_id, reason="enough")
    town.exit(job_id, 143)


def larger_than_the_machine(town: Town) -> None:
    job_id = town.submit(containerOverrides={"resourceRequirements": [{"type": "VCPU", "value": "16"}]})
    town.start(job_id)
    town.exit(job_id, 0)


def failed_dependency(town: Town) -> None:
    job_id = town.submit()
    town.submit(dependsOn=[{"jobId": job_id}])
    town.start(job_id)
    town.exit(job_id, 1)


def an_array(town: Town) -> None:
    job_id = town.submit(arrayProperties={"size": 4}, retryStrategy={"attempts": 2})
    for index in (0, 1):
        town.start(f"{job_id}:{index}")
    town.exit(f"{job_id}:0", 0)
    town.exit(f"{job_id}:1", 1)
    town.ask("terminate_job", jobId=job_id, reason="enough")
    for child in [child for child in town.tasks if child not in (f"{job_id}:0",)]:
        town.exit(child, 143)


def a_gang_that_is_tried_again(town: Town) -> None:
    register(town.world, of("0:1"), size=2)
    job_id = town.submit(jobDefinition="nodes", retryStrategy={"attempts": 3})
    main, other = f"{job_id}#0", f"{job_id}#1"
    town.start(main)
    town.start(other)
    town.exit(other, 1)
    town.exit(main, 1)
    town.tell(TaskFailedToStart(town.tasks[main], town.clock.now_ms(), "CannotPullContainerError: no"))
    town.start(main)
    town.exit(main, 0)
    town.exit(other, 143)


def a_gang_of_which_a_node_is_terminated(town: Town) -> None:
    register(town.world, of("0:1"), size=2)
    job_id = town.submit(jobDefinition="nodes")
    town.ask("terminate_job", jobId=f"{job_id}#1", reason="not this one")
    town.start(f"{job_id}#0")
    town.ask("terminate_job", jobId=job_id, reason="enough")
    town.exit(f"{job_id}#0", 143)


STORIES = [
    retried,
    cancelled_between_attempts,
    retried_elsewhere,
    terminated_before_it_ran,
    terminated_while_it_ran,
    larger_than_the_machine,
    failed_dependency,
    an_array,
    a_gang_that_is_tried_again,
    a_gang_of_which_a_node_is_terminated,
]


@pytest.mark.parametrize("story", STORIES)
def test_an_event_made_later_tells_what_describe_jobs_told_then(town: Town, story) -> None:
    story(town)
    assert {body["status"] for _, _, body in town.seen} & {"SUCCEEDED", "FAILED"}
    for moved, job_id, told in town.seen:
        made = detail(town.world.row(job_id), moved)
        assert made["tags"].pop("resourceArn") == told["jobArn"]
        if moved.status == "PENDING" and "statusSummary" in told.get("arrayProperties", {}):
            # the step in which an array becomes PENDING moves its children on; the event is of the moment before
            assert made["arrayProperties"].pop("statusSummary")["PENDING"] == told["arrayProperties"]["size"]
            del told["arrayProperties"]["statusSummary"]
        assert made == told


def test_a_head_that_can_never_start_is_told_once_for_each_reason(town: Town) -> None:
    large = {"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "17"}]}}
    job_id, array_id = town.submit(**large), town.submit(**large, arrayProperties={"size": 2})
    town.submit()
    blocked = [one for one in town.moved() if one.is_blocked]
    assert [one.job_id for one in blocked] == [job_id]
    (event,) = envelopes(town.world.row(job_id), blocked[0])
    arn = f"arn:aws:batch:us-east-1:123456789012:job/{job_id}"
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
    assert (event["detail-type"], event["resources"]) == ("Batch Job Queue Blocked", [arn, queue])
    assert (event["detail"]["jobId"], event["detail"]["status"]) == (job_id, "RUNNABLE")
    assert event["detail"]["statusReason"].startswith("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - ")
    told = [envelope(town.world.row(job_id), one)["id"] for one in town.moved() if one.job_id == job_id]
    assert len(told) == len(set(told)) == 2, "of becoming RUNNABLE, and of this"

    town.ask("cancel_job", jobId=job_id, reason="too large")
    (child,) = [job for one in town.moved() if one.is_blocked and one.job_id == array_id for job in one.job_ids()]
    assert child == f"{array_id}:0"
    assert envelope(town.world.row(child), town.moved()[-1])["resources"][0].endswith(f"job/{child}")
