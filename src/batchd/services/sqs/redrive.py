"""Dead-letter queues: where messages go that were received too often, and who may send them there. [sns-sqs.md B2]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.services.sqs.faults import invalid_value
from batchd.services.sqs.locate import SUFFIX, Queue, queue_of_arn

MOST_RECEIVES = 1000
_PERMISSIONS = ("allowAll", "denyAll", "byQueue")


@dataclass(frozen=True, slots=True)
class Redrive:
    """What a queue does with a message that was received `most` times."""

    target: str
    most: int


def redrive_of(queue: Queue) -> Redrive | None:
    """The queue's policy, which was checked when it was set."""
    text = queue.body["attributes"].get("RedrivePolicy")
    if not text:
        return None
    policy = orjson.loads(text)
    return Redrive(policy["deadLetterTargetArn"], int(policy["maxReceiveCount"]))


def check_redrive(ctx: Context, name: str, text: str) -> None:
    """InvalidParameterValue for a policy that cannot work for the queue of this name."""
    policy = _document(text, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
    for member in ("deadLetterTargetArn", "maxReceiveCount"):
        if member not in policy:
            raise _refused(text, f"Redrive policy does not contain mandatory attribute: {member}.")
    _check_most(text, policy["maxReceiveCount"])
    target = queue_of_arn(ctx.tx, ctx.account, str(policy["deadLetterTargetArn"]))
    if target is None or target.region != ctx.region:
        raise _refused(text, "Dead letter target does not exist.")
    if target.is_fifo != name.endswith(SUFFIX):
        raise _refused(text, "Dead-letter queue must be same type of queue as the source.")
    if not _allows(target, ctx.arn("sqs", name)):
        raise _refused(text, f"The dead-letter queue's RedriveAllowPolicy does not allow {ctx.arn('sqs', name)}.")


def check_allow_policy(ctx: Context, name: str, text: str) -> None:
    """InvalidParameterValue for a policy that says nothing that can be held."""
    policy = _document(text, "RedriveAllowPolicy", "Redrive allow policy is not a valid JSON map.")
    if policy.get("redrivePermission") not in _PERMISSIONS:
        raise invalid_value(text, "RedriveAllowPolicy", "redrivePermission must be allowAll, denyAll or byQueue.")
    sources = policy.get("sourceQueueArns")
    by_queue = policy["redrivePermission"] == "byQueue"
    if by_queue and not (isinstance(sources, list) and 0 < len(sources) <= 10):
        raise invalid_value(text, "RedriveAllowPolicy", "sourceQueueArns must name one to ten queues.")
    if not by_queue and sources:
        raise invalid_value(text, "RedriveAllowPolicy", "sourceQueueArns may only be given with byQueue.")


def _allows(target: Queue, source: str) -> bool:
    text = target.body["attributes"].get("RedriveAllowPolicy")
    if not text:
        return True
    policy = orjson.loads(text)
    if policy["redrivePermission"] == "byQueue":
        return source in policy["sourceQueueArns"]
    return bool(policy["redrivePermission"] == "allowAll")


def _check_most(text: str, most: Any) -> None:
    """AWS takes a number or its text."""
    is_number = (isinstance(most, int) and not isinstance(most, bool)) or (
        isinstance(most, str) and most.isascii() and most.isdigit()
    )
    if not is_number or not 1 <= int(most) <= MOST_RECEIVES:
        raise _refused(
            text, f"Invalid value for maxReceiveCount: {most}, valid values are from 1 to 1000 both inclusive."
        )


def _document(text: str, parameter: str, problem: str) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise invalid_value(text, parameter, problem)
    return document


def _refused(text: str, reason: str) -> ApiError:
    return invalid_value(text, "RedrivePolicy", reason)
