"""Cancel, terminate, timeouts, deleted queues. [batch.md 1.6, 2.9, 5.1, 8]"""

from __future__ import annotations

import pytest

from batchd.scheduler.commands import StopTask
from batchd.scheduler.events import CancelRequested, QueueDeleted, TaskExited, TaskStarted, TerminateRequested
from tests.scheduler.worlds import World, after, limited, queue, retrying, spec

CANCEL = CancelRequested("b", "not needed")
TERMINATE = TerminateRequested("b", "stop it")
TIMED_OUT = "Job attempt duration exceeded timeout"


@pytest.mark.parametrize(("request_", "flags"), [(CANCEL, (True, False)), (TERMINATE, (False, True))])
@pytest.mark.parametrize("others", [(), ("a",)])
def test_a_waiting_job_is_over_at_once(request_, flags, others) -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), after(spec("b"), *others))
    world.tell(request_)
    job = world.jobs["b"]
    assert (job.status, job.status_reason) == ("FAILED", request_.reason)
    assert (job.is_cancelled, job.is_terminated) == flags
    assert (job.started_at, job.stopped_at, job.attempts) == (None, world.now, [])
    world.run("a")
    assert world.started() == ["a"]


def test_cancel_does_not_touch_a_job_that_starts_or_runs() -> None:
    world = World()
    world.submit(spec("b"))
    assert world.tell(CANCEL).changed == []
    world.start("b")
    assert world.tell(CANCEL).changed == []
    world.exit("b", 0)
    assert (world.status("b"), world.jobs["b"].is_cancelled) == ("SUCCEEDED", False)


def test_terminate_stops_a_running_task_and_fails_its_job_once_it_is_gone() -> None:
    world = World()
    world.submit(spec("b"))
    world.start("b")
    assert world.tell(TERMINATE).commands == [StopTask(world.task("b"), "b")]
    assert (world.status("b"), world.jobs["b"].is_terminated, world.jobs["b"].status_reason) == ("RUNNING", True, None)
    world.exit("b", 143)
    job = world.jobs["b"]
    assert (job.status, job.status_reason, job.exit_code, job.stopped_at) == ("FAILED", "stop it", 143, world.now)
    assert job.attempts[0].status_reason == "stop it"


def test_terminate_works_before_the_start_was_reported() -> None:
    world = World()
    world.submit(spec("b"))
    assert world.tell(TERMINATE).commands == [StopTask(world.task("b"), "b")]
    world.start("b")
    world.exit("b", 143)
    assert (world.status("b"), world.jobs["b"].status_reason) == ("FAILED", "stop it")


def test_a_state_entered_tells_whether_the_job_was_terminated_by_then() -> None:
    world = World()
    world.submit(spec("b"))
    moved = world.tell(TERMINATE, TaskStarted(world.task("b"), world.now)).transitions
    assert [(one.status, one.is_terminated) for one in moved] == [("RUNNING", True)]
    world = World()
    world.submit(spec("b"))
    moved = world.tell(TaskStarted(world.task("b"), world.now), TERMINATE).transitions
    assert [(one.status, one.is_terminated) for one in moved] == [("RUNNING", False)]


def test_a_state_entered_tells_whether_the_job_has_the_machine_for_itself() -> None:
    world = World(vcpus=2)
    moved = world.submit(spec("a", 9)).transitions
    assert [(one.status, one.clamped) for one in moved][-2:] == [("RUNNABLE", False), ("STARTING", True)]


def test_a_terminated_task_that_never_starts_fails_with_the_reason_too() -> None:
    world = World()
    world.submit(retrying(spec("b"), 3))
    world.tell(TERMINATE)
    world.fail_to_start("b", "CannotStartContainerError: stopped")
    job = world.jobs["b"]
    assert (job.status, job.status_reason, job.reason) == (
        "FAILED",
        "stop it",
        "CannotStartContainerError: stopped",
    )


