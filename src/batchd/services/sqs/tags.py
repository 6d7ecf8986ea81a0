"""Tags of queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.services.sqs.faults import invalid
from batchd.services.sqs.locate import queue_at, save

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

_MOST_TAGS = 50


@writes
def tag_queue(params: t.TagQueueRequestTypeDef, ctx: Context) -> None:
    """InvalidParameterValue beyond fifty."""
    queue = queue_at(ctx, params["QueueUrl"])
    save(ctx, queue, tags=checked_tags({**queue.body["tags"], **params["Tags"]}))


@writes
def untag_queue(params: t.UntagQueueRequestTypeDef, ctx: Context) -> None:
    """Keys that are not there are fine."""
    queue = queue_at(ctx, params["QueueUrl"])
    gone = set(params["TagKeys"])
    save(ctx, queue, tags={key: value for key, value in queue.body["tags"].items() if key not in gone})


@reads
def list_queue_tags(params: t.ListQueueTagsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Without Tags where there are none."""
    tags = queue_at(ctx, params["QueueUrl"]).body["tags"]
    return {"Tags": tags} if tags else {}


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """InvalidParameterValue for too many, too long, or AWS's own."""
    if len(tags) > _MOST_TAGS:
        raise invalid(f"Too many tags added for queue. The maximum number of tags is {_MOST_TAGS}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise invalid("Tag keys must be between 1 and 128 characters in length, and values at most 256.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved.")
    return dict(tags)
