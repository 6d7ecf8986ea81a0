"""Moving what is in a dead-letter queue back to where it came from, or elsewhere. [sns-sqs.md B2]

A task is a document, and a delivery that moves some messages and adds the next one, until nothing is left.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.sqs.deadletters import sources_of
from batchd.services.sqs.faults import invalid, invalid_value
from batchd.services.sqs.locate import Queue, queue_of_arn
from batchd.services.sqs.sequences import sequence_number
from batchd.store.queued import NewMessage, QueuedMessage
from batchd.store.store import Body, Delivery, Key

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

MOVE = "sqs.move"  # the kind of delivery
_KIND = "sqs.move-task"
_KEPT = 10  # tasks of a queue
_AT_ONCE = 100
_SECOND_MS = 1000
_NAME = re.compile(r"[0-9a-f-]{36}/[0-9]{15}/[0-9a-f-]{36}", re.ASCII)


@writes
def start_message_move_task(params: t.StartMessageMoveTaskRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """ResourceNotFoundException for queues that are not there; one task of a queue at a time."""
    source = _existing(ctx, params["SourceArn"], "SourceArn")
    target = params.get("DestinationArn")
    if target is not None and _existing(ctx, target, "DestinationArn").is_fifo != source.is_fifo:
        raise invalid("The destination queue must be of the same type as the source queue.")
    rate = params.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= 500:
        raise invalid_value(rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided.")
    if not sources_of(ctx, source):
        raise invalid("Source queue must be configured as a Dead Letter Queue.")
    tasks = _tasks(ctx, source)
    if any(task["status"] == "RUNNING" for _, task in tasks):
        raise ApiError(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    for name, _ in tasks[_KEPT - 1 :]:
        ctx.tx.resources.delete(Key(_KIND, ctx.region, name))
    name = f"{source.body['id']}/{ctx.now_ms:015}/{ctx.new_id()}"
    _put(ctx, name, _new_task(ctx, source, target, rate))
    ctx.tx.deliveries.add(params["SourceArn"], ctx.now_ms, {"kind": MOVE, "region": ctx.region, "task": name})
    return {"TaskHandle": _handle(name)}


@writes
def cancel_message_move_task(params: t.CancelMessageMoveTaskRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """What was moved stays moved."""
    name = _name_of(params["TaskHandle"])
    task = ctx.tx.resources.get(Key(_KIND, ctx.region, name))
    if task is None:
        raise ApiError("ResourceNotFoundException", "Task does not exist.")
    if task["status"] != "RUNNING":
        raise invalid_value(params["TaskHandle"], "TaskHandle", "Only a running task can be cancelled.")
    _put(ctx, name, {**task, "status": "CANCELLED"})
    return {"ApproximateNumberOfMessagesMoved": task["moved"]}


@reads
def list_message_move_tasks(params: t.ListMessageMoveTasksRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The latest first, one unless more are asked for."""
    limit = params.get("MaxResults", 1)
    if not 1 <= limit <= _KEPT:
        raise invalid_value(limit, "MaxResults", f"Must be between 1 and {_KEPT}, if provided.")
    source = _existing(ctx, params["SourceArn"], "SourceArn")
    return {"Results": [_shown(name, task) for name, task in _tasks(ctx, source)[:limit]]}


def move_some(ctx: Context, delivery: Delivery) -> None:
    """The handler of a task's deliveries: move some messages, and see to it that the next ones are."""
    name = delivery.body["task"]
    task = ctx.tx.resources.get(Key(_KIND, ctx.region, name))
    if task is None or task["status"] != "RUNNING":
        return
    source = queue_of_arn(ctx.tx, ctx.account, task["source"])
    if source is None:
        _put(ctx, name, {**task, "status": "FAILED", "reason": "AWS.SimpleQueueService.NonExistentQueue"})
        return
    ready = ctx.tx.messages.ready(source.number, ctx.now_ms, min(task["rate"] or _AT_ONCE, _AT_ONCE))
    try:
        _move(ctx, source, task, ready)
    except ApiError as error:
        _put(ctx, name, {**task, "status": "FAILED", "reason": error.code})
        return
    _put(ctx, name, {**task, "moved": task["moved"] + len(ready), "status": "RUNNING" if ready else "COMPLETED"})
    if ready:
        pause = _SECOND_MS * len(ready) // task["rate"] if task["rate"] else 0
        ctx.tx.deliveries.add(delivery.lane, ctx.now_ms + pause, delivery.body)


