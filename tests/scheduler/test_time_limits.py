"""A head that is blocked for too long is cancelled where its queue says so. [batch.md 5.3]"""

from __future__ import annotations

from dataclasses import replace

from batchd.scheduler.events import CancelRequested, TimePassed
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.worlds import World, after, array, environment, machine, queue, spec

TOO_SMALL = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
LACKING = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"


def world_with(**limits: int) -> World:
    """Four vCPUs, no GPU; `small` and `lacking` are the limits."""
    world = World()
    names = {"small": TOO_SMALL, "lacking": LACKING}
    world.tell(queue("q", "main", limits={names[name]: seconds for name, seconds in limits.items()}))
    return world


def test_a_head_that_is_blocked_for_too_long_is_cancelled_and_the_next_one_goes() -> None:
    world = world_with(lacking=600)
    world.submit(spec("a", gpus=1), after(spec("child"), "a"), spec("b"))
    assert world.scheduler.next_deadline() == world.now + 600_000
    world.wait(599)
    assert world.status("a") == "RUNNABLE"
    world.wait(1)
    assert world.statuses("a", "child", "b") == "FAILED FAILED STARTING"
    assert world.jobs["a"].status_reason == f"Canceled by JobStateTimeLimit action due to reason: {LACKING}"
    assert (world.jobs["a"].is_cancelled, world.jobs["a"].stopped_at) == (False, world.now)
    assert world.scheduler.next_deadline() is None


def test_the_clock_of_the_next_head_starts_when_it_becomes_the_head() -> None:
    world = world_with(lacking=600)
    world.submit(spec("a", gpus=1), spec("b", gpus=1))
    world.wait(600)
    assert world.statuses("a", "b") == "FAILED RUNNABLE"
    assert world.scheduler.next_deadline() == world.now + 600_000
    world.wait(600)
    assert world.status("b") == "FAILED"


def test_another_reason_has_its_own_limit_and_its_own_clock() -> None:
    world = world_with(lacking=600, small=900)
    world.submit(spec("a", 1, gpus=1))
    world.wait(500)
    world.tell(environment("main", 0.5))
    assert world.scheduler.next_deadline() == world.now + 900_000
    world.wait(900)
    assert world.jobs["a"].status_reason == f"Canceled by JobStateTimeLimit action due to reason: {TOO_SMALL}"


def test_a_head_that_is_looked_at_again_keeps_its_clock() -> None:
    world = world_with(lacking=600)
    world.submit(spec("a", gpus=1))
    since = world.now
    world.tell(environment("main"))
    assert world.scheduler.next_deadline() == since + 600_000


def test_a_reason_without_a_limit_may_last() -> None:
    world = world_with(small=600)
    world.submit(spec("a", gpus=1))
    assert world.scheduler.next_deadline() is None
    world.wait(100_000)
    assert world.status("a") == "RUNNABLE"


def test_a_limit_that_is_set_later_counts_from_the_beginning_and_one_that_is_cleared_is_gone() -> None:
    world = world_with()
    world.submit(spec("a", gpus=1))
    since = world.now
    world.tell(queue("q", "main", limits={LACKING: 600}))
    assert world.scheduler.next_deadline() == since + 600_000
    world.tell(queue("q", "main"))
    assert world.scheduler.next_deadline() is None


def test_the_earliest_of_all_deadlines_is_told() -> None:
    world = world_with(lacking=900)
    world.tell(queue("r", "main", limits={LACKING: 600}), queue("idle", "main", limits={LACKING: 600}))
    world.submit(spec("a", gpus=1), spec("b", gpus=1, on="r"), replace(spec("c", on="idle"), timeout_s=60))
    world.start("c")
    assert world.scheduler.next_deadline() == world.now + 60_000
    world.exit("c")
    assert world.scheduler.next_deadline() == world.now - 2000 + 600_000
    world.wait(1000)
    assert world.statuses("a", "b") == "FAILED FAILED"


def test_a_head_that_ends_in_the_same_step_is_not_cancelled_twice() -> None:
    world = world_with(lacking=600)
    world.submit(spec("a", gpus=1))
    world.now += 600_000
    world.tell_now(CancelRequested("a", "no"), TimePassed(), TimePassed())
    assert world.jobs["a"].status_reason == "no"


def test_after_a_restart_the_clock_starts_again() -> None:
    world = world_with(lacking=600)
    world.submit(spec("a", gpus=1))
    world.now += 599_000
    again = Scheduler()
    again.step([environment("main"), queue("q", "main", limits={LACKING: 600}), machine(4)], world.now)
    again.restore([world.jobs["a"]])
    assert again.next_deadline() is None
    assert again.step([TimePassed()], world.now).changed == []
    assert again.next_deadline() == world.now + 600_000


def test_an_array_that_is_blocked_for_too_long_is_cancelled_as_a_whole() -> None:
    world = world_with(small=600)
    world.tell(environment("main", 4))
    world.submit(array("a", 1000, 8), spec("b"))
    assert world.statuses("a", "b") == "PENDING RUNNABLE"
    world.wait(600)
    assert world.statuses("a", "b") == "FAILED STARTING"
