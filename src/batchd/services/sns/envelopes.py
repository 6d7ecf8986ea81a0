"""What subscribers receive: texts, signed where AWS signs them. [sns-sqs.md A5]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from batchd.gateway.operation import Context
from batchd.services.sns.locate import Subscription, Topic

_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_INVITATION = (
    "You have chosen to subscribe to the topic {arn}.\n"
    "To confirm the subscription, visit the SubscribeURL included in this message."
)
_FAREWELL = (
    "You have chosen to deactivate subscription {subscription}.\n"
    "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
)


@dataclass(frozen=True, slots=True)
class Message:
    """What was published. `texts` are by protocol, `attributes` as JSON holds them."""

    message_id: str
    texts: Mapping[str, str]
    subject: str | None
    attributes: Mapping[str, Mapping[str, str]]
    group: str | None = None
    deduplication: str | None = None
    sequence: str | None = None

    def text_for(self, protocol: str) -> str:
        return self.texts.get(protocol) or self.texts["default"]


@dataclass(frozen=True)
class Press:
    """Makes the envelopes of one message; what it signs once serves all who receive the same text."""

    ctx: Context
    topic: Topic
    message: Message
    _signatures: dict[str, str] = field(default_factory=dict)

    def notification(self, subscription: Subscription) -> str:
        """For queues and HTTP endpoints."""
        message, text = self.message, self.message.text_for(subscription.protocol)
        envelope: dict[str, Any] = {"Type": "Notification", "MessageId": message.message_id}
        if message.sequence is not None:
            envelope["SequenceNumber"] = message.sequence
        envelope |= {"TopicArn": self.topic.arn, **self._subject(), "Message": text, "Timestamp": self._timestamp}
        if not self.topic.is_fifo:
            envelope |= self._signed(text, "SigningCertURL")
        envelope["UnsubscribeURL"] = unsubscribe_url(self.ctx, subscription)
        if message.attributes:
            envelope["MessageAttributes"] = _shown(message.attributes)
        return orjson.dumps(envelope).decode()

    def event(self, subscription: Subscription) -> str:
        """For functions: one record."""
        message, text = self.message, self.message.text_for(subscription.protocol)
        sns: dict[str, Any] = {
            "Type": "Notification",
            "MessageId": message.message_id,
            "TopicArn": self.topic.arn,
            "Subject": message.subject,
            "Message": text,
            "Timestamp": self._timestamp,
            **self._signed(text, "SigningCertUrl"),
            "UnsubscribeUrl": unsubscribe_url(self.ctx, subscription),
            "MessageAttributes": _shown(message.attributes),
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "Sns": sns,
        }
        return orjson.dumps({"Records": [record]}).decode()

    @property
    def _timestamp(self) -> str:
        return aws_time(self.ctx.now_ms)

    def _subject(self) -> dict[str, str]:
        return {"Subject": self.message.subject} if self.message.subject is not None else {}

    def _signed(self, text: str, url_name: str) -> dict[str, str]:
        version = signature_version(self.topic)
        if text not in self._signatures:
            said = {
                "Type": "Notification",
                "MessageId": self.message.message_id,
                "TopicArn": self.topic.arn,
                "Message": text,
                "Timestamp": self._timestamp,
                **self._subject(),
            }
            self._signatures[text] = self.ctx.deployment.signer.sign(string_to_sign(said), version)
        signature = self._signatures[text]
        return {"SignatureVersion": version, "Signature": signature, url_name: certificate_url(self.ctx)}


def confirmation(ctx: Context, topic: Topic, subscription: Subscription, kind: str) -> dict[str, str]:
    """A SubscriptionConfirmation or an UnsubscribeConfirmation: with the link that (re)instates the subscription."""
    token = subscription.body["token"]
    text = _INVITATION if kind == "SubscriptionConfirmation" else _FAREWELL
    said = {
        "Type": kind,
        "MessageId": ctx.new_id(),
        "Token": token,
        "TopicArn": topic.arn,
        "Message": text.format(arn=topic.arn, subscription=subscription.arn),
        "SubscribeURL": f"{ctx.deployment.endpoint}/?Action=ConfirmSubscription&TopicArn={topic.arn}&Token={token}",
        "Timestamp": aws_time(ctx.now_ms),
    }
    version = signature_version(topic)
    signature = ctx.deployment.signer.sign(string_to_sign(said), version)
    return {**said, "SignatureVersion": version, "Signature": signature, "SigningCertURL": certificate_url(ctx)}


def string_to_sign(said: Mapping[str, str]) -> str:
    """Names and values of what a signature is over, a line each, by name."""
    return "".join(f"{name}\n{said[name]}\n" for name in _SIGNED if name in said)


def signature_version(topic: Topic) -> str:
    return topic.attributes.get("SignatureVersion", "1")


def certificate_url(ctx: Context) -> str:
    return f"{ctx.deployment.endpoint}{ctx.deployment.signer.url_path}"


def unsubscribe_url(ctx: Context, subscription: Subscription) -> str:
    return f"{ctx.deployment.endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}"


def aws_time(ms: int) -> str:
    """`2019-01-02T12:45:07.000Z`."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def _shown(attributes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {
        name: {"Type": value["DataType"], "Value": value.get("StringValue") or value["BinaryValue"]}
        for name, value in attributes.items()
    }