def test_terminate_beats_a_natural_end_that_is_recorded_later() -> None:
    world = World()
    world.submit(spec("b"))
    world.start("b")
    world.tell(TERMINATE)
    world.exit("b", 0)
    assert (world.status("b"), world.jobs["b"].exit_code) == ("FAILED", 0)


def test_an_end_recorded_first_beats_terminate() -> None:
    world = World()
    world.submit(spec("b"))
    world.start("b")
    step = world.tell(TaskExited(world.task("b"), world.now, 0), TERMINATE)
    assert (world.status("b"), step.commands, world.jobs["b"].is_terminated) == ("SUCCEEDED", [], False)


def test_a_terminated_job_is_never_retried() -> None:
    world = World()
    world.submit(retrying(spec("b"), 5))
    world.start("b")
    world.tell(TERMINATE)
    world.lose("b")
    assert (world.status("b"), len(world.jobs["b"].attempts)) == ("FAILED", 1)


def test_the_first_reason_wins() -> None:
    world = World()
    world.submit(spec("b"))
    world.start("b")
    world.tell(TERMINATE)
    assert world.tell(TerminateRequested("b", "another")).commands == []
    world.exit("b", 143)
    assert world.jobs["b"].status_reason == "stop it"


def test_a_retried_job_that_waits_can_be_cancelled() -> None:
    world = World(vcpus=1)
    world.submit(retrying(spec("b"), 2))
    world.start("b")
    world.tell(TaskExited(world.task("b"), world.now, 1), CANCEL)
    assert (world.status("b"), world.jobs["b"].status_reason, world.started()) == ("FAILED", "not needed", ["b"])


def test_unknown_and_ended_jobs_are_ignored() -> None:
    world = World()
    assert world.tell(CANCEL, TERMINATE, QueueDeleted("nowhere")).changed == []
    world.submit(spec("b"))
    world.run("b")
    assert world.tell(CANCEL, TERMINATE).changed == []


def test_an_attempt_that_takes_too_long_is_stopped_and_fails_when_it_is_gone() -> None:
    world = World()
    world.submit(retrying(limited(spec("a"), 60), 3))
    world.start("a")
    assert world.scheduler.next_deadline() == world.now + 60_000
    assert world.wait(59).commands == []
    assert world.wait(1).commands == [StopTask(world.task("a"), "a")]
    assert (world.status("a"), world.scheduler.next_deadline()) == ("RUNNING", None)
    world.exit("a", 137)
    job = world.jobs["a"]
    assert (job.status, job.status_reason, job.exit_code, len(job.attempts)) == ("FAILED", TIMED_OUT, 137, 1)
    assert (job.is_cancelled, job.is_terminated) == (False, False)


def test_time_counts_from_the_start_of_each_attempt_and_not_from_its_placement() -> None:
    world = World()
    world.submit(retrying(limited(spec("a"), 60), 2))
    world.wait(600)
    assert world.scheduler.next_deadline() is None
    world.start("a")
    world.exit("a", 1)
    world.wait(600)
    world.start("a")
    assert world.scheduler.next_deadline() == world.now + 60_000


def test_the_earliest_deadline_of_those_that_still_matter_is_next() -> None:
    world = World(vcpus=4)
    world.submit(limited(spec("a"), 60), limited(spec("b"), 120), limited(spec("c"), 90))
    world.start("a", "b", "c")
    started_at = world.now
    world.exit("a")
    assert world.scheduler.next_deadline() == started_at + 90_000
    world.wait(500)
    assert world.stopped() == ["c", "b"]


def test_an_end_that_came_in_time_counts_though_it_was_learnt_too_late() -> None:
    world = World()
    world.submit(retrying(limited(spec("a"), 60), 2), limited(spec("b"), 60))
    world.start("a", "b")
    in_time = world.now + 59_000
    world.wait(100)
    assert world.stopped() == ["a", "b"]
    world.tell(TaskExited(world.task("b"), in_time, 0), TaskExited(world.task("a"), in_time, 1))
    assert world.statuses("a", "b") == "STARTING SUCCEEDED"
    assert world.jobs["a"].stop_reason is None


