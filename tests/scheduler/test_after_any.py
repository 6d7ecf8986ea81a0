"""Dependencies that only have to end: AFTER_ANY, N_TO_N_AFTER_ANY and SEQUENTIAL_AFTER_ANY."""

from __future__ import annotations

import pytest

from batchd.scheduler.events import CancelRequested, Dependency, JobStatus, JobSubmitted, QueueDeleted, TaskExited
from tests.scheduler.worlds import World, after, after_any, array, each, ended, queue, retrying, sequential, spec


@pytest.mark.parametrize("code", [0, 1])
def test_a_job_runs_after_another_whatever_its_result(code: int) -> None:
    world = World()
    world.submit(spec("a"), after_any(after(spec("b"), "a")))
    world.start("a")
    assert world.status("b") == "PENDING"
    world.exit("a", code)
    assert world.status("b") == "STARTING"


def test_a_failure_is_waited_for_until_its_last_attempt() -> None:
    world = World()
    world.submit(retrying(spec("a"), 2), after_any(after(spec("b"), "a")))
    world.run("a", 1)
    assert world.status("b") == "PENDING"
    world.run("a", 1)
    assert world.status("b") == "STARTING"


def test_a_job_that_never_ran_has_ended_too() -> None:
    world = World()
    world.submit(spec("a"), after(spec("b"), "a"), after_any(after(spec("c"), "b")), after_any(after(spec("d"), "c")))
    world.tell(CancelRequested("b", "not needed"))
    assert world.statuses("a", "c", "d") == "STARTING STARTING PENDING"


def test_all_must_end_and_those_without_the_wish_must_succeed() -> None:
    world = World()
    mixed = (Dependency("a", after_any=True), Dependency("b"))
    world.submit(spec("a"), spec("b"), after(spec("c"), *mixed), after(spec("d"), *mixed))
    world.run("a", 1)
    assert world.statuses("c", "d") == "PENDING PENDING"
    world.run("b", 0)
    assert world.statuses("c", "d") == "STARTING STARTING"

    world.submit(spec("x"), spec("y"), after(spec("z"), Dependency("x", after_any=True), Dependency("y")))
    world.run("y", 1)
    assert (world.status("z"), world.jobs["z"].status_reason) == ("FAILED", "Dependent Job failed")
    world.run("x", 1)
    assert world.life("z") == ["SUBMITTED", "PENDING", "FAILED"]


def test_of_two_ways_to_wait_for_a_job_the_stricter_counts() -> None:
    world = World()
    world.submit(spec("a"), after(spec("b"), Dependency("a", after_any=True), Dependency("a")))
    world.run("a", 1)
    assert world.status("b") == "FAILED"


def test_what_had_failed_before_the_submit_or_is_forgotten_has_ended() -> None:
    world = World()
    world.submit(after_any(after(spec("a"), ended("x", JobStatus.FAILED))), after_any(after(spec("b"), "never")))
    assert world.statuses("a", "b") == "STARTING STARTING"
    world.start("a")
    world.tell(TaskExited(world.task("a"), world.now, 1), JobSubmitted(after_any(after(spec("c"), "a"))))
    assert world.status("c") == "STARTING"


def test_an_array_is_waited_for_as_a_whole_and_by_its_children() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 2), after_any(after(spec("b"), "a")), after_any(after(spec("c"), "a:1")))
    world.run("a:1", 1)
    assert world.statuses("b", "c") == "PENDING STARTING"
    world.run("a:0")
    assert world.statuses("a", "b") == "FAILED STARTING"


def test_a_child_that_was_dropped_has_ended() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), after_any(after(spec("b", 0), "a:2")))
    world.tell(CancelRequested("a", "no"))
    assert world.summary("a") == "1 STARTING, 2 FAILED"
    assert world.status("b") == "STARTING"


def test_an_array_runs_after_a_job_that_failed() -> None:
    world = World()
    world.submit(spec("a"), after_any(after(array("b", 2), "a")))
    world.run("a", 1)
    assert world.summary("b") == "2 STARTING"


