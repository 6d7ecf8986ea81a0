"""Subscriptions: made, confirmed, described, changed, listed and ended. [sns-sqs.md A4]"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, link, reads, writes
from batchd.services.sns.faults import invalid, no_subscription
from batchd.services.sns.locate import (
    CONFIRMED,
    LEFT,
    PENDING,
    SUBSCRIPTION,
    Subscription,
    Topic,
    arn_of,
    find_subscription,
    find_topic,
    save_subscription,
    save_topic,
    subscription_at,
    subscriptions_of,
    topic_at,
)
from batchd.services.sns.mailing import ask_to_confirm
from batchd.services.sns.paging import after_token, page_of
from batchd.services.sns.subscription_attributes import HTTP, all_attributes, problem, settled
from batchd.store.store import Key, Tx

if TYPE_CHECKING:
    from types_boto3_sns import type_defs as t

_TOKEN_MS = 3 * 86_400_000  # how long a token is good
_TOKEN = re.compile(r"([0-9a-f]{32})[0-9a-f]{64}")
_UNSERVED = ("email", "email-json", "sms", "application", "firehose")
_WAITS = "pending confirmation"


@writes
def subscribe(params: t.SubscribeInputTypeDef, ctx: Context) -> dict[str, Any]:
    """The ARN of the subscription, which may have been there; an HTTP endpoint must confirm a new one."""
    topic, protocol, endpoint = topic_at(ctx, params["TopicArn"]), params["Protocol"], params.get("Endpoint", "")
    _check_endpoint(topic, protocol, endpoint)
    given = dict(params.get("Attributes", {}))
    if text := problem(topic, protocol, given, given):
        raise invalid(f"Attributes Reason: {text}" if text != "AttributeName" else text)
    existing = _existing(ctx, topic, protocol, endpoint)
    if existing is None:
        subscription = _new(ctx, topic, (protocol, endpoint), settled(given))
    else:
        _check_same(existing, given)
        subscription = existing
    if subscription.state == PENDING:
        ask_to_confirm(ctx, topic, subscription, "SubscriptionConfirmation")
        if not params.get("ReturnSubscriptionArn"):
            return {"SubscriptionArn": _WAITS}
    return {"SubscriptionArn": subscription.arn}


@link
@writes
def confirm_subscription(params: t.ConfirmSubscriptionInputTypeDef, ctx: Context) -> dict[str, Any]:
    """Whoever knows the token may; again is fine."""
    topic = _topic_to_confirm(ctx, params["TopicArn"])
    token = params["Token"]
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise invalid("Token")
    name = f"{topic.name}:{_with_hyphens(found[1])}"
    body = ctx.tx.resources.get(Key(SUBSCRIPTION, topic.region, name))
    if body is None or body.get("token") != token:
        raise ApiError("InvalidParameter", "Invalid token")
    subscription = Subscription(topic.region, topic.account, name, body)
    if subscription.state != CONFIRMED:
        is_known = not _is_anonymous(ctx)
        save_subscription(
            ctx,
            subscription,
            state=CONFIRMED,
            since=ctx.now_ms,
            authenticated=is_known,
            guarded=is_known and params.get("AuthenticateOnUnsubscribe") == "true",
        )
    return {"SubscriptionArn": subscription.arn}


@link
@writes
def unsubscribe(params: t.UnsubscribeInputTypeDef, ctx: Context) -> None:
    """One that is not there is fine. An HTTP endpoint that was cut off by a link is told how to come back."""
    subscription = find_subscription(ctx, arn_of(params["SubscriptionArn"], "SubscriptionArn"))
    if subscription is None or subscription.state == LEFT:
        return
    if _is_anonymous(ctx) and subscription.body.get("guarded"):
        raise ApiError("AuthorizationError", "Unsubscribe requires the subscription's owner to sign the request")
    topic = find_topic(ctx.tx, arn_of(subscription.topic_arn, "TopicArn"))
    if topic is not None:
        save_topic(ctx, topic, deleted=topic.body["deleted"] + 1)
    if topic is None or not _is_anonymous(ctx) or subscription.protocol not in HTTP:
        ctx.tx.resources.delete(subscription.key)
        return
    token = _new_token(subscription.name.rpartition(":")[2])
    left = save_subscription(ctx, subscription, state=LEFT, since=ctx.now_ms, token=token)
    ask_to_confirm(ctx, topic, left, "UnsubscribeConfirmation")


@reads
def get_subscription_attributes(params: t.GetSubscriptionAttributesInputTypeDef, ctx: Context) -> dict[str, Any]:
    """NotFound."""
    subscription = subscription_at(ctx, params["SubscriptionArn"])
    topic = find_topic(ctx.tx, arn_of(subscription.topic_arn, "TopicArn"))
    return {"Attributes": all_attributes(subscription, topic)}


@writes
def set_subscription_attributes(params: t.SetSubscriptionAttributesInputTypeDef, ctx: Context) -> None:
    """In force at once. An empty value takes the attribute away."""
    subscription = subscription_at(ctx, params["SubscriptionArn"])
    topic = find_topic(ctx.tx, arn_of(subscription.topic_arn, "TopicArn"))
    if topic is None:
        raise no_subscription()
    changed = {params["AttributeName"]: params.get("AttributeValue", "")}
    attributes = {**subscription.attributes, **changed}
    if text := problem(topic, subscription.protocol, attributes, changed):
        raise invalid(text)
    save_subscription(ctx, subscription, attributes=settled(attributes))


@reads
def list_subscriptions(params: t.ListSubscriptionsInputTypeDef, ctx: Context) -> dict[str, Any]:
    """By topic, a hundred a page."""
    return _page(ctx, "", after_token(params.get("NextToken")))


@reads
def list_subscriptions_by_topic(params: t.ListSubscriptionsByTopicInputTypeDef, ctx: Context) -> dict[str, Any]:
    """A hundred a page."""
    topic = topic_at(ctx, params["TopicArn"])
    return _page(ctx, f"{topic.name}:", after_token(params.get("NextToken")))


def forget_unconfirmed(tx: Tx, now: int) -> int:
    """A chore: forget subscriptions that nobody confirmed or wanted back in time; how many."""
    over = [
        key
        for key, body in tx.resources.every(SUBSCRIPTION)
        if body["state"] != CONFIRMED and body["since"] + _TOKEN_MS < now
    ]
    for key in over:
        tx.resources.delete(key)
    return len(over)


def _page(ctx: Context, prefix: str, after: str) -> dict[str, Any]:
    page, token = page_of(ctx.tx.resources.page(SUBSCRIPTION, ctx.region, prefix=prefix, after=after, limit=101))
    found = (Subscription(ctx.region, ctx.account, name, body) for name, body in page)
    return {"Subscriptions": [_summary(one) for one in found if one.state != LEFT], **token}


def _summary(subscription: Subscription) -> dict[str, str]:
    return {
        "SubscriptionArn": subscription.arn if subscription.state == CONFIRMED else "PendingConfirmation",
        "Owner": subscription.account,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic_arn,
    }


def _new(ctx: Context, topic: Topic, where: tuple[str, str], attributes: dict[str, str]) -> Subscription:
    protocol, endpoint = where
    number = ctx.new_id()
    must_confirm = protocol in HTTP
    body = {
        "protocol": protocol,
        "endpoint": endpoint,
        "attributes": attributes,
        "state": PENDING if must_confirm else CONFIRMED,
        "since": ctx.now_ms,
        "principal": ctx.caller.arn,
        "authenticated": not must_confirm,
        "token": _new_token(number) if must_confirm else None,
    }
    subscription = Subscription(topic.region, topic.account, f"{topic.name}:{number}", body)
    ctx.tx.resources.insert(subscription.key, body)
    return subscription


def _existing(ctx: Context, topic: Topic, protocol: str, endpoint: str) -> Subscription | None:
    same = (
        subscription
        for subscription in subscriptions_of(ctx.tx, topic)
        if (subscription.protocol, subscription.endpoint) == (protocol, endpoint) and subscription.state != LEFT
    )
    return next(same, None)


def _check_same(existing: Subscription, given: dict[str, str]) -> None:
    """Only what the request names is compared."""
    wanted = settled(given)
    if any(existing.attributes.get(name, _UNSET.get(name)) != value for name, value in wanted.items()):
        raise invalid("Attributes Reason: Subscription already exists with different attributes")


_UNSET = {"RawMessageDelivery": "false"}


def _check_endpoint(topic: Topic, protocol: str, endpoint: str) -> None:
    """Only its form: whether it is there shows when something is delivered."""
    check = _ENDPOINTS.get(protocol)
    if check is None:
        if protocol in _UNSERVED:
            served = ", ".join(_ENDPOINTS)
            raise invalid(f"Protocol Reason: this server does not deliver by {protocol}, only by {served}")
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    check(endpoint)
    if protocol == "sqs" and endpoint.endswith(".fifo") and not topic.is_fifo:
        raise invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
        )
    if topic.is_fifo and protocol != "sqs":
        raise invalid(f"Invalid parameter: Endpoint Reason: FIFO topics deliver to SQS queues only, not by {protocol}")


def _check_url(scheme: str) -> Callable[[str], None]:
    def check(endpoint: str) -> None:
        if not re.fullmatch(rf"{scheme}://[^\s/]+(/\S*)?", endpoint) or len(endpoint) > 2048:
            raise invalid("Endpoint must match the specified protocol")

    return check


def _check_arn(service: str, name: str) -> Callable[[str], None]:
    def check(endpoint: str) -> None:
        arn = parse_arn(endpoint)
        if arn is None or arn.service != service:
            raise invalid(f"{name} endpoint ARN")

    return check


_ENDPOINTS: dict[str, Callable[[str], None]] = {
    "http": _check_url("http"),
    "https": _check_url("https"),
    "lambda": _check_arn("lambda", "Lambda"),
    "sqs": _check_arn("sqs", "SQS"),
}


def _topic_to_confirm(ctx: Context, text: str) -> Topic:
    try:
        return topic_at(ctx, text)
    except ApiError:
        raise invalid("Topic") from None


def _is_anonymous(ctx: Context) -> bool:
    return ctx.caller.is_anonymous


def _new_token(number: str) -> str:
    """Tells which subscription it is of, and cannot be guessed."""
    return number.replace("-", "") + secrets.token_hex(32)


def _with_hyphens(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
