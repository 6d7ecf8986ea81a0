"""Attributes of queues: which there are, what they may be, what is told of them. [sns-sqs.md B2]"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, reads, writes
from batchd.services.sqs.faults import bad_attribute, unknown_attribute
from batchd.services.sqs.locate import DEFAULTS, FIFO_DEFAULTS, Queue, queue_at, save
from batchd.services.sqs.redrive import check_allow_policy, check_redrive

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

Attributes = dict[str, str]

_NUMBERS = {
    "VisibilityTimeout": (0, 43_200),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES = {
    "SqsManagedSseEnabled": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_DOCUMENTS = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")  # an empty text takes them away
_COUNTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_TOLD = (*_COUNTED, "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp")
_KNOWN = {*DEFAULTS, *FIFO_DEFAULTS, *_NUMBERS, *_DOCUMENTS, *_TOLD}
_DIGITS = re.compile(r"[0-9]{1,10}")


@reads
def get_queue_attributes(params: t.GetQueueAttributesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Those that are asked for, none without names. InvalidAttributeName."""
    queue = queue_at(ctx, params["QueueUrl"])
    names = params.get("AttributeNames", ())
    for name in names:
        if name not in _KNOWN and name != "All":
            raise unknown_attribute(name)
    every = all_attributes(ctx, queue, names)
    chosen = every if "All" in names else {name: every[name] for name in names if name in every}
    return {"Attributes": chosen} if chosen else {}


@writes
def set_queue_attributes(params: t.SetQueueAttributesRequestTypeDef, ctx: Context) -> None:
    """From now on, also for messages that wait already."""
    queue = queue_at(ctx, params["QueueUrl"])
    new = checked_attributes(ctx, queue.name, params["Attributes"])
    save(ctx, queue, attributes=merged(queue.body["attributes"], new), modified_at=ctx.now_ms)


def all_attributes(ctx: Context, queue: Queue, names: Iterable[str]) -> Attributes:
    """Everything that is to be told; messages are counted only where that is asked for."""
    counts: Attributes = {}
    if {"All", *_COUNTED}.intersection(names):
        depth = ctx.tx.messages.depth(queue.number, ctx.now_ms)
        counts = dict(zip(_COUNTED, map(str, (depth.ready, depth.in_flight, depth.delayed)), strict=True))
    told = {
        "QueueArn": queue.arn(ctx.account),
        "CreatedTimestamp": str(queue.body["created_at"] // 1000),
        "LastModifiedTimestamp": str(queue.body["modified_at"] // 1000),
    }
    return {**queue.attributes, **told, **counts}


def merged(old: Attributes, new: Attributes) -> Attributes:
    """Old ones with new ones over them, and without those that the new ones take away."""
    both = {**old, **new}
    if new.get("KmsMasterKeyId"):
        both["SqsManagedSseEnabled"] = "false"
    return {name: value for name, value in both.items() if value or name not in _DOCUMENTS}


def checked_attributes(ctx: Context, name: str, attributes: Mapping[Any, str]) -> Attributes:
    """The attributes of a request for the queue of this name. InvalidAttributeName, InvalidAttributeValue, and what a
    redrive policy may be refused for."""
    is_fifo = name.endswith(".fifo")
    for attribute, value in attributes.items():
        if attribute not in _KNOWN or attribute in _TOLD or (attribute in FIFO_DEFAULTS and not is_fifo):
            raise unknown_attribute(attribute)
        if attribute in _NUMBERS:
            _check_number(attribute, value)
        elif attribute in _CHOICES and value not in _CHOICES[attribute]:
            raise bad_attribute(attribute)
        elif attribute in _CHECKS and value:
            _CHECKS[attribute](ctx, name, value)
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId":
        _check_high_throughput(attributes)
    return dict(attributes)


def _check_number(attribute: str, value: str) -> None:
    low, high = _NUMBERS[attribute]
    if not _DIGITS.fullmatch(value) or not low <= int(value) <= high:
        raise bad_attribute(attribute)


def _check_high_throughput(attributes: Mapping[Any, str]) -> None:
    if attributes.get("DeduplicationScope", "messageGroup") != "messageGroup":
        raise bad_attribute(
            "FifoThroughputLimit", "perMessageGroupId needs the DeduplicationScope messageGroup on the same queue."
        )


def _check_policy(ctx: Context, name: str, text: str) -> None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise bad_attribute("Policy") from None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise bad_attribute("Policy")


_CHECKS: dict[str, Callable[[Context, str, str], None]] = {
    "Policy": _check_policy,
    "RedrivePolicy": check_redrive,
    "RedriveAllowPolicy": check_allow_policy,
}