def test_a_user_who_terminates_with_the_words_of_a_timeout_has_still_terminated() -> None:
    world = World()
    world.submit(limited(spec("a"), 60))
    world.start("a")
    world.tell(TerminateRequested("a", TIMED_OUT))
    world.exit("a", 0)
    assert world.status("a") == "FAILED"


def test_terminate_before_the_timeout_gives_the_reason_and_one_stop() -> None:
    world = World()
    world.submit(limited(spec("b"), 60))
    world.start("b")
    world.tell(TERMINATE)
    assert world.wait(100).commands == []
    world.exit("b", 137)
    assert (world.jobs["b"].status_reason, world.stopped()) == ("stop it", ["b"])


def test_terminate_after_the_timeout_comes_too_late() -> None:
    world = World()
    world.submit(limited(spec("b"), 60))
    world.start("b")
    world.wait(60)
    world.tell(TERMINATE)
    world.exit("b", 137)
    assert (world.jobs["b"].status_reason, world.jobs["b"].is_terminated) == (TIMED_OUT, False)


def test_ended_attempts_do_not_pile_up_behind_a_deadline_that_still_matters() -> None:
    world = World(vcpus=2)
    world.submit(limited(spec("first"), 3600))
    world.start("first")
    due = world.scheduler.next_deadline()
    for number in range(300):
        world.submit(limited(spec(f"j{number}"), 86_400))
        world.run(f"j{number}")
    assert len(world.scheduler.state.deadlines) < 100
    assert world.scheduler.next_deadline() == due


def test_a_deleted_queue_takes_its_jobs_with_it() -> None:
    world = World(vcpus=3)
    world.tell(queue("other", "main"))
    world.submit(spec("run"), retrying(spec("starting"), 3), spec("big", 4), spec("line"), after(spec("dep"), "run"))
    world.submit(spec("elsewhere", on="other"), after(spec("dep2", on="other"), "big"))
    world.start("run")
    step = world.tell(QueueDeleted("q"))
    assert world.statuses("big", "line", "dep") == "FAILED FAILED FAILED"
    assert {world.jobs[name].status_reason for name in ("big", "line", "dep")} == {"JobQueue deleted"}
    assert [command.job_id for command in step.commands] == ["run", "starting"]
    assert (world.status("dep2"), world.jobs["dep2"].status_reason) == ("FAILED", "Dependent Job failed")
    assert world.status("elsewhere") == "STARTING"
    world.exit("run", 0)
    world.lose("starting")
    assert {world.jobs[name].status_reason for name in ("run", "starting")} == {"JobQueue deleted"}
    assert world.statuses("run", "starting") == "FAILED FAILED"
    assert list(world.scheduler.state.queues) == ["other"]


def test_a_deleted_queue_without_jobs_is_gone_at_once() -> None:
    world = World()
    world.tell(QueueDeleted("q"))
    assert world.scheduler.state.queues == {}


def test_a_terminated_job_of_a_queue_that_is_deleted_keeps_its_reason() -> None:
    world = World()
    world.submit(spec("b"))
    world.tell(TERMINATE)
    assert world.tell(QueueDeleted("q")).commands == []
    world.exit("b", 0)
    assert world.jobs["b"].status_reason == "stop it"


def test_jobs_that_ended_in_the_step_of_the_deletion_are_left_alone() -> None:
    world = World()
    world.submit(spec("a"), spec("b"))
    world.start("a")
    world.tell(TaskExited(world.task("a"), world.now, 0), QueueDeleted("q"))
    assert (world.status("a"), world.jobs["b"].stop_reason) == ("SUCCEEDED", "JobQueue deleted")


def test_a_queue_may_come_back_while_its_former_jobs_still_stop() -> None:
    world = World()
    world.submit(spec("old"))
    world.tell(QueueDeleted("q"))
    world.tell(queue("q", "main"))
    world.submit(spec("new"))
    world.tell(TaskStarted(world.task("old"), world.now), TaskExited(world.task("old"), world.now, 143))
    assert world.statuses("old", "new") == "FAILED STARTING"
