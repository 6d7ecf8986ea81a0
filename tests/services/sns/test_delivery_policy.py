"""When an HTTP endpoint that does not answer is tried again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from batchd.errors import DeliveryError, Undeliverable
from batchd.services.sns.delivery_policy import DEFAULT, effective_policy, pauses, problem_of
from batchd.services.sns.reaching import pause_of, to_http
from batchd.store.store import Delivery


def retry(**changes: Any) -> dict[str, Any]:
    return {**DEFAULT, **changes}


def test_by_default_it_is_tried_three_times_more_twenty_seconds_apart() -> None:
    assert pauses(DEFAULT) == [20_000] * 3


def test_retries_come_at_once_then_at_the_least_then_backing_off_then_at_the_greatest() -> None:
    policy = retry(
        numRetries=9,
        numNoDelayRetries=2,
        numMinDelayRetries=1,
        numMaxDelayRetries=2,
        minDelayTarget=10,
        maxDelayTarget=50,
    )
    assert [pause // 1000 for pause in pauses(policy)] == [0, 0, 10, 20, 30, 40, 50, 50, 50]


@pytest.mark.parametrize("function", ["linear", "arithmetic", "geometric", "exponential"])
def test_every_back_off_rises_from_the_least_to_the_greatest(function: str) -> None:
    made = pauses(retry(numRetries=6, minDelayTarget=1, maxDelayTarget=60, backoffFunction=function))

    assert made == sorted(made)
    assert (len(made), made[-1]) == (6, 60_000)
    assert all(pause >= 1000 for pause in made)


def test_all_pauses_together_are_an_hour_at_most() -> None:
    assert sum(pauses(retry(numRetries=100, minDelayTarget=600, maxDelayTarget=600))) == 3_600_000


@pytest.mark.parametrize(
    "policy",
    [
        [],
        {"numRetries": -1},
        {"numRetries": 101},
        {"numRetries": "3"},
        {"numRetries": True},
        {"numRetries": 1, "numNoDelayRetries": 2},
        {"minDelayTarget": 30, "maxDelayTarget": 20},
        {"maxDelayTarget": 3601},
        {"backoffFunction": "random"},
        {"other": 1},
    ],
)
def test_a_policy_that_cannot_be_is_refused(policy: Any) -> None:
    assert problem_of(policy)


def test_a_subscription_has_its_own_way_where_its_topic_lets_it() -> None:
    own = json.dumps({"healthyRetryPolicy": {"numRetries": 7}, "requestPolicy": {"headerContentType": "text/html"}})
    topic = {"defaultHealthyRetryPolicy": {"numRetries": 5}}

    def effective(**of_topic: Any) -> tuple[int, str]:
        policy = effective_policy(json.dumps({"http": {**topic, **of_topic}}), own)
        return policy["healthyRetryPolicy"]["numRetries"], policy["requestPolicy"]["headerContentType"]

    assert effective() == (7, "text/html")
    assert effective(disableSubscriptionOverrides=True) == (5, "text/plain; charset=UTF-8")


def delivery(**body: Any) -> Delivery:
    return Delivery(1, "lane", 0, 0, 0, {"endpoint": "http://h/", "headers": {}, "text": "x", **body})


def test_each_failure_has_its_own_pause() -> None:
    made = delivery(pauses=[1, 2, 3])
    assert [pause_of(made, attempts) for attempts in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert pause_of(delivery(pauses=[]), 1) == 0


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (200, None),
        (204, None),
        (301, Undeliverable),
        (400, Undeliverable),
        (404, Undeliverable),
        (429, DeliveryError),
        (500, DeliveryError),
        (503, DeliveryError),
    ],
)
def test_what_an_endpoint_refuses_is_not_tried_again_but_for_want_of_time(status: int, raised: type | None) -> None:
    async def post(url: str, headers: dict[str, str], body: bytes) -> int:
        return status

    if raised is None:
        asyncio.run(to_http(post, delivery()))
        return
    with pytest.raises(DeliveryError) as failed:
        asyncio.run(to_http(post, delivery()))
    assert (type(failed.value), failed.value.code) == (raised, f"HTTP_{status}")
