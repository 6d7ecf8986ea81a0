"""What becomes of a message that was received: DeleteMessage and ChangeMessageVisibility. [sns-sqs.md B2]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.services.sqs.batches import check_entries, each
from batchd.services.sqs.faults import invalid_value, missing
from batchd.services.sqs.handles import Handle, read_handle
from batchd.services.sqs.locate import Queue, queue_at
from batchd.store.queued import QueuedMessage

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

LONGEST_S = 43_200
_GONE = "Message does not exist or is not available for visibility timeout change."


@writes
def delete_message(params: t.DeleteMessageRequestTypeDef, ctx: Context) -> None:
    """By the handle of any of its receives, in a FIFO queue of the last, in time. What is gone already is fine."""
    _delete(ctx, queue_at(ctx, params["QueueUrl"]), params["ReceiptHandle"])


@writes
def delete_message_batch(params: t.DeleteMessageBatchRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Each entry by itself."""
    queue = queue_at(ctx, params["QueueUrl"])
    check_entries(params["Entries"], "DeleteMessageBatchRequestEntry")

    def work(entry: Mapping[str, Any]) -> dict[str, Any]:
        _delete(ctx, queue, entry["ReceiptHandle"])
        return {}

    return each(params["Entries"], work)


@writes
def change_message_visibility(params: t.ChangeMessageVisibilityRequestTypeDef, ctx: Context) -> None:
    """Hidden for so many seconds from now on; 0 lets it go."""
    _hide(ctx, queue_at(ctx, params["QueueUrl"]), params)


@writes
def change_message_visibility_batch(
    params: t.ChangeMessageVisibilityBatchRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    """Each entry by itself."""
    queue = queue_at(ctx, params["QueueUrl"])
    check_entries(params["Entries"], "ChangeMessageVisibilityBatchRequestEntry")

    def work(entry: Mapping[str, Any]) -> dict[str, Any]:
        _hide(ctx, queue, entry)
        return {}

    return each(params["Entries"], work)


def _delete(ctx: Context, queue: Queue, text: str) -> None:
    handle = read_handle(queue, text)
    message = ctx.tx.messages.find(queue.number, handle.number, handle.message_id)
    if message is None:
        return
    if queue.is_fifo:
        _check_in_time(ctx, message, handle, text)
    ctx.tx.messages.remove(queue.number, [message])
    if queue.is_fifo:
        ctx.tell(queue.topic)  # the next one of its group may be ready


def _hide(ctx: Context, queue: Queue, given: Mapping[str, Any]) -> None:
    seconds, text = given.get("VisibilityTimeout"), given["ReceiptHandle"]
    if seconds is None:
        raise missing("VisibilityTimeout")
    if not 0 <= seconds <= LONGEST_S:
        raise invalid_value(seconds, "VisibilityTimeout", f"Must be between 0 and {LONGEST_S}, if provided.")
    handle = read_handle(queue, text)
    message = ctx.tx.messages.find(queue.number, handle.number, handle.message_id)
    if message is None:
        raise invalid_value(text, "ReceiptHandle", _GONE)
    if queue.is_fifo:
        _check_in_time(ctx, message, handle, text)
    if not message.is_in_flight(ctx.now_ms):
        raise ApiError("MessageNotInflight", "The specified message isn't in flight.")
    _check_total(ctx, message, seconds)
    ctx.tx.messages.set_due(message, ctx.now_ms + seconds * 1000)
    ctx.tell(queue.topic)


def _check_in_time(ctx: Context, message: QueuedMessage, handle: Handle, text: str) -> None:
    if not message.is_in_flight(ctx.now_ms) or message.receives != handle.receives:
        raise invalid_value(text, "ReceiptHandle", "The receipt handle has expired.")


def _check_total(ctx: Context, message: QueuedMessage, seconds: int) -> None:
    since = message.received_at or ctx.now_ms
    if ctx.now_ms - since + seconds * 1000 > LONGEST_S * 1000:
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{LONGEST_S} seconds]."
        raise invalid_value(seconds, "VisibilityTimeout", reason)
