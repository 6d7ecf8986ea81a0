"""Queues as they are stored, and the way to one from its name, URL or ARN.

A queue's document: `number` of its messages' queue in the store, `id` (never given twice), `created_at` and
`modified_at` (ms), `attributes` as they were set (texts), `tags`, and `purged_at` where it was purged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.services.sqs.faults import no_queue
from batchd.store.store import Body, Key, Tx

KIND = "sqs.queue"
SUFFIX = ".fifo"
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of one region."""

    region: str
    name: str
    body: Body

    @property
    def key(self) -> Key:
        return Key(KIND, self.region, self.name)

    @property
    def number(self) -> int:
        number: int = self.body["number"]
        return number

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(SUFFIX)

    @property
    def attributes(self) -> dict[str, str]:
        """With what was not set at its default."""
        return {**DEFAULTS, **(FIFO_DEFAULTS if self.is_fifo else {}), **self.body["attributes"]}

    def seconds(self, attribute: str) -> int:
        """A whole number among the attributes."""
        return int(self.body["attributes"].get(attribute) or DEFAULTS[attribute])

    @property
    def topic(self) -> str:
        """What is told when something may be ready to be received."""
        return f"{KIND}/{self.region}/{self.name}"

    def arn(self, account: str) -> str:
        return f"arn:aws:sqs:{self.region}:{account}:{self.name}"

    def keeps_since(self, now: int) -> int:
        """Messages that were sent before this time (ms) are over."""
        return now - self.seconds("MessageRetentionPeriod") * 1000


def url_of(ctx: Context, name: str) -> str:
    return f"{ctx.endpoint}/{ctx.account}/{name}"


def find_queue(tx: Tx, region: str, name: str) -> Queue | None:
    body = tx.resources.get(Key(KIND, region, name))
    return Queue(region, name, body) if body is not None else None


def queue_at(ctx: Context, url: str) -> Queue:
    """By its URL, whatever host it names, or the URL's path. InvalidAddress, QueueDoesNotExist."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    parts = path.strip("/").split("/")
    if len(parts) != 2 or not all(parts):
        raise ApiError("InvalidAddress", f"The address {url[:1024]} is not valid for this endpoint.")
    account, name = parts
    found = find_queue(ctx.tx, ctx.region, name) if account == ctx.account else None
    if found is None:
        raise no_queue()
    return found


def queue_of_arn(tx: Tx, account: str, text: str) -> Queue | None:
    """None where the ARN is not one of a queue that is here."""
    arn = parse_arn(text)
    if arn is None or arn.service != "sqs" or arn.account != account:
        return None
    return find_queue(tx, arn.region, arn.resource)


def save(ctx: Context, queue: Queue, **changes: Any) -> Queue:
    """The queue with these members of its document changed."""
    body = {**queue.body, **changes}
    ctx.tx.resources.put(queue.key, body)
    return Queue(queue.region, queue.name, body)
