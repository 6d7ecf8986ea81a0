from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.services.logs import SERVICE
from batchd.store.store import StreamKey
from tests.contexts import NOW_MS
from tests.services.direct import Direct, direct


@pytest.fixture(autouse=True)
def group(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")


def put(logs: Direct, stream: str, *events: tuple[int, str]) -> None:
    """Append, making the stream if need be."""
    if not logs("describe_log_streams", logGroupName="g", logStreamNamePrefix=stream)["logStreams"]:
        logs("create_log_stream", logGroupName="g", logStreamName=stream)
    listed = [{"timestamp": NOW_MS + time, "message": message} for time, message in events]
    logs("put_log_events", logGroupName="g", logStreamName=stream, logEvents=listed)


def search(logs: Direct, **params: Any) -> list[dict[str, Any]]:
    """All pages."""
    answer = logs("filter_log_events", logGroupName="g", **params)
    events = list(answer["events"])
    while "nextToken" in answer:
        answer = logs("filter_log_events", logGroupName="g", nextToken=answer["nextToken"], **params)
        events += answer["events"]
    return events


def said(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for event in events]


def test_events_of_all_streams_come_by_time(logs: Direct) -> None:
    put(logs, "b", (1, "first"), (3, "third"))
    put(logs, "a", (2, "second"))

    answer = logs("filter_log_events", logGroupName="g", interleaved=True)

    assert said(answer["events"]) == ["first", "second", "third"]
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer


def test_an_event_shows_where_it_is_from(logs: Direct) -> None:
    put(logs, "s", (1, "m"))

    (event,) = search(logs)

    assert len(event.pop("eventId")) == 56
    assert event == {"logStreamName": "s", "timestamp": NOW_MS + 1, "message": "m", "ingestionTime": NOW_MS}


def test_both_ends_of_the_window_belong_to_it(logs: Direct) -> None:
    put(logs, "s", (1, "a"), (2, "b"), (3, "c"), (4, "d"))

    assert said(search(logs, startTime=NOW_MS + 2, endTime=NOW_MS + 3)) == ["b", "c"]


def test_only_matching_events_come(logs: Direct) -> None:
    put(logs, "s", (1, "ERROR one"), (2, "fine"), (3, '{"level": "ERROR"}'))

    assert said(search(logs, filterPattern="ERROR -level")) == ["ERROR one"]
    assert said(search(logs, filterPattern="{ $.level = ERROR }")) == ['{"level": "ERROR"}']
    assert logs.error("filter_log_events", logGroupName="g", filterPattern="a@b")[1] == "Invalid filter pattern"


def test_streams_are_chosen_by_name_or_by_prefix(logs: Direct) -> None:
    for stream in ("job/1", "job/2", "other"):
        put(logs, stream, (1, stream))

    assert said(search(logs, logStreamNames=["other", "job/1", "other"])) == ["job/1", "other"]
    assert said(search(logs, logStreamNamePrefix="job/")) == ["job/1", "job/2"]
    assert said(search(logs, logStreamNamePrefix="none")) == []
    both = logs.error("filter_log_events", logGroupName="g", logStreamNames=["other"], logStreamNamePrefix="job")
    assert both[0] == "InvalidParameterException"
    assert logs.error("filter_log_events", logGroupName="g", logStreamNames=["gone"]) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )


def test_a_prefix_of_very_many_streams_is_no_different(logs: Direct) -> None:
    def fill(tx: Any) -> None:
        for number in range(103):
            tx.logs.append(StreamKey("us-east-1", "g", f"job/{number:03}"), [(NOW_MS + number, str(number))], NOW_MS)
        tx.logs.append(StreamKey("us-east-1", "g", "other"), [(NOW_MS, "other")], NOW_MS)

    logs.store.transact(fill)

    assert said(search(logs, logStreamNamePrefix="job/", limit=40)) == [str(number) for number in range(103)]


def test_a_follower_that_asks_again_from_the_newest_time_misses_and_repeats_nothing(logs: Direct) -> None:
    """What `aws logs tail --follow` does: startTime is the newest time seen, ids seen at that time are skipped."""
    put(logs, "a", (1, "one"), (2, "two"))
    first = search(logs)
    put(logs, "b", (2, "three"))
    put(logs, "a", (2, "four"), (5, "five"))

    newest = first[-1]["timestamp"]
    known = {event["eventId"] for event in first if event["timestamp"] == newest}
    second = [event for event in search(logs, startTime=newest) if event["eventId"] not in known]

    assert sorted(said(second)) == ["five", "four", "three"]
    assert len({event["eventId"] for event in first + second}) == 5


def test_a_call_looks_at_a_bounded_number_of_events(logs: Direct) -> None:
    messages = [(NOW_MS, "rare" if number == 20_500 else "common") for number in range(21_000)]
    logs.store.transact(lambda tx: tx.logs.append(StreamKey("us-east-1", "g", "s"), messages, NOW_MS))

    first = logs("filter_log_events", logGroupName="g", filterPattern="rare")

    assert first["events"] == []
    assert said(search(logs, filterPattern="rare")) == ["rare"]


def test_a_page_holds_a_mebibyte_at_most(logs: Direct) -> None:
    for number in range(3):
        put(logs, "s", (number, "x" * 600_000))

    answer = logs("filter_log_events", logGroupName="g")

    assert len(answer["events"]) == 1
    assert len(search(logs)) == 3


@pytest.mark.parametrize("token", ["x", "W10=", "WzEsMiwtM10=", "WzEsMiwiYSJd", "WzFlOTk5LDIsM10="])
def test_a_token_that_was_never_given_out_is_refused(logs: Direct, token: str) -> None:
    assert logs.error("filter_log_events", logGroupName="g", nextToken=token) == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_newest_first_is_refused_rather_than_answered_wrongly(logs: Direct) -> None:
    assert logs.error("filter_log_events", logGroupName="g", startFromHead=False)[0] == "InvalidParameterException"


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=25)


@settings(max_examples=40, deadline=None)
@given(EVENTS, st.integers(1, 6), st.sampled_from([{}, {"logStreamNames": ["a", "b"]}, {"logStreamNamePrefix": "c"}]))
def test_pages_of_any_size_show_each_event_once_in_order(
    events: list[tuple[str, int]], limit: int, chosen: dict[str, Any]
) -> None:
    wanted = chosen.get("logStreamNames") or [chosen.get("logStreamNamePrefix", "")] * bool(chosen) or list("abc")
    with direct(SERVICE) as logs:
        logs("create_log_group", logGroupName="g")
        for stream in "abc":
            logs("create_log_stream", logGroupName="g", logStreamName=stream)
        for number, (stream, time) in enumerate(events):
            put(logs, stream, (time, str(number)))

        found = search(logs, limit=limit, **chosen)

    assert [event["timestamp"] for event in found] == sorted(NOW_MS + time for s, time in events if s in wanted)
    assert sorted(int(message) for message in said(found)) == [n for n, (s, _) in enumerate(events) if s in wanted]
    assert len({event["eventId"] for event in found}) == len(found)


def test_the_samples_of_a_metric_filter_are_tested_in_place(logs: Direct) -> None:
    answer = logs("test_metric_filter", filterPattern="[level=E*, what]", logEventMessages=["I one", "ERR two", "E"])

    assert answer == {
        "matches": [{"eventNumber": 2, "eventMessage": "ERR two", "extractedValues": {"$level": "ERR", "$what": "two"}}]
    }
