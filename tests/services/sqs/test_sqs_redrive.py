"""Dead-letter queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchd.gateway.operation import Again
from tests.contexts import ACCOUNT
from tests.services.direct import Direct
from tests.services.sqs.boxes import Box


def test_a_message_that_was_received_too_often_is_buried_as_it_was(timed: Direct) -> None:
    grave, box = Box(timed, "grave"), Box(timed)
    box.buries_in(grave, after=2)
    sent = box.send("bad", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    sent_at = str(timed.clock.now_ms())
    box.send("good")
    for _ in range(2):
        assert box.bodies(MaxNumberOfMessages=1, VisibilityTimeout=0) == ["bad"]
        timed.clock.advance(1)
    timed.clock.advance(10)

    assert box.bodies() == ["good"]
    (buried,) = grave.receive(MessageAttributeNames=["All"])
    assert (buried["MessageId"], buried["Body"]) == (sent["MessageId"], "bad")
    assert buried["MessageAttributes"]["a"]["StringValue"] == "b"
    assert buried["Attributes"]["SentTimestamp"] == sent_at
    assert buried["Attributes"]["DeadLetterQueueSourceArn"] == box.arn
    assert box.counts() == (0, 1, 0)


def test_burying_everything_leaves_whoever_waits_waiting(timed: Direct) -> None:
    grave, box = Box(timed, "grave"), Box(timed)
    box.buries_in(grave, after=1)
    for number in range(230):
        box.send(str(number))
    for _ in range(23):
        assert len(box.receive(VisibilityTimeout=0)) == 10
        timed.clock.advance(0.001)
    asked = {"QueueUrl": box.url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}

    assert timed("receive_message", **asked) == Again("sqs.queue/us-east-1/box", timed.clock.now_ms() + 1)
    timed.clock.advance(0.001)
    assert timed("receive_message", **asked).until_ms == timed.clock.now_ms() + 20_000
    assert (box.counts(), grave.counts()) == ((0, 0, 0), (230, 0, 0))


def test_a_group_goes_on_behind_what_was_buried(timed: Direct) -> None:
    grave = Box(timed, "grave.fifo")
    line = Box(timed, "line.fifo", ContentBasedDeduplication="true")
    line.buries_in(grave, after=1)
    for body in ("a1", "a2"):
        line.send(body, MessageGroupId="a")
    assert line.bodies(MaxNumberOfMessages=1, VisibilityTimeout=0) == ["a1"]
    timed.clock.advance(1)

    assert line.bodies() == ["a2"]
    (buried,) = grave.receive()
    told = buried["Attributes"]
    assert (told["MessageGroupId"], told["MessageDeduplicationId"]) == ("a", buried["MessageId"])
    assert told["SentTimestamp"] == str(timed.clock.now_ms())
    assert len(told["SequenceNumber"]) == 20


def test_without_its_dead_letter_queue_a_message_stays(timed: Direct) -> None:
    grave, box = Box(timed, "grave"), Box(timed)
    box.buries_in(grave, after=1)
    timed("delete_queue", QueueUrl=grave.url)
    box.send("x")

    for _ in range(3):
        assert box.bodies(VisibilityTimeout=0) == ["x"]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("[]", "Redrive policy is not a valid JSON map."),
        ("{", "Redrive policy is not a valid JSON map."),
        ('{"maxReceiveCount": 1}', "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        ('{"deadLetterTargetArn": "ARN"}', "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (
            '{"deadLetterTargetArn": "ARN", "maxReceiveCount": 0}',
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            '{"deadLetterTargetArn": "ARN", "maxReceiveCount": true}',
            "Invalid value for maxReceiveCount: True, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            f'{{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:{ACCOUNT}:never", "maxReceiveCount": "5"}}',
            "Dead letter target does not exist.",
        ),
        ('{"deadLetterTargetArn": "nonsense", "maxReceiveCount": 5}', "Dead letter target does not exist."),
        (
            f'{{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:{ACCOUNT}:line.fifo", "maxReceiveCount": 5}}',
            "Dead-letter queue must be same type of queue as the source.",
        ),
    ],
)
def test_a_policy_that_cannot_work_is_refused(timed: Direct, policy: str, reason: str) -> None:
    box, grave = Box(timed), Box(timed, "grave")
    Box(timed, "line.fifo")
    policy = policy.replace("ARN", grave.arn) if '"ARN"' in policy else policy
    assert box.error("set_queue_attributes", Attributes={"RedrivePolicy": policy}) == (
        "InvalidParameterValueException",
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}",
    )


def test_a_dead_letter_queue_says_for_whom_it_is(timed: Direct) -> None:
    grave, box, other = Box(timed, "grave"), Box(timed), Box(timed, "other")
    policy = json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": "3"})

    def allow(**document: Any) -> None:
        grave.set(RedriveAllowPolicy=json.dumps(document))

    allow(redrivePermission="denyAll")
    assert box.error("set_queue_attributes", Attributes={"RedrivePolicy": policy})[0] == (
        "InvalidParameterValueException"
    )
    allow(redrivePermission="byQueue", sourceQueueArns=[box.arn])
    box.set(RedrivePolicy=policy)
    assert other.error("set_queue_attributes", Attributes={"RedrivePolicy": policy})[0] == (
        "InvalidParameterValueException"
    )
    allow(redrivePermission="allowAll")
    other.set(RedrivePolicy=policy)
    assert timed("list_dead_letter_source_queues", QueueUrl=grave.url) == {"queueUrls": [box.url, other.url]}
    first = timed("list_dead_letter_source_queues", QueueUrl=grave.url, MaxResults=1)
    assert first == {"queueUrls": [box.url], "NextToken": "box"}
    box.set(RedrivePolicy="")
    assert timed("list_dead_letter_source_queues", QueueUrl=grave.url) == {"queueUrls": [other.url]}
    assert timed("list_dead_letter_source_queues", QueueUrl=box.url) == {"queueUrls": []}
    for document in ({}, {"redrivePermission": "byQueue"}, {"redrivePermission": "allowAll", "sourceQueueArns": ["x"]}):
        refusal = grave.error("set_queue_attributes", Attributes={"RedriveAllowPolicy": json.dumps(document)})
        assert refusal[0] == "InvalidParameterValueException"
