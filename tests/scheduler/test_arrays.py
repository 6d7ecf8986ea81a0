"""Array jobs. [batch.md 3.4, 3.5, 8.3]"""

from __future__ import annotations

import pytest

from batchd.scheduler.events import CancelRequested, JobStatus, QueueDeleted, TerminateRequested
from tests.scheduler.worlds import World, after, array, each, environment, limited, queue, retrying, sequential, spec


def ids(name: str, *indexes: int) -> list[str]:
    return [f"{name}:{index}" for index in indexes]


def test_children_run_in_order_and_the_array_succeeds_with_the_last() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 3))
    assert world.started() == ids("a", 0, 1)
    assert (world.status("a"), world.summary("a")) == ("PENDING", "1 RUNNABLE, 2 STARTING")
    for index in range(3):
        world.run(f"a:{index}")
    assert world.started() == ids("a", 0, 1, 2)
    assert (world.status("a"), world.summary("a")) == ("SUCCEEDED", "3 SUCCEEDED")
    assert world.life("a") == ["SUBMITTED", "PENDING", "SUCCEEDED"]
    assert world.life("a:2") == ["PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    assert world.scheduler.state.jobs == {}


def test_an_array_fails_when_a_child_did_but_not_before_the_last_one_is_over() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 2))
    world.run("a:0", 1)
    assert world.statuses("a", "a:0") == "PENDING FAILED"
    world.run("a:1")
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "Array Child Job failed")
    assert (world.jobs["a"].attempts, world.jobs["a"].started_at, world.jobs["a"].stopped_at) == ([], None, world.now)


def test_each_child_is_retried_by_itself_and_stands_in_front_of_those_that_were_not_tried() -> None:
    world = World(vcpus=1)
    world.submit(retrying(array("a", 3), 2))
    world.run("a:0", 1)
    world.run("a:0")
    assert world.started() == ids("a", 0, 0, 1)
    assert [attempt.exit_code for attempt in world.jobs["a:0"].attempts] == [1, 0]


def test_an_array_has_one_place_in_the_line() -> None:
    world = World(vcpus=1)
    world.submit(spec("first"), array("a", 3), spec("last"))
    assert world.scheduler.waiting() == 4
    assert [job_id for job_id, _ in world.scheduler.places("q", 9)] == ["a:0", "a:1", "a:2", "last"]
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["a", "last"]
    for name in ("first", "a:0", "a:1", "a:2", "last"):
        world.run(name)
    assert world.started() == ["first", "a:0", "a:1", "a:2", "last"]


def test_a_job_waits_for_all_children_of_an_array() -> None:
    world = World()
    world.submit(array("a", 2), after(spec("b"), "a"))
    world.run("a:0")
    assert world.status("b") == "PENDING"
    world.run("a:1")
    assert world.status("b") == "STARTING"


def test_a_job_waits_for_a_single_child() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), after(spec("b"), "a:1"), after(spec("c"), "a:2"))
    world.run("a:0")
    assert world.status("b") == "PENDING"
    world.run("a:1")
    assert world.status("b") == "RUNNABLE"
    world.run("a:2", 1)
    assert world.statuses("b", "c") == "STARTING FAILED"


def test_a_job_that_waits_for_a_child_fails_when_that_never_starts() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), after(spec("b"), "a:1"))
    world.tell(CancelRequested("a", "no"))
    assert (world.status("b"), world.jobs["b"].status_reason) == ("FAILED", "Dependent Job failed")


def test_an_array_waits_for_a_job() -> None:
    world = World()
    world.submit(spec("a"), after(array("b", 2), "a"))
    assert (world.status("b"), world.summary("b")) == ("PENDING", "2 PENDING")
    world.run("a")
    assert world.summary("b") == "2 STARTING"


def test_an_array_whose_dependency_fails_fails_with_all_its_children() -> None:
    world = World()
    world.submit(spec("a"), after(array("b", 2), "a"), after(spec("c"), "b"))
    world.run("a", 1)
    assert (world.status("b"), world.jobs["b"].status_reason) == ("FAILED", "Dependent Job failed")
    assert world.summary("b") == "2 FAILED"
    assert (world.status("c"), world.jobs["c"].status_reason) == ("FAILED", "Dependent Job failed")
    assert world.life("b:1") == ["PENDING", "FAILED"]


