"""Moving dead letters back."""

from __future__ import annotations

from typing import Any

import pytest

from batchd.services.sqs.moves import MOVE, move_some
from batchd.store.store import Tx
from tests.contexts import ACCOUNT, context
from tests.services.direct import Direct
from tests.services.sqs.boxes import Box


@pytest.fixture
def grave(timed: Direct) -> Box:
    return Box(timed, "grave")


@pytest.fixture
def box(timed: Direct, grave: Box) -> Box:
    made = Box(timed)
    made.buries_in(grave, after=1)
    return made


def bury(box: Box, *bodies: str) -> None:
    for body in bodies:
        box.send(body)
    for _ in range(2):
        box.receive(VisibilityTimeout=0)
        box.service.clock.advance(1)


def step(timed: Direct) -> bool:
    """Make the deliveries that are due; whether there was one."""
    now = timed.clock.now_ms()

    def work(tx: Tx) -> bool:
        due = [one for lane in tx.deliveries.lanes() for one in tx.deliveries.due(lane, now, 10)]
        for delivery in due:
            assert delivery.body["kind"] == MOVE
            move_some(context(tx, now_ms=now), delivery)
            tx.deliveries.remove(delivery.number)
        return bool(due)

    return timed.store.transact(work)


def tasks(timed: Direct, grave: Box, most: int = 10) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = timed("list_message_move_tasks", SourceArn=grave.arn, MaxResults=most)["Results"]
    return found


def test_everything_goes_back_to_where_it_came_from_as_new(timed: Direct, grave: Box, box: Box) -> None:
    bury(box, "a", "b", "c")
    buried = {message["Body"]: message for message in grave.receive(VisibilityTimeout=0)}
    started = timed("start_message_move_task", SourceArn=grave.arn)

    assert started["TaskHandle"] == tasks(timed, grave)[0]["TaskHandle"]
    while step(timed):
        pass
    assert (grave.counts(), box.counts()) == ((0, 0, 0), (3, 0, 0))
    for message in box.receive():
        assert message["MessageId"] != buried[message["Body"]]["MessageId"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        assert "DeadLetterQueueSourceArn" not in message["Attributes"]
    (task,) = tasks(timed, grave)
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": grave.arn,
        "ApproximateNumberOfMessagesMoved": 3,
        "ApproximateNumberOfMessagesToMove": 3,
        "StartedTimestamp": task["StartedTimestamp"],
    }


def test_a_rate_is_kept_and_a_task_can_be_cancelled(timed: Direct, grave: Box, box: Box) -> None:
    other = Box(timed, "other")
    bury(box, "a", "b", "c", "d", "e")
    handle = timed(
        "start_message_move_task", SourceArn=grave.arn, DestinationArn=other.arn, MaxNumberOfMessagesPerSecond=2
    )["TaskHandle"]

    assert step(timed)
    assert (other.counts()[0], step(timed)) == (2, False)
    assert timed.error("start_message_move_task", SourceArn=grave.arn)[0] == "UnsupportedOperation"
    timed.clock.advance(1)
    assert step(timed)
    cancelled = timed("cancel_message_move_task", TaskHandle=handle)
    assert cancelled == {"ApproximateNumberOfMessagesMoved": 4}
    timed.clock.advance(1)
    assert (step(timed), other.counts()[0], grave.counts()[0]) == (True, 4, 1)
    assert step(timed) is False
    assert tasks(timed, grave)[0]["Status"] == "CANCELLED"
    assert timed.error("cancel_message_move_task", TaskHandle=handle)[0] == "InvalidParameterValueException"


def test_groups_keep_their_order_on_the_way_back(timed: Direct) -> None:
    grave, line = Box(timed, "grave.fifo"), Box(timed, "line.fifo", ContentBasedDeduplication="true")
    line.buries_in(grave, after=1)
    for number in range(4):
        line.send(str(number), MessageGroupId=f"g{number % 2}")
    for _ in range(2):
        line.receive(VisibilityTimeout=0)
        timed.clock.advance(1)
    assert grave.counts() == (4, 0, 0)
    timed("start_message_move_task", SourceArn=grave.arn)
    while step(timed):
        pass

    received = line.receive()
    assert [m["Body"] for m in received if m["Attributes"]["MessageGroupId"] == "g0"] == ["0", "2"]
    assert [m["Body"] for m in received if m["Attributes"]["MessageGroupId"] == "g1"] == ["1", "3"]
    numbers = [m["Attributes"]["SequenceNumber"] for m in received]
    assert len(set(numbers)) == 4


def test_a_message_that_came_from_nowhere_fails_the_task(timed: Direct, grave: Box, box: Box) -> None:
    grave.send("direct")
    timed("start_message_move_task", SourceArn=grave.arn)

    assert (step(timed), step(timed)) == (True, False)
    (task,) = tasks(timed, grave)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert grave.counts() == (1, 0, 0)


def test_a_queue_that_is_gone_fails_the_task(timed: Direct, grave: Box, box: Box) -> None:
    other = Box(timed, "other")
    bury(box, "a")
    timed("start_message_move_task", SourceArn=grave.arn, DestinationArn=other.arn)
    timed("delete_queue", QueueUrl=other.url)

    assert step(timed)
    assert tasks(timed, grave)[0]["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"SourceArn": "nonsense"}, "ResourceNotFoundException"),
        ({"SourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:never"}, "ResourceNotFoundException"),
        ({"DestinationArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:never"}, "ResourceNotFoundException"),
        ({"MaxNumberOfMessagesPerSecond": 501}, "InvalidParameterValueException"),
        ({"SourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:box"}, "InvalidParameterValueException"),
    ],
)
def test_a_task_that_cannot_be_is_refused(
    timed: Direct, grave: Box, box: Box, params: dict[str, Any], code: str
) -> None:
    assert timed.error("start_message_move_task", **{"SourceArn": grave.arn, **params})[0] == code


def test_a_handle_of_no_task_is_refused(timed: Direct, grave: Box, box: Box) -> None:
    handle = timed("start_message_move_task", SourceArn=grave.arn)["TaskHandle"]

    assert timed.error("cancel_message_move_task", TaskHandle="x")[0] == "InvalidParameterValueException"
    timed.region = "eu-west-1"
    assert timed.error("cancel_message_move_task", TaskHandle=handle)[0] == "ResourceNotFoundException"


def test_the_last_ten_tasks_are_told_of(timed: Direct, grave: Box, box: Box) -> None:
    for _ in range(12):
        timed("start_message_move_task", SourceArn=grave.arn)
        step(timed)
        timed.clock.advance(1)

    started = [task["StartedTimestamp"] for task in tasks(timed, grave)]
    assert (len(started), started) == (10, sorted(started, reverse=True))
    assert len(tasks(timed, grave, 1)) == 1
    assert timed.error("list_message_move_tasks", SourceArn=grave.arn, MaxResults=11)[0] == (
        "InvalidParameterValueException"
    )
