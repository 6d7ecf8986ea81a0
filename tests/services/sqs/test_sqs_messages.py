"""Messages in standard queues: sent, received, hidden, deleted, delayed, over."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from batchd.gateway.operation import Again
from batchd.services.sqs.upkeep import depths, expire_messages
from tests.contexts import ACCOUNT
from tests.services.direct import Direct
from tests.services.sqs.boxes import Box
from tests.services.wired import refused

ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "late"},
    "size": {"DataType": "Number.int", "StringValue": "12"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}


@pytest.fixture
def box(timed: Direct) -> Box:
    return Box(timed)


def test_a_message_goes_through_a_real_client_which_checks_its_digests(client: Any) -> None:
    url = client.create_queue(QueueName="night")["QueueUrl"]
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e272390-8c398be037738dc042009320"}}
    sent = client.send_message(
        QueueUrl=url, MessageBody="héllo", MessageAttributes=ATTRIBUTES, MessageSystemAttributes=trace
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5("héllo".encode()).hexdigest()
    assert len(sent["MD5OfMessageSystemAttributes"]) == 32

    received = client.receive_message(
        QueueUrl=url, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )
    (message,) = received["Messages"]
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "héllo")
    assert message["MessageAttributes"] == ATTRIBUTES
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    told = message["Attributes"]
    assert told["SenderId"] == ACCOUNT
    assert told["ApproximateReceiveCount"] == "1"
    assert told["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert int(told["ApproximateFirstReceiveTimestamp"]) >= int(told["SentTimestamp"]) > 10**12
    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in client.receive_message(QueueUrl=url, VisibilityTimeout=0)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ([], []),
        (["kind", "nope"], ["kind"]),
        (["All"], ["kind", "raw", "size"]),
        ([".*"], ["kind", "raw", "size"]),
        (["ki.*", "size"], ["kind", "size"]),
    ],
)
def test_attributes_come_when_they_are_asked_for(box: Box, asked: list[str], names: list[str]) -> None:
    box.send("x", MessageAttributes=ATTRIBUTES)

    (message,) = box.receive(MessageAttributeNames=asked, MessageSystemAttributeNames=[])
    assert sorted(message.get("MessageAttributes", {})) == names
    assert ("MD5OfMessageAttributes" in message) == bool(names)
    assert "Attributes" not in message


def test_system_attributes_have_two_names_to_ask_by(box: Box) -> None:
    box.send("x")

    (message,) = box.receive(MessageSystemAttributeNames=["SenderId"], AttributeNames=["ApproximateReceiveCount"])
    assert message["Attributes"] == {"SenderId": ACCOUNT, "ApproximateReceiveCount": "1"}
    assert box.error("receive_message", AttributeNames=["Policy"])[0] == "InvalidAttributeName"


def test_what_was_received_is_hidden_until_its_timeout_and_then_comes_again(timed: Direct, box: Box) -> None:
    box.send("x")
    (first,) = box.receive(VisibilityTimeout=10)

    assert (box.receive(), box.counts()) == ([], (0, 1, 0))
    timed.clock.advance(9)
    assert box.receive() == []
    timed.clock.advance(1)
    (second,) = box.receive()
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert (
        second["Attributes"]["ApproximateFirstReceiveTimestamp"]
        == (first["Attributes"]["ApproximateFirstReceiveTimestamp"])
    )


def test_a_message_may_be_hidden_longer_or_let_go(timed: Direct, box: Box) -> None:
    box.send("x")
    (message,) = box.receive()
    box.hide(message, 100)
    timed.clock.advance(99)
    assert box.receive() == []
    box.hide(message, 0)
    (again,) = box.receive()

    def error(seconds: int, handle: str = again["ReceiptHandle"]) -> tuple[str, str]:
        return box.error("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=seconds)

    assert error(43_201)[0] == "InvalidParameterValueException"
    timed.clock.advance(10)
    assert "beyond the limit [43200 seconds]" in error(43_200)[1]
    assert error(1, "nonsense")[0] == "ReceiptHandleIsInvalid"
    timed.clock.advance(30)
    assert error(1)[0] == "MessageNotInflight"
    box.delete(again)
    assert "Message does not exist" in error(1)[1]


def test_any_handle_of_a_message_deletes_it_even_late_and_twice(timed: Direct, box: Box) -> None:
    box.send("x")
    (first,) = box.receive(VisibilityTimeout=1)
    timed.clock.advance(2)
    box.receive()
    box.delete(first)
    box.delete(first)

    timed.clock.advance(100)
    assert box.counts() == (0, 0, 0)
    other = Box(timed, "other")
    assert other.error("delete_message", ReceiptHandle=first["ReceiptHandle"])[0] == "ReceiptHandleIsInvalid"


def test_delays_are_the_queues_or_the_messages_own(timed: Direct) -> None:
    box = Box(timed, DelaySeconds="60")
    box.send("late")
    box.send("now", DelaySeconds=0)

    assert (box.bodies(), box.counts()) == (["now"], (0, 1, 1))
    timed.clock.advance(60)
    assert "late" in box.bodies()


def test_waiting_lasts_until_a_message_is_due_or_the_time_is_over(timed: Direct, box: Box) -> None:
    def ask(since_ms: int = 0, **more: Any) -> Any:
        return timed("receive_message", QueueUrl=box.url, **more)

    now = timed.clock.now_ms()
    assert ask(WaitTimeSeconds=20) == Again("sqs.queue/us-east-1/box", now + 20_000)
    assert ask(WaitTimeSeconds=0) == ask() == {}
    box.send("late", DelaySeconds=5)
    assert ask(WaitTimeSeconds=20) == Again("sqs.queue/us-east-1/box", now + 5_000)
    timed.clock.advance(5)
    assert [message["Body"] for message in ask(WaitTimeSeconds=20)["Messages"]] == ["late"]
    box.set(ReceiveMessageWaitTimeSeconds="3")
    assert isinstance(ask(), Again)
    assert box.error("receive_message", WaitTimeSeconds=21)[1] == (
        "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."
    )
    assert box.error("receive_message", MaxNumberOfMessages=11)[1] == (
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
    )


def test_what_is_older_than_the_queue_keeps_it_is_not_received(timed: Direct) -> None:
    box = Box(timed, MessageRetentionPeriod="60")
    box.send("old")
    timed.clock.advance(50)
    box.send("young")
    timed.clock.advance(11)

    assert box.bodies() == ["young"]
    assert box.counts() == (0, 1, 0)


def test_housekeeping_removes_what_is_over_and_what_was_purged(timed: Direct) -> None:
    box, other = Box(timed, MessageRetentionPeriod="60"), Box(timed, "other")
    for _ in range(3):
        box.send("old")
        other.send("kept")
    timed("purge_queue", QueueUrl=other.url)
    timed.clock.advance(61)
    box.send("young")
    now = timed.clock.now_ms()

    assert timed.store.transact(lambda tx: expire_messages(tx, now)) == 6
    assert timed.store.transact(lambda tx: expire_messages(tx, now)) == 0
    with timed.store.read() as tx:
        assert {name: depth.ready for (_, name), depth in depths(tx, now).items()} == {"box": 1, "other": 0}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"MessageBody": ""}, "MissingRequiredParameterException"),
        ({"MessageBody": "a\x00"}, "InvalidMessageContents"),
        ({"MessageBody": "a\ufffe"}, "InvalidMessageContents"),
        ({"MessageBody": "x" * 1_048_577}, "InvalidParameterValueException"),
        ({"DelaySeconds": 901}, "InvalidParameterValueException"),
        ({"DelaySeconds": -1}, "InvalidParameterValueException"),
        ({"MessageDeduplicationId": "a"}, "InvalidParameterValueException"),
        ({"MessageGroupId": ""}, "InvalidParameterValueException"),
        ({"MessageGroupId": "x" * 129}, "InvalidParameterValueException"),
        ({"MessageSystemAttributes": {"Other": ATTRIBUTES["kind"]}}, "InvalidParameterValueException"),
        ({"MessageSystemAttributes": {"AWSTraceHeader": ATTRIBUTES["raw"]}}, "InvalidParameterValueException"),
        ({"MessageAttributes": {f"a{n}": ATTRIBUTES["kind"] for n in range(11)}}, "InvalidParameterValueException"),
        *(
            ({"MessageAttributes": {name: value}}, "InvalidParameterValueException")
            for name, value in {
                "a b": ATTRIBUTES["kind"],
                "AWS.x": ATTRIBUTES["kind"],
                "a..b": ATTRIBUTES["kind"],
                "type": {"DataType": "Text", "StringValue": "x"},
                "empty": {"DataType": "String", "StringValue": ""},
                "none": {"DataType": "Binary"},
                "number": {"DataType": "Number", "StringValue": "many"},
            }.items()
        ),
    ],
)
def test_what_cannot_be_sent_is_refused(box: Box, params: dict[str, Any], code: str) -> None:
    assert box.error("send_message", **{"MessageBody": "x", **params})[0] == code
    assert box.counts() == (0, 0, 0)


def test_attributes_count_towards_the_size(timed: Direct) -> None:
    box = Box(timed, MaximumMessageSize="1024")
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}

    box.send("x" * 1024)
    box.send("x" * 1016, MessageAttributes=attributes)
    assert box.error("send_message", MessageBody="x" * 1017, MessageAttributes=attributes)[1] == (
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
    )


def test_a_group_on_a_standard_queue_is_told_and_nothing_else(box: Box) -> None:
    box.send("a", MessageGroupId="tenant")
    box.send("b", MessageGroupId="tenant")

    assert [m["Attributes"]["MessageGroupId"] for m in box.receive(MaxNumberOfMessages=1)] == ["tenant"]
    assert box.bodies() == ["b"]


def test_each_entry_of_a_batch_succeeds_or_fails_by_itself(client: Any) -> None:
    url = client.create_queue(QueueName="night")["QueueUrl"]
    entries = [
        {"Id": "a", "MessageBody": "one", "MessageAttributes": ATTRIBUTES},
        {"Id": "b", "MessageBody": "two", "DelaySeconds": 1000},
        {"Id": "c", "MessageBody": "three"},
    ]
    sent = client.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == ["a", "c"]
    (failed,) = sent["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("b", True, "InvalidParameterValue")

    messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    changes = [{**handle, "VisibilityTimeout": 60} for handle in handles]
    changed = client.change_message_visibility_batch(
        QueueUrl=url, Entries=[*changes, {"Id": "x", "ReceiptHandle": "?", "VisibilityTimeout": 1}]
    )
    assert [entry["Id"] for entry in changed["Successful"]] == ["0", "1"]
    assert [(entry["Id"], entry["Code"]) for entry in changed["Failed"]] == [("x", "ReceiptHandleIsInvalid")]
    deleted = client.delete_message_batch(QueueUrl=url, Entries=[*handles, {"Id": "x", "ReceiptHandle": "?"}])
    assert [entry["Id"] for entry in deleted["Successful"]] == ["0", "1"]
    assert [entry["Code"] for entry in deleted["Failed"]] == ["ReceiptHandleIsInvalid"]


def test_a_batch_that_is_none_is_refused(client: Any) -> None:
    url = client.create_queue(QueueName="night")["QueueUrl"]

    def error(entries: list[Any]) -> str:
        return str(refused(client.send_message_batch, QueueUrl=url, Entries=entries)[0])

    prefix = "AWS.SimpleQueueService."
    one = {"Id": "a", "MessageBody": "x"}
    assert error([]) == f"{prefix}EmptyBatchRequest"
    assert error([{**one, "Id": str(n)} for n in range(11)]) == f"{prefix}TooManyEntriesInBatchRequest"
    assert error([one, one]) == f"{prefix}BatchEntryIdsNotDistinct"
    assert error([{**one, "Id": "a b"}]) == f"{prefix}InvalidBatchEntryId"
    large = {"MessageBody": "x" * 600_000}
    assert error([{"Id": "a", **large}, {"Id": "b", **large}]) == f"{prefix}BatchRequestTooLong"
