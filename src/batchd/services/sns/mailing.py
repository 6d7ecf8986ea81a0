"""From a message to deliveries: one for each subscription that wants it. [sns-sqs.md A5, A7]

A delivery's body says all that its handler needs: `endpoint`, `region` (of the endpoint, or ours), `subscription`
(its ARN), the `text`, and `letter`: the message as a queue gets it, be it the subscriber's or, where there is one, a
dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.services.sns.delivery_policy import effective_policy, pauses
from batchd.services.sns.envelopes import Message, Press, confirmation
from batchd.services.sns.filtering import wants
from batchd.services.sns.locate import CONFIRMED, Subscription, Topic
from batchd.store.store import Body

TO_QUEUE, TO_FUNCTION, TO_HTTP = "sns.queue", "sns.function", "sns.http"
_AGENT = "Amazon Simple Notification Service Agent"
Letter = dict[str, Any]  # members of SendMessage


def post(ctx: Context, topic: Topic, message: Message, subscriptions: Sequence[Subscription]) -> None:
    """Give the message to everybody who wants it."""
    press = Press(ctx, topic, message)
    for subscription in subscriptions:
        text = message.text_for(subscription.protocol)
        if subscription.state == CONFIRMED and wants(subscription.attributes, text, message.attributes):
            _add(ctx, subscription, _MAKERS[subscription.protocol](press, subscription))


def ask_to_confirm(ctx: Context, topic: Topic, subscription: Subscription, kind: str) -> None:
    """Send an HTTP endpoint the link by which it (re)joins."""
    said = confirmation(ctx, topic, subscription, kind)
    headers = _headers(subscription, kind, said["MessageId"])
    if kind == "SubscriptionConfirmation":
        del headers["x-amz-sns-subscription-arn"]
    _add(ctx, subscription, _http(topic, subscription, headers, orjson.dumps(said).decode()))


def _add(ctx: Context, subscription: Subscription, body: Body) -> None:
    arn = parse_arn(subscription.endpoint)
    region = arn.region if arn is not None else subscription.region
    common = {"region": region, "endpoint": subscription.endpoint, "subscription": subscription.arn}
    ctx.tx.deliveries.add(subscription.endpoint, ctx.now_ms, {**common, **body})


def _for_queue(press: Press, subscription: Subscription) -> Body:
    return {"kind": TO_QUEUE, "letter": _letter(press, subscription)}


def _for_function(press: Press, subscription: Subscription) -> Body:
    letter = _letter(press, subscription) if _is_buried(subscription) else None
    return {"kind": TO_FUNCTION, "text": press.event(subscription), "letter": letter}


def _for_http(press: Press, subscription: Subscription) -> Body:
    letter = _letter(press, subscription)
    headers = _headers(subscription, "Notification", press.message.message_id)
    if subscription.is_raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    body = _http(press.topic, subscription, headers, letter["MessageBody"])
    return {**body, "letter": letter if _is_buried(subscription) else None}


_MAKERS: dict[str, Callable[[Press, Subscription], Body]] = {
    "sqs": _for_queue,
    "lambda": _for_function,
    "http": _for_http,
    "https": _for_http,
}


def _letter(press: Press, subscription: Subscription) -> Letter:
    """As a queue gets it: the text and the attributes alone where that is asked for, else the envelope."""
    message = press.message
    if subscription.is_raw:
        letter: Letter = {"MessageBody": message.text_for(subscription.protocol)}
        if message.attributes:
            letter["MessageAttributes"] = dict(message.attributes)
    else:
        letter = {"MessageBody": press.notification(subscription)}
    if message.group is not None:
        letter["MessageGroupId"] = message.group
    if message.deduplication is not None:
        letter["MessageDeduplicationId"] = message.deduplication
    return letter


def _is_buried(subscription: Subscription) -> bool:
    """Whether a message that cannot be delivered goes to a dead-letter queue."""
    return "RedrivePolicy" in subscription.attributes


def _http(topic: Topic, subscription: Subscription, headers: dict[str, str], text: str) -> Body:
    policy = effective_policy(topic.attributes.get("DeliveryPolicy"), subscription.attributes.get("DeliveryPolicy"))
    waits = pauses(policy["healthyRetryPolicy"])
    kind = policy["requestPolicy"]["headerContentType"]
    return {
        "kind": TO_HTTP,
        "headers": {**headers, "content-type": kind, "user-agent": _AGENT},
        "text": text,
        "pauses": waits,
        "max_attempts": len(waits) + 1,
    }


def _headers(subscription: Subscription, kind: str, message_id: str) -> dict[str, str]:
    return {
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": subscription.topic_arn,
        "x-amz-sns-subscription-arn": subscription.arn,
    }
