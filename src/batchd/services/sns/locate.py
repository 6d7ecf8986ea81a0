"""Topics and subscriptions as they are stored, and the way to one from its ARN.

A topic's document: `attributes` as they were set (texts), `tags`, `deleted` (how many subscriptions it has lost). A
subscription's, named `<topic>:<id>`: `protocol`, `endpoint`, `attributes`, `state`, `since` (ms, of the state),
`principal`, and the `token` that confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchd.arns import Arn, parse_arn
from batchd.gateway.operation import Context
from batchd.services.sns.faults import invalid, no_subscription, no_topic
from batchd.store.store import Body, Key, Tx

TOPIC = "sns.topic"
SUBSCRIPTION = "sns.subscription"
SEQUENCE = "sns.sequence"  # of a FIFO topic: how many messages have come in
SUFFIX = ".fifo"
CONFIRMED, PENDING, LEFT = "confirmed", "pending", "left"  # left: unsubscribed by a link, may come back for a while


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of one region."""

    region: str
    account: str
    name: str
    body: Body

    @property
    def arn(self) -> str:
        return f"arn:aws:sns:{self.region}:{self.account}:{self.name}"

    @property
    def key(self) -> Key:
        return Key(TOPIC, self.region, self.name)

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(SUFFIX)

    @property
    def attributes(self) -> dict[str, str]:
        attributes: dict[str, str] = self.body["attributes"]
        return attributes


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who hears of what is published."""

    region: str
    account: str
    name: str
    body: Body

    @property
    def key(self) -> Key:
        return Key(SUBSCRIPTION, self.region, self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:sns:{self.region}:{self.account}:{self.name}"

    @property
    def topic_arn(self) -> str:
        return self.arn.rpartition(":")[0]

    @property
    def protocol(self) -> str:
        protocol: str = self.body["protocol"]
        return protocol

    @property
    def endpoint(self) -> str:
        endpoint: str = self.body["endpoint"]
        return endpoint

    @property
    def attributes(self) -> dict[str, str]:
        attributes: dict[str, str] = self.body["attributes"]
        return attributes

    @property
    def state(self) -> str:
        state: str = self.body["state"]
        return state

    @property
    def is_raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"


def arn_of(text: str, parameter: str) -> Arn:
    """InvalidParameter for what is no ARN."""
    arn = parse_arn(text)
    if arn is None:
        elements = len(text.split(":"))
        raise invalid(f"{parameter} Reason: An ARN must have at least 6 elements, not {elements}")
    return arn


def topic_at(ctx: Context, text: str, parameter: str = "TopicArn") -> Topic:
    """By its ARN. InvalidParameter, NotFound."""
    arn = arn_of(text, parameter)
    if arn.service != "sns" or (ctx.region and arn.region != ctx.region) or ":" in arn.resource:
        raise invalid(parameter)
    found = find_topic(ctx.tx, arn) if arn.account == ctx.account else None
    if found is None:
        raise no_topic()
    return found


def find_topic(tx: Tx, arn: Arn) -> Topic | None:
    body = tx.resources.get(Key(TOPIC, arn.region, arn.resource))
    return Topic(arn.region, arn.account, arn.resource, body) if body is not None else None


def subscription_at(ctx: Context, text: str) -> Subscription:
    """By its ARN. InvalidParameter, NotFound."""
    found = find_subscription(ctx, arn_of(text, "SubscriptionArn"))
    if found is None or found.state == LEFT:
        raise no_subscription()
    return found


def find_subscription(ctx: Context, arn: Arn) -> Subscription | None:
    if arn.service != "sns" or arn.account != ctx.account or (ctx.region and arn.region != ctx.region):
        return None
    body = ctx.tx.resources.get(Key(SUBSCRIPTION, arn.region, arn.resource))
    return Subscription(arn.region, arn.account, arn.resource, body) if body is not None else None


def subscriptions_of(tx: Tx, topic: Topic) -> list[Subscription]:
    """Of a topic, whatever their state."""
    found = tx.resources.page(SUBSCRIPTION, topic.region, prefix=f"{topic.name}:")
    return [Subscription(topic.region, topic.account, name, body) for name, body in found]


def save_topic(ctx: Context, topic: Topic, **changes: Any) -> None:
    ctx.tx.resources.put(topic.key, {**topic.body, **changes})


def save_subscription(ctx: Context, subscription: Subscription, **changes: Any) -> Subscription:
    """As it is now."""
    body = {**subscription.body, **changes}
    ctx.tx.resources.put(subscription.key, body)
    return Subscription(subscription.region, subscription.account, subscription.name, body)