def test_child_by_child_a_failed_counterpart_is_as_good_as_any() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 2), after_any(each(array("b", 2), "a")), each(array("c", 2), "a"))
    world.run("a:1", 1)
    assert (world.summary("b"), world.summary("c")) == ("1 PENDING, 1 STARTING", "1 PENDING, 1 FAILED")
    world.run("a:0")
    world.run("b:1")
    world.run("b:0")
    assert world.status("b") == "SUCCEEDED"


def test_child_by_child_dropped_counterparts_are_over_all_at_once() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 4), after_any(each(array("b", 4), "a")))
    world.tell(CancelRequested("a", "no"))
    assert world.summary("b") == "1 PENDING, 3 RUNNABLE"
    world.tell(CancelRequested("a", "no"))
    world.run("a:0", 1)
    assert world.started() == ["a:0", "b:0"]


def test_child_by_child_on_an_array_that_has_failed() -> None:
    world = World()
    failed = Dependency("gone", JobStatus.FAILED, each=True, failed=((0, 1),), after_any=True)
    world.submit(each(array("a", 2), failed))
    assert world.summary("a") == "2 STARTING"


def test_a_sequence_goes_on_after_a_failed_child() -> None:
    world = World()
    world.submit(after_any(sequential(array("a", 3))))
    world.run("a:0", 1)
    assert world.started() == ["a:0", "a:1"]
    world.run("a:1")
    world.run("a:2")
    assert (world.status("a"), world.summary("a")) == ("FAILED", "2 SUCCEEDED, 1 FAILED")


def test_a_sequence_goes_on_after_children_that_never_ran() -> None:
    world = World()
    world.submit(after_any(sequential(array("a", 4))))
    world.tell(CancelRequested("a:1", "no"))
    world.tell(CancelRequested("a:2", "no"))
    world.run("a:0")
    assert world.started() == ["a:0", "a:3"]
    world.run("a:3")
    assert world.status("a") == "FAILED"


def test_a_sequence_goes_on_after_children_whose_counterparts_failed() -> None:
    world = World()
    strict, tolerant = sequential(array("b", 4)), after_any(sequential(array("c", 4)))
    world.submit(array("a", 4, 2), each(strict, "a"), each(tolerant, "a"))
    for child in ("a:2", "a:3"):
        world.tell(CancelRequested(child, "no"))
    assert (world.summary("b"), world.summary("c")) == ("2 PENDING, 2 FAILED", "2 PENDING, 2 FAILED")
    world.run("a:1", 1)
    assert (world.summary("b"), world.summary("c")) == ("1 PENDING, 3 FAILED", "1 PENDING, 3 FAILED")
    world.run("a:0")
    assert world.started() == ["a:0", "a:1", "b:0", "c:0"]


def test_a_sequence_goes_on_when_the_child_in_turn_falls_out() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), after_any(sequential(array("b", 3))))
    world.tell(CancelRequested("b:0", "no"))
    assert world.summary("b") == "1 PENDING, 1 RUNNABLE, 1 FAILED"
    world.run("a")
    assert world.started()[:2] == ["a", "b:1"]


def test_cancelling_a_sequence_ends_it() -> None:
    world = World()
    world.submit(after_any(sequential(array("a", 3))))
    world.tell(CancelRequested("a", "no"))
    assert world.summary("a") == "1 STARTING, 2 FAILED"
    world.run("a:0")
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "no")


def test_a_deleted_queue_ends_its_jobs_and_those_that_wait_elsewhere_go_on() -> None:
    world = World()
    world.tell(queue("other", "main"))
    world.submit(array("a", 2, 0, on="other"), after_any(after(spec("b", on="other"), "a")), after(spec("x"), "b"))
    world.submit(after_any(after(spec("c"), "b")))
    world.tell(QueueDeleted("other"))
    assert world.statuses("b", "x", "c") == "FAILED FAILED STARTING"


def test_what_waits_says_whether_an_end_is_enough() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), spec("b"), after(spec("c"), Dependency("a", after_any=True), "b"))
    world.submit(after_any(sequential(array("d", 2))))
    assert world.scheduler.explain("c") == [
        "Job c is PENDING: it waits for 1 job to succeed and 1 job to end.",
        "Job a is STARTING.",
        "Job b is RUNNABLE.",
    ]
    assert world.scheduler.explain("d:1")[0] == "Job d:1 is PENDING: it waits for 1 job to end."
