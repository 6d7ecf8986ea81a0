"""Consumable resources: jobs hold units while an attempt is under way, or use them up. [batch.md 7.5]"""

from __future__ import annotations

import pytest

from batchd.scheduler import invariants
from batchd.scheduler.events import (
    CancelRequested,
    ConsumableDeleted,
    TaskExited,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import PoolKind, Step
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import (
    World,
    after,
    array,
    consumable,
    environment,
    machine,
    needing,
    queue,
    retrying,
    spec,
)


@pytest.fixture
def world() -> World:
    """With a licence server of three seats."""
    world = World(vcpus=16)
    world.tell(consumable("seat", 3))
    return world


def used(world: World, name: str = "seat") -> int:
    return world.scheduler.state.pools[name].used


def drawn(step: Step) -> dict[str, int]:
    return {pool.name: pool.used for pool in step.drawn}


def test_a_job_holds_its_units_from_starting_to_its_end(world: World) -> None:
    assert drawn(world.submit(needing(spec("a"), seat=2))) == {"seat": 2}
    assert drawn(world.start("a")) == {}
    assert drawn(world.exit("a")) == {"seat": 0}
    assert world.life("a") == ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]


def test_a_job_that_lacks_units_waits_in_runnable_and_blocks_its_line(world: World) -> None:
    world.submit(needing(spec("a"), seat=2), needing(spec("b"), seat=2), spec("c"))
    assert world.statuses("a", "b", "c") == "STARTING RUNNABLE RUNNABLE"

    world.run("a")

    assert world.started() == ["a", "b", "c"]


def test_other_queues_do_not_wait_for_a_head_that_lacks_units(world: World) -> None:
    world.tell(queue("other", "main"))
    world.submit(needing(spec("a"), seat=3), needing(spec("b"), seat=1), spec("c", on="other"))
    assert world.statuses("b", "c") == "RUNNABLE STARTING"


def test_queues_that_wait_for_the_same_units_share_what_is_given_back(world: World) -> None:
    world.tell(queue("other", "main"))
    world.submit(needing(spec("a"), seat=3))
    world.submit(needing(spec("b"), seat=1), needing(spec("c", on="other"), seat=2))
    world.run("a")
    assert world.statuses("b", "c") == "STARTING STARTING"


def test_a_job_may_need_several_resources_and_takes_all_or_nothing(world: World) -> None:
    world.tell(consumable("port", 1))
    world.submit(needing(spec("a"), port=1), needing(spec("b"), seat=3, port=1))
    assert (world.status("b"), used(world), used(world, "port")) == ("RUNNABLE", 0, 1)
    world.run("a")
    assert (world.status("b"), used(world), used(world, "port")) == ("STARTING", 3, 1)


@pytest.mark.parametrize("how", ["exit", "fail_to_start", "lose"])
def test_however_an_attempt_ends_its_units_come_back(world: World, how: str) -> None:
    world.submit(retrying(needing(spec("a"), seat=3), 2), needing(spec("b"), seat=3))
    getattr(world, how)("a", *([1] if how == "exit" else []))
    assert (world.statuses("a", "b"), used(world)) == ("STARTING RUNNABLE", 3)
    getattr(world, how)("a", *([1] if how == "exit" else []))
    assert (world.statuses("a", "b"), used(world)) == ("FAILED STARTING", 3)


def test_a_job_that_is_cancelled_while_it_waits_held_nothing(world: World) -> None:
    world.submit(needing(spec("a"), seat=3), needing(spec("b"), seat=1), spec("c"))
    world.tell(CancelRequested("b", "no"))
    assert (world.statuses("b", "c"), used(world)) == ("FAILED STARTING", 3)


def test_each_child_of_an_array_has_units_of_its_own(world: World) -> None:
    world.submit(needing(array("a", 5), seat=1))
    assert (world.summary("a"), used(world)) == ("2 RUNNABLE, 3 STARTING", 3)
    world.run("a:1")
    assert world.summary("a") == "1 RUNNABLE, 3 STARTING, 1 SUCCEEDED"
    for index in (0, 2, 3, 4):
        world.run(f"a:{index}")
    assert (world.status("a"), used(world)) == ("SUCCEEDED", 0)


