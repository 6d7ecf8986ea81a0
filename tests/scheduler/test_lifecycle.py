from __future__ import annotations

import re

from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import (
    JobStatus,
    Resources,
    TaskExited,
    TaskFailedToStart,
    TaskLost,
    TaskStarted,
    TerminateRequested,
)
from batchd.scheduler.state import Transition
from tests.scheduler.worlds import World, retrying, spec

ONE = Resources(1000, 512)  # what a job of these tests asks for


def test_a_job_passes_every_state_on_its_way_to_success() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    world.exit("a", 0)
    assert world.life("a") == ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]


def test_a_step_lists_the_states_passed_in_it_with_time_and_attempt() -> None:
    world = World()
    step = world.submit(spec("a"))
    assert step.transitions == [
        Transition("a", JobStatus.SUBMITTED, world.now, 0, None),
        Transition("a", JobStatus.RUNNABLE, world.now, 0, None),
        Transition("a", JobStatus.STARTING, world.now, 1, None),
    ]
    assert [job.job_id for job in step.changed] == ["a"]


def test_a_start_is_commanded_once_with_the_attempt_and_its_environment() -> None:
    world = World()
    step = world.submit(spec("a"))
    assert step.commands == [StartTask(world.task("a"), "a", 1, "main", resources=ONE)]
    assert world.start("a").commands == []


def test_a_successful_job_keeps_times_exit_code_and_one_attempt() -> None:
    world = World()
    submitted_at = world.submit(spec("a")).transitions[0].at
    world.start("a")
    started_at = world.now
    world.exit("a", 0)
    job = world.jobs["a"]
    assert (job.submitted_at, job.started_at, job.stopped_at) == (submitted_at, started_at, world.now)
    assert (job.status_reason, job.exit_code, job.reason) == ("Essential container in task exited", 0, None)
    (attempt,) = job.attempts
    assert (attempt.started_at, attempt.stopped_at, attempt.exit_code) == (started_at, world.now, 0)
    assert (attempt.task_id, attempt.environment) == (job.task_id, "main")


def test_attempts_stay_empty_until_the_first_one_has_ended() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    assert world.jobs["a"].attempts == []


def test_a_failing_exit_code_fails_the_job() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    world.exit("a", 137, "OutOfMemoryError: Container killed due to memory usage")
    job = world.jobs["a"]
    assert (job.status, job.exit_code) == (JobStatus.FAILED, 137)
    assert job.status_reason == "Essential container in task exited"
    assert job.reason == "OutOfMemoryError: Container killed due to memory usage"


def test_an_exit_without_a_code_is_a_failure() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    world.exit("a", None)
    assert (world.status("a"), world.jobs["a"].exit_code) == ("FAILED", None)


def test_a_task_that_cannot_start_fails_its_job_which_then_never_started() -> None:
    world = World()
    world.submit(spec("a"))
    world.fail_to_start("a", "CannotPullContainerError: no such image")
    job = world.jobs["a"]
    assert world.life("a")[-2:] == ["STARTING", "FAILED"]
    assert (job.started_at, job.stopped_at, job.exit_code) == (None, world.now, None)
    assert (job.status_reason, job.reason) == ("Task failed to start", "CannotPullContainerError: no such image")


def test_a_lost_task_says_that_its_host_terminated() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    world.lose("a")
    job = world.jobs["a"]
    assert job.status is JobStatus.FAILED
    assert re.fullmatch(r"Host EC2 \(instance i-[0-9a-f]{17}\) terminated\.", str(job.status_reason))
    assert job.exit_code is None


def test_a_task_can_be_lost_before_anybody_saw_it_run() -> None:
    world = World()
    world.submit(spec("a"))
    world.lose("a")
    assert world.life("a")[-2:] == ["STARTING", "FAILED"]
    assert world.jobs["a"].started_at is None


def test_an_end_reported_before_the_start_shows_the_job_running_in_between() -> None:
    world = World()
    world.submit(spec("a"))
    step = world.tell(TaskExited(world.task("a"), 1_002_345, 0))
    assert [(t.status, t.at) for t in step.transitions] == [
        (JobStatus.RUNNING, 1_002_345),
        (JobStatus.SUCCEEDED, 1_002_345),
    ]
    assert world.jobs["a"].started_at == 1_002_345


def test_an_end_dated_before_its_start_stops_when_it_started() -> None:
    world = World()
    world.submit(spec("a"))
    world.tell(TaskStarted(world.task("a"), 1_005_000))
    world.tell(TaskExited(world.task("a"), 1_004_000, 0))
    assert (world.jobs["a"].started_at, world.jobs["a"].stopped_at) == (1_005_000, 1_005_000)


def test_reports_repeated_late_or_of_unknown_tasks_change_nothing() -> None:
    world = World()
    world.submit(spec("a"))
    task = world.task("a")
    world.start("a")
    assert world.tell(TaskStarted(task, world.now)).changed == []
    world.exit("a", 0)
    for report in (
        TaskStarted(task, 1),
        TaskExited(task, 1, 1),
        TaskFailedToStart(task, 1, "x"),
        TaskLost(task, 1, "x"),
        TaskExited("f" * 32, 1, 1),
    ):
        step = world.tell(report)
        assert (step.changed, step.commands, step.transitions) == ([], [], [])


def test_a_late_report_of_a_former_attempt_does_not_touch_the_next() -> None:
    world = World()
    world.submit(retrying(spec("a"), 2))
    former = world.task("a")
    world.run("a", 1)
    assert world.tell(TaskExited(former, world.now, 0)).changed == []
    assert world.status("a") == "STARTING"


def test_a_running_task_that_is_said_never_to_have_started_is_over_all_the_same() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    world.fail_to_start("a")
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "Task failed to start")


def test_a_job_submitted_twice_is_one_job() -> None:
    world = World()
    world.submit(spec("a"))
    assert world.submit(spec("a")).changed == []
    assert world.started() == ["a"]


def test_a_job_that_ended_is_forgotten() -> None:
    world = World()
    world.submit(spec("a"))
    world.run("a")
    assert world.scheduler.state.jobs == {}
    assert world.in_use() == (0, 0, 0)


def test_task_ids_are_32_hex_digits_of_job_and_attempt_alone() -> None:
    first, second = World(), World()
    first.submit(retrying(spec("a"), 2))
    second.submit(spec("b"), spec("a"))
    assert re.fullmatch("[0-9a-f]{32}", first.task("a"))
    assert first.task("a") == second.task("a") != second.task("b")
    before = first.task("a")
    first.run("a", 1)
    assert first.task("a") != before


def test_a_start_and_a_stop_name_the_same_task() -> None:
    world = World()
    world.submit(spec("a"))
    step = world.tell(TerminateRequested("a", "enough"))
    assert step.commands == [StopTask(world.task("a"), "a")]
