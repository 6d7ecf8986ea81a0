"""Replays through the real scheduler: who starts when, and who never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler import invariants
from batchd.scheduler.scheduler import Scheduler
from batchd.traces.lublin import Model, generate
from batchd.traces.plan import Plan, Workload
from batchd.traces.replay import replay
from batchd.traces.swf import SwfStatus
from tests.traces.builders import report, swf


def test_a_job_that_finds_room_starts_when_it_is_submitted() -> None:
    found = report([swf(1, 100, 60), swf(2, 130, 60)])
    assert list(found.waits_s) == [0, 0]
    assert (found.succeeded, found.makespan_s) == (2, 90)


def test_a_job_that_finds_none_starts_when_there_is_room() -> None:
    found = report([swf(1, 0, 100, 4), swf(2, 10, 5, 4), swf(3, 20, 5, 4)])
    assert list(found.waits_s) == [0, 85, 90]
    assert found.queue_length.most == 2


def test_the_head_of_a_queue_is_not_overtaken() -> None:
    found = report([swf(1, 0, 100, 3), swf(2, 1, 100, 4), swf(3, 2, 1, 1)])
    assert list(found.waits_s) == [0, 99, 198]


def test_the_queue_of_higher_priority_goes_first() -> None:
    jobs = [swf(1, 0, 100, 4, queue=1), swf(2, 1, 10, 4, queue=1, user=2), swf(3, 2, 10, 4, queue=0, user=3)]
    found = report(jobs, Plan(4, priorities={"0": 5}))
    assert {share.name: share.mean_wait_s for share in found.shares} == {"1": 0, "3": 98, "2": 109}


def test_memory_holds_jobs_up_where_the_machine_has_a_size() -> None:
    jobs = [swf(1, 0, 10, 1, requested_memory=600 * 1024), swf(2, 0, 10, 1, requested_memory=600 * 1024)]
    assert list(report(jobs).waits_s) == [0, 0]
    assert list(report(jobs, Plan(4, memory_mib=1000)).waits_s) == [0, 10]


def test_a_job_larger_than_the_machine_has_it_for_itself() -> None:
    found = report([swf(1, 0, 10, 1), swf(2, 0, 20, 400), swf(3, 0, 1, 1)])
    assert list(found.waits_s) == [0, 10, 30]
    assert (found.larger_than_machine, found.utilisation.most) == (1, 1)
    assert found.shares[0].vcpu_hours * 3600 == pytest.approx(10 + 4 * 20 + 1)


def test_failed_jobs_are_counted_and_not_tried_again() -> None:
    found = report([swf(1, 0, 10, status=SwfStatus.FAILED), swf(2, 0, 10, status=SwfStatus.CANCELLED)])
    assert (found.jobs, found.succeeded, found.failed, found.never_ran) == (2, 0, 2, 0)


def test_a_user_gives_a_job_up_that_does_not_start_in_time() -> None:
    given_up = swf(2, 1, 0, 4, status=SwfStatus.CANCELLED, wait_time=30)
    found = report([swf(1, 0, 100, 4), given_up, swf(3, 2, 5, 4)])
    assert (found.succeeded, found.failed, found.never_ran) == (2, 0, 1)
    assert list(found.waits_s) == [0, 98]
    assert found.fairness.bins[-1] is None


def test_a_job_that_starts_before_its_user_gives_up_runs() -> None:
    found = report([swf(1, 0, 0, 4, status=SwfStatus.CANCELLED, wait_time=30, requested_time=50)])
    assert (found.failed, found.never_ran, found.makespan_s) == (1, 0, 50)


def test_limits_stop_jobs_that_run_for_too_long() -> None:
    jobs = [swf(1, 0, 100, 4, requested_time=40), swf(2, 0, 10, 4, requested_time=40)]
    assert list(report(jobs).waits_s) == [0, 100]
    found = report(jobs, Plan(4, enforce_limits=True))
    assert list(found.waits_s) == [0, 40]
    assert (found.succeeded, found.failed, found.makespan_s) == (1, 1, 50)


def test_jobs_that_take_no_time_run_too() -> None:
    found = report([swf(number, 7, 0, 4) for number in range(5)])
    assert (found.succeeded, found.makespan_s, found.jobs_an_hour) == (5, 0, 0)


def test_nothing_comes_of_no_jobs() -> None:
    found = report([])
    assert (found.jobs, found.makespan_s, found.utilisation.bins, found.shares) == (0, 0, [], [])


def test_a_replay_is_the_same_every_time() -> None:
    jobs = list(generate(Model(load=0.9), 1500))
    assert report(jobs, Plan(128)) == report(jobs, Plan(128))


def test_the_scheduler_is_the_one_of_production_and_keeps_its_invariants(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[str] = []
    step = Scheduler.step

    def watched(self: Scheduler, *arguments: object) -> object:
        taken = step(self, *arguments)  # type: ignore[arg-type]  # whatever it takes
        broken.extend([*invariants.check_step(self.state, taken), *invariants.check(self.state)])
        return taken

    monkeypatch.setattr(Scheduler, "step", watched)
    plan = replace(Plan(48), priorities={"0": 3})
    tally = replay(plan, Workload(plan, generate(Model(load=1.2, vcpus=48), 250)))
    assert (broken, tally.succeeded) == ([], 250)
