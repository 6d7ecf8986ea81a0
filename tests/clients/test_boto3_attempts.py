"""Retries and timeouts through boto3, with real processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from batchd.clock import ManualClock
from tests.clients.waiting import ended, reached
from tests.clients.worlds import World

TWICE_AND_WELL = 'echo "try $AWS_BATCH_JOB_ATTEMPT"; [ "$AWS_BATCH_JOB_ATTEMPT" = 3 ] || exit 7'


def test_a_failed_attempt_is_tried_again_until_it_succeeds(world: World) -> None:
    job = world.run(TWICE_AND_WELL, retryStrategy={"attempts": 4})
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [7, 7, 0]
    streams = [attempt["container"]["logStreamName"] for attempt in job["attempts"]]
    assert [world.stream(stream) for stream in streams] == [["try 1"], ["try 2"], ["try 3"]]
    assert job["container"]["logStreamName"] == streams[-1]
    ends = [(attempt["startedAt"], attempt["stoppedAt"]) for attempt in job["attempts"]]
    assert ends == sorted(ends)


def test_a_job_fails_when_its_attempts_are_used_up(world: World) -> None:
    job = world.run("exit 7", retryStrategy={"attempts": 2})
    assert (job["status"], len(job["attempts"]), job["container"]["exitCode"]) == ("FAILED", 2, 7)


def test_the_first_exit_rule_that_agrees_decides(world: World) -> None:
    rules = [{"onExitCode": "7", "action": "retry"}, {"onReason": "*", "action": "EXIT"}]
    script = "exit $((6 + AWS_BATCH_JOB_ATTEMPT))"
    job = world.run(script, retryStrategy={"attempts": 5, "evaluateOnExit": rules})
    assert job["status"] == "FAILED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [7, 8]


def test_an_attempt_that_could_not_start_counts_and_is_judged_by_its_reason(world: World) -> None:
    rules = [{"onReason": "CannotStartContainerError:*", "action": "EXIT"}]
    definition = world.define(containerProperties={"command": ["no-such-program"]})
    tried = world.run(jobDefinition=definition, retryStrategy={"attempts": 2})
    assert len(tried["attempts"]) == 2
    judged = world.run(jobDefinition=definition, retryStrategy={"attempts": 2, "evaluateOnExit": rules})
    assert len(judged["attempts"]) == 1


def test_the_strategy_of_the_submit_replaces_the_definitions(world: World) -> None:
    definition = world.define("exit 1", retryStrategy={"attempts": 3})
    assert len(world.run(jobDefinition=definition)["attempts"]) == 3
    assert len(world.run(jobDefinition=definition, retryStrategy={"attempts": 1})["attempts"]) == 1


@pytest.fixture
def clock() -> ManualClock:
    """Stands still at the present, so that signatures are good; moves when told to."""
    return ManualClock(time.time_ns() // 1_000_000)


def takes(seconds: int) -> dict[str, Any]:
    """The pretended job's length, for the fake engine, which lives by the server's clock."""
    return {"containerOverrides": {"environment": [{"name": "BATCHD_FAKE_RUN_S", "value": str(seconds)}]}}


def test_an_attempt_that_takes_too_long_is_stopped_and_not_tried_again(
    serve: Callable[..., Any], clock: ManualClock
) -> None:
    world = World.of(serve(clock=clock, engine="fake"))
    limits = {"timeout": {"attemptDurationSeconds": 60}, "retryStrategy": {"attempts": 3}}
    job_id = world.submit(**takes(100), **limits)
    assert reached(world.batch, job_id, "RUNNING")["timeout"] == {"attemptDurationSeconds": 60}
    clock.advance(61)
    job = ended(world.batch, job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert job["stoppedAt"] - job["startedAt"] == 61_000
    assert len(job["attempts"]) == 1
    assert not job["isTerminated"]


def test_a_job_within_its_time_is_left_alone(serve: Callable[..., Any], clock: ManualClock) -> None:
    world = World.of(serve(clock=clock, engine="fake"))
    job_id = world.submit(**takes(59), timeout={"attemptDurationSeconds": 60})
    reached(world.batch, job_id, "RUNNING")
    clock.advance(59.5)
    world.run(**takes(0))  # the fake engine looks at the clock when it is given something to do
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"
