"""FIFO queues: order, groups, deduplication."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.direct import Direct
from tests.services.sqs.boxes import Box


@pytest.fixture
def line(timed: Direct) -> Box:
    return Box(timed, "line.fifo", ContentBasedDeduplication="true")


def test_a_group_comes_in_order_and_waits_while_one_is_in_flight(timed: Direct, line: Box) -> None:
    for body in ("a1", "a2", "b1", "a3"):
        line.send(body, MessageGroupId=body[0])

    first = line.receive(MaxNumberOfMessages=2)
    assert [message["Body"] for message in first] == ["a1", "a2"]
    assert line.bodies() == ["b1"]
    assert line.receive() == []
    line.delete(first[0])
    assert line.receive() == []
    line.delete(first[1])
    assert line.bodies() == ["a3"]
    timed.clock.advance(31)
    assert sorted(line.bodies()) == ["a3", "b1"]


def test_every_message_has_a_greater_number(line: Box, timed: Direct) -> None:
    sent = [line.send(str(n), MessageGroupId="g")["SequenceNumber"] for n in range(3)]
    received = [message["Attributes"]["SequenceNumber"] for message in line.receive()]
    timed("purge_queue", QueueUrl=line.url)
    later = line.send("after", MessageGroupId="g")["SequenceNumber"]

    assert received == sent == sorted(set(sent))
    assert {len(number) for number in sent} == {20}
    assert later > sent[-1]


def test_what_was_sent_in_the_last_five_minutes_is_not_sent_again(timed: Direct, line: Box) -> None:
    first = line.send("x", MessageGroupId="g")
    for message in line.receive():
        line.delete(message)
    timed.clock.advance(299)

    again = line.send("x", MessageGroupId="g", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert line.counts() == (0, 0, 0)
    timed.clock.advance(2)
    assert line.send("x", MessageGroupId="g")["MessageId"] != first["MessageId"]


def test_an_explicit_id_is_what_is_compared(line: Box) -> None:
    first = line.send("x", MessageGroupId="g", MessageDeduplicationId="1")
    assert line.send("y", MessageGroupId="h", MessageDeduplicationId="1")["MessageId"] == first["MessageId"]
    assert line.send("x", MessageGroupId="g", MessageDeduplicationId="2")["MessageId"] != first["MessageId"]
    told = [m["Attributes"]["MessageDeduplicationId"] for m in line.receive()]
    assert told == ["1", "2"]


def test_a_scope_of_groups_compares_within_the_group(timed: Direct) -> None:
    box = Box(timed, "x.fifo", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    ids = {
        box.send("x", MessageGroupId=group, MessageDeduplicationId="1")["MessageId"] for group in ("g", "h", "g", "h")
    }
    assert len(ids) == 2


def test_duplicates_within_a_batch_are_one_message(timed: Direct, line: Box) -> None:
    entry = {"MessageBody": "x", "MessageGroupId": "g"}
    sent = timed("send_message_batch", QueueUrl=line.url, Entries=[{**entry, "Id": "a"}, {**entry, "Id": "b"}])

    assert len({answer["MessageId"] for answer in sent["Successful"]}) == 1
    assert line.bodies() == ["x"]


def test_a_handle_is_good_until_the_message_is_visible_again(timed: Direct, line: Box) -> None:
    line.send("x", MessageGroupId="g")
    (message,) = line.receive(VisibilityTimeout=10)
    timed.clock.advance(10)

    handle = message["ReceiptHandle"]
    expired = (
        "InvalidParameterValueException",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    )
    assert line.error("delete_message", ReceiptHandle=handle) == expired
    assert line.error("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=1) == expired
    (again,) = line.receive()
    assert line.error("delete_message", ReceiptHandle=handle) == expired
    line.delete(again)
    line.delete(message)  # it is gone


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "The request must contain the parameter MessageGroupId."),
        (
            {"MessageGroupId": "g", "DelaySeconds": 1},
            "Value 1 for parameter DelaySeconds is invalid. "
            "Reason: The request include parameter that is not valid for this queue type.",
        ),
        (
            {"MessageGroupId": "g"},
            "The queue should either have ContentBasedDeduplication enabled "
            "or MessageDeduplicationId provided explicitly",
        ),
    ],
)
def test_what_a_fifo_queue_cannot_take_is_refused(timed: Direct, params: dict[str, Any], text: str) -> None:
    box = Box(timed, "strict.fifo")
    assert box.error("send_message", MessageBody="x", **params)[1] == text


def test_the_queues_delay_holds_for_all(timed: Direct) -> None:
    box = Box(timed, "late.fifo", DelaySeconds="5", ContentBasedDeduplication="true")
    box.send("a", MessageGroupId="g")
    timed.clock.advance(3)
    box.send("b", MessageGroupId="g")

    assert box.receive() == []
    timed.clock.advance(2)
    assert box.bodies(VisibilityTimeout=0) == ["a"]
    timed.clock.advance(3)
    assert box.bodies() == ["a", "b"]
