"""The simulation has teeth: each rule that is broken on purpose is found by some seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from batchd.scheduler import (
    benches,
    cycle,
    deadlines,
    dependencies,
    fair,
    forecast,
    gangs,
    lifecycle,
    lines,
    placement,
    pools,
    preemption,
    quota,
    scheduler,
    service,
    shares,
    tasks,
)
from batchd.scheduler.events import JobStatus, Resources
from batchd.scheduler.quota import Room
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


def the_share_that_used_most_goes_first() -> Breakage:
    right = shares.charge
    return shares, "charge", lambda line, window, now: -right(line, window, now)


def weights_are_not_looked_at() -> Breakage:
    return shares, "weigh", lambda queue, policy, active: None


def what_is_reserved_for_others_is_taken() -> Breakage:
    return fair, "is_reserved", lambda queue, job: False


def a_restart_forgets_what_shares_used() -> Breakage:
    right = Scheduler.restore
    return Scheduler, "restore", lambda self, jobs, drawn=None, kept=(): right(self, jobs, drawn)


def who_goes_first_takes_the_room_of_the_head() -> Breakage:
    return forecast, "has_room_beside", lambda opening, state, queue, job, other: True


def everybody_is_over_in_time() -> Breakage:
    return forecast, "end_if_placed", lambda job, now: now


def one_more_than_the_limit() -> Breakage:
    right = Pool.lacks
    return Pool, "lacks", lambda self, quantity: right(self, quantity - 1)


def who_is_tried_again_keeps_his_units() -> Breakage:
    right = pools.give_back

    def give_back(state: State, job: Job) -> None:
        if len(job.attempts) >= job.spec.attempts:
            right(state, job)

    return pools, "give_back", give_back


def what_is_used_up_comes_back() -> Breakage:
    right = pools.give_back

    def give_back(state: State, job: Job) -> None:
        for pool, quantity in pools.of(state, job.spec):
            pool.used -= 0 if pool.refills else quantity
        right(state, job)

    return pools, "give_back", give_back


def only_some_nodes_start() -> Breakage:
    right = gangs.follow_main

    def follow_main(state: State, draft: Draft, gang: Job) -> None:
        nodes = gang.nodes or {}
        gang.nodes = dict(list(nodes.items())[:1])
        right(state, draft, gang)
        gang.nodes = nodes

    return gangs, "follow_main", follow_main


def anybody_borrows_anything() -> Breakage:
    return quota, "most", lambda shares, name, unit: 99


def nobody_makes_room() -> Breakage:
    return preemption, "make_room", lambda state, draft, queue: None


def anybody_makes_room_for_an_owner() -> Breakage:
    def borrower(room: Room, job: Job, running: Sequence[Job]) -> Job | None:
        unit = quota.wanted_of(job).unit
        others = [one for one in running if one.spec.share != job.spec.share]
        return next((one for one in others if quota.wanted_of(one).unit == unit), None)

    return preemption, "_borrower", borrower


def equals_make_room_for_each_other() -> Breakage:
    def lesser(room: Room, job: Job, running: Sequence[Job]) -> Job | None:
        return next((one for one in running if one.spec.share == job.spec.share), None)

    return preemption, "_lesser", lesser


def who_made_room_is_lost() -> Breakage:
    return service, "may_return", lambda job: False


def who_made_room_comes_back_for_ever() -> Breakage:
    return service, "may_return", lambda job: job.spec.service is not None


def making_room_uses_up_attempts() -> Breakage:
    return service, "tried", lambda job: len(job.attempts)


def what_succeeded_before_runs_again() -> Breakage:
    right = scheduler.new_children
    return scheduler, "new_children", lambda size, succeeded: right(size)


def what_was_returned_keeps_its_room() -> Breakage:
    right = lifecycle._give_room_back

    def give_back(state: State, draft: Draft, job: Job) -> None:
        if job.attempts:
            right(state, draft, job)

    return lifecycle, "_give_room_back", give_back


def what_was_returned_goes_to_the_back() -> Breakage:
    return Job, "was_placed", property(lambda job: bool(job.attempts))


def a_return_is_not_heard() -> Breakage:
    return lifecycle, "returned", lambda state, draft, job, event: None


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
    the_share_that_used_most_goes_first,
    weights_are_not_looked_at,
    what_is_reserved_for_others_is_taken,
    a_restart_forgets_what_shares_used,
    who_goes_first_takes_the_room_of_the_head,
    everybody_is_over_in_time,
    one_more_than_the_limit,
    who_is_tried_again_keeps_his_units,
    what_is_used_up_comes_back,
    only_some_nodes_start,
    anybody_borrows_anything,
    nobody_makes_room,
    anybody_makes_room_for_an_owner,
    equals_make_room_for_each_other,
    who_made_room_is_lost,
    who_made_room_comes_back_for_ever,
    making_room_uses_up_attempts,
    what_succeeded_before_runs_again,
    what_was_returned_keeps_its_room,
    what_was_returned_goes_to_the_back,
    a_return_is_not_heard,
)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_rule_is_found(broken: Callable[[], Breakage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*broken())
    assert first_failure(range(SEEDS), Trouble(steps=30), lambda line: None) is not None
