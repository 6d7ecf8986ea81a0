"""Queues: made, found, listed, emptied and deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.sqs.attributes import Attributes, checked_attributes, merged
from batchd.services.sqs.faults import invalid, invalid_value, no_queue
from batchd.services.sqs.locate import KIND, SUFFIX, Queue, find_queue, queue_at, save, url_of
from batchd.services.sqs.tags import checked_tags
from batchd.store.store import Key

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_PLAIN_NAME = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
_FIFO_NAME = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length"
)
_PURGE_EVERY_MS = 60_000
_MOST_LISTED = 1000


@writes
def create_queue(params: t.CreateQueueRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The URL of the queue, which may have been there with the same attributes. QueueNameExists otherwise."""
    name, given = params["QueueName"], dict(params.get("Attributes", {}))
    is_fifo = _check_name(name, given.get("FifoQueue"))
    if not is_fifo:
        given.pop("FifoQueue", None)  # `false` is what it is
    attributes = checked_attributes(ctx, name, given)
    existing = find_queue(ctx.tx, ctx.region, name)
    if existing is not None:
        _check_same(existing, attributes)
        return {"QueueUrl": url_of(ctx, name)}
    body = {
        "number": ctx.tx.messages.open_queue(),
        "id": ctx.new_id(),
        "created_at": ctx.now_ms,
        "modified_at": ctx.now_ms,
        "attributes": merged({}, attributes),
        "tags": checked_tags(params.get("tags", {})),
    }
    ctx.tx.resources.insert(Key(KIND, ctx.region, name), body)
    return {"QueueUrl": url_of(ctx, name)}


@reads
def get_queue_url(params: t.GetQueueUrlRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """QueueDoesNotExist, also for other accounts' queues."""
    owner = params.get("QueueOwnerAWSAccountId", ctx.account)
    if owner != ctx.account or find_queue(ctx.tx, ctx.region, params["QueueName"]) is None:
        raise no_queue()
    return {"QueueUrl": url_of(ctx, params["QueueName"])}


@reads
def list_queues(params: t.ListQueuesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name; without QueueUrls where there are none. Without MaxResults the first thousand."""
    limit = checked_limit(params.get("MaxResults"))
    prefix, after = params.get("QueueNamePrefix", ""), params.get("NextToken", "")
    found = [name for name, _ in ctx.tx.resources.page(KIND, ctx.region, prefix=prefix, after=after, limit=limit + 1)]
    return page_of(ctx, "QueueUrls", found, limit if params.get("MaxResults") else None)


@writes
def delete_queue(params: t.DeleteQueueRequestTypeDef, ctx: Context) -> None:
    """With everything in it. Who waits for its messages hears that it is gone."""
    queue = queue_at(ctx, params["QueueUrl"])
    ctx.tx.messages.close_queue(queue.number)
    ctx.tx.resources.delete(queue.key)
    ctx.tell(queue.topic)


@writes
def purge_queue(params: t.PurgeQueueRequestTypeDef, ctx: Context) -> None:
    """Every message is gone at once, those in flight too; once a minute. PurgeQueueInProgress."""
    queue = queue_at(ctx, params["QueueUrl"])
    if ctx.now_ms - queue.body.get("purged_at", 0) < _PURGE_EVERY_MS:
        raise ApiError(
            "PurgeQueueInProgress", f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        )
    number = ctx.tx.messages.open_queue(ctx.tx.messages.sequence(queue.number))
    ctx.tx.messages.close_queue(queue.number)
    save(ctx, queue, number=number, purged_at=ctx.now_ms)


def checked_limit(wanted: int | None) -> int:
    """MaxResults, a thousand where there is none."""
    if wanted is not None and not 1 <= wanted <= _MOST_LISTED:
        raise invalid_value(wanted, "MaxResults", "MaxResults must be an integer between 1 and 1000.")
    return wanted or _MOST_LISTED


def page_of(ctx: Context, member: str, names: list[str], limit: int | None) -> dict[str, Any]:
    """The URLs of a page of names, of which one more than the limit was looked for. AWS gives a token only to those who
    gave a limit."""
    if not names:
        return {}
    page: dict[str, Any] = {member: [url_of(ctx, name) for name in names[: limit or _MOST_LISTED]]}
    if limit and len(names) > limit:
        page["NextToken"] = names[limit - 1]
    return page


def _check_name(name: str, fifo: str | None) -> bool:
    """Whether it is the name of a FIFO queue."""
    if fifo not in (None, "true", "false"):
        raise ApiError("InvalidAttributeValue", "Invalid value for the parameter FifoQueue.")
    if fifo == "true":
        if not (name.endswith(SUFFIX) and len(name) <= 80 and _NAME.fullmatch(name.removesuffix(SUFFIX))):
            raise invalid(_FIFO_NAME)
        return True
    if not _NAME.fullmatch(name):
        raise invalid(_PLAIN_NAME)
    return False


def _check_same(queue: Queue, attributes: Attributes) -> None:
    """Only what the request names is compared."""
    there = queue.attributes
    for name, value in attributes.items():
        if there.get(name, "") != value:
            raise ApiError(
                "QueueNameExists",
                f"A queue already exists with the same name and a different value for attribute {name}",
            )
