"""Subscriptions through a real client: made, confirmed, described, changed, ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchd.services.sns.subscriptions import forget_unconfirmed
from tests.contexts import ACCOUNT
from tests.services.sns.posts import Mail
from tests.services.wired import refused

URL = "http://127.0.0.1:9/hook"
DAY_MS = 86_400_000


@pytest.fixture
def topic(client: Any) -> str:
    return str(client.create_topic(Name="night")["TopicArn"])


def attributes(client: Any, arn: str) -> dict[str, str]:
    found: dict[str, str] = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return found


def set_to(client: Any, arn: str, name: str, value: str) -> None:
    client.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)


def test_a_queue_is_subscribed_at_once(client: Any, topic: str, mail: Mail) -> None:
    queue = mail.queue()
    arn = client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]

    assert arn.startswith(f"{topic}:")
    assert attributes(client, arn) == {
        "SubscriptionArn": arn,
        "TopicArn": topic,
        "Owner": ACCOUNT,
        "Protocol": "sqs",
        "Endpoint": queue,
        "RawMessageDelivery": "false",
        "PendingConfirmation": "false",
        "ConfirmationWasAuthenticated": "true",
        "SubscriptionPrincipal": f"arn:aws:iam::{ACCOUNT}:root",
    }
    summary = {"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": queue, "TopicArn": topic}
    assert client.list_subscriptions()["Subscriptions"] == [summary]
    assert client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == [summary]
    assert client.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"


def test_subscribing_again_gives_the_same_one_unless_attributes_differ(client: Any, topic: str, mail: Mail) -> None:
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": mail.queue()}
    raw = {"RawMessageDelivery": "true"}
    arn = client.subscribe(**asked, Attributes=raw)["SubscriptionArn"]

    assert client.subscribe(**asked, Attributes=raw)["SubscriptionArn"] == arn
    assert client.subscribe(**asked)["SubscriptionArn"] == arn
    assert refused(client.subscribe, **asked, Attributes={"RawMessageDelivery": "false"})[:2] == (
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    )


@pytest.mark.parametrize(
    ("protocol", "endpoint", "text"),
    [
        ("sqs", "http://127.0.0.1/queue", "SQS endpoint ARN"),
        ("lambda", "function", "Lambda endpoint ARN"),
        ("http", "https://a", "Endpoint must match the specified protocol"),
        ("https", "http://a", "Endpoint must match the specified protocol"),
        ("http", "http://", "Endpoint must match the specified protocol"),
        ("pigeon", "coop", "Amazon SNS does not support this protocol string: pigeon"),
        (
            "email",
            "a@b.c",
            "Protocol Reason: this server does not deliver by email, only by http, https, lambda, sqs",
        ),
        (
            "sqs",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:x.fifo",
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(
    client: Any, topic: str, protocol: str, endpoint: str, text: str
) -> None:
    error = refused(client.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert error == ("InvalidParameter", f"Invalid parameter: {text}", 400)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Colour", "x", "AttributeName"),
        ("RawMessageDelivery", "x", "RawMessageDelivery: Invalid value [x]. Must be true or false."),
        ("RedrivePolicy", "x", "RedrivePolicy: failed to parse JSON. The value must be a JSON object"),
        ("RedrivePolicy", '{"deadLetterTargetArn": "x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (
            "FilterPolicyScope",
            "x",
            "FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes",
        ),
        ("FilterPolicy", '{"a": "b"}', 'FilterPolicy: "a" must be an object or an array'),
        (
            "FilterPolicy",
            '{"a": {"b": ["c"]}}',
            "FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy",
        ),
        (
            "DeliveryPolicy",
            '{"healthyRetryPolicy": {"minDelayTarget": 0}}',
            "DeliveryPolicy: healthyRetryPolicy: minDelayTarget and maxDelayTarget must be between 1 and 3600, "
            "in this order",
        ),
    ],
)
def test_an_attribute_that_cannot_be_is_refused(
    client: Any, topic: str, mail: Mail, name: str, value: str, text: str
) -> None:
    queue = mail.queue()
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue}
    wrapped = text if text == "AttributeName" else f"Attributes Reason: {text}"
    assert refused(client.subscribe, **asked, Attributes={name: value})[1] == f"Invalid parameter: {wrapped}"
    arn = client.subscribe(**asked)["SubscriptionArn"]
    changed = {"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value}
    assert refused(client.set_subscription_attributes, **changed)[1] == f"Invalid parameter: {text}"


def test_attributes_are_set_and_taken_away(client: Any, topic: str, mail: Mail) -> None:
    arn = client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mail.queue())["SubscriptionArn"]
    set_to(client, arn, "FilterPolicy", '{"kind": ["late"]}')
    found = attributes(client, arn)
    assert (found["FilterPolicy"], found["FilterPolicyScope"]) == ('{"kind": ["late"]}', "MessageAttributes")
    set_to(client, arn, "FilterPolicyScope", "MessageBody")
    set_to(client, arn, "FilterPolicy", '{"a": {"b": ["c"]}}')
    assert attributes(client, arn)["FilterPolicyScope"] == "MessageBody"
    for empty in ("{}", ""):
        set_to(client, arn, "FilterPolicy", '{"a": ["b"]}')
        set_to(client, arn, "FilterPolicy", empty)
        assert not {"FilterPolicy", "FilterPolicyScope"} & set(attributes(client, arn))
    policy = json.dumps({"deadLetterTargetArn": mail.queue("grave")})
    set_to(client, arn, "RedrivePolicy", policy)
    set_to(client, arn, "RawMessageDelivery", "true")
    assert attributes(client, arn)["RedrivePolicy"] == policy
    assert attributes(client, arn)["RawMessageDelivery"] == "true"
    lambda_arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    other = client.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=lambda_arn)["SubscriptionArn"]
    change = {"SubscriptionArn": other, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    assert "does not support raw message delivery" in refused(client.set_subscription_attributes, **change)[1]


def test_an_http_endpoint_confirms_by_following_the_link_it_is_sent(client: Any, topic: str, mail: Mail) -> None:
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": URL}
    assert client.subscribe(**asked)["SubscriptionArn"] == "pending confirmation"
    arn = client.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert attributes(client, arn)["PendingConfirmation"] == "true"
    assert client.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    client.publish(TopicArn=topic, Message="too early")
    mail.deliver()

    first, second = mail.posted  # asked twice
    assert first.json["Token"] == second.json["Token"]
    assert first.url == URL
    assert first.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert "x-amz-sns-subscription-arn" not in first.headers
    assert list(first.json) == [
        *("Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCertURL"),
    ]
    answer = mail.follow(first.json["SubscribeURL"])
    assert answer.status == 200
    assert f"<SubscriptionArn>{arn}</SubscriptionArn>".encode() in answer.body
    found = attributes(client, arn)
    assert (found["PendingConfirmation"], found["ConfirmationWasAuthenticated"]) == ("false", "false")
    assert client.confirm_subscription(TopicArn=topic, Token=first.json["Token"])["SubscriptionArn"] == arn
    client.publish(TopicArn=topic, Message="now")
    mail.deliver()
    assert [posted.json["Message"] for posted in mail.posted[2:]] == ["now"]


def test_a_token_that_is_none_confirms_nothing(client: Any, topic: str, mail: Mail) -> None:
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=URL)
    mail.deliver()
    token = mail.posted[0].json["Token"]

    def text(**asked: str) -> str:
        return refused(client.confirm_subscription, **{"TopicArn": topic, "Token": token, **asked})[1]

    assert text(Token="x") == "Invalid parameter: Token"
    assert text(Token=token[:-1] + ("0" if token[-1] != "0" else "1")) == "Invalid token"
    assert text(TopicArn=f"{topic}-never") == "Invalid parameter: Topic"


def test_a_link_ends_a_subscription_and_the_endpoint_is_told_how_to_come_back(
    client: Any, topic: str, mail: Mail
) -> None:
    arn = client.subscribe(TopicArn=topic, Protocol="http", Endpoint=URL, ReturnSubscriptionArn=True)["SubscriptionArn"]
    mail.deliver()
    mail.follow(mail.posted[0].json["SubscribeURL"])
    client.publish(TopicArn=topic, Message="x")
    mail.deliver()
    link = mail.posted[1].json["UnsubscribeURL"]

    assert mail.follow(link).status == mail.follow(link).status == 200
    assert refused(client.get_subscription_attributes, SubscriptionArn=arn) == (
        "NotFound",
        "Subscription does not exist",
        404,
    )
    assert client.list_subscriptions()["Subscriptions"] == []
    assert client.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "1"
    mail.deliver()
    farewell = mail.posted[2]
    assert farewell.headers["x-amz-sns-message-type"] == farewell.json["Type"] == "UnsubscribeConfirmation"
    mail.follow(farewell.json["SubscribeURL"])
    assert attributes(client, arn)["PendingConfirmation"] == "false"


def test_who_signed_the_confirmation_may_ask_that_ending_is_signed_too(client: Any, topic: str, mail: Mail) -> None:
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=URL)
    mail.deliver()
    token = mail.posted[0].json["Token"]
    arn = client.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    client.publish(TopicArn=topic, Message="x")
    mail.deliver()

    answer = mail.follow(mail.posted[1].json["UnsubscribeURL"])
    assert (answer.status, b"<Code>AuthorizationError</Code>" in answer.body) == (403, True)
    client.unsubscribe(SubscriptionArn=arn)
    client.unsubscribe(SubscriptionArn=arn)
    assert client.list_subscriptions()["Subscriptions"] == []
    assert mail.dead() == []
    assert len(mail.posted) == 2


def test_only_links_may_be_followed_without_a_signature(client: Any, topic: str, mail: Mail) -> None:
    link = f"http://h/?Action=DeleteTopic&TopicArn={topic}&Version=2010-03-31"

    answer = mail.follow(link)
    assert (answer.status, b"MissingAuthenticationToken" in answer.body) == (403, True)
    assert len(client.list_topics()["Topics"]) == 1


def test_what_nobody_confirms_is_forgotten_after_three_days(client: Any, topic: str, mail: Mail) -> None:
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=URL)
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mail.queue())
    now = mail.cloud.clock.now_ms()

    assert mail.cloud.store.transact(lambda tx: forget_unconfirmed(tx, now + 3 * DAY_MS - 60_000)) == 0
    assert mail.cloud.store.transact(lambda tx: forget_unconfirmed(tx, now + 3 * DAY_MS + 60_000)) == 1
    assert [one["Protocol"] for one in client.list_subscriptions()["Subscriptions"]] == ["sqs"]


def test_garbage_is_no_subscription(client: Any) -> None:
    assert refused(client.unsubscribe, SubscriptionArn="PendingConfirmation")[1] == (
        "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"
    )
    client.unsubscribe(SubscriptionArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:night:never")


def test_subscriptions_are_listed_a_hundred_a_page(client: Any, topic: str) -> None:
    for number in range(101):
        client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q{number}")

    for lister, asked in (("list_subscriptions", {}), ("list_subscriptions_by_topic", {"TopicArn": topic})):
        pages = list(client.get_paginator(lister).paginate(**asked))
        assert [len(page["Subscriptions"]) for page in pages] == [100, 1]
