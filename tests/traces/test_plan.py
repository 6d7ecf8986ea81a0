"""How the fields of a trace become jobs of ours."""

from __future__ import annotations

import pytest

from batchd.scheduler.events import QueueSpec, Resources
from batchd.traces.plan import Plan, Work, Workload, capacity_of
from batchd.traces.swf import Header, SwfJob, SwfStatus, TraceError
from tests.traces.builders import swf


def works(*jobs: SwfJob, plan: Plan | None = None) -> list[Work]:
    return list(Workload(plan or Plan(4), jobs))


def test_a_job_needs_the_processors_and_the_memory_it_asked_for() -> None:
    (work,) = works(swf(1, 2.5, 60, 3, requested_processors=4, requested_memory=2048, memory=1))
    assert work.spec.resources == Resources(4000, 8)
    assert (work.submit_at, work.run_ms, work.exit_code, work.gives_up_at) == (2500, 60_000, 0, None)


def test_a_job_that_asked_for_nothing_needs_what_it_used() -> None:
    (work,) = works(swf(1, 0, 60, 3, memory=1024))
    assert work.spec.resources == Resources(3000, 3)


def test_jobs_of_one_size_share_the_record_of_it() -> None:
    one, other = works(swf(1, 0, 1, 3), swf(2, 0, 1, 3))
    assert one.spec.resources is other.spec.resources


@pytest.mark.parametrize(
    ("fields", "run_ms", "exit_code"),
    [
        ({"status": SwfStatus.FAILED}, 9000, 1),
        ({"status": SwfStatus.CANCELLED}, 9000, 143),
        ({"status": SwfStatus.UNKNOWN}, 9000, 0),
        ({"run_time": -1, "cpu_time": 7.5}, 7500, 0),
        ({"run_time": 0}, 0, 0),
    ],
)
def test_what_became_of_a_job_says_how_it_will_end(fields: dict[str, float], run_ms: int, exit_code: int) -> None:
    (work,) = works(swf(1, 0, **({"run": 9} | fields)) if "run" in fields else swf(1, 0, 9)._replace(**fields))
    assert (work.run_ms, work.exit_code) == (run_ms, exit_code)


def test_a_job_cancelled_before_it_ran_is_given_up_after_as_long_a_wait() -> None:
    (work,) = works(swf(1, 10, 0, status=SwfStatus.CANCELLED, wait_time=5, requested_time=60))
    assert (work.gives_up_at, work.run_ms) == (15_000, 60_000)


def test_jobs_of_unknown_size_or_run_time_and_parts_of_jobs_are_left_out() -> None:
    jobs = [
        swf(1, 0, -1),
        swf(2, 0, 5, -1),
        swf(3, 0, 5, status=SwfStatus.PART_TO_BE_CONTINUED),
        swf(3, 0, 5, status=SwfStatus.LAST_PART_COMPLETED),
        swf(4, 0, 5, status=SwfStatus.LAST_PART_FAILED),
        swf(5, 0, 5),
    ]
    workload = Workload(Plan(4), jobs)
    assert [work.spec.job_id for work in workload] == ["6"]
    assert workload.left_out == 5


@pytest.mark.parametrize(
    ("by", "name"), [("queue", "4"), ("user", "2"), ("group", "3"), ("partition", "unknown"), ("none", "all")]
)
def test_any_of_these_fields_can_name_the_queue_and_the_share(by: str, name: str) -> None:
    (work,) = works(swf(1, 0, 1, user=2, group=3, queue=4), plan=Plan(4, queues_by=by, shares_by=by))
    assert (work.spec.queue, work.share) == (name, name)


def test_limits_are_what_jobs_requested_where_they_did() -> None:
    plan = Plan(4, enforce_limits=True)
    some = works(swf(1, 0, 9, requested_time=7.4), swf(2, 0, 9), swf(3, 0, 9, requested_time=0.2), plan=plan)
    assert [work.spec.timeout_s for work in some] == [7, None, 1]
    assert [work.spec.timeout_s for work in works(swf(1, 0, 9, requested_time=7))] == [None]


def test_queues_have_the_priorities_they_are_given() -> None:
    plan = Plan(4, priorities={"0": 9})
    assert plan.queue("0").queue == QueueSpec("0", 9, ("trace",))
    assert plan.queue("1").queue == QueueSpec("1", 1, ("trace",))


def test_the_machine_is_as_large_as_the_header_says() -> None:
    assert capacity_of(Header((("MaxNodes", "16"), ("MaxProcs", "64")))) == 64
    assert capacity_of(Header((("MaxNodes", "16"), ("MaxProcs", "-1")))) == 16
    with pytest.raises(TraceError, match="give --vcpus"):
        capacity_of(Header())
