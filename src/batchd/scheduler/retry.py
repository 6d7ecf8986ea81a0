"""May a failed attempt be tried again? `retryStrategy` and its `evaluateOnExit`. [batch.md 2.8]"""

from __future__ import annotations

from batchd.scheduler.events import ExitRule, JobSpec
from batchd.scheduler.state import Attempt


def may_retry(spec: JobSpec, tried: int, last: Attempt) -> bool:
    """Whether the job gets another attempt after `tried` of them, the last of which failed as `last` says."""
    return tried < spec.attempts and _verdict(spec.exit_rules, last) == "RETRY"


def _verdict(rules: tuple[ExitRule, ...], last: Attempt) -> str:
    """The first rule that matches decides; where none does the job is retried."""
    for rule in rules:
        if _matches(rule, last):
            return rule.action.upper()
    return "RETRY"


def _matches(rule: ExitRule, last: Attempt) -> bool:
    code = None if last.exit_code is None else str(last.exit_code)
    return (
        _agrees(rule.on_status_reason, last.status_reason)
        and _agrees(rule.on_reason, last.reason)
        and _agrees(rule.on_exit_code, code)
    )


def _agrees(pattern: str | None, value: str | None) -> bool:
    """A pattern not given does not restrict; only a star at an end is special (at the beginning, those of service jobs
    may have one); `*` agrees with an absent value."""
    if pattern is None or pattern == "*":
        return True
    if value is None:
        return False
    if pattern.startswith("*"):
        return pattern[1:-1] in value if pattern.endswith("*") else value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
