from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.scheduler.events import ExitRule
from batchd.services.batch.faults import Invalid
from batchd.services.batch.retry import exit_rules, retry_shape, validate_retry_strategy, validate_timeout

REASON = string.ascii_letters + string.digits + ".: \t"
REASONS = st.builds(
    lambda text, star: text + star, st.text(REASON, min_size=1, max_size=511), st.sampled_from(["", "*"])
)
CODES = st.builds(
    lambda text, star: text + star, st.text(string.digits, min_size=1, max_size=5), st.sampled_from(["", "*"])
)
RULES = st.fixed_dictionaries(
    {"action": st.sampled_from(["RETRY", "EXIT", "retry", "Exit"])},
    optional={"onStatusReason": REASONS, "onReason": REASONS, "onExitCode": CODES},
)
STRATEGIES = st.fixed_dictionaries(
    {"attempts": st.integers(1, 10)}, optional={"evaluateOnExit": st.lists(RULES, max_size=5)}
)


@given(STRATEGIES)
def test_a_valid_strategy_reaches_the_scheduler_and_comes_back_as_sent(strategy: dict[str, Any]) -> None:
    validate_retry_strategy(strategy)

    sent = strategy.get("evaluateOnExit", [])
    assert retry_shape(strategy) == {"attempts": strategy["attempts"], "evaluateOnExit": sent}
    assert exit_rules(strategy) == tuple(
        ExitRule(r["action"].upper(), r.get("onStatusReason"), r.get("onReason"), r.get("onExitCode")) for r in sent
    )


@given(st.characters().filter(lambda c: not (c.isspace() or (c.isascii() and c.isalnum()) or c in ".:*")), REASONS)
def test_a_reason_has_no_other_characters(stranger: str, text: str) -> None:
    for member in ("onReason", "onStatusReason"):
        rule = {"action": "EXIT", member: stranger + text[:500]}
        with pytest.raises(Invalid, match=f"evaluateOnExit.{member} should match valid pattern"):
            validate_retry_strategy({"attempts": 1, "evaluateOnExit": [rule]})


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        ({}, "RetryAttempts must be provided with retry strategy"),
        ({"evaluateOnExit": [{"action": "EXIT"}]}, "RetryAttempts must be provided with retry strategy"),
        ({"attempts": 0}, "retryStrategy.attempts must be between 1 and 10"),
        ({"attempts": 11}, "retryStrategy.attempts must be between 1 and 10"),
        (
            {"attempts": 1, "evaluateOnExit": [{"action": "EXIT"}] * 6},
            "retryStrategy.evaluateOnExit must have at most 5 entries",
        ),
        (
            {"attempts": 1, "evaluateOnExit": [{"action": "STOP"}]},
            "retryStrategy.evaluateOnExit.action must be RETRY or EXIT",
        ),
        (
            {"attempts": 1, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "1*2"}]},
            "retryStrategy.evaluateOnExit.onExitCode should match valid pattern",
        ),
        (
            {"attempts": 1, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "x"}]},
            "retryStrategy.evaluateOnExit.onExitCode should match valid pattern",
        ),
        (
            {"attempts": 1, "evaluateOnExit": [{"action": "EXIT", "onReason": ""}]},
            "retryStrategy.evaluateOnExit.onReason should match valid pattern",
        ),
        (
            {"attempts": 1, "evaluateOnExit": [{"action": "EXIT", "onReason": "a" * 513}]},
            "retryStrategy.evaluateOnExit.onReason should match valid pattern",
        ),
    ],
)
def test_strategies_that_cannot_be_are_refused(strategy: dict[str, Any], text: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate_retry_strategy(strategy)
    assert str(caught.value) == text


def test_a_timeout_is_at_least_a_minute() -> None:
    validate_timeout({})
    validate_timeout({"attemptDurationSeconds": 60})
    with pytest.raises(Invalid, match="at least 60"):
        validate_timeout({"attemptDurationSeconds": 59})
