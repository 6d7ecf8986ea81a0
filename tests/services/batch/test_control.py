from __future__ import annotations

import pytest

from batchd.scheduler.events import CancelRequested, JobStatus, TerminateRequested
from tests.services.batch.worlds import World

OPERATIONS = [("cancel_job", CancelRequested), ("terminate_job", TerminateRequested)]
UNKNOWN = "00000000-0000-4000-8000-00000000dead"


def requests(world: World) -> list[CancelRequested | TerminateRequested]:
    return [event for event in world.events() if isinstance(event, CancelRequested | TerminateRequested)]


@pytest.mark.parametrize(("operation", "event"), OPERATIONS)
def test_the_scheduler_is_told_of_the_wish(
    world: World, operation: str, event: type[CancelRequested | TerminateRequested]
) -> None:
    world.ready()
    job_id = world.submit()

    assert world.ask(operation, jobId=job_id, reason="enough") == {}
    assert world.ask(operation, jobId=f"arn:aws:batch:us-east-1:123456789012:job/{job_id}", reason="again") == {}

    assert requests(world) == [event(job_id, "enough"), event(job_id, "again")]


@pytest.mark.parametrize(("operation", "_event"), OPERATIONS)
def test_finished_and_unknown_jobs_are_no_error(world: World, operation: str, _event: type) -> None:
    world.ready()
    job_id = world.submit()
    world.becomes(job_id, JobStatus.SUCCEEDED)

    for one in (job_id, UNKNOWN, "nonsense"):
        assert world.ask(operation, jobId=one, reason="enough") == {}

    assert requests(world) == []


@pytest.mark.parametrize(("operation", "_event"), OPERATIONS)
def test_empty_members_are_refused(world: World, operation: str, _event: type) -> None:
    assert world.refusal(operation, jobId="", reason="x") == "jobId must not be empty"
    for reason in ("", "x" * 1025):
        assert world.refusal(operation, jobId=UNKNOWN, reason=reason) == "reason must have 1 to 1024 characters"


@pytest.mark.parametrize(("operation", "event"), OPERATIONS)
def test_many_jobs_are_asked_at_once(
    world: World, operation: str, event: type[CancelRequested | TerminateRequested]
) -> None:
    world.ready()
    first, second = world.submit(), world.submit()
    jobs = [first, UNKNOWN, "nonsense", f"{second}:1", second]

    answer = world.ask(f"{operation}s", jobs=jobs, reason="enough")

    assert answer == {
        "successful": [first, UNKNOWN, f"{second}:1", second],
        "errors": [{"job": "nonsense", "code": "ValidationException", "message": "nonsense is not a job id"}],
    }
    assert requests(world) == [event(first, "enough"), event(second, "enough")]


@pytest.mark.parametrize(("operation", "_event"), OPERATIONS)
def test_a_bulk_has_one_to_fifty_jobs(world: World, operation: str, _event: type) -> None:
    for jobs in ([], [UNKNOWN] * 51):
        assert world.refusal(f"{operation}s", jobs=jobs, reason="x") == "jobs must have 1 to 50 entries"
    assert world.refusal(f"{operation}s", jobs=[UNKNOWN], reason="") == "reason must have 1 to 1024 characters"
