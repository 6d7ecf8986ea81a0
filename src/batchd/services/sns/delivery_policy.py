"""How often and when an HTTP endpoint that did not answer is tried again. [sns-sqs.md A7]"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

Policy = dict[str, Any]  # JSON

DEFAULT: Policy = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
CONTENT_TYPE = "text/plain; charset=UTF-8"
_MOST_RETRIES = 100
_LONGEST_S = 3600  # of any pause, and of all together
_COUNTS = ("numRetries", "numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries")


def effective_topic_policy(text: str | None) -> Policy:
    """Of a topic, with what it does not say at its default."""
    given = orjson.loads(text).get("http", {}) if text else {}
    return {
        "http": {
            "defaultHealthyRetryPolicy": {**DEFAULT, **(given.get("defaultHealthyRetryPolicy") or {})},
            "disableSubscriptionOverrides": bool(given.get("disableSubscriptionOverrides")),
            "defaultRequestPolicy": {"headerContentType": CONTENT_TYPE, **(given.get("defaultRequestPolicy") or {})},
        }
    }


def effective_policy(topic_text: str | None, own_text: str | None) -> Policy:
    """Of a subscription: its own where the topic lets it, else its topic's."""
    of_topic = effective_topic_policy(topic_text)["http"]
    own: Policy = orjson.loads(own_text) if own_text and not of_topic["disableSubscriptionOverrides"] else {}
    retry = own.get("healthyRetryPolicy")
    request = own.get("requestPolicy")
    return {
        "healthyRetryPolicy": {**DEFAULT, **retry} if retry else of_topic["defaultHealthyRetryPolicy"],
        "sicklyRetryPolicy": None,
        "throttlePolicy": own.get("throttlePolicy"),
        "requestPolicy": {**of_topic["defaultRequestPolicy"], **(request or {})},
        "guaranteed": False,
    }


def problem_of(policy: Any) -> str | None:
    """What is wrong with a healthyRetryPolicy, if anything is."""
    if not isinstance(policy, dict) or not policy.keys() <= DEFAULT.keys():
        return "healthyRetryPolicy is malformed"
    whole = {**DEFAULT, **policy}
    numbers = [whole[name] for name in (*_COUNTS, "minDelayTarget", "maxDelayTarget")]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        return "healthyRetryPolicy must consist of integers"
    if not all(0 <= whole[name] <= _MOST_RETRIES for name in _COUNTS):
        return f"the number of retries must be between 0 and {_MOST_RETRIES}"
    if sum(whole[name] for name in _COUNTS[1:]) > whole["numRetries"]:
        return "numRetries must be greater than or equal to the sum of the other numbers of retries"
    if not 1 <= whole["minDelayTarget"] <= whole["maxDelayTarget"] <= _LONGEST_S:
        return "minDelayTarget and maxDelayTarget must be between 1 and 3600, in this order"
    if whole["backoffFunction"] not in _BACK_OFF:
        return "backoffFunction must be one of linear, arithmetic, geometric and exponential"
    return None


def pauses(retry: Policy) -> list[int]:
    """Milliseconds before each retry, an hour in all at most: immediate ones, ones at the least delay, the back-off,
    ones at the greatest."""
    low, high = retry["minDelayTarget"], retry["maxDelayTarget"]
    at_once, at_low, at_high = (retry[name] for name in _COUNTS[1:])
    steps = retry["numRetries"] - at_once - at_low - at_high
    back_off = [_BACK_OFF[retry["backoffFunction"]](low, high, (n + 1) / steps) for n in range(steps)]
    every = [0] * at_once + [low] * at_low + back_off + [high] * at_high
    kept: list[int] = []
    for seconds in every:
        if sum(kept) + seconds * 1000 > _LONGEST_S * 1000:
            break
        kept.append(round(seconds * 1000))
    return kept


# From the least to the greatest delay, by how far the back-off has gone (above 0, up to 1).
_BACK_OFF: dict[str, Callable[[float, float, float], float]] = {
    "linear": lambda low, high, part: low + (high - low) * part,
    "arithmetic": lambda low, high, part: low + (high - low) * part * (1 + part) / 2,
    "geometric": lambda low, high, part: low * (high / low) ** part,
    "exponential": lambda low, high, part: low + (high - low) * (2 ** (10 * part) - 1) / 1023,
}
