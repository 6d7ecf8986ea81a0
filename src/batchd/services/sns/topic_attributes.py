"""Attributes of topics: which there are, what they may be, what is told of them. [sns-sqs.md A2]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from batchd.gateway.operation import Context
from batchd.services.sns.delivery_policy import effective_topic_policy, problem_of
from batchd.services.sns.faults import invalid
from batchd.services.sns.locate import CONFIRMED, PENDING, Topic, subscriptions_of

_CHOICES = {
    "SignatureVersion": ("1", "2"),
    "TracingConfig": ("PassThrough", "Active"),
    "ContentBasedDeduplication": ("true", "false"),
    "FifoThroughputScope": ("Topic", "MessageGroup"),
    "FifoTopic": ("true", "false"),
}
_OF_FIFO = ("FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
_DOCUMENTS = ("Policy", "DeliveryPolicy", "ArchivePolicy", "DataProtectionPolicy")
_PLAIN = ("DisplayName", "KmsMasterKeyId")
_FEEDBACK = re.compile(
    r"(HTTP|Firehose|Lambda|Application|SQS)((Success|Failure)FeedbackRoleArn|SuccessFeedbackSampleRate)"
)
_ACTIONS = (
    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"),
    *("Subscribe", "ListSubscriptionsByTopic", "Publish"),
)


def checked(name: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a request for the topic of this name. InvalidParameter."""
    for attribute, value in attributes.items():
        _check(attribute, value)
        if attribute in _OF_FIFO and not name.endswith(".fifo"):
            raise invalid(f"Attributes Reason: {attribute} is only for FIFO topics")
    return dict(attributes)


def all_attributes(ctx: Context, topic: Topic) -> dict[str, str]:
    """Everything there is to tell of a topic."""
    states = [subscription.state for subscription in subscriptions_of(ctx.tx, topic)]
    policy = effective_topic_policy(topic.attributes.get("DeliveryPolicy"))
    told = {
        "TopicArn": topic.arn,
        "Owner": topic.account,
        "Policy": dumped(default_policy(topic)),
        "DisplayName": "",
        "EffectiveDeliveryPolicy": dumped(policy),
        "SubscriptionsConfirmed": str(states.count(CONFIRMED)),
        "SubscriptionsPending": str(states.count(PENDING)),
        "SubscriptionsDeleted": str(topic.body["deleted"]),
    }
    if topic.is_fifo:
        told |= {"FifoTopic": "true", "ContentBasedDeduplication": "false"}
    return {**told, **topic.attributes}


def default_policy(topic: Topic) -> dict[str, Any]:
    """What a topic says that was told nothing: its account may do everything."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _ACTIONS],
        "Resource": topic.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


def dumped(document: Any) -> str:
    return orjson.dumps(document).decode()


def _check(attribute: str, value: str) -> None:
    if attribute in _CHOICES:
        if value not in _CHOICES[attribute]:
            raise invalid(f"Attributes Reason: {attribute} value [{value}] is not valid")
    elif attribute in _DOCUMENTS:
        if value:
            _check_document(attribute, value)
    elif attribute not in _PLAIN and not _FEEDBACK.fullmatch(attribute):
        raise invalid("AttributeName")
    elif attribute == "DisplayName" and len(value) > 100:
        raise invalid("Attributes Reason: DisplayName must be at most 100 characters long")


def _check_document(attribute: str, text: str) -> None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid(f"{attribute}: failed to parse JSON.") from None
    if not isinstance(document, dict):
        raise invalid(f"{attribute}: must be a JSON object.")
    if attribute == "Policy" and not document.get("Statement"):
        raise invalid("Policy Error: null")
    if attribute == "DeliveryPolicy":
        _check_delivery_policy(document)


def _check_delivery_policy(document: dict[str, Any]) -> None:
    http = document.get("http")
    if not isinstance(http, dict):
        raise invalid("DeliveryPolicy: http must be specified")
    request = http.get("defaultRequestPolicy") or {}
    if not isinstance(request, dict) or not isinstance(request.get("headerContentType", ""), str):
        raise invalid("DeliveryPolicy: http.defaultRequestPolicy is malformed")
    retry = http.get("defaultHealthyRetryPolicy")
    if retry is not None and (problem := problem_of(retry)):
        raise invalid(f"DeliveryPolicy: http.defaultHealthyRetryPolicy: {problem}")
