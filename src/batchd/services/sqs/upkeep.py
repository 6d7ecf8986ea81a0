"""What is done for queues when nobody asks: expiry, sweeping, and looking at how deep they are."""

from __future__ import annotations

from batchd.services.sqs.locate import KIND, Queue
from batchd.services.sqs.sending import DEDUPLICATION_MS
from batchd.store.queued import Depth
from batchd.store.store import Tx

_AT_ONCE = 500  # rows a unit of work deletes


def expire_messages(tx: Tx, now: int) -> int:
    """A chore: some of what is older than its queue keeps it, of what closed queues held, and of the deduplication ids
    nobody needs; how many."""
    left = _AT_ONCE
    for queue in every_queue(tx):
        if left > 0:
            left -= tx.messages.expire(queue.number, queue.keeps_since(now), left)
    if left > 0:
        left -= tx.messages.sweep(left)
    if left > 0:
        left -= tx.recent.trim(now - DEDUPLICATION_MS, left)
    return _AT_ONCE - left


def depths(tx: Tx, now: int) -> dict[tuple[str, str], Depth]:
    """By region and name."""
    return {(queue.region, queue.name): tx.messages.depth(queue.number, now) for queue in every_queue(tx)}


def every_queue(tx: Tx) -> list[Queue]:
    return [Queue(key.region, key.name, body) for key, body in tx.resources.every(KIND)]