def _move(ctx: Context, source: Queue, task: Body, ready: list[QueuedMessage]) -> None:
    """Nothing where one of them has nowhere to go."""
    by_target: dict[str, list[QueuedMessage]] = {}
    for message in ready:
        target = task["target"] or message.content.get("source")
        if target is None:
            raise ApiError("CouldNotDetermineMessageSource", "The message was sent to the dead-letter queue itself.")
        by_target.setdefault(target, []).append(message)
    targets = {arn: queue_of_arn(ctx.tx, ctx.account, arn) for arn in by_target}
    for arn, queue in targets.items():
        if queue is None:
            raise ApiError("AWS.SimpleQueueService.NonExistentQueue", f"{arn} is gone.")
        first = ctx.tx.messages.sequence(queue.number) + 1
        made = [_moved(ctx, queue, message, first + n) for n, message in enumerate(by_target[arn])]
        ctx.tx.messages.add(queue.number, made)
        ctx.tell(queue.topic)
    ctx.tx.messages.remove(source.number, ready)


def _moved(ctx: Context, queue: Queue, message: QueuedMessage, number: int) -> NewMessage:
    """A new message, with what the old one said."""
    content = {name: value for name, value in message.content.items() if name != "source"}
    if queue.is_fifo:
        content["sequence"] = sequence_number(number)
    return NewMessage(ctx.new_id(), ctx.now_ms, ctx.now_ms, content, message.group)


def _new_task(ctx: Context, source: Queue, target: str | None, rate: int | None) -> Body:
    return {
        "status": "RUNNING",
        "source": source.arn(ctx.account),
        "target": target,
        "rate": rate,
        "moved": 0,
        "to_move": ctx.tx.messages.depth(source.number, ctx.now_ms).ready,
        "started_at": ctx.now_ms,
    }


def _shown(name: str, task: Body) -> dict[str, Any]:
    """A handle is for those that can be cancelled."""
    shown = {
        "TaskHandle": _handle(name) if task["status"] == "RUNNING" else None,
        "Status": task["status"],
        "SourceArn": task["source"],
        "DestinationArn": task["target"],
        "MaxNumberOfMessagesPerSecond": task["rate"],
        "ApproximateNumberOfMessagesMoved": task["moved"],
        "ApproximateNumberOfMessagesToMove": task["to_move"],
        "FailureReason": task.get("reason"),
        "StartedTimestamp": task["started_at"],
    }
    return {member: value for member, value in shown.items() if value is not None}


def _tasks(ctx: Context, source: Queue) -> list[tuple[str, Body]]:
    """The latest first."""
    return ctx.tx.resources.page(_KIND, ctx.region, prefix=f"{source.body['id']}/")[::-1]


def _put(ctx: Context, name: str, task: Body) -> None:
    ctx.tx.resources.put(Key(_KIND, ctx.region, name), task)


def _existing(ctx: Context, arn: str, parameter: str) -> Queue:
    queue = queue_of_arn(ctx.tx, ctx.account, arn)
    if queue is None or queue.region != ctx.region:
        raise ApiError(
            "ResourceNotFoundException", f"The resource that you specified for the {parameter} parameter doesn't exist."
        )
    return queue


def _handle(name: str) -> str:
    return base64.b64encode(orjson.dumps({"task": name})).decode()


def _name_of(handle: str) -> str:
    try:
        name = orjson.loads(base64.b64decode(handle, validate=True))["task"]
    except (binascii.Error, ValueError, TypeError, KeyError):
        name = None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(f"Value {handle[:1024]} for parameter TaskHandle is invalid.")
    return name
