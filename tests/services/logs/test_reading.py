"""GetLogEvents: walking a stream sees every event once, and only an equal token ends the walk."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.services.logs import SERVICE
from tests.contexts import NOW_MS
from tests.services.direct import Direct, direct

WHERE = {"logGroupName": "g", "logStreamName": "s"}
BAD = ("InvalidParameterException", "The specified nextToken is invalid.")


@pytest.fixture(autouse=True)
def stream(logs: Direct) -> None:
    make_stream(logs)


def make_stream(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")
    logs("create_log_stream", **WHERE)


def put(logs: Direct, *times: int) -> None:
    events = [{"timestamp": NOW_MS + time, "message": str(time)} for time in times]
    logs("put_log_events", **WHERE, logEvents=events)


def get(logs: Direct, **params: Any) -> Any:
    return logs("get_log_events", **WHERE, **params)


def said(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def walk(logs: Direct, **params: Any) -> list[str]:
    """From the head to the end, as clients do it."""
    seen: list[str] = []
    answer = get(logs, startFromHead=True, **params)
    while True:
        seen += said(answer)
        token = answer["nextForwardToken"]
        answer = get(logs, startFromHead=True, nextToken=token, **params)
        if answer["nextForwardToken"] == token:
            assert answer["events"] == []
            return seen
        assert answer["events"]


def walk_back(logs: Direct, **params: Any) -> list[str]:
    """From the newest page to the head."""
    seen: list[str] = []
    answer = get(logs, **params)
    while True:
        seen = said(answer) + seen
        token = answer["nextBackwardToken"]
        answer = get(logs, nextToken=token, **params)
        if answer["nextBackwardToken"] == token:
            assert answer["events"] == []
            return seen
        assert answer["events"]


def test_an_event_has_message_and_both_times(logs: Direct) -> None:
    put(logs, -7)

    assert get(logs)["events"] == [{"timestamp": NOW_MS - 7, "message": "-7", "ingestionTime": NOW_MS}]


def test_tokens_look_as_clients_know_them(logs: Direct) -> None:
    put(logs, 0)
    answer = get(logs)

    assert re.fullmatch(r"f/\d{56}/s", answer["nextForwardToken"])
    assert re.fullmatch(r"b/\d{56}/s", answer["nextBackwardToken"])


def test_without_a_token_the_newest_page_comes_first(logs: Direct) -> None:
    put(logs, 1, 2, 3)

    assert said(get(logs, limit=2)) == ["2", "3"]
    assert said(get(logs, limit=2, startFromHead=True)) == ["1", "2"]


def test_the_start_is_part_of_the_window_and_the_end_is_not(logs: Direct) -> None:
    put(logs, 1, 2, 3)
    window = {"startTime": NOW_MS + 1, "endTime": NOW_MS + 3}

    assert walk(logs, **window) == walk_back(logs, **window) == ["1", "2"]


def test_a_follower_sees_what_is_appended_after_the_end(logs: Direct) -> None:
    put(logs, 1)
    token = get(logs, startFromHead=True)["nextForwardToken"]
    assert get(logs, nextToken=token)["nextForwardToken"] == token

    put(logs, 1, 2)
    answer = get(logs, nextToken=token)

    assert said(answer) == ["1", "2"]
    assert answer["nextForwardToken"] != token


@pytest.mark.parametrize("params", [{}, {"startFromHead": True}, {"startTime": NOW_MS}, {"endTime": NOW_MS + 9}])
def test_a_follower_of_an_empty_stream_sees_its_first_event(logs: Direct, params: dict[str, Any]) -> None:
    token = get(logs, **params)["nextForwardToken"]
    assert get(logs, nextToken=token, **params)["nextForwardToken"] == token

    put(logs, 1)

    assert said(get(logs, nextToken=token, **params)) == ["1"]


def test_a_reader_may_turn_round(logs: Direct) -> None:
    put(logs, 1, 2, 3, 4)
    newest = get(logs, limit=2)

    older = get(logs, limit=2, nextToken=newest["nextBackwardToken"])
    again = get(logs, limit=2, nextToken=older["nextForwardToken"])

    assert (said(older), said(again)) == (["1", "2"], ["3", "4"])


def test_a_page_holds_a_mebibyte_at_most_but_always_an_event(logs: Direct) -> None:
    for number in range(3):
        event = {"timestamp": NOW_MS + number, "message": str(number) * 600_000}
        logs("put_log_events", **WHERE, logEvents=[event])

    assert [len(message) for message in said(get(logs))] == [600_000]
    assert [message[0] for message in walk(logs)] == [message[0] for message in walk_back(logs)] == ["0", "1", "2"]


@pytest.mark.parametrize("token", ["f/1/s", "x", f"f/{'9' * 56}/s", "f/" + "٣" * 56 + "/s", "b/" + "0" * 55 + "/s"])
def test_a_token_that_was_never_given_out_is_refused(logs: Direct, token: str) -> None:
    assert logs.error("get_log_events", **WHERE, nextToken=token) == BAD


def test_times_beyond_all_time_are_no_trouble(logs: Direct) -> None:
    put(logs, 1)
    far = 2**63 - 1

    assert said(get(logs, endTime=far)) == ["1"]
    assert said(get(logs, startTime=far, endTime=far)) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(-6, 6), min_size=1, max_size=8).map(sorted), max_size=5),
    st.integers(1, 7),
    st.one_of(st.none(), st.integers(-7, 7)),
    st.one_of(st.none(), st.integers(-7, 7)),
)
def test_walking_either_way_sees_each_event_of_the_window_once(
    batches: list[list[int]], limit: int, start: int | None, end: int | None
) -> None:
    window = {"startTime": start, "endTime": end}
    params = {name: NOW_MS + time for name, time in window.items() if time is not None}
    times = [time for batch in batches for time in batch]
    expected = sorted(t for t in times if (start is None or t >= start) and (end is None or t < end))
    with direct(SERVICE) as logs:
        make_stream(logs)
        for batch in batches:
            put(logs, *batch)

        assert walk(logs, limit=limit, **params) == [str(time) for time in expected]
        assert walk_back(logs, limit=limit, **params) == [str(time) for time in expected]
