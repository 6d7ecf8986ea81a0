from __future__ import annotations

from typing import Any

import pytest

from tests.contexts import ACCOUNT, NOW_MS
from tests.services.direct import Direct


@pytest.fixture(autouse=True)
def group(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")


def names(answer: dict[str, Any]) -> list[str]:
    return [stream["logStreamName"] for stream in answer["logStreams"]]


def put(logs: Direct, stream: str, timestamp: int) -> None:
    logs("create_log_stream", logGroupName="g", logStreamName=stream)
    logs("put_log_events", logGroupName="g", logStreamName=stream, logEvents=[{"timestamp": timestamp, "message": "m"}])


def test_a_stream_shows_times_only_once_it_has_events(logs: Direct) -> None:
    logs("create_log_stream", logGroupName="g", logStreamName="empty")
    put(logs, "used", NOW_MS - 5)

    empty, used = logs("describe_log_streams", logGroupName="g")["logStreams"]

    assert empty == {
        "logStreamName": "empty",
        "creationTime": NOW_MS,
        "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:log-stream:empty",
        "storedBytes": 0,
    }
    assert used["firstEventTimestamp"] == used["lastEventTimestamp"] == NOW_MS - 5
    assert used["lastIngestionTime"] == NOW_MS
    assert len(used["uploadSequenceToken"]) == 56


def test_a_stream_exists_once(logs: Direct) -> None:
    logs("create_log_stream", logGroupName="g", logStreamName="s")

    assert logs.error("create_log_stream", logGroupName="g", logStreamName="s") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )


def test_a_deleted_stream_is_gone(logs: Direct) -> None:
    put(logs, "s", NOW_MS)

    logs("delete_log_stream", logGroupName="g", logStreamName="s")

    missing = ("ResourceNotFoundException", "The specified log stream does not exist.")
    assert logs.error("get_log_events", logGroupName="g", logStreamName="s") == missing
    assert logs.error("delete_log_stream", logGroupName="g", logStreamName="s") == missing
    assert logs("filter_log_events", logGroupName="g")["events"] == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"descending": True}, ["d", "c", "b", "a"]),
        ({"orderBy": "LastEventTime"}, ["d", "b", "c", "a"]),
        ({"orderBy": "LastEventTime", "descending": True}, ["a", "c", "b", "d"]),
    ],
)
def test_streams_come_in_the_order_asked_for_page_by_page(
    logs: Direct, params: dict[str, Any], expected: list[str]
) -> None:
    for stream, timestamp in (("a", NOW_MS), ("b", NOW_MS - 9), ("c", NOW_MS - 5)):
        put(logs, stream, timestamp)
    logs("create_log_stream", logGroupName="g", logStreamName="d")

    first = logs("describe_log_streams", logGroupName="g", limit=3, **params)
    second = logs("describe_log_streams", logGroupName="g", limit=3, nextToken=first["nextToken"], **params)

    assert names(first) + names(second) == expected
    assert "nextToken" not in second


def test_streams_are_found_by_prefix(logs: Direct) -> None:
    for stream in ("job/default/1", "job/default/2", "other/default/1"):
        logs("create_log_stream", logGroupName="g", logStreamName=stream)

    assert names(logs("describe_log_streams", logGroupName="g", logStreamNamePrefix="job/")) == [
        "job/default/1",
        "job/default/2",
    ]
    refused = logs.error("describe_log_streams", logGroupName="g", logStreamNamePrefix="job/", orderBy="LastEventTime")
    assert refused[0] == "InvalidParameterException"


def test_a_group_may_be_named_by_arn_but_not_twice(logs: Direct) -> None:
    logs("create_log_stream", logGroupName="g", logStreamName="s")
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"

    assert names(logs("describe_log_streams", logGroupIdentifier=arn)) == ["s"]
    assert names(logs("describe_log_streams", logGroupIdentifier="g")) == ["s"]
    assert logs.error("describe_log_streams", logGroupIdentifier=arn, logGroupName="g") == (
        "ValidationException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
    )
    assert logs.error("describe_log_streams")[0] == "ValidationException"
