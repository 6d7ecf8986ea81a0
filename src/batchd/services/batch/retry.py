"""retryStrategy and timeout, of definitions and of submits alike. [batch.md 2.8, 2.9]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchd.scheduler.events import ExitRule
from batchd.services.batch.faults import Invalid

_MOST_ATTEMPTS = 10
_MOST_RULES = 5
_LONGEST_PATTERN = 512
_SHORTEST_TIMEOUT_S = 60
_REASON = re.compile(r"[A-Za-z0-9.:\s]*\*?")
_EXIT_CODE = re.compile(r"[0-9]*\*?")
_PATTERNS = {"onStatusReason": _REASON, "onReason": _REASON, "onExitCode": _EXIT_CODE}


def validate_retry_strategy(strategy: Mapping[str, Any]) -> None:
    """Raises Invalid. An object without `attempts` is refused, even an empty one."""
    attempts = strategy.get("attempts")
    if attempts is None:
        raise Invalid("RetryAttempts must be provided with retry strategy")
    if not 1 <= attempts <= _MOST_ATTEMPTS:
        raise Invalid(f"retryStrategy.attempts must be between 1 and {_MOST_ATTEMPTS}")
    rules = strategy.get("evaluateOnExit", ())
    if len(rules) > _MOST_RULES:
        raise Invalid(f"retryStrategy.evaluateOnExit must have at most {_MOST_RULES} entries")
    for rule in rules:
        _validate_rule(rule)


def exit_rules(strategy: Mapping[str, Any]) -> tuple[ExitRule, ...]:
    """The scheduler's form of a valid strategy's evaluateOnExit."""
    return tuple(
        ExitRule(r["action"].upper(), r.get("onStatusReason"), r.get("onReason"), r.get("onExitCode"))
        for r in strategy.get("evaluateOnExit", ())
    )


def retry_shape(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """A valid strategy as Describe answers it."""
    return {"attempts": strategy["attempts"], "evaluateOnExit": list(strategy.get("evaluateOnExit", ()))}


def validate_timeout(timeout: Mapping[str, Any]) -> None:
    """Raises Invalid for less than a minute; an empty object is no timeout."""
    seconds = timeout.get("attemptDurationSeconds")
    if seconds is not None and seconds < _SHORTEST_TIMEOUT_S:
        raise Invalid(f"timeout.attemptDurationSeconds must be at least {_SHORTEST_TIMEOUT_S}")


def _validate_rule(rule: Mapping[str, Any]) -> None:
    if rule["action"].upper() not in ("RETRY", "EXIT"):
        raise Invalid("retryStrategy.evaluateOnExit.action must be RETRY or EXIT")
    for member, pattern in _PATTERNS.items():
        text = rule.get(member)
        if text is None:
            continue
        if not text or len(text) > _LONGEST_PATTERN or not pattern.fullmatch(text):
            raise Invalid(f"retryStrategy.evaluateOnExit.{member} should match valid pattern")
