"""What is wrong with pools is found out: each check is shown a world that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from batchd.scheduler import invariants
from batchd.scheduler.commands import StartTask
from batchd.scheduler.state import Bench, Job, Pool, PoolKind, State, Step
from tests.scheduler.worlds import World, keyed, spec


def held() -> State:
    """The job `new` has the only unit of the pool `key`; `b` and `c` sit aside."""
    world = World()
    world.submit(keyed(spec("new"), 1), keyed(spec("b"), 1), keyed(spec("c"), 1))
    return world.scheduler.state


def job(state: State, name: str) -> Job:
    return state.jobs[name]


def a_start(state: State) -> Step:
    new = job(state, "new")
    return Step([new], [StartTask(str(new.task_id), "new", 1, "main")], [])


def bench(state: State) -> Bench:
    return state.pools["key"].benches["q", ""]


def miscount_units(state: State) -> None:
    state.pools["key"].used = 2


def miscount_members(state: State) -> None:
    state.pools["key"].members += 1


def have_more_units(state: State) -> None:
    state.pools["key"].total = 7


def keep_dead_pool(state: State) -> None:
    state.pools["ghost"] = Pool("ghost", PoolKind.RESOURCE)


def miscount_aside(state: State) -> None:
    state.queues["q"].line("").aside += 1


def miscount_those_who_left(state: State) -> None:
    bench(state).stale += 1


def keep_empty_bench(state: State) -> None:
    state.pools["key"].benches["q", "a"] = Bench(state.pools["key"], ("q", "a"))


def free_a_unit(state: State) -> None:
    state.pools["key"].used = 0


def call_nobody_who_waits(state: State) -> None:
    bench(state).called = job(state, "new")


def sit_elsewhere(state: State) -> None:
    job(state, "b").spec = replace(job(state, "b").spec, share="a")


def name_another_place(state: State) -> None:
    bench(state).place = ("q", "a")


def stand_though_held(state: State) -> None:
    state.queues["q"].line("").tiers[0].waiting.append(job(state, "b"))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (miscount_units, "of key 1 units are held and 2 counted"),
        (miscount_members, "key miscounts the jobs that name it"),
        (have_more_units, "key has 7 units although its jobs name {1: 3}"),
        (keep_dead_pool, "ghost is gone and still remembered"),
        (miscount_aside, "counts 3 jobs aside, not {('q', ''): 2}"),
        (miscount_those_who_left, "a bench of key miscounts those who left"),
        (keep_empty_bench, "a bench of key is empty and still there"),
        (free_a_unit, "b waits for key although there is a unit"),
        (call_nobody_who_waits, "new is called and does not stand in line"),
        (sit_elsewhere, "b sits among strangers"),
        (name_another_place, "b sits among strangers"),
        (stand_though_held, "b is held by a limit and blocks q"),
    ],
)
def test_what_is_wrong_with_pools_is_said(harm: Callable[[State], None], complaint: str) -> None:
    state = held()
    assert invariants.check(state) == []

    harm(state)

    assert complaint in "\n".join(invariants.check(state))


def test_a_start_without_a_unit_is_found_out() -> None:
    state = held()
    assert invariants.check_step(state, a_start(state)) == []

    miscount_units(state)

    assert invariants.check_step(state, a_start(state)) == ["new was started although 2 of 1 units of key are held"]
