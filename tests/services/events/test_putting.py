"""PutEvents: what is accepted, and what the rules of a bus make of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from batchd.services import events
from batchd.store.store import Body, Delivery
from tests.contexts import ACCOUNT
from tests.services.direct import Direct, direct

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
ENTRY = {"Source": "my.app", "DetailType": "Order", "Detail": '{"n": 1}'}


@pytest.fixture
def service() -> Iterator[Direct]:
    with direct(events.SERVICE) as service:
        yield service


def put(service: Direct, *entries: Any) -> list[Body]:
    answer = service("put_events", Entries=list(entries))
    failed = [entry for entry in answer["Entries"] if "ErrorCode" in entry]
    assert answer["FailedEntryCount"] == len(failed)
    return list(answer["Entries"])


def watch(service: Direct, name: str, pattern: Any, bus: str = "default", **target: Any) -> None:
    service("put_rule", Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)
    service("put_targets", Rule=name, EventBusName=bus, Targets=[{"Id": "t", "Arn": TOPIC, **target}])


def deliveries(service: Direct) -> list[Delivery]:
    with service.store.read() as tx:
        return [one for lane in tx.deliveries.lanes() for one in tx.deliveries.due(lane, 2**62, 100)]


def test_an_event_goes_to_the_targets_of_each_rule_that_matches_with_one_id(service: Direct) -> None:
    watch(service, "orders", {"source": ["my.app"]})
    watch(service, "many", {"detail": {"n": [{"numeric": [">", 0]}]}})
    watch(service, "others", {"source": ["other"]})

    (answer,) = put(service, {**ENTRY, "Resources": ["arn:a"], "Time": datetime(2026, 1, 1, 0, 0, 0, 900_000, UTC)})

    found = deliveries(service)
    assert sorted(one.body["rule"].rpartition("/")[2] for one in found) == ["many", "orders"]
    event = found[0].body["event"]
    assert json.dumps(event) == json.dumps(
        {
            "version": "0",
            "id": answer["EventId"],
            "detail-type": "Order",
            "source": "my.app",
            "account": ACCOUNT,
            "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": ["arn:a"],
            "detail": {"n": 1},
        }
    )
    assert found[1].body["event"] == event


def test_rules_change_at_once(service: Direct) -> None:
    watch(service, "orders", {"source": ["my.app"]})
    put(service, ENTRY)
    service("disable_rule", Name="orders")
    put(service, ENTRY)
    service("enable_rule", Name="orders")
    put(service, ENTRY)
    service("remove_targets", Rule="orders", Ids=["t"])
    put(service, ENTRY)
    assert len(deliveries(service)) == 2


def test_events_stay_on_their_bus_and_vanish_on_one_that_is_not_there(service: Direct) -> None:
    service("create_event_bus", Name="shop")
    watch(service, "orders", {"source": ["my.app"]}, bus="shop")
    watch(service, "orders", {"source": ["my.app"]})

    answers = put(
        service,
        {**ENTRY, "EventBusName": "shop"},
        {**ENTRY, "EventBusName": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/shop"},
        {**ENTRY, "EventBusName": "nowhere"},
        {**ENTRY, "EventBusName": f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/shop"},
    )

    assert all("EventId" in answer for answer in answers)
    assert [one.body["bus"] for one in deliveries(service)] == ["shop", "shop"]


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        ({"Source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        (
            {"DetailType": None},
            "InvalidArgument",
            "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
        ),
        ({"Detail": None}, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ({"Detail": "[1]"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '"text"'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "{"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a":' * 2000 + "1" + "}" * 2000}, "MalformedDetail", "Detail is malformed."),
        ({"Source": "aws.batch"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
    ],
)
def test_what_is_wrong_with_one_entry_leaves_the_others_untouched(
    service: Direct, entry: Any, code: str, message: str
) -> None:
    watch(service, "orders", {"source": ["my.app"]})

    first, second = put(service, {**ENTRY, **entry}, ENTRY)

    assert first == {"ErrorCode": code, "ErrorMessage": message}
    assert second.keys() == {"EventId"}
    assert len(deliveries(service)) == 1


def test_a_request_has_a_size_limit(service: Direct) -> None:
    room = 262_144 - len("my.appOrder") - len('{"x": ""}')

    put(service, {**ENTRY, "Detail": json.dumps({"x": "x" * room})})

    assert service.error("put_events", Entries=[{**ENTRY, "Detail": json.dumps({"x": "x" * (room + 1)})}]) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
    )


def test_a_target_says_how_often_and_how_long_it_is_tried(service: Direct) -> None:
    policy = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    watch(service, "orders", {"source": ["my.app"]}, RetryPolicy=policy)
    put(service, ENTRY)

    (one,) = deliveries(service)
    assert (one.body["max_attempts"], one.body["max_age_s"]) == (1, 60)
    assert one.lane == TOPIC


def test_a_pattern_is_tested_without_a_rule(service: Direct) -> None:
    event = dict.fromkeys(("id", "account", "source", "time", "region", "detail-type"), "x") | {"resources": []}

    def ask(pattern: Any, tested: Any) -> Any:
        return service("test_event_pattern", EventPattern=json.dumps(pattern), Event=json.dumps(tested))["Result"]

    assert ask({"source": ["x"]}, event) is True
    assert ask({"source": ["y"]}, event) is False
    for tested in ("text", [1], {"id": "only"}):
        code, message = service.error("test_event_pattern", EventPattern='{"a":["b"]}', Event=json.dumps(tested))
        assert (code, message[:29]) == ("ValidationException", "Parameter Event is not valid.")
    assert service.error("test_event_pattern", EventPattern='{"a":1}', Event=json.dumps(event)) == (
        "InvalidEventPatternException",
        'Event pattern is not valid. Reason: "a" must be an object or an array',
    )
