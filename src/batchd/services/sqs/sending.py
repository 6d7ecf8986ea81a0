"""SendMessage and SendMessageBatch. [sns-sqs.md B2]"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.services.sqs import message_rules as rules
from batchd.services.sqs.batches import check_entries, each
from batchd.services.sqs.faults import invalid, invalid_value, missing
from batchd.services.sqs.locate import Queue, queue_at
from batchd.services.sqs.sequences import sequence_number
from batchd.store.queued import NewMessage

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

Given = Mapping[str, Any]  # the members of SendMessage, or of an entry of SendMessageBatch

MOST_BYTES = 1_048_576
DEDUPLICATION_MS = 300_000

_TOKEN = re.compile(r"[!-~]{1,128}")
_WRONG_TYPE = "The request include parameter that is not valid for this queue type"


@writes
def send_message(params: t.SendMessageRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Durable when it is answered."""
    queue = queue_at(ctx, params["QueueUrl"])
    outbox = _Outbox(ctx, queue)
    answer = outbox.put(params)
    outbox.post()
    return answer


@writes
def send_message_batch(params: t.SendMessageBatchRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Each entry by itself; BatchRequestTooLong where they are too large together."""
    queue = queue_at(ctx, params["QueueUrl"])
    entries = params["Entries"]
    check_entries(entries, "SendMessageBatchRequestEntry")
    size = sum(len(entry["MessageBody"].encode("utf-8", "replace")) for entry in entries)
    if size > MOST_BYTES:
        raise ApiError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MOST_BYTES} bytes. You have sent {size} bytes.",
        )
    outbox = _Outbox(ctx, queue)
    answer = each(entries, outbox.put)
    outbox.post()
    return answer


class _Outbox:
    """Messages of one request on their way into a queue."""

    def __init__(self, ctx: Context, queue: Queue) -> None:
        self._ctx = ctx
        self._queue = queue
        self._new: list[NewMessage] = []
        self._sequence = ctx.tx.messages.sequence(queue.number) if queue.is_fifo else 0

    def put(self, given: Given) -> dict[str, Any]:
        """The answer for a message; what was sent before under its deduplication id is only told of again."""
        _check(self._queue, given)
        content = self._content(given)
        answer = _digests(given)
        if not self._queue.is_fifo:
            return {**answer, "MessageId": self._add(given, content)}
        dedup = self._deduplication(given, content["deduplication"])
        scope = f"sqs/{self._queue.body['id']}"
        sent = self._ctx.tx.recent.get(scope, dedup, self._ctx.now_ms - DEDUPLICATION_MS)
        if sent is None:
            sequence = content["sequence"] = sequence_number(self._sequence + len(self._new) + 1)
            sent = {"MessageId": self._add(given, content), "SequenceNumber": sequence}
            self._ctx.tx.recent.put(scope, dedup, self._ctx.now_ms, sent)
        return {**answer, **sent}

    def post(self) -> None:
        if self._new:
            self._ctx.tx.messages.add(self._queue.number, self._new)
            self._ctx.tell(self._queue.topic)

    def _add(self, given: Given, content: dict[str, Any]) -> str:
        message_id, now = self._ctx.new_id(), self._ctx.now_ms
        delay = given.get("DelaySeconds")
        seconds = self._queue.seconds("DelaySeconds") if delay is None or self._queue.is_fifo else delay
        group = given["MessageGroupId"] if self._queue.is_fifo else None
        self._new.append(NewMessage(message_id, now, now + seconds * 1000, content, group))
        return message_id

    def _content(self, given: Given) -> dict[str, Any]:
        """What is kept of it; members without a value are left out."""
        content = {
            "body": given["MessageBody"],
            "attributes": rules.stored(given.get("MessageAttributes", {})),
            "trace": rules.trace_of(given.get("MessageSystemAttributes", {})),
            "sender": self._ctx.caller.user_id,
            "group": given.get("MessageGroupId"),
            "deduplication": _deduplication_id(self._queue, given) if self._queue.is_fifo else None,
        }
        return {name: value for name, value in content.items() if value}

    def _deduplication(self, given: Given, dedup: str) -> str:
        """What must be new in the last five minutes."""
        if self._queue.attributes["DeduplicationScope"] == "messageGroup":
            return f"{given['MessageGroupId']} {dedup}"
        return dedup


def _digests(given: Given) -> dict[str, str]:
    digests = {"MD5OfMessageBody": rules.md5_of_body(given["MessageBody"])}
    if attributes := given.get("MessageAttributes"):
        digests["MD5OfMessageAttributes"] = rules.md5_of_attributes(attributes)
    if system := given.get("MessageSystemAttributes"):
        digests["MD5OfMessageSystemAttributes"] = rules.md5_of_attributes(system)
    return digests


def _check(queue: Queue, given: Given) -> None:
    body, attributes = given["MessageBody"], given.get("MessageAttributes", {})
    rules.check_body(body)
    rules.check_attributes(attributes)
    rules.check_system_attributes(given.get("MessageSystemAttributes", {}))
    most = int(queue.attributes["MaximumMessageSize"])
    if rules.size_of(body, attributes) > most:
        raise invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.")
    _check_delay(queue, given.get("DelaySeconds"))
    _check_group(queue, given)


def _check_delay(queue: Queue, delay: int | None) -> None:
    if delay is not None and not 0 <= delay <= 900:
        raise invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    if delay and queue.is_fifo:
        raise invalid_value(delay, "DelaySeconds", f"{_WRONG_TYPE}.")


def _check_group(queue: Queue, given: Given) -> None:
    for member in ("MessageGroupId", "MessageDeduplicationId"):
        value = given.get(member)
        if value is not None and not _TOKEN.fullmatch(value):
            reason = f"{member} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise invalid_value(value, member, reason)
    if not queue.is_fifo and "MessageDeduplicationId" in given:
        raise invalid_value(given["MessageDeduplicationId"], "MessageDeduplicationId", f"{_WRONG_TYPE}.")
    if queue.is_fifo and "MessageGroupId" not in given:
        raise missing("MessageGroupId")


def _deduplication_id(queue: Queue, given: Given) -> str:
    explicit: str | None = given.get("MessageDeduplicationId")
    if explicit is not None:
        return explicit
    if queue.attributes["ContentBasedDeduplication"] != "true":
        raise invalid(
            "The queue should either have ContentBasedDeduplication enabled "
            "or MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(given["MessageBody"].encode()).hexdigest()
