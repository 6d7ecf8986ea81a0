"""What a step of the scheduler counts for."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from batchd.metrics import Metrics, Picture
from batchd.scheduler.children import Children
from batchd.scheduler.events import JobSpec, JobStatus, Resources
from batchd.scheduler.state import Attempt, Job, Step, Transition

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/night"


def look() -> Picture:
    amount = {"vcpus": 1.0, "memoryMiB": 1, "gpus": 0}
    return Picture("1", "fake", "sqlite", {}, {"capacity": amount, "used": amount, "environments": []})  # type: ignore[typeddict-item]


def count(*steps: Step) -> dict[str, float]:
    """Series of jobs that are not zero, by name and result."""
    metrics = Metrics(look)
    for step in steps:
        metrics.on_step(step)
    found = {}
    for family in text_string_to_metric_families(metrics.page().decode()):
        for sample in family.samples:
            name = sample.name.removeprefix("batchd_job")
            if (
                sample.labels.get("queue") == "night"
                and sample.value
                and "bucket" not in name
                and "created" not in name
            ):
                found[name + sample.labels.get("result", "")] = sample.value
    return found


def job(status: JobStatus, *attempts: Attempt, runnable_at: int | None = 1000) -> Job:
    spec = JobSpec("j", QUEUE, Resources(1000, 64))
    return Job(spec, status, 0, attempts=list(attempts), runnable_at=runnable_at)


def moved(status: JobStatus, at: int, attempt: int) -> Transition:
    return Transition("j", status, at, attempt, None)


def test_a_job_that_starts_and_ends_in_one_step_is_counted_whole() -> None:
    one = job(JobStatus.SUCCEEDED, Attempt("t", "e", 3000, 7000, "over", 0, runnable_at=1000))

    counted = count(Step([one], [], [moved(JobStatus.RUNNING, 3000, 1), moved(JobStatus.SUCCEEDED, 7000, 1)]))

    assert counted == {
        "s_ended_totalsucceeded": 1,
        "_wait_seconds_count": 1,
        "_wait_seconds_sum": 2,
        "_run_seconds_count": 1,
        "_run_seconds_sum": 4,
    }


def test_each_attempt_of_a_retried_job_is_counted_once() -> None:
    first = Attempt("t1", "e", 2000, 4000, "over", 1, runnable_at=1000)
    waiting = job(JobStatus.RUNNABLE, first, runnable_at=4000)
    cancelled = job(JobStatus.FAILED, first, runnable_at=4000)

    counted = count(
        Step([waiting], [], [moved(JobStatus.RUNNING, 2000, 1), moved(JobStatus.RUNNABLE, 4000, 1)]),
        Step([cancelled], [], [moved(JobStatus.FAILED, 9000, 1)]),
    )

    assert counted == {
        "s_ended_totalfailed": 1,
        "_wait_seconds_count": 1,
        "_wait_seconds_sum": 1,
        "_run_seconds_count": 1,
        "_run_seconds_sum": 2,
    }


def test_a_job_that_never_ran_took_no_time() -> None:
    failed = job(JobStatus.FAILED, Attempt("t", "e", None, 4000, "Task failed to start", runnable_at=1000))

    assert count(Step([failed], [], [moved(JobStatus.FAILED, 4000, 1)])) == {"s_ended_totalfailed": 1}


def test_children_count_and_their_array_does_not() -> None:
    array = job(JobStatus.FAILED)
    array.children = Children(bytearray(4), [0] * len(JobStatus))
    dropped = Transition("j", JobStatus.FAILED, 5, 0, None, children=(1, 2, 3))

    counted = count(Step([array], [], [dropped, moved(JobStatus.FAILED, 5, 0)]))

    assert counted == {"s_ended_totalfailed": 3}


def test_a_job_of_several_nodes_counts_once() -> None:
    gang = job(JobStatus.FAILED)
    node = Job(JobSpec("j#1", QUEUE, Resources(0, 0), index=1), JobStatus.FAILED, 0, parent=gang)
    gang.nodes = {1: node}
    ends = [moved(JobStatus.FAILED, 5, 0)._replace(job_id=job_id) for job_id in ("j", "j#0", "j#1")]

    assert count(Step([gang, node], [], ends)) == {"s_ended_totalfailed": 1}