def test_child_by_child_one_array_follows_another() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 3), each(array("b", 3), "a"))
    assert world.summary("b") == "3 PENDING"
    world.run("a:1")
    assert world.summary("b") == "2 PENDING, 1 RUNNABLE"
    world.run("a:0", 1)
    assert world.started() == ids("a", 0, 1, 2) + ids("b", 1)
    assert (world.status("b:0"), world.jobs["b:0"].status_reason) == ("FAILED", "Dependent Job failed")
    world.run("a:2")
    world.run("b:1")
    world.run("b:2")
    assert world.statuses("a", "b") == "FAILED FAILED"
    assert world.jobs["b"].status_reason == "Array Child Job failed"


def test_children_that_were_dropped_take_their_followers_with_them() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), each(array("b", 3), "a"), each(array("c", 3), "b"))
    world.tell(CancelRequested("a", "no"))
    assert [world.summary(name) for name in "abc"] == ["1 STARTING, 2 FAILED", "1 PENDING, 2 FAILED"] * 1 + [
        "1 PENDING, 2 FAILED"
    ]
    for name in ("a:0", "b:0", "c:0"):
        world.run(name)
    assert world.statuses("a", "b", "c") == "FAILED FAILED FAILED"


def test_the_children_of_a_sequential_array_go_one_after_the_other() -> None:
    world = World()
    world.submit(sequential(array("a", 3)))
    for index in range(3):
        assert world.started() == ids("a", *range(index + 1))
        world.run(f"a:{index}")
    assert world.status("a") == "SUCCEEDED"


def test_a_failing_child_of_a_sequential_array_fails_all_later_ones() -> None:
    world = World()
    world.submit(sequential(array("a", 4)))
    world.run("a:0")
    world.run("a:1", 1)
    assert (world.status("a"), world.summary("a")) == ("FAILED", "1 SUCCEEDED, 3 FAILED")
    assert world.jobs["a"].status_reason == "Array Child Job failed"
    assert world.children("a").drop_of(3).reason == "Dependent Job failed"


def test_cancelling_an_array_ends_what_waits_and_leaves_what_runs() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), spec("b"))
    world.start("a:0")
    world.tell(CancelRequested("a", "changed my mind"))
    assert (world.status("a"), world.summary("a")) == ("PENDING", "1 RUNNING, 2 FAILED")
    world.exit("a:0")
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "changed my mind")
    assert (world.jobs["a"].is_cancelled, world.jobs["a"].is_terminated) == (True, False)
    assert world.status("b") == "STARTING"
    assert world.stopped() == []


def test_terminating_an_array_stops_what_runs_too() -> None:
    world = World(vcpus=2)
    world.submit(retrying(array("a", 4), 2))
    world.run("a:0", 1)
    world.tell(environment("main", available=False))
    world.exit("a:0", 1) if world.status("a:0") == "RUNNING" else world.fail_to_start("a:0")
    world.tell(TerminateRequested("a", "stop it"))
    assert world.stopped() == ids("a", 1)
    world.exit("a:1", 143)
    assert (world.status("a"), world.jobs["a"].status_reason, world.jobs["a"].is_terminated) == (
        "FAILED",
        "stop it",
        True,
    )
    assert (world.jobs["a:1"].status_reason, world.jobs["a:1"].is_terminated) == ("stop it", True)


def test_cancelling_one_child_leaves_its_siblings() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3))
    world.tell(CancelRequested("a:1", "not this one"), CancelRequested("a:0", "too late"), CancelRequested("a:7", "?"))
    assert (world.status("a:1"), world.jobs["a:1"].is_cancelled) == ("FAILED", True)
    world.run("a:0")
    world.run("a:2")
    assert world.started() == ids("a", 0, 2)
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "Array Child Job failed")


def test_deleting_the_queue_ends_its_arrays() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), sequential(array("b", 3)))
    world.tell(QueueDeleted("q"))
    assert world.stopped() == ids("a", 0)
    world.exit("a:0", 143)
    assert world.statuses("a", "b") == "FAILED FAILED"
    assert [world.jobs[name].status_reason for name in ("a", "a:0", "b")] == ["JobQueue deleted"] * 3
    assert world.scheduler.state.queues == {}
