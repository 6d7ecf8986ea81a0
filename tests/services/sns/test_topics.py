"""Topics through a real client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import refused

PREFIX = f"arn:aws:sns:us-east-1:{ACCOUNT}:"
NO_TOPIC = ("NotFound", "Topic does not exist", 404)


def test_a_new_topic_says_what_topics_say(client: Any) -> None:
    arn = client.create_topic(Name="night", Tags=[{"Key": "team", "Value": "feeds"}])["TopicArn"]

    assert arn == f"{PREFIX}night"
    attributes = client.get_topic_attributes(TopicArn=arn)["Attributes"]
    policy = json.loads(attributes.pop("Policy"))
    assert json.loads(attributes.pop("EffectiveDeliveryPolicy"))["http"]["defaultHealthyRetryPolicy"] == {
        "minDelayTarget": 20,
        "maxDelayTarget": 20,
        "numRetries": 3,
        "numMaxDelayRetries": 0,
        "numNoDelayRetries": 0,
        "numMinDelayRetries": 0,
        "backoffFunction": "linear",
    }
    assert attributes == {
        "TopicArn": arn,
        "Owner": ACCOUNT,
        "DisplayName": "",
        "SubscriptionsConfirmed": "0",
        "SubscriptionsPending": "0",
        "SubscriptionsDeleted": "0",
    }
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "__default_policy_ID")
    assert policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "feeds"}]


def test_a_fifo_topic_says_so(client: Any) -> None:
    arn = client.create_topic(Name="line.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]

    attributes = client.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (attributes["FifoTopic"], attributes["ContentBasedDeduplication"]) == ("true", "false")


def test_making_a_topic_again_changes_nothing(client: Any) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    arn = client.create_topic(Name="night", Attributes={"DisplayName": "one"}, Tags=tags)["TopicArn"]

    assert client.create_topic(Name="night", Attributes={"DisplayName": "two"})["TopicArn"] == arn
    assert client.create_topic(Name="night", Tags=tags)["TopicArn"] == arn
    assert client.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "one"
    assert refused(client.create_topic, Name="night", Tags=[{"Key": "a", "Value": "2"}]) == (
        "InvalidParameter",
        "Invalid parameter: Tags Reason: Topic already exists with different tags",
        400,
    )


@pytest.mark.parametrize(
    ("name", "attributes", "text"),
    [
        ("a b", {}, "Topic Name"),
        ("", {}, "Topic Name"),
        ("x" * 257, {}, "Topic Name"),
        ("night.fifo", {}, "Topic Name"),
        ("night", {"FifoTopic": "true"}, "Topic Name"),
        ("night", {"Colour": "x"}, "AttributeName"),
        ("night", {"SignatureVersion": "3"}, "Attributes Reason: SignatureVersion value [3] is not valid"),
        (
            "night",
            {"ContentBasedDeduplication": "true"},
            "Attributes Reason: ContentBasedDeduplication is only for FIFO topics",
        ),
        ("night", {"Policy": "{"}, "Policy: failed to parse JSON."),
        ("night", {"DeliveryPolicy": "{}"}, "DeliveryPolicy: http must be specified"),
        (
            "night",
            {"DeliveryPolicy": '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}'},
            "DeliveryPolicy: http.defaultHealthyRetryPolicy: the number of retries must be between 0 and 100",
        ),
    ],
)
def test_a_topic_that_cannot_be_is_refused(client: Any, name: str, attributes: dict[str, str], text: str) -> None:
    assert refused(client.create_topic, Name=name, Attributes=attributes)[:2] == (
        "InvalidParameter",
        f"Invalid parameter: {text}",
    )
    assert client.list_topics()["Topics"] == []


def test_attributes_are_set_one_by_one_and_taken_back(client: Any) -> None:
    arn = client.create_topic(Name="night")["TopicArn"]

    def set_to(name: str, value: str) -> dict[str, str]:
        client.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
        found: dict[str, str] = client.get_topic_attributes(TopicArn=arn)["Attributes"]
        return found

    assert set_to("DisplayName", "Night")["DisplayName"] == "Night"
    assert set_to("DisplayName", "")["DisplayName"] == ""
    role = f"arn:aws:iam::{ACCOUNT}:role/feedback"
    assert set_to("SQSSuccessFeedbackRoleArn", role)["SQSSuccessFeedbackRoleArn"] == role
    retry = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}, "disableSubscriptionOverrides": True}}
    effective = json.loads(set_to("DeliveryPolicy", json.dumps(retry))["EffectiveDeliveryPolicy"])["http"]
    assert effective["defaultHealthyRetryPolicy"]["numRetries"] == 5
    assert effective["disableSubscriptionOverrides"] is True
    for name in ("FifoTopic", "TopicArn"):
        error = refused(client.set_topic_attributes, TopicArn=arn, AttributeName=name, AttributeValue="true")
        assert error[:2] == ("InvalidParameter", "Invalid parameter: AttributeName")


def test_what_is_not_there_is_said_to_be_so(client: Any) -> None:
    never = f"{PREFIX}never"
    assert refused(client.get_topic_attributes, TopicArn=never) == NO_TOPIC
    assert refused(client.publish, TopicArn=never, Message="x") == NO_TOPIC
    assert refused(client.publish, TopicArn=f"arn:aws:sns:us-east-1:210987654321:{never}", Message="x")[0] == (
        "InvalidParameter"
    )
    assert refused(client.get_topic_attributes, TopicArn="night") == (
        "InvalidParameter",
        "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
        400,
    )
    assert refused(client.get_topic_attributes, TopicArn=never.replace("us-east-1", "eu-west-1"))[0] == (
        "InvalidParameter"
    )
    assert refused(client.list_tags_for_resource, ResourceArn=never)[0] == "ResourceNotFound"


def test_deleting_takes_subscriptions_along_and_may_be_repeated(client: Any, mail: Any) -> None:
    arn = client.create_topic(Name="night")["TopicArn"]
    subscription = client.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=mail.queue())["SubscriptionArn"]
    for _ in range(2):
        client.delete_topic(TopicArn=arn)

    assert refused(client.get_topic_attributes, TopicArn=arn) == NO_TOPIC
    assert client.list_subscriptions()["Subscriptions"] == []
    client.unsubscribe(SubscriptionArn=subscription)


def test_topics_are_listed_a_hundred_a_page(client: Any) -> None:
    for number in range(103):
        client.create_topic(Name=f"t-{number:03}")

    pages = list(client.get_paginator("list_topics").paginate())
    assert [len(page["Topics"]) for page in pages] == [100, 3]
    assert pages[1]["Topics"][-1] == {"TopicArn": f"{PREFIX}t-102"}
    assert refused(client.list_topics, NextToken="?")[0] == "InvalidParameter"


def test_tags_come_and_go(client: Any) -> None:
    arn = client.create_topic(Name="night", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["a", "x"])

    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    twice = [{"Key": "a", "Value": "1"}] * 2
    assert refused(client.tag_resource, ResourceArn=arn, Tags=twice)[1] == (
        "Invalid parameter: Duplicated keys are not allowed."
    )
    many = [{"Key": f"k{n}", "Value": ""} for n in range(51)]
    assert refused(client.tag_resource, ResourceArn=arn, Tags=many)[0] == "TagLimitExceeded"


def test_permissions_are_statements_of_the_policy(client: Any) -> None:
    arn = client.create_topic(Name="night")["TopicArn"]
    give = {"TopicArn": arn, "Label": "one", "AWSAccountId": ["111122223333"], "ActionName": ["Publish"]}
    client.add_permission(**give)

    def statements() -> list[dict[str, Any]]:
        policy = json.loads(client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
        found: list[dict[str, Any]] = policy["Statement"]
        return found

    assert statements()[1] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "SNS:Publish",
        "Resource": arn,
    }
    assert refused(client.add_permission, **give)[1] == "Invalid parameter: Statement already exists"
    assert refused(client.add_permission, **{**give, "Label": "x", "ActionName": ["Dance"]})[1] == (
        "Invalid parameter: Policy statement action out of service scope!"
    )
    client.remove_permission(TopicArn=arn, Label="one")
    client.remove_permission(TopicArn=arn, Label="one")
    assert [statement["Sid"] for statement in statements()] == ["__default_statement_ID"]
