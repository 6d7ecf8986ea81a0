"""Where tasks end as soon as they have begun, the engine is given the next ones ahead of the room for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler.ahead import BRIEF_MS, LEAST
from batchd.scheduler.events import (
    JobSpec,
    MachineSized,
    Resources,
    TaskExited,
    TaskReturned,
    TaskStarted,
    TerminateRequested,
)
from batchd.scheduler.state import Step
from tests.scheduler.worlds import World, array, backfilled, environment, gang, keyed, queue, spec

AHEAD = 3


class Hasty(World):
    """A machine of two vCPUs whose engine takes three tasks ahead, and on which `n` brief ones have run."""

    def __init__(self, brief: int = LEAST, vcpus: int = 2) -> None:
        super().__init__(vcpus=vcpus)
        self.tell(MachineSized(Resources(1000 * vcpus, 8192), AHEAD))
        for number in range(brief):
            self.submit(spec(f"brief-{number}"))
            self.rush(f"brief-{number}")
        self.commands.clear()

    def rush(self, *names: str, ran_ms: int = 1) -> Step:
        """Started and ended, in one step."""
        tasks = [self.task(name) for name in names]
        began = [TaskStarted(task, self.now) for task in tasks]
        return self.tell(*began, *[TaskExited(task, self.now + ran_ms, 0) for task in tasks])

    def give_back(self, name: str) -> Step:
        return self.tell(TaskReturned(self.task(name), self.now))


def jobs(number: int, **changes: object) -> list[JobSpec]:
    return [replace(spec(f"j{n}"), **changes) for n in range(number)]


def test_a_few_more_are_started_than_there_is_room_for() -> None:
    world = Hasty()

    world.submit(*jobs(9))

    assert world.started() == ["j0", "j1", "j2"]
    assert [command.resources for command in world.commands] == [Resources(1000, 512)] * 3  # type: ignore[union-attr]


def test_as_many_more_as_began_and_ended() -> None:
    world = Hasty()
    world.submit(*jobs(9))

    world.rush("j0", "j1")

    assert world.started() == ["j0", "j1", "j2", "j3", "j4"]


def test_those_that_run_do_not_count_as_given() -> None:
    world = Hasty()
    world.submit(*jobs(9))

    world.start("j0", "j1")
    world.tell(TaskExited(world.task("j0"), world.now, 0))

    assert world.started() == ["j0", "j1", "j2", "j3", "j4"]


def test_children_of_an_array_are_given_as_jobs_are() -> None:
    world = Hasty()

    world.submit(array("a", 9))

    assert world.started() == ["a:0", "a:1", "a:2"]


@pytest.mark.parametrize("ran_ms", [BRIEF_MS + 1, 60_000])
def test_one_task_that_is_not_brief_ends_it(ran_ms: int) -> None:
    world = Hasty()
    world.submit(spec("long"))
    world.rush("long", ran_ms=ran_ms)

    world.submit(*jobs(9))

    assert world.started() == ["long", "j0", "j1"]


def test_too_few_brief_ones_are_no_reason() -> None:
    world = Hasty(brief=LEAST - 1)
    world.submit(*jobs(9))
    assert world.started() == ["j0", "j1"]


def test_an_engine_that_takes_none_is_given_none() -> None:
    world = Hasty()
    world.tell(MachineSized(Resources(2000, 8192)))
    world.submit(*jobs(9))
    assert world.started() == ["j0", "j1"]


def test_a_returned_job_waits_before_all_that_were_not_placed_and_has_not_been_tried() -> None:
    world = Hasty()
    world.submit(*jobs(9))
    world.start("j0", "j1")

    world.give_back("j2")

    assert world.jobs["j2"].attempts == []
    assert world.life("j2") == ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNABLE"]
    assert [job.job_id for job in world.scheduler.front("q", 2)] == ["j2", "j3"]
    assert world.in_use() == (2000, 1024, 0)
    first = world.task("j2")
    world.exit("j0")
    assert (world.started()[-1], world.task("j2")) == ("j2", first)


def test_after_a_return_nothing_is_given_ahead_for_a_while() -> None:
    world = Hasty()
    world.submit(*jobs(9))
    world.start("j0", "j1")

    world.give_back("j2")
    world.exit("j0")

    assert world.started() == ["j0", "j1", "j2", "j2"]


def test_a_returned_child_goes_before_its_brothers() -> None:
    world = Hasty()
    world.submit(array("a", 9))
    world.start("a:0", "a:1")

    world.give_back("a:2")
    world.exit("a:0")

    assert (world.started()[-1], world.summary("a")) == ("a:2", "6 RUNNABLE, 1 STARTING, 1 RUNNING, 1 SUCCEEDED")


def test_a_returned_child_can_be_ended_like_any_that_waits() -> None:
    world = Hasty()
    world.submit(array("a", 9))
    world.start("a:0", "a:1")
    world.give_back("a:2")

    world.tell(TerminateRequested("a:2", "not needed"))

    assert (world.status("a:2"), world.jobs["a:2"].status_reason) == ("FAILED", "not needed")


def test_a_job_that_is_returned_after_it_was_told_to_stop_has_failed() -> None:
    world = Hasty()
    world.submit(*jobs(3))
    world.start("j0", "j1")
    world.tell(TerminateRequested("j2", "enough"))

    world.give_back("j2")

    assert (world.status("j2"), world.jobs["j2"].status_reason) == ("FAILED", "enough")


def test_a_return_of_a_task_that_runs_or_is_unknown_changes_nothing() -> None:
    world = Hasty()
    world.submit(*jobs(1))
    world.start("j0")
    world.give_back("j0")
    world.tell(TaskReturned("0" * 32, 1))
    assert world.status("j0") == "RUNNING"


def test_nobody_of_another_queue_who_waits_for_the_machine_is_overtaken() -> None:
    world = Hasty()
    world.tell(queue("other", "main", priority=9))
    world.submit(*jobs(2))
    world.submit(spec("big", 2, on="other"))

    world.submit(*[spec(f"k{n}") for n in range(9)])
    assert world.started() == ["j0", "j1"]
    world.rush("j0", "j1")

    assert world.started()[2] == "big"


def test_a_queue_in_which_nobody_waits_any_more_holds_up_nobody() -> None:
    world = Hasty()
    world.tell(queue("other", "main"))
    world.submit(*jobs(2))
    world.submit(spec("big", 2, on="other"))
    world.tell(TerminateRequested("big", "not needed"))

    world.submit(*[spec(f"k{n}") for n in range(9)])
    world.rush("j0", "j1")

    assert world.started() == ["j0", "j1", "k0", "k1", "k2"]


@pytest.mark.parametrize(
    "next_one",
    [
        gang("next", 2),
        spec("next", gpus=1),
        spec("next", 4),
        keyed(spec("next"), 0),
    ],
    ids=["a gang", "with a GPU", "larger than the machine", "held by a limit"],
)
def test_what_needs_more_than_room_is_not_given_ahead(next_one: JobSpec) -> None:
    world = Hasty()
    world.tell(MachineSized(Resources(2000, 8192, 1), AHEAD))
    world.submit(spec("a", 2))
    world.submit(next_one)
    assert world.started() == ["a"]


def test_nothing_is_given_ahead_beside_a_gang_for_its_nodes_end_one_by_one() -> None:
    world = Hasty()
    world.submit(gang("g", 2))
    world.submit(*jobs(9))
    assert world.started() == ["g#0"]


def test_a_queue_with_backfill_keeps_its_promises() -> None:
    world = Hasty()
    world.tell(backfilled(queue("q", "main")))
    world.submit(*jobs(9))
    assert world.started() == ["j0", "j1"]


def test_an_environment_that_is_full_is_full() -> None:
    world = Hasty()
    world.tell(environment("main", 2))
    world.submit(*jobs(9))
    assert world.started() == ["j0", "j1"]


def test_no_more_is_in_use_than_there_is() -> None:
    world = Hasty()
    world.submit(*jobs(9))
    assert world.scheduler.overview()["used"] == {"vcpus": 2.0, "memoryMiB": 1536, "gpus": 0}
