"""Attributes of subscriptions: what they may be, what is told of them. [sns-sqs.md A4]"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from batchd.arns import parse_arn
from batchd.services.sns.delivery_policy import effective_policy, problem_of
from batchd.services.sns.filtering import OF_ATTRIBUTES, OF_BODY, filter_problem, is_empty
from batchd.services.sns.locate import CONFIRMED, Subscription, Topic
from batchd.services.sns.topic_attributes import dumped

HTTP = ("http", "https")
_NAMES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


def problem(topic: Topic, protocol: str, attributes: Mapping[str, str], changed: Mapping[str, str]) -> str | None:
    """What is wrong with the changed ones among all that a subscription is to have, in AWS's words."""
    for name, value in changed.items():
        if name not in _NAMES:
            return "AttributeName"
        check = _CHECKS.get(name)
        if value and check and (found := check(topic, protocol, value)):
            return found
    if "FilterPolicy" in attributes:
        return filter_problem(attributes["FilterPolicy"], attributes.get("FilterPolicyScope", OF_ATTRIBUTES))
    return None


def settled(attributes: Mapping[str, str]) -> dict[str, str]:
    """Without those that an empty value takes away; a filter policy has a scope."""
    kept = {name: value for name, value in attributes.items() if value}
    if is_empty(kept.get("FilterPolicy", "")):
        kept.pop("FilterPolicy", None)
    return kept


def all_attributes(subscription: Subscription, topic: Topic | None) -> dict[str, str]:
    """Everything there is to tell of a subscription."""
    body, own = subscription.body, dict(subscription.attributes)
    scope = own.pop("FilterPolicyScope", OF_ATTRIBUTES)
    told = {
        "SubscriptionArn": subscription.arn,
        "TopicArn": subscription.topic_arn,
        "Owner": subscription.account,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "RawMessageDelivery": "false",
        "PendingConfirmation": "false" if subscription.state == CONFIRMED else "true",
        "ConfirmationWasAuthenticated": "true" if body.get("authenticated") else "false",
        "SubscriptionPrincipal": body["principal"],
    }
    if subscription.protocol in HTTP:
        of_topic = topic.attributes.get("DeliveryPolicy") if topic else None
        told["EffectiveDeliveryPolicy"] = dumped(effective_policy(of_topic, own.get("DeliveryPolicy")))
    if "FilterPolicy" in own:
        told["FilterPolicyScope"] = scope
    return {**told, **own}


def _raw(topic: Topic, protocol: str, value: str) -> str | None:
    if value not in ("true", "false"):
        return f"RawMessageDelivery: Invalid value [{value}]. Must be true or false."
    if value == "true" and protocol not in ("sqs", *HTTP):
        return f"RawMessageDelivery: Delivery protocol [{protocol}] does not support raw message delivery."
    return None


def _scope(topic: Topic, protocol: str, value: str) -> str | None:
    if value not in (OF_ATTRIBUTES, OF_BODY):
        return f"FilterPolicyScope: Invalid value [{value}]. Please use either {OF_BODY} or {OF_ATTRIBUTES}"
    return None


def _redrive(topic: Topic, protocol: str, value: str) -> str | None:
    policy = _object(value)
    if policy is None:
        return "RedrivePolicy: failed to parse JSON. The value must be a JSON object"
    target = policy.get("deadLetterTargetArn")
    arn = parse_arn(target) if isinstance(target, str) else None
    if arn is None or arn.service != "sqs":
        return "RedrivePolicy: deadLetterTargetArn is an invalid arn"
    if topic.is_fifo and not arn.resource.endswith(".fifo"):
        return "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    return None


def _delivery(topic: Topic, protocol: str, value: str) -> str | None:
    policy = _object(value)
    if policy is None:
        return "DeliveryPolicy: failed to parse JSON. The value must be a JSON object"
    request, retry = policy.get("requestPolicy") or {}, policy.get("healthyRetryPolicy")
    if not isinstance(request, dict) or not isinstance(request.get("headerContentType", ""), str):
        return "DeliveryPolicy: requestPolicy is malformed"
    found = problem_of(retry) if retry is not None else None
    return f"DeliveryPolicy: healthyRetryPolicy: {found}" if found else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


_CHECKS: dict[str, Callable[[Topic, str, str], str | None]] = {
    "RawMessageDelivery": _raw,
    "FilterPolicyScope": _scope,
    "RedrivePolicy": _redrive,
    "DeliveryPolicy": _delivery,
}
