"""What EventBridge is told of jobs, made from the journal and the rows that are there in the end. [batch.md 11.1]"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from batchd.clock import ManualClock
from batchd.controllers.schedule import Schedule
from batchd.scheduler.commands import Command, StartTask
from batchd.scheduler.events import Event, Resources, TaskExited, TaskFailedToStart, TaskLost, TaskStarted
from batchd.scheduler.state import Transition
from batchd.services.batch.state_change import detail, envelope
from batchd.store.store import Body
from tests.services.batch.worlds import World, new_world, without

EXITED = "Essential container in task exited"


class Town:
    """A Batch world with a scheduler, and engines that do as they are told by `tell`.

    `seen` is what DescribeJobs told of each job after each step, by the state it had then entered last.
    """

    def __init__(self, world: World, vcpus: int = 4) -> None:
        self.world = world
        self.clock = ManualClock()
        self.tasks: dict[str, str] = {}  # the task in hand by job id
        self.seen: list[tuple[Transition, str, Body]] = []
        self._read = 0
        capacity = Resources(1000 * vcpus, 8192)
        world.store.follow(Schedule(world.store, self.clock, capacity, self._perform))

    def submit(self, **params: object) -> str:
        job_id = self.world.submit(**params)
        self._look()
        return job_id

    def ask(self, operation: str, **params: object) -> None:
        self.world.ask(operation, **params)
        self._look()

    def start(self, job_id: str) -> int:
        """When it began."""
        self.clock.advance(1)
        return self.tell(TaskStarted(self.tasks[job_id], self.clock.now_ms()))

    def exit(self, job_id: str, code: int) -> int:
        """When it ended."""
        self.clock.advance(5)
        return self.tell(TaskExited(self.tasks[job_id], self.clock.now_ms(), code))

    def tell(self, *events: Event) -> int:
        self.world.store.transact(lambda tx: [tx.journal.append(event) for event in events])
        self._look()
        return self.clock.now_ms()

    def moved(self) -> list[Transition]:
        """Every state any job entered, in order."""
        with self.world.store.read() as tx:
            return [one for _, some in tx.journal.transitions(0, 1000) for one in some]

    def details(self, job_id: str) -> list[Body]:
        """Of every event of the job, made now."""
        row = self.world.row(job_id)
        return [detail(row, one) for one in self.moved() if job_id in one.job_ids()]

    def _perform(self, commands: list[Command]) -> None:
        self.tasks.update({command.job_id: command.task_id for command in commands if isinstance(command, StartTask)})

    def _look(self) -> None:
        """What DescribeJobs says of the jobs that moved in the steps since the last look."""
        with self.world.store.read() as tx:
            steps = tx.journal.transitions(self._read, 1000)
        last = {job_id: one for number, some in steps for one in some for job_id in one.job_ids()}
        self._read = max([self._read, *(number for number, _ in steps)])
        self.seen += [(one, job_id, self.world.job(job_id)) for job_id, one in last.items()]


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


STORIES = [
    retried,
    cancelled_between_attempts,
    retried_elsewhere,
    terminated_before_it_ran,
    terminated_while_it_ran,
    larger_than_the_machine,
    failed_dependency,
    an_array,
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
