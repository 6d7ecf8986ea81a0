"""Receipt handles: one receive of one message, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from batchd.services.sqs.faults import bad_handle
from batchd.services.sqs.locate import Queue
from batchd.store.queued import QueuedMessage

_PLAIN = re.compile(r"([0-9a-f-]{36})/([0-9]{1,18})/([0-9a-f-]{36})/([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handle:
    """Which message, and which of its receives."""

    number: int
    message_id: str
    receives: int


def write_handle(queue: Queue, message: QueuedMessage) -> str:
    plain = f"{queue.body['id']}/{message.number}/{message.message_id}/{message.receives}"
    return base64.b64encode(plain.encode()).decode()


def read_handle(queue: Queue, text: str) -> Handle:
    """ReceiptHandleIsInvalid for what this queue never gave."""
    try:
        plain = base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise bad_handle(text) from None
    found = _PLAIN.fullmatch(plain)
    if found is None or found[1] != queue.body["id"]:
        raise bad_handle(text)
    return Handle(int(found[2]), found[3], int(found[4]))
