"""The town's queues and topics: calls that succeed, one after the other."""

from __future__ import annotations

from typing import Any

import orjson

from tests.contexts import ACCOUNT

Call = tuple[str, str, dict[str, Any]]

_URL = f"http://127.0.0.1:1/{ACCOUNT}/"
_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
_POLICY = orjson.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Sid": "one"}]}).decode()
_REDRIVE = orjson.dumps({"deadLetterTargetArn": f"{_ARN}grave", "maxReceiveCount": 3}).decode()
_ALLOW = orjson.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{_ARN}box"]}).decode()
_ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "late"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00"},
}
_TRACE = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}


def _box(operation: str, **params: Any) -> Call:
    return "sqs", operation, {"QueueUrl": f"{_URL}box", **params}


def _line(operation: str, **params: Any) -> Call:
    return "sqs", operation, {"QueueUrl": f"{_URL}line.fifo", **params}


FIRST: list[Call] = [
    ("sqs", "CreateQueue", {"QueueName": "grave", "Attributes": {"RedriveAllowPolicy": _ALLOW}}),
    (
        "sqs",
        "CreateQueue",
        {
            "QueueName": "box",
            "Attributes": {"RedrivePolicy": _REDRIVE, "Policy": _POLICY, "VisibilityTimeout": "30"},
            "tags": {"team": "night"},
        },
    ),
    (
        "sqs",
        "CreateQueue",
        {"QueueName": "line.fifo", "Attributes": {"FifoQueue": "true", "ContentBasedDeduplication": "true"}},
    ),
    _box("SendMessage", MessageBody="x", MessageAttributes=_ATTRIBUTES, MessageSystemAttributes=_TRACE),
    _box("SendMessage", MessageBody="late", DelaySeconds=5),
    _box("SendMessage", MessageBody="held"),
    _line("SendMessage", MessageBody="x", MessageGroupId="g", MessageDeduplicationId="1"),
    _line("ReceiveMessage", MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]),
    _box("ReceiveMessage", MaxNumberOfMessages=1, MessageAttributeNames=["All"], AttributeNames=["SenderId"]),
    ("sqs", "StartMessageMoveTask", {"SourceArn": f"{_ARN}grave", "MaxNumberOfMessagesPerSecond": 1}),
]
MORE: list[Call] = [
    _box("ReceiveMessage", MaxNumberOfMessages=10, WaitTimeSeconds=20, VisibilityTimeout=5),
    _line("ReceiveMessage", ReceiveRequestAttemptId="1", WaitTimeSeconds=1),
    _box("DeleteMessage", ReceiptHandle="@ReceiptHandle"),
    _box("ChangeMessageVisibility", ReceiptHandle="@ReceiptHandle", VisibilityTimeout=60),
    _box("DeleteMessageBatch", Entries=[{"Id": "a", "ReceiptHandle": "@ReceiptHandle"}]),
    _box(
        "ChangeMessageVisibilityBatch",
        Entries=[{"Id": "a", "ReceiptHandle": "@ReceiptHandle", "VisibilityTimeout": 0}],
    ),
    _box("SendMessageBatch", Entries=[{"Id": "a", "MessageBody": "x", "MessageAttributes": _ATTRIBUTES}]),
    _line("SendMessageBatch", Entries=[{"Id": "a", "MessageBody": "x", "MessageGroupId": "g"}]),
    _box("SendMessage", MessageBody="x", MessageGroupId="tenant"),
    _line("SendMessage", MessageBody="y", MessageGroupId="g"),
    _box("GetQueueAttributes", AttributeNames=["All"]),
    _box("SetQueueAttributes", Attributes={"DelaySeconds": "1", "RedrivePolicy": "", "KmsMasterKeyId": "k"}),
    _box("PurgeQueue"),
    _box("DeleteQueue"),
    _box("TagQueue", Tags={"a": "b"}),
    _box("UntagQueue", TagKeys=["team"]),
    _box("ListQueueTags"),
    _box("AddPermission", Label="two", AWSAccountIds=["111122223333"], Actions=["SendMessage", "*"]),
    _box("RemovePermission", Label="one"),
    ("sqs", "CancelMessageMoveTask", {"TaskHandle": "@TaskHandle"}),
    ("sqs", "ListMessageMoveTasks", {"SourceArn": f"{_ARN}grave", "MaxResults": 2}),
    ("sqs", "ListDeadLetterSourceQueues", {"QueueUrl": f"{_URL}grave", "MaxResults": 1}),
    ("sqs", "ListQueues", {"QueueNamePrefix": "b", "MaxResults": 1}),
    ("sqs", "GetQueueUrl", {"QueueName": "box", "QueueOwnerAWSAccountId": ACCOUNT}),
    ("sqs", "CreateQueue", {"QueueName": "new", "Attributes": {"DelaySeconds": "1"}}),
]
