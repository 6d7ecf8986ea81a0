"""Publish and PublishBatch. [sns-sqs.md A3, A8]"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.services.sns import message_rules as rules
from batchd.services.sns.envelopes import Message
from batchd.services.sns.faults import invalid
from batchd.services.sns.locate import SEQUENCE, Subscription, Topic, subscriptions_of, topic_at
from batchd.services.sns.mailing import post
from batchd.store.store import Key

if TYPE_CHECKING:
    from types_boto3_sns import type_defs as t

Given = Mapping[str, Any]  # the members of Publish, or of an entry of PublishBatch

DEDUPLICATION_MS = 300_000
_BEFORE_THE_FIRST = 10**19  # so that all sequence numbers have twenty digits
_MOST_ENTRIES = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


@writes
def publish(params: t.PublishInputTypeDef, ctx: Context) -> dict[str, Any]:
    """Durable when it is answered; delivered from then on."""
    if "PhoneNumber" in params:
        raise invalid("PhoneNumber Reason: this server sends no text messages")
    arn = params.get("TopicArn") or params.get("TargetArn")
    if arn is None:
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    topic = topic_at(ctx, arn, "TopicArn" if "TopicArn" in params else "TargetArn")
    return _publish(ctx, topic, subscriptions_of(ctx.tx, topic), params)


@writes
def publish_batch(params: t.PublishBatchInputTypeDef, ctx: Context) -> dict[str, Any]:
    """Each entry by itself."""
    topic, entries = topic_at(ctx, params["TopicArn"]), params["PublishBatchRequestEntries"]
    _check_entries(entries)
    subscriptions = subscriptions_of(ctx.tx, topic)
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **_publish(ctx, topic, subscriptions, entry)})
        except ApiError as error:
            failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True})
    return {"Successful": done, "Failed": failed}


def _publish(ctx: Context, topic: Topic, subscriptions: Sequence[Subscription], given: Given) -> dict[str, Any]:
    """Nothing has changed where it refuses. What was published before is only told of again."""
    texts = _checked(topic, given)
    plain = Message(
        message_id=ctx.new_id(),
        texts=texts,
        subject=given.get("Subject"),
        attributes=rules.stored(given.get("MessageAttributes", {})),
        group=given.get("MessageGroupId"),
    )
    if not topic.is_fifo:
        post(ctx, topic, plain, subscriptions)
        return {"MessageId": plain.message_id}
    return _publish_once(ctx, topic, subscriptions, plain, _deduplication_id(topic, given))


def _publish_once(
    ctx: Context, topic: Topic, subscriptions: Sequence[Subscription], plain: Message, dedup: str
) -> dict[str, Any]:
    scope = f"sns/{topic.arn}"
    name = f"{plain.group} {dedup}" if topic.attributes.get("FifoThroughputScope") == "MessageGroup" else dedup
    sent = ctx.tx.recent.get(scope, name, ctx.now_ms - DEDUPLICATION_MS)
    if sent is None:
        sequence = _next_sequence(ctx, topic)
        message = replace(plain, deduplication=dedup, sequence=sequence)
        post(ctx, topic, message, subscriptions)
        sent = {"MessageId": message.message_id, "SequenceNumber": sequence}
        ctx.tx.recent.put(scope, name, ctx.now_ms, sent)
    return sent


def _next_sequence(ctx: Context, topic: Topic) -> str:
    key = Key(SEQUENCE, topic.region, topic.name)
    number = (ctx.tx.resources.get(key) or {"last": 0})["last"] + 1
    ctx.tx.resources.put(key, {"last": number})
    return str(_BEFORE_THE_FIRST + number)


def _checked(topic: Topic, given: Given) -> dict[str, str]:
    """The texts of a message that may be published."""
    message, subject, attributes = given["Message"], given.get("Subject"), given.get("MessageAttributes", {})
    texts = rules.texts_of(message, given.get("MessageStructure"))
    rules.check_subject(subject)
    rules.check_attributes(attributes)
    rules.check_size(message, subject, attributes)
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        rules.check_token(given.get(name), name)
    if topic.is_fifo and "MessageGroupId" not in given:
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    if not topic.is_fifo and "MessageDeduplicationId" in given:
        raise invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
            "that is not valid for this topic type"
        )
    return texts


def _deduplication_id(topic: Topic, given: Given) -> str:
    explicit: str | None = given.get("MessageDeduplicationId")
    if explicit is not None:
        return explicit
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The topic should either have ContentBasedDeduplication enabled "
            "or MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(given["Message"].encode()).hexdigest()


def _check_entries(entries: Sequence[Given]) -> None:
    if not entries:
        raise ApiError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > _MOST_ENTRIES:
        raise ApiError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
    if not all(_ID.fullmatch(entry["Id"]) for entry in entries):
        raise ApiError(
            "InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the specification."
        )
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise ApiError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    sizes = (
        rules.size_of(entry["Message"], entry.get("Subject"), entry.get("MessageAttributes", {})) for entry in entries
    )
    if sum(sizes) > rules.MOST_BYTES:
        raise ApiError(
            "BatchRequestTooLong", "The length of all the batch messages put together is more than the limit."
        )
