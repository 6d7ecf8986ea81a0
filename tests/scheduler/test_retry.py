from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.scheduler.events import ExitRule
from batchd.scheduler.retry import may_retry
from batchd.scheduler.state import Attempt
from tests.scheduler.worlds import World, retrying, spec

SPOT = ExitRule("RETRY", on_status_reason="Host EC2*")
EXIT = ExitRule("EXIT", on_reason="*")


def attempt(status_reason: str = "Essential container in task exited", code: int | None = 1, reason: str | None = None):
    return Attempt("t", "main", 1, 2, status_reason, code, reason)


def retries(rules: tuple[ExitRule, ...], last: Attempt) -> bool:
    return may_retry(retrying(spec("a"), 3, *rules), 1, last)


def test_without_rules_a_failed_attempt_is_tried_again_while_attempts_remain() -> None:
    job = retrying(spec("a"), 3)
    assert [may_retry(job, tried, attempt()) for tried in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("rule", "last", "expected"),
    [
        (ExitRule("EXIT", on_exit_code="1"), attempt(code=1), False),
        (ExitRule("EXIT", on_exit_code="1"), attempt(code=12), True),
        (ExitRule("EXIT", on_exit_code="1*"), attempt(code=12), False),
        (ExitRule("EXIT", on_exit_code="1"), attempt(code=None), True),
        (ExitRule("EXIT", on_exit_code="*"), attempt(code=None), False),
        (ExitRule("EXIT", on_reason="Cannot*"), attempt(reason="CannotPullContainerError: x"), False),
        (ExitRule("EXIT", on_reason="cannot*"), attempt(reason="CannotPullContainerError: x"), True),
        (ExitRule("EXIT", on_reason="Can*not"), attempt(reason="Can*not"), False),
        (ExitRule("EXIT", on_reason="Can*not"), attempt(reason="Could not"), True),
        (ExitRule("EXIT", on_reason="*"), attempt(reason=None), False),
        (ExitRule("EXIT", on_reason="x*"), attempt(reason=None), True),
        (ExitRule("EXIT", on_status_reason="Essential container in task exited"), attempt(), False),
        (ExitRule("EXIT", on_status_reason="Essential"), attempt(), True),
        (ExitRule("EXIT", on_status_reason="Essential*", on_exit_code="1"), attempt(code=1), False),
        (ExitRule("EXIT", on_status_reason="Essential*", on_exit_code="1"), attempt(code=2), True),
        (ExitRule("exit"), attempt(), False),
        (ExitRule("retry"), attempt(), True),
    ],
)
def test_a_rule_decides_where_all_its_conditions_match(rule: ExitRule, last: Attempt, expected: bool) -> None:
    assert retries((rule,), last) is expected


def test_the_first_rule_that_matches_decides() -> None:
    lost = attempt("Host EC2 (instance i-0123456789abcdef0) terminated.", None)
    assert retries((SPOT, EXIT), lost) is True
    assert retries((EXIT, SPOT), lost) is False
    assert retries((SPOT, EXIT), attempt()) is False


def test_a_rule_cannot_grant_more_attempts_than_there_are() -> None:
    assert may_retry(retrying(spec("a"), 2, ExitRule("RETRY")), 2, attempt()) is False


@given(st.text(), st.text())
def test_a_prefix_pattern_agrees_with_whatever_begins_so(prefix: str, rest: str) -> None:
    rule = ExitRule("EXIT", on_reason=prefix + "*")
    assert retries((rule,), attempt(reason=prefix + rest)) is False


@given(st.text().filter(lambda text: not text.endswith("*")), st.text())
def test_a_plain_pattern_agrees_with_itself_alone(pattern: str, value: str) -> None:
    rule = ExitRule("EXIT", on_reason=pattern)
    assert retries((rule,), attempt(reason=value)) is (pattern != value)


def test_a_failed_attempt_is_put_on_record_and_the_job_goes_back_to_its_queue() -> None:
    world = World(vcpus=1)
    world.submit(retrying(spec("a"), 2))
    world.run("a", 3)
    job = world.jobs["a"]
    assert world.life("a")[3:] == ["RUNNING", "RUNNABLE", "STARTING"]
    assert [attempt.exit_code for attempt in job.attempts] == [3]
    assert (job.exit_code, job.started_at, job.stopped_at, job.status_reason) == (3, None, None, None)


def test_a_retried_job_keeps_its_reason_while_it_waits_and_drops_it_when_it_starts() -> None:
    world = World(vcpus=1)
    world.submit(retrying(spec("a"), 2))
    step = world.run("a", 3)
    reasons = [(t.status.value, t.attempt, t.status_reason) for t in step.transitions]
    assert reasons == [("RUNNABLE", 1, "Essential container in task exited"), ("STARTING", 2, None)]


def test_a_retried_job_stands_at_the_front_of_its_queue() -> None:
    world = World(vcpus=1)
    world.submit(retrying(spec("a"), 2), spec("b"), spec("c"))
    world.run("a", 1)
    world.run("a", 0)
    world.run("b")
    assert world.started() == ["a", "a", "b", "c"]


def test_retried_jobs_keep_the_order_in_which_they_failed() -> None:
    world = World(vcpus=2)
    world.submit(retrying(spec("a", 1), 2), retrying(spec("b", 1), 2), spec("c", 2), spec("d", 2))
    world.start("a", "b")
    world.scheduler.state.machine.capacity = None  # nothing can be placed meanwhile
    world.exit("b", 1)
    world.exit("a", 1)
    assert [job.job_id for job in world.scheduler.front("q", 10)] == ["b", "a", "c", "d"]


def test_tasks_that_fail_to_start_and_lost_tasks_are_retried_too() -> None:
    world = World()
    world.submit(retrying(spec("a"), 3))
    world.fail_to_start("a")
    world.lose("a")
    world.run("a", 0)
    assert world.status("a") == "SUCCEEDED"
    reasons = [attempt.status_reason.split("(")[0] for attempt in world.jobs["a"].attempts]
    assert reasons == ["Task failed to start", "Host EC2 ", "Essential container in task exited"]


def test_the_spot_recipe_retries_lost_hosts_and_nothing_else() -> None:
    world = World()
    world.submit(retrying(spec("a"), 5, SPOT, EXIT))
    world.lose("a")
    assert world.status("a") == "STARTING"
    world.run("a", 1)
    assert (world.status("a"), len(world.jobs["a"].attempts)) == ("FAILED", 2)
