from __future__ import annotations

import itertools

from batchd.scheduler.events import CancelRequested, JobStatus, JobSubmitted, TaskExited
from tests.scheduler.worlds import World, after, ended, queue, retrying, spec


def test_a_job_waits_until_everything_it_depends_on_has_succeeded() -> None:
    world = World()
    world.submit(spec("a"), spec("b"), after(spec("c"), "a", "b"))
    assert world.life("c") == ["SUBMITTED", "PENDING"]
    world.run("a")
    assert world.status("c") == "PENDING"
    world.run("b")
    assert world.life("c") == ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING"]


def test_a_dependency_named_twice_is_waited_for_once() -> None:
    world = World()
    world.submit(spec("a"), after(spec("b"), "a", "a"))
    world.run("a")
    assert world.status("b") == "STARTING"


def test_one_failure_fails_the_waiting_job_at_once() -> None:
    world = World()
    world.submit(spec("a"), spec("b"), after(spec("c"), "a", "b"))
    world.run("a", 1)
    job = world.jobs["c"]
    assert (job.status, job.status_reason) == ("FAILED", "Dependent Job failed")
    assert (job.attempts, job.started_at, job.stopped_at) == ([], None, world.now)
    world.run("b")
    assert world.life("c") == ["SUBMITTED", "PENDING", "FAILED"]


def test_a_failure_goes_down_the_whole_chain_in_one_step() -> None:
    world = World()
    names = [f"j{number}" for number in range(5000)]
    chain = [after(spec(name), before) for before, name in itertools.pairwise(names)]
    world.scheduler.step([JobSubmitted(job) for job in (spec(names[0]), *chain)], world.now)
    step = world.tell(CancelRequested("j1", "no"))
    assert [job.job_id for job in step.changed] == names[1:]
    assert {job.status_reason for job in step.changed[1:]} == {"Dependent Job failed"}


def test_a_failed_attempt_that_is_retried_fails_nobody() -> None:
    world = World()
    world.submit(retrying(spec("a"), 2), after(spec("b"), "a"))
    world.run("a", 1)
    assert world.status("b") == "PENDING"
    world.run("a", 0)
    assert world.status("b") == "STARTING"


def test_what_had_ended_before_the_submit_counts_as_it_ended() -> None:
    world = World()
    world.submit(after(spec("a"), ended("x", JobStatus.SUCCEEDED)), after(spec("b"), ended("y", JobStatus.FAILED)))
    assert world.life("a") == ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING"]
    assert world.life("b") == ["SUBMITTED", "PENDING", "FAILED"]
    assert world.jobs["b"].status_reason == "Dependent Job failed"


def test_what_ended_is_not_waited_for_beside_what_still_runs() -> None:
    world = World()
    world.submit(spec("a"), after(spec("b"), ended("x", JobStatus.SUCCEEDED), "a"))
    assert world.status("b") == "PENDING"
    world.run("a")
    assert world.status("b") == "STARTING"


def test_a_dependency_that_ends_in_the_step_of_the_submit_counts() -> None:
    world = World()
    world.submit(spec("a"), spec("b"))
    world.start("a", "b")
    world.tell(
        TaskExited(world.task("a"), world.now, 0),
        TaskExited(world.task("b"), world.now, 1),
        JobSubmitted(after(spec("c"), "a")),
        JobSubmitted(after(spec("d"), "b")),
    )
    assert world.statuses("c", "d") == "STARTING FAILED"


def test_a_dependency_nobody_knows_fails_the_job() -> None:
    world = World()
    world.submit(after(spec("a"), "never"))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "Dependent Job failed")


def test_a_cancelled_job_is_not_revived_by_its_dependency_and_fails_its_own_dependents() -> None:
    world = World()
    world.submit(spec("a"), spec("x"), after(spec("b"), "a", "x"), after(spec("c"), "b"), after(spec("d"), "a"))
    world.tell(CancelRequested("b", "no"))
    assert world.statuses("b", "c") == "FAILED FAILED"
    world.run("a")
    assert world.statuses("b", "d") == "FAILED STARTING"
    assert list(world.scheduler.state.dependents) == []


def test_dependencies_cross_queues() -> None:
    world = World()
    world.tell(queue("other", "main"))
    world.submit(spec("a"), after(spec("b", on="other"), "a"))
    world.run("a")
    assert world.status("b") == "STARTING"


def test_a_released_job_stands_behind_those_that_were_ready_before_it() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), after(spec("b"), "a"), spec("c"))
    world.run("a")
    world.run("c")
    assert world.started() == ["a", "c", "b"]