def test_units_that_do_not_come_back_are_used_up_by_every_start(world: World) -> None:
    world.tell(consumable("token", 5, lasting=False))
    world.submit(retrying(needing(spec("a"), token=2), 3), spec("b"))
    world.exit("a", 1)
    world.exit("a", 1)
    assert (world.statuses("a", "b"), used(world, "token")) == ("RUNNABLE STARTING", 4)

    assert drawn(world.tell(consumable("token", 6, lasting=False))) == {"token": 6}

    assert world.statuses("a") == "STARTING"
    world.run("a")
    assert used(world, "token") == 6


def test_more_units_let_those_who_wait_start_and_fewer_take_nothing_away(world: World) -> None:
    world.submit(needing(spec("a"), seat=3), needing(spec("b"), seat=3))
    world.tell(consumable("seat", 1))
    assert world.statuses("a", "b") == "STARTING RUNNABLE"
    world.run("a")
    assert (world.status("b"), used(world)) == ("RUNNABLE", 0)
    world.tell(consumable("seat", 3))
    assert world.status("b") == "STARTING"


def test_a_resource_of_which_nobody_knows_keeps_its_jobs_waiting(world: World) -> None:
    world.submit(needing(spec("a"), ghost=1))
    assert world.scheduler.explain("a")[1] == "Consumable resource ghost does not exist."
    world.tell(consumable("ghost", 1))
    world.run("a")
    world.tell(ConsumableDeleted("ghost"), ConsumableDeleted("ghost"))
    assert list(world.scheduler.state.pools) == ["seat"]


def test_a_resource_that_is_deleted_under_its_jobs_is_remembered_until_they_end(world: World) -> None:
    world.submit(needing(spec("a"), seat=3), needing(spec("b"), seat=1))
    world.tell(ConsumableDeleted("seat"))
    world.run("a")
    assert world.statuses("a", "b") == "SUCCEEDED RUNNABLE"
    world.tell(CancelRequested("b", "no"))
    assert world.scheduler.state.pools == {}


def test_a_job_in_another_state_holds_nothing_yet(world: World) -> None:
    world.submit(spec("a"), after(needing(spec("b"), seat=1), "a"))
    assert (world.status("b"), used(world)) == ("PENDING", 0)
    world.run("a")
    assert (world.status("b"), used(world)) == ("STARTING", 1)


def restarted(jobs: Rows, units: dict[str, int]) -> Scheduler:
    again = Scheduler()
    told = [machine(16), environment("main"), queue("q", "main"), consumable("seat", 3)]
    again.step([*told, consumable("token", 9, lasting=False)], 0)
    again.restore(jobs.live(), units)
    assert invariants.check(again.state) == []
    return again


def test_after_a_restart_every_unit_is_where_it_was(world: World) -> None:
    rows = Rows()
    rows.save(world.tell(consumable("token", 9, lasting=False)))
    jobs = [needing(spec("a"), seat=2, token=3), needing(spec("b"), seat=2), needing(array("c", 2), token=1)]
    rows.save(world.submit(*jobs))

    again = restarted(rows, {"seat": 2, "token": 3, "gone": 4})
    assert {name: pool.used for name, pool in again.state.pools.items()} == {"seat": 2, "token": 3}
    step = again.step([TaskExited(world.task("a"), 1, 0)], 1)
    assert drawn(step) == {"seat": 2, "token": 5}
    assert [command.job_id for command in step.commands] == ["b", "c:0", "c:1"]


def test_a_head_that_lacks_units_says_so_with_figures(world: World) -> None:
    world.tell(consumable("token", 2, lasting=False))
    world.submit(needing(spec("a"), seat=2), needing(spec("b"), seat=2, token=3), spec("c"))

    found = world.scheduler.explanation("c")

    assert found is not None
    assert (found.ahead, found.head) == (1, "b")
    assert [(one.hurdle, one.subject) for one in found.obstacles] == [
        (PoolKind.RESOURCE, "seat"),
        (PoolKind.RESOURCE, "token"),
    ]
    assert [one.sentence for one in found.obstacles] == [
        "Consumable resource seat has 3 units and 2 are in use, the job needs 2.",
        "Consumable resource token has 2 units left for good, the job needs 3.",
    ]
    assert found.sentences[-2:] == [one.sentence for one in found.obstacles]


def test_invariants_see_units_that_leaked(world: World) -> None:
    world.submit(needing(spec("a"), seat=2))
    pool = world.scheduler.state.pools["seat"]
    pool.used = 3
    assert invariants.check(world.scheduler.state) == ["of seat 2 units are held and 3 counted"]
    pool.used, pool.members = 2, 7
    assert invariants.check(world.scheduler.state) == ["seat miscounts the jobs that name it"]
