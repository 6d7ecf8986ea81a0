from __future__ import annotations

from typing import Any

import pytest

from batchd.services.logs.ingestion import check_sizes, rejections
from tests.contexts import NOW_MS
from tests.services.direct import Direct

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def stream(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")
    logs("create_log_stream", logGroupName="g", logStreamName="s")


def put(logs: Direct, *events: tuple[int, str]) -> Any:
    listed = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    return logs("put_log_events", logGroupName="g", logStreamName="s", logEvents=listed)


def refusal(logs: Direct, *events: tuple[int, str]) -> tuple[str, str]:
    listed = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    return logs.error("put_log_events", logGroupName="g", logStreamName="s", logEvents=listed)


def messages(logs: Direct) -> list[str]:
    answer = logs("get_log_events", logGroupName="g", logStreamName="s", startFromHead=True)
    return [event["message"] for event in answer["events"]]


def test_accepted_events_are_there_at_once(logs: Direct) -> None:
    answer = put(logs, (NOW_MS - 1, "one"), (NOW_MS - 1, "two"), (NOW_MS, "three"))

    assert set(answer) == {"nextSequenceToken"}
    assert messages(logs) == ["one", "two", "three"]


def test_events_must_be_in_order(logs: Direct) -> None:
    assert refusal(logs, (NOW_MS, "later"), (NOW_MS - 1, "earlier")) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
    )
    assert messages(logs) == []


def test_events_may_not_span_more_than_a_day(logs: Direct) -> None:
    put(logs, (NOW_MS - DAY, "just"), (NOW_MS, "in"))

    assert refusal(logs, (NOW_MS - DAY - 1, "too"), (NOW_MS, "far")) == (
        "InvalidParameterException",
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    )


def test_events_out_of_the_window_are_left_out_and_counted(logs: Direct) -> None:
    answer = put(logs, (NOW_MS - 15 * DAY, "old"), (NOW_MS, "good"), (NOW_MS + 3 * HOUR, "early"))

    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert messages(logs) == ["good"]


def test_nothing_is_stored_when_all_is_too_old(logs: Direct) -> None:
    assert put(logs, (0, "ancient"))["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert messages(logs) == []


def test_events_beyond_the_retention_have_expired(logs: Direct) -> None:
    logs("put_retention_policy", logGroupName="g", retentionInDays=7)

    answer = put(logs, (NOW_MS - 8 * DAY, "expired"), (NOW_MS, "good"))

    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert messages(logs) == ["good"]


def test_the_window_is_exact() -> None:
    window = [NOW_MS - 14 * DAY - 1, NOW_MS - 14 * DAY, NOW_MS + 2 * HOUR, NOW_MS + 2 * HOUR + 1]

    assert rejections(window, NOW_MS, None) == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}
    assert rejections(window[1:3], NOW_MS, None) == {}


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (["x" * 1_048_551], "Log event too large: 1048577 bytes exceeds limit of 1048576"),
        (["é" * 262_144] * 2, "Upload too large: 1048628 bytes exceeds limit of 1048576"),
    ],
)
def test_a_request_holds_a_mebibyte_at_most(logs: Direct, sent: list[str], text: str) -> None:
    check_sizes(["x" * 1_048_550])

    assert refusal(logs, *[(NOW_MS, message) for message in sent]) == ("InvalidParameterException", text)


def test_both_group_and_stream_must_exist(logs: Direct) -> None:
    event = {"timestamp": NOW_MS, "message": "m"}

    assert logs.error("put_log_events", logGroupName="g", logStreamName="none", logEvents=[event]) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
