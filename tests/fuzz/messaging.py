"""The town's queues and topics: calls that succeed, one after the other."""

from __future__ import annotations

from typing import Any

import orjson

from tests.contexts import ACCOUNT

Call = tuple[str, str, dict[str, Any]]

_URL = f"http://127.0.0.1:1/{ACCOUNT}/"
_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
_TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:"
_TAGS = [{"Key": "team", "Value": "night"}]
_DELIVERY = orjson.dumps({"healthyRetryPolicy": {"numRetries": 2, "minDelayTarget": 1}}).decode()
_FILTER = orjson.dumps({"kind": ["late", {"prefix": "ear"}], "size": [{"numeric": [">", 1]}]}).decode()
_POLICY = orjson.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Sid": "one"}]}).decode()
_REDRIVE = orjson.dumps({"deadLetterTargetArn": f"{_ARN}grave", "maxReceiveCount": 3}).decode()
_GRAVE = orjson.dumps({"deadLetterTargetArn": f"{_ARN}grave"}).decode()
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


def _topic(operation: str, **params: Any) -> Call:
    return "sns", operation, {"TopicArn": f"{_TOPIC}night", **params}


def _fifo(operation: str, **params: Any) -> Call:
    return "sns", operation, {"TopicArn": f"{_TOPIC}line.fifo", **params}


def _subscription(operation: str, **params: Any) -> Call:
    return "sns", operation, {"SubscriptionArn": "@SubscriptionArn", **params}


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
    ("sns", "CreateTopic", {"Name": "night", "Attributes": {"DisplayName": "Night"}, "Tags": _TAGS}),
    ("sns", "CreateTopic", {"Name": "line.fifo", "Attributes": {"FifoTopic": "true"}}),
    _topic("Subscribe", Protocol="http", Endpoint="http://127.0.0.1:1/", ReturnSubscriptionArn=True),
    _fifo("Subscribe", Protocol="sqs", Endpoint=f"{_ARN}line.fifo", Attributes={"RawMessageDelivery": "true"}),
    _topic(
        "Subscribe",
        Protocol="sqs",
        Endpoint=f"{_ARN}box",
        Attributes={"FilterPolicy": _FILTER, "RedrivePolicy": _GRAVE},
        ReturnSubscriptionArn=True,
    ),
    _topic("AddPermission", Label="one", AWSAccountId=["111122223333"], ActionName=["Publish", "Subscribe"]),
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
    _topic("Publish", Message="x", Subject="s", MessageAttributes=_ATTRIBUTES),
    _topic("Publish", Message='{"default": "x", "sqs": "y"}', MessageStructure="json", MessageGroupId="g"),
    _fifo("Publish", Message="x", MessageGroupId="g", MessageDeduplicationId="1"),
    ("sns", "Publish", {"TargetArn": f"{_TOPIC}night", "Message": "x"}),
    _topic("PublishBatch", PublishBatchRequestEntries=[{"Id": "a", "Message": "x", "Subject": "s"}]),
    _fifo(
        "PublishBatch",
        PublishBatchRequestEntries=[
            {"Id": "a", "Message": "x", "MessageGroupId": "g", "MessageDeduplicationId": "2"},
        ],
    ),
    _topic("Subscribe", Protocol="lambda", Endpoint=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"),
    _topic("Subscribe", Protocol="https", Endpoint="https://h/x", Attributes={"DeliveryPolicy": _DELIVERY}),
    _subscription("GetSubscriptionAttributes"),
    _subscription("SetSubscriptionAttributes", AttributeName="FilterPolicyScope", AttributeValue="MessageBody"),
    _subscription("SetSubscriptionAttributes", AttributeName="FilterPolicy", AttributeValue=_FILTER),
    _subscription("Unsubscribe"),
    _topic("GetTopicAttributes"),
    _topic("SetTopicAttributes", AttributeName="SignatureVersion", AttributeValue="2"),
    _topic("SetTopicAttributes", AttributeName="Policy", AttributeValue=_POLICY),
    _topic("RemovePermission", Label="one"),
    _topic("ListSubscriptionsByTopic"),
    _topic("DeleteTopic"),
    ("sns", "CreateTopic", {"Name": "new"}),
    ("sns", "ListTopics", {}),
    ("sns", "ListSubscriptions", {}),
    ("sns", "TagResource", {"ResourceArn": f"{_TOPIC}night", "Tags": _TAGS}),
    ("sns", "UntagResource", {"ResourceArn": f"{_TOPIC}night", "TagKeys": ["team"]}),
    ("sns", "ListTagsForResource", {"ResourceArn": f"{_TOPIC}night"}),
]
