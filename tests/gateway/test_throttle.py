"""Request rates."""

from __future__ import annotations

import orjson
import pytest

from batchd.clock import ManualClock
from batchd.gateway.throttle import Throttle
from tests.gateway.front_door import front_door
from tests.gateway.made_service import service_of


def admitted(throttle: Throttle, times: int, operation: str = "SubmitJob") -> int:
    return sum(throttle.admits("batch", operation) for _ in range(times))


def test_as_many_as_a_second_allows_come_at_once_and_then_one_after_the_other() -> None:
    clock = ManualClock()
    throttle = Throttle(5, clock)
    assert admitted(throttle, 20) == 5
    clock.advance(0.199)
    assert admitted(throttle, 5) == 0
    clock.advance(0.001)
    assert admitted(throttle, 5) == 1
    clock.advance(3600)
    assert admitted(throttle, 20) == 5


def test_refused_requests_cost_nothing() -> None:
    clock = ManualClock()
    throttle = Throttle(1, clock)
    assert admitted(throttle, 100) == 1
    clock.advance(1)
    assert admitted(throttle, 1) == 1


def test_less_than_one_a_second_lets_one_through_now_and_then() -> None:
    clock = ManualClock()
    throttle = Throttle(0.1, clock)
    assert admitted(throttle, 2) == 1
    clock.advance(9.9)
    assert admitted(throttle, 1) == 0
    clock.advance(0.1)
    assert admitted(throttle, 1) == 1


def test_operations_do_not_count_against_each_other() -> None:
    throttle = Throttle(1, ManualClock())
    assert [admitted(throttle, 2, name) for name in ("SubmitJob", "DescribeJobs")] == [1, 1]
    assert throttle.admits("other", "SubmitJob")


def test_a_clock_that_goes_back_gives_and_takes_nothing() -> None:
    clock = ManualClock()
    throttle = Throttle(2, clock)
    assert admitted(throttle, 1) == 1
    clock.advance(-10)
    assert admitted(throttle, 2) == 1


REQUESTS = {
    "batch": ("DescribeJobs", "/v1/describejobs", b'{"jobs":[]}', {}),
    "logs": (
        "DescribeLogGroups",
        "/",
        b"{}",
        {"x-amz-target": "Logs_20140328.DescribeLogGroups", "content-type": "application/x-amz-json-1.1"},
    ),
    "iam": (
        "ListRoles",
        "/",
        b"Action=ListRoles&Version=2010-05-08",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    "ec2": (
        "DescribeVpcs",
        "/",
        b"Action=DescribeVpcs&Version=2016-11-15",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
}


@pytest.mark.parametrize(
    ("service", "status", "code", "text"),
    [
        ("batch", 429, "TooManyRequestsException", "Too Many Requests"),
        ("logs", 400, "ThrottlingException", "Rate exceeded"),
        ("iam", 400, "Throttling", "Rate exceeded"),
        ("ec2", 503, "RequestLimitExceeded", "Request limit exceeded."),
    ],
)
async def test_too_many_requests_are_told_so_as_each_protocol_says_it(
    service: str, status: int, code: str, text: str
) -> None:
    operation, path, body, headers = REQUESTS[service]
    served = service_of(service, [operation], lambda params, ctx: {"jobs": [], "Roles": [], "IsTruncated": False})
    async with front_door([served], throttle=Throttle(1, ManualClock())) as door:
        first = await door.ask("POST", path, body, headers, signed_for=service)
        second = await door.ask("POST", path, body, headers, signed_for=service)
    assert (first.status, second.status) == (200, status)
    assert text in second.body.decode()
    assert code in second.body.decode() + second.headers.get("x-amzn-errortype", "")
    if service == "batch":
        assert orjson.loads(second.body) == {"message": text}
