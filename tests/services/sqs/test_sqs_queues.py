"""Queues through a real client: made, found, changed, listed, emptied, deleted; their attributes, tags and policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contexts import ACCOUNT
from tests.services.direct import Direct
from tests.services.sqs.boxes import Box
from tests.services.wired import refused

NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400)


def test_a_new_queue_has_a_url_an_arn_and_the_usual_attributes(client: Any) -> None:
    url = client.create_queue(QueueName="night", tags={"team": "night"})["QueueUrl"]

    assert url == f"http://127.0.0.1:8000/{ACCOUNT}/night"
    assert client.get_queue_url(QueueName="night")["QueueUrl"] == url
    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "night"}
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes.pop("CreatedTimestamp") == attributes.pop("LastModifiedTimestamp")
    assert attributes == {
        "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:night",
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }
    assert "Attributes" not in client.get_queue_attributes(QueueUrl=url)


def test_a_fifo_queue_says_so(client: Any) -> None:
    url = client.create_queue(QueueName="night.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    names = ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit", "Policy"]
    assert client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }


def test_making_a_queue_again_gives_the_same_one_unless_an_attribute_differs(client: Any) -> None:
    url = client.create_queue(QueueName="night", Attributes={"DelaySeconds": "5"})["QueueUrl"]

    assert client.create_queue(QueueName="night")["QueueUrl"] == url
    assert client.create_queue(QueueName="night", Attributes={"VisibilityTimeout": "30"})["QueueUrl"] == url
    with pytest.raises(client.exceptions.QueueNameExists) as known:
        client.create_queue(QueueName="night", Attributes={"DelaySeconds": "6"})
    assert known.value.response["Error"] == {
        "Code": "QueueAlreadyExists",
        "Message": "A queue already exists with the same name and a different value for attribute DelaySeconds",
        "QueryErrorCode": "QueueNameExists",
        "Type": "Sender",
    }


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("a b", {}, "InvalidParameterValue"),
        ("", {}, "InvalidParameterValue"),
        ("x" * 81, {}, "InvalidParameterValue"),
        ("night.fifo", {}, "InvalidParameterValue"),
        ("night", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("night.fifo", {"FifoQueue": "yes"}, "InvalidAttributeValue"),
        ("night", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("night", {"QueueArn": "x"}, "InvalidAttributeName"),
        ("night", {"Colour": "x"}, "InvalidAttributeName"),
        ("night", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("night", {"DelaySeconds": "-1"}, "InvalidAttributeValue"),
        ("night", {"VisibilityTimeout": "x"}, "InvalidAttributeValue"),
        ("night", {"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ("night", {"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
        ("night", {"ReceiveMessageWaitTimeSeconds": "21"}, "InvalidAttributeValue"),
        ("night", {"Policy": "{"}, "InvalidAttributeValue"),
        ("night", {"Policy": "{}"}, "InvalidAttributeValue"),
        ("night.fifo", {"FifoQueue": "true", "DeduplicationScope": "world"}, "InvalidAttributeValue"),
        (
            "night.fifo",
            {"FifoQueue": "true", "DeduplicationScope": "queue", "FifoThroughputLimit": "perMessageGroupId"},
            "InvalidAttributeValue",
        ),
    ],
)
def test_a_queue_that_cannot_be_is_refused(client: Any, name: str, attributes: dict[str, str], code: str) -> None:
    assert refused(client.create_queue, QueueName=name, Attributes=attributes)[0] == code
    assert "QueueUrls" not in client.list_queues()


def test_attributes_are_changed_and_documents_taken_away(timed: Direct) -> None:
    box = Box(timed, VisibilityTimeout="5")
    timed.clock.advance(60)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    box.set(DelaySeconds="7", Policy=policy, KmsMasterKeyId="alias/k")

    found = box.attributes()
    assert (found["DelaySeconds"], found["VisibilityTimeout"], found["Policy"]) == ("7", "5", policy)
    assert found["SqsManagedSseEnabled"] == "false"
    assert int(found["LastModifiedTimestamp"]) - int(found["CreatedTimestamp"]) == 60
    box.set(Policy="", KmsMasterKeyId="")
    assert not {"Policy", "KmsMasterKeyId"} & set(box.attributes())
    assert box.error("set_queue_attributes", Attributes={"Nope": "1"})[0] == "InvalidAttributeName"
    assert box.error("get_queue_attributes", AttributeNames=["Nope"]) == (
        "InvalidAttributeName",
        "Unknown Attribute Nope.",
    )


def test_queues_are_listed_by_name_and_page(client: Any) -> None:
    for name in ("b", "a-2", "a-1", "c"):
        client.create_queue(QueueName=name)

    def names(**params: Any) -> list[str]:
        return [url.rpartition("/")[2] for url in client.list_queues(**params)["QueueUrls"]]

    assert names() == ["a-1", "a-2", "b", "c"]
    assert names(QueueNamePrefix="a-") == ["a-1", "a-2"]
    first = client.list_queues(MaxResults=3)
    assert names(MaxResults=3, NextToken=first["NextToken"]) == ["c"]
    assert "NextToken" not in client.list_queues(MaxResults=4)
    assert refused(client.list_queues, MaxResults=1001)[0] == "InvalidParameterValue"


def test_what_is_deleted_is_not_there_and_may_be_made_again_empty(client: Any) -> None:
    url = client.create_queue(QueueName="night")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="x")
    client.delete_queue(QueueUrl=url)

    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.get_queue_url(QueueName="night")
    assert refused(client.send_message, QueueUrl=url, MessageBody="x") == NO_QUEUE
    assert refused(client.delete_queue, QueueUrl=url) == NO_QUEUE
    client.create_queue(QueueName="night")
    assert "Messages" not in client.receive_message(QueueUrl=url)


@pytest.mark.parametrize("url", ["night", "http://127.0.0.1:8000/night", "http://[/", "http://h/1/2/3", ""])
def test_what_is_no_queues_address_is_refused(client: Any, url: str) -> None:
    assert refused(client.purge_queue, QueueUrl=url)[0] == "InvalidAddress"


def test_a_queue_is_found_at_whatever_host_the_client_knows_it(client: Any) -> None:
    client.create_queue(QueueName="night")

    client.send_message(QueueUrl=f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/night", MessageBody="x")
    assert refused(client.send_message, QueueUrl="https://h/210987654321/night", MessageBody="x") == NO_QUEUE
    assert refused(client.get_queue_url, QueueName="night", QueueOwnerAWSAccountId="210987654321") == NO_QUEUE


def test_purging_takes_everything_away_once_a_minute(timed: Direct) -> None:
    box = Box(timed)
    for body in "abc":
        box.send(body)
    (held,) = box.receive(MaxNumberOfMessages=1)
    timed("purge_queue", QueueUrl=box.url)

    assert box.counts() == (0, 0, 0)
    box.delete(held)
    timed.clock.advance(40)
    assert box.receive() == []
    assert box.error("purge_queue")[0] == "PurgeQueueInProgress"
    timed.clock.advance(20)
    timed("purge_queue", QueueUrl=box.url)
    box.send("d")
    assert box.bodies() == ["d"]


def test_tags_come_and_go(client: Any) -> None:
    url = client.create_queue(QueueName="night", tags={"a": "1"})["QueueUrl"]
    client.tag_queue(QueueUrl=url, Tags={"b": "2", "c": "3"})
    client.untag_queue(QueueUrl=url, TagKeys=["a", "x"])

    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2", "c": "3"}
    assert refused(client.tag_queue, QueueUrl=url, Tags={"aws:x": "1"})[0] == "InvalidParameterValue"
    assert refused(client.tag_queue, QueueUrl=url, Tags={f"k{n}": "" for n in range(51)})[0] == "InvalidParameterValue"
    client.untag_queue(QueueUrl=url, TagKeys=["b", "c"])
    assert "Tags" not in client.list_queue_tags(QueueUrl=url)


def test_permissions_are_statements_of_the_policy(client: Any) -> None:
    url = client.create_queue(QueueName="night")["QueueUrl"]
    give = {"QueueUrl": url, "Label": "one", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    client.add_permission(**give)
    client.add_permission(**{**give, "Label": "two", "Actions": ["SendMessage", "ReceiveMessage"]})

    def policy() -> Any:
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        return json.loads(found["Attributes"]["Policy"])

    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:night"
    assert policy()["Id"] == f"{arn}/SQSDefaultPolicy"
    assert policy()["Statement"][0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "SQS:SendMessage",
        "Resource": arn,
    }
    assert policy()["Statement"][1]["Action"] == ["SQS:SendMessage", "SQS:ReceiveMessage"]
    assert refused(client.add_permission, **give)[:2] == (
        "InvalidParameterValue",
        "Value one for parameter Label is invalid. Reason: Already exists.",
    )
    assert refused(client.add_permission, **{**give, "Label": "x", "Actions": ["CreateQueue"]})[0] == (
        "InvalidParameterValue"
    )
    client.remove_permission(QueueUrl=url, Label="one")
    assert [statement["Sid"] for statement in policy()["Statement"]] == ["two"]
    client.remove_permission(QueueUrl=url, Label="two")
    assert "Attributes" not in client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    with pytest.raises(ClientError, match="can't find label"):
        client.remove_permission(QueueUrl=url, Label="two")
