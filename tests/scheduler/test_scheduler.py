"""Starting again, and the views on the whole."""

from __future__ import annotations

import itertools

import pytest

from batchd.scheduler import invariants
from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import (
    CancelRequested,
    EnvironmentDeleted,
    EnvironmentSaved,
    EnvironmentSpec,
    JobStatus,
    Resources,
    TaskExited,
    TaskStarted,
    TerminateRequested,
    TimePassed,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Job
from tests.scheduler.worlds import World, after, environment, limited, machine, queue, retrying, spec

TOLD = (environment("main"), queue("q", "main"), machine(4))

ONE = Resources(1000, 512)  # what a job of these tests asks for


def reborn(world: World, *told) -> World:
    """The same world after a crash: all it has is its rows, in order of submission."""
    again = World()
    again.scheduler = Scheduler()
    again.now, again.jobs = world.now, world.jobs
    for event in told or TOLD:
        again.scheduler.step([event], world.now)
    again.scheduler.restore(world.jobs.values())
    assert invariants.check(again.scheduler.state) == []
    return again


def test_after_a_restart_every_job_is_where_it_was() -> None:
    world = World(vcpus=2)
    world.submit(spec("run"), limited(spec("timed"), 60), spec("line"), after(spec("dep"), "run", "line"))
    world.start("run", "timed")
    again = reborn(world, environment("main"), queue("q", "main"), machine(2))
    assert again.in_use() == (2000, 1024, 0)
    assert again.scheduler.running() == [
        StartTask(world.task("run"), "run", 1, "main", resources=ONE),
        StartTask(world.task("timed"), "timed", 1, "main", resources=ONE),
    ]
    assert (again.scheduler.wanted(), again.scheduler.waiting()) == ([], 1)
    again.tell(TimePassed())
    assert again.scheduler.next_deadline() == world.jobs["timed"].started_at + 60_000
    again.exit("run")
    again.run("line")
    assert again.statuses("run", "line", "dep") == "SUCCEEDED SUCCEEDED STARTING"


@pytest.mark.parametrize("told", list(itertools.permutations(TOLD)))
def test_what_is_told_before_a_restart_may_come_in_any_order(told) -> None:
    world = World()
    world.submit(spec("a", 4), spec("b"))
    assert reborn(world, *told).scheduler.state == reborn(world).scheduler.state


def test_a_restart_keeps_the_order_in_which_jobs_came_to_the_line() -> None:
    world = World(vcpus=1)
    world.submit(spec("first"))
    world.submit(after(spec("dependent"), "first"), spec("second"), spec("third"))
    world.run("first")  # now the dependent stands behind those that were submitted after it
    again = reborn(world, environment("main"), queue("q", "main"), machine(1))
    for name in ("second", "third", "dependent"):
        again.run(name)
    assert again.started() == ["third", "dependent"]
    assert again.statuses("second", "third", "dependent") == "SUCCEEDED SUCCEEDED SUCCEEDED"


def test_after_a_restart_starts_and_stops_are_wanted_again() -> None:
    world = World()
    world.submit(spec("a"), spec("b"), spec("c"), spec("d"))
    world.start("b", "c")
    world.tell(TerminateRequested("b", "no"), TerminateRequested("d", "no"))
    assert reborn(world).scheduler.wanted() == [
        StartTask(world.task("a"), "a", 1, "main", resources=ONE),
        StopTask(world.task("b"), "b"),
        StartTask(world.task("d"), "d", 1, "main", resources=ONE),
        StopTask(world.task("d"), "d"),
    ]


def test_an_adopted_task_that_is_reported_started_again_changes_nothing() -> None:
    world = World()
    world.submit(spec("a"))
    world.start("a")
    again = reborn(world)
    assert again.tell(TaskStarted(world.task("a"), world.now)).changed == []


def test_what_waits_is_placed_in_the_first_step_after_a_restart() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), spec("b"))
    again = reborn(world)
    assert again.tell(TimePassed()).commands == [StartTask(again.task("b"), "b", 1, "main", resources=ONE)]


def test_after_a_restart_retried_jobs_are_still_first() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), retrying(spec("b"), 2), spec("c"))
    world.run("a")
    world.start("b")
    world.tell(environment("main", available=False), TaskExited(world.task("b"), world.now, 1))
    again = reborn(world)
    assert [job.job_id for job in again.scheduler.front("q", 9)] == ["b", "c"]


