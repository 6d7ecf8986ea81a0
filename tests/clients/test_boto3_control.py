"""Cancelling and terminating through boto3, by the state a job is in."""

from __future__ import annotations

import pytest

from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, eventually, reached
from tests.clients.worlds import Gate, World

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("operation", "flag"), [("cancel_job", "isCancelled"), ("terminate_job", "isTerminated")])
def test_a_job_that_waits_for_another_ends_at_once(world: World, gate: Gate, operation: str, flag: str) -> None:
    waiting = world.submit(dependsOn=[{"jobId": world.submit(gate.script)}])
    getattr(world.batch, operation)(jobId=waiting, reason="not needed any more")
    job = described(world.batch, waiting)
    assert (job["status"], job["statusReason"]) == ("FAILED", "not needed any more")
    assert job[flag]
    assert job["attempts"] == []
    assert "startedAt" not in job


@pytest.mark.parametrize("operation", ["cancel_job", "terminate_job"])
def test_a_job_that_waits_for_room_ends_at_once_and_lets_the_next_one_in(world: World, operation: str) -> None:
    world.batch.update_compute_environment(computeEnvironment=world.environment, state="DISABLED")
    first, second = world.submit(), world.submit()
    assert [described(world.batch, job_id)["status"] for job_id in (first, second)] == ["RUNNABLE", "RUNNABLE"]
    getattr(world.batch, operation)(jobId=first, reason="not needed")
    assert described(world.batch, first)["statusReason"] == "not needed"
    world.batch.update_compute_environment(computeEnvironment=world.environment, state="ENABLED")
    assert ended(world.batch, second)["status"] == "SUCCEEDED"


def test_cancelling_a_running_job_has_no_effect(world: World, gate: Gate) -> None:
    job_id = world.submit(gate.script)
    reached(world.batch, job_id, "RUNNING")
    world.batch.cancel_job(jobId=job_id, reason="too late")
    gate.open()
    job = ended(world.batch, job_id)
    assert (job["status"], job["isCancelled"]) == ("SUCCEEDED", False)


def test_a_terminated_job_is_asked_to_stop_and_may_tidy_up(world: World) -> None:
    script = "trap 'echo tidied up; exit 3' TERM; echo ready; while :; do sleep 0.02; done"
    job_id = world.submit(script, retryStrategy={"attempts": 3})
    reached(world.batch, job_id, "RUNNING")
    stream = described(world.batch, job_id)["container"]["logStreamName"]
    _wait_for_line(world, stream, "ready")
    world.batch.terminate_job(jobId=job_id, reason="enough")
    world.batch.terminate_job(jobId=job_id, reason="the first reason stays")
    job = ended(world.batch, job_id)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "enough", True)
    assert job["container"]["exitCode"] == 3
    assert len(job["attempts"]) == 1
    assert world.output(job)[-1] == "tidied up"


def test_a_terminated_job_that_does_not_care_is_ended_by_the_signal(world: World) -> None:
    job_id = world.submit("exec sleep 600")
    reached(world.batch, job_id, "RUNNING")
    world.batch.terminate_job(jobId=job_id, reason="enough")
    assert ended(world.batch, job_id)["container"]["exitCode"] == 143


def test_ended_and_unknown_jobs_are_left_as_they_are(world: World) -> None:
    done = world.run()
    for call in (world.batch.cancel_job, world.batch.terminate_job):
        call(jobId=done["jobId"], reason="too late")
        call(jobId=NOBODY, reason="nobody")
    assert described(world.batch, done["jobId"]) == done


def test_many_jobs_are_cancelled_or_terminated_in_one_call(world: World, gate: Gate) -> None:
    running = world.submit(gate.script)
    reached(world.batch, running, "RUNNING")
    waiting = [world.submit(dependsOn=[{"jobId": running}]) for _ in range(3)]
    answer = world.batch.cancel_jobs(jobs=[*waiting, NOBODY, "no id"], reason="bulk")
    assert answer["successful"] == [*waiting, NOBODY]
    assert [(error["job"], error["code"]) for error in answer["errors"]] == [("no id", "ValidationException")]
    assert [ended(world.batch, job_id)["statusReason"] for job_id in waiting] == ["bulk"] * 3
    assert world.batch.terminate_jobs(jobs=[running], reason="bulk")["errors"] == []
    assert ended(world.batch, running)["statusReason"] == "bulk"


@pytest.mark.parametrize("operation", ["cancel_job", "terminate_job"])
def test_a_reason_has_a_length(world: World, operation: str) -> None:
    call = getattr(world.batch, operation)
    for reason in ("", "x" * 1025):
        with refused("reason must have 1 to 1024 characters"):
            call(jobId=NOBODY, reason=reason)
    with refused("jobId must not be empty"):
        call(jobId="", reason="nobody")


def _wait_for_line(world: World, stream: str, line: str) -> None:
    def look() -> bool:
        try:
            return line in world.stream(stream)
        except world.logs.exceptions.ResourceNotFoundException:
            return False

    eventually(look, f"{line!r} in {stream}")
