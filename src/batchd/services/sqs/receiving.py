"""ReceiveMessage: at once, or as soon as there is something. [sns-sqs.md B2]"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Again, Context, writes
from batchd.services.sqs import message_rules as rules
from batchd.services.sqs.burial import bury
from batchd.services.sqs.faults import invalid_value, unknown_attribute
from batchd.services.sqs.handles import write_handle
from batchd.services.sqs.locate import Queue, queue_at
from batchd.services.sqs.redrive import redrive_of
from batchd.store.queued import QueuedMessage

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

_ROUNDS = 20  # of ten messages: what is over or must be buried and stands before one that can be received
_SYSTEM = (
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
)


@writes
def receive_message(params: t.ReceiveMessageRequestTypeDef, ctx: Context) -> dict[str, Any] | Again:
    """Up to ten, each hidden from others for the visibility timeout. Without Messages where there are none in time."""
    queue = queue_at(ctx, params["QueueUrl"])
    most = _in_range(params, "MaxNumberOfMessages", 1, (1, 10))
    hidden_s = _in_range(params, "VisibilityTimeout", queue.seconds("VisibilityTimeout"), (0, 43_200))
    wait_s = _in_range(params, "WaitTimeSeconds", queue.seconds("ReceiveMessageWaitTimeSeconds"), (0, 20))
    system = _system_names(params)
    ready = _take(ctx, queue, most)
    if ready:
        received = [message.received(ctx.now_ms, ctx.now_ms + hidden_s * 1000) for message in ready]
        ctx.tx.messages.hide(received)
        names = params.get("MessageAttributeNames", ())
        return {"Messages": [_shown(queue, message, system, names) for message in received]}
    deadline = (ctx.waiting_since_ms or ctx.now_ms) + wait_s * 1000
    if ctx.now_ms >= deadline:
        return {}
    soon = ctx.now_ms + 1 if ready is None else ctx.tx.messages.next_due(queue.number, ctx.now_ms)
    return Again(queue.topic, deadline if soon is None else min(deadline, soon))


def _take(ctx: Context, queue: Queue, most: int) -> list[QueuedMessage] | None:
    """What can be received. On the way there messages that are over are removed, and those buried that were received
    too often; None where there was too much of that to see what comes behind."""
    table, since, redrive = ctx.tx.messages, queue.keeps_since(ctx.now_ms), redrive_of(queue)
    for _ in range(_ROUNDS):
        ready = table.ready(queue.number, ctx.now_ms, most)
        over = [message for message in ready if message.sent_at < since]
        kept = [message for message in ready if message.sent_at >= since]
        table.remove(queue.number, over)
        dead = [message for message in kept if redrive and message.receives >= redrive.most]
        if redrive and dead and bury(ctx, queue, redrive.target, dead):
            kept = [message for message in kept if message.receives < redrive.most]
        if kept or not ready:
            return kept
    return None


def _shown(queue: Queue, message: QueuedMessage, system: Sequence[str], names: Iterable[str]) -> dict[str, Any]:
    """As the client sees it."""
    content = message.content
    shown: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": write_handle(queue, message),
        "MD5OfBody": rules.md5_of_body(content["body"]),
        "Body": content["body"],
    }
    attributes = _chosen(rules.restored(content.get("attributes", {})), list(names))
    if attributes:
        shown["MD5OfMessageAttributes"] = rules.md5_of_attributes(attributes)
        shown["MessageAttributes"] = attributes
    if told := {name: value for name, value in _system(message).items() if value is not None and name in system}:
        shown["Attributes"] = told
    return shown


def _system(message: QueuedMessage) -> dict[str, str | None]:
    content = message.content
    return {
        "SenderId": content.get("sender"),
        "SentTimestamp": str(message.sent_at),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(message.first_received_at),
        "SequenceNumber": content.get("sequence"),
        "MessageDeduplicationId": content.get("deduplication"),
        "MessageGroupId": content.get("group"),
        "AWSTraceHeader": content.get("trace"),
        "DeadLetterQueueSourceArn": content.get("source"),
    }


def _chosen(attributes: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Those that are asked for: by name, by `prefix.*`, or all."""
    if "All" in names or ".*" in names:
        return attributes
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {
        name: value for name, value in attributes.items() if name in names or (prefixes and name.startswith(prefixes))
    }


def _system_names(params: Mapping[str, Any]) -> Sequence[str]:
    """InvalidAttributeName."""
    names = [*params.get("MessageSystemAttributeNames", ()), *params.get("AttributeNames", ())]
    for name in names:
        if name not in _SYSTEM and name != "All":
            raise unknown_attribute(name)
    return _SYSTEM if "All" in names else names


def _in_range(params: Mapping[str, Any], name: str, default: int, bounds: tuple[int, int]) -> int:
    value: int = params.get(name, default)
    low, high = bounds
    if not low <= value <= high:
        reason = (
            f"Must be between {low} and {high}, if provided." if low else f"Must be >= 0 and <= {high}, if provided."
        )
        raise invalid_value(value, name, reason)
    return value
