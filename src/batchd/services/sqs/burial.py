"""Messages on their way from one queue to another: to a dead-letter queue, and back. [sns-sqs.md B2]"""

from __future__ import annotations

from collections.abc import Sequence

from batchd.gateway.operation import Context
from batchd.services.sqs.locate import Queue, queue_of_arn
from batchd.services.sqs.sequences import sequence_number
from batchd.store.queued import NewMessage, QueuedMessage


def bury(ctx: Context, queue: Queue, target: str, messages: Sequence[QueuedMessage]) -> bool:
    """Move messages to the dead-letter queue of this ARN; False if it is gone, and they stay.

    They keep id, attributes and, but for FIFO queues, the time at which they were sent: it is from there that the
    dead-letter queue keeps them."""
    grave = queue_of_arn(ctx.tx, ctx.account, target)
    if grave is None:
        return False
    source = queue.arn(ctx.account)
    first = ctx.tx.messages.sequence(grave.number) + 1
    made = [_buried(grave, source, message, first + n, ctx.now_ms) for n, message in enumerate(messages)]
    ctx.tx.messages.remove(queue.number, messages)
    ctx.tx.messages.add(grave.number, made)
    ctx.tell(grave.topic)
    return True


def _buried(grave: Queue, source: str, message: QueuedMessage, number: int, now: int) -> NewMessage:
    content = {**message.content, "source": source}
    if not grave.is_fifo:
        return message.as_new(content=content, due_at=message.sent_at)
    content.update(deduplication=message.message_id, sequence=sequence_number(number))
    return message.as_new(content=content, sent_at=now, due_at=now)