def test_a_timeout_that_passed_while_the_server_was_down_is_enforced() -> None:
    world = World()
    world.submit(limited(spec("a"), 60))
    world.start("a")
    world.now += 600_000
    again = reborn(world)
    assert again.tell(TimePassed()).commands == [StopTask(world.task("a"), "a")]


def test_a_job_that_was_being_stopped_is_not_stopped_for_time_as_well() -> None:
    world = World()
    world.submit(limited(spec("a"), 60))
    world.start("a")
    world.tell(TerminateRequested("a", "no"))
    again = reborn(world)
    assert again.wait(600).commands == []


def test_a_job_larger_than_the_machine_is_still_alone_after_a_restart() -> None:
    world = World(vcpus=4)
    world.submit(spec("huge", 8), spec("b", 0))
    again = reborn(world, environment("main"), queue("q", "main"), machine(16))
    assert again.tell(TimePassed()).commands == []
    again.run("huge")
    assert again.status("b") == "STARTING"


def test_the_job_of_an_environment_that_is_gone_goes_on_after_a_restart() -> None:
    world = World()
    world.submit(spec("a"))
    again = reborn(world, queue("q"), machine(4))
    again.run("a")
    assert (again.status("a"), again.scheduler.state.environments) == ("SUCCEEDED", {})


def test_a_head_that_accused_before_the_restart_takes_it_back_when_it_fits() -> None:
    world = World()
    world.submit(spec("a", gpus=1))
    world.tell(environment("main", available=False))
    again = reborn(world, environment("main", available=False), queue("q", "main"), machine(4, gpus=1))
    assert again.scheduler.state.queues["q"].line("").accused is world.jobs["a"]
    again.tell(TimePassed())
    assert (again.status("a"), again.jobs["a"].status_reason) == ("RUNNABLE", None)


def test_jobs_the_scheduler_had_not_looked_at_are_admitted_in_the_next_step() -> None:
    world = World()
    world.jobs = {
        "a": Job(spec("a"), JobStatus.SUBMITTED, 1),
        "b": Job(after(spec("b"), "a"), JobStatus.SUBMITTED, 2),
        "c": Job(after(spec("c"), "gone"), JobStatus.PENDING, 3),
    }
    again = reborn(world)
    assert again.scheduler.explain("a") == ["Job a is SUBMITTED: the scheduler looks at it next."]
    again.tell(CancelRequested("a", "no"))
    assert again.statuses("a", "b", "c") == "FAILED FAILED STARTING"


def test_jobs_that_ended_are_not_restored() -> None:
    world = World()
    world.submit(spec("a"))
    world.run("a")
    assert reborn(world).scheduler.state.jobs == {}


def test_the_overview_says_how_full_everything_is() -> None:
    world = World(vcpus=4, memory=8192, gpus=2)
    world.tell(environment("limited", 1.5), queue("l", "limited"))
    world.submit(spec("a", 0.25, 100, gpus=1), spec("b", 1, on="l"))
    assert world.scheduler.overview() == {
        "capacity": {"vcpus": 4.0, "memoryMiB": 8192, "gpus": 2},
        "used": {"vcpus": 1.25, "memoryMiB": 612, "gpus": 1},
        "environments": [
            {"environment": "limited", "vcpusInUse": 1.0, "maxVcpus": 1.5, "available": True},
            {"environment": "main", "vcpusInUse": 0.25, "available": True},
        ],
    }


def test_the_overview_shows_a_machine_that_is_taken_as_full_and_an_environment_that_drains() -> None:
    world = World(vcpus=4, memory=8192)
    world.submit(spec("huge", 8))
    world.tell(EnvironmentDeleted("main"))
    overview = world.scheduler.overview()
    assert overview["used"] == overview["capacity"]
    assert overview["environments"] == [{"environment": "main", "vcpusInUse": 8.0, "available": False}]


def test_the_overview_of_a_scheduler_that_was_told_nothing_is_empty() -> None:
    nothing = {"vcpus": 0.0, "memoryMiB": 0, "gpus": 0}
    assert Scheduler().overview() == {"capacity": nothing, "used": nothing, "environments": []}


def test_an_environment_that_is_valid_by_default_is_one_that_takes_jobs() -> None:
    world = World()
    world.tell(EnvironmentSaved(EnvironmentSpec("fresh", True)), queue("q", "fresh"))
    world.submit(spec("a"))
    assert world.jobs["a"].environment == "fresh"
