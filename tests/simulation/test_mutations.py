"""The simulation has teeth: each rule that is broken on purpose is found by some seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batchd.scheduler import (
    benches,
    cycle,
    deadlines,
    dependencies,
    gangs,
    lifecycle,
    lines,
    placement,
    pools,
    scheduler,
    tasks,
)
from batchd.scheduler.events import JobStatus, Resources
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Draft, Job, Line, Machine, Pool, State
from tests.simulation.simulate import first_failure
from tests.simulation.world import Trouble

SEEDS = 400
Breakage = tuple[Any, str, Callable[..., Any]]


def retried_jobs_go_to_the_back() -> Breakage:
    right = lines.join

    def join(line: Line, job: Job, number: int = 1) -> bool:
        might_be_head = right(line, job, number)
        for tier in line.tiers:
            tier.waiting.extend(tier.retried)
            tier.retried.clear()
        return might_be_head

    return lines, "join", join


def one_attempt_too_many() -> Breakage:
    right = lifecycle.may_retry
    return lifecycle, "may_retry", lambda spec, done, last: right(replace(spec, attempts=spec.attempts + 1), done, last)


def a_dependency_that_failed_counts_as_met() -> Breakage:
    right = dependencies.outcome

    def outcome(state: State, job: Job) -> JobStatus | None:
        found = right(state, job)
        return JobStatus.SUCCEEDED if found is JobStatus.FAILED else found

    return dependencies, "outcome", outcome


def a_failure_is_borne_by_nobody() -> Breakage:
    return dependencies, "bears_failure", lambda job, other_id, each: False


def a_failure_is_borne_by_everybody() -> Breakage:
    return dependencies, "bears_failure", lambda job, other_id, each: True


def a_sequence_that_bears_failures_runs_all_at_once() -> Breakage:
    return dependencies, "predecessor", lambda children, index, after_any: -1


def memory_is_not_looked_at() -> Breakage:
    right = placement.machine_hurdle

    def hurdle(machine: Machine, need: Resources) -> placement.Hurdle | None:
        return right(machine, replace(need, memory_mib=0))

    return placement, "machine_hurdle", hurdle


def what_is_given_back_wakes_nobody() -> Breakage:
    return placement, "_wake", lambda state, sleepers: sleepers.clear()


def the_last_comes_first() -> Breakage:
    right = cycle.run

    def run(state: State, draft: Draft) -> None:
        for queue in state.queues.values():
            for line in queue.lines.values():
                for tier in line.tiers:
                    tier.waiting.reverse()
        right(state, draft)

    return cycle, "run", run


def nobody_looks_at_the_clock() -> Breakage:
    return deadlines, "take_due", lambda state, now: []


def a_restart_forgets_what_must_stop() -> Breakage:
    right = Scheduler.wanted

    def wanted(self: Scheduler) -> list[Any]:
        return [command for command in right(self) if type(command).__name__ != "StopTask"]

    return Scheduler, "wanted", wanted


def a_restart_forgets_the_order() -> Breakage:
    return scheduler, "_came_at", lambda job: job.submitted_at


def nodes_go_on_without_their_main_node() -> Breakage:
    return tasks, "stop_nodes", lambda draft, gang, reason: None


def a_gang_is_over_with_its_main_node() -> Breakage:
    right = gangs.is_over_with
    return gangs, "is_over_with", lambda draft, job: right(draft, job) or not job.is_node


def a_restart_forgets_nodes() -> Breakage:
    return gangs, "restore", lambda state, gang: None


def there_is_always_a_unit() -> Breakage:
    return Pool, "lacks", lambda self, quantity: False


def who_stepped_aside_is_not_called_back() -> Breakage:
    return benches, "call_next", lambda state: state.stirred.clear()


def what_was_used_up_is_there_again_after_a_restart() -> Breakage:
    return pools, "recall", lambda state, arn, used: None


BROKEN = (
    retried_jobs_go_to_the_back,
    one_attempt_too_many,
    a_dependency_that_failed_counts_as_met,
    a_failure_is_borne_by_nobody,
    a_failure_is_borne_by_everybody,
    a_sequence_that_bears_failures_runs_all_at_once,
    memory_is_not_looked_at,
    what_is_given_back_wakes_nobody,
    the_last_comes_first,
    nobody_looks_at_the_clock,
    a_restart_forgets_what_must_stop,
    a_restart_forgets_the_order,
    nodes_go_on_without_their_main_node,
    a_gang_is_over_with_its_main_node,
    a_restart_forgets_nodes,
    there_is_always_a_unit,
    who_stepped_aside_is_not_called_back,
    what_was_used_up_is_there_again_after_a_restart,
)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_rule_is_found(broken: Callable[[], Breakage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*broken())
    assert first_failure(range(SEEDS), Trouble(steps=30), lambda line: None) is not None
