"""How each kind of target is reached: which operation takes what the target receives. [events.md 9]"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from batchd.arns import Arn, parse_arn
from batchd.errors import ApiError, Undeliverable
from batchd.gateway.operation import Context
from batchd.services.events.bus import publish, record
from batchd.services.events.buses import find_bus
from batchd.services.events.dead_letters import send_dead_letter
from batchd.services.events.principals import Enter, caller_of, queue_url
from batchd.services.events.putting import aws_time
from batchd.services.events.shaping import shape, whole_path
from batchd.store.store import Body, Delivery, Failure, Tx

_MOST_HOPS = 5  # so that buses which lead to each other end


@dataclass(frozen=True, slots=True)
class Arrival:
    """What reaches a target: `payload` is the text it receives, `event` what that was made from."""

    arn: Arn
    target: Body
    payload: str
    event: Body
    rule_name: str
    hops: int = 0  # buses that the event has come through

    @property
    def json(self) -> Body:
        """The payload where it is a JSON object, else nothing."""
        try:
            document = orjson.loads(self.payload)
        except orjson.JSONDecodeError:
            return {}
        return document if isinstance(document, dict) else {}


def deliver_target(enter: Enter, tx: Tx, delivery: Delivery) -> None:
    """Calls the target's operation in its role, else as EventBridge. Raises Undeliverable or ApiError."""
    ctx, arrival = _arrival(enter, tx, delivery)
    reach = _REACH.get(arrival.arn.service)
    if reach is None:
        raise Undeliverable("NO_RESOURCE", f"this server has no service {arrival.arn.service} to deliver to")
    reach(ctx, arrival)


def on_delivered(enter: Enter, tx: Tx, delivery: Delivery) -> None:
    _record(enter, tx, delivery, "delivered", {"attempts": delivery.attempts + 1})


def on_failed(enter: Enter, tx: Tx, delivery: Delivery, failure: Failure) -> None:
    _record(enter, tx, delivery, "failed", _told_of(failure))


def on_dead(enter: Enter, tx: Tx, delivery: Delivery, failure: Failure) -> bool:
    """To the dead-letter queue, if the target has one and that can be reached."""
    queue: str | None = delivery.body["target"].get("DeadLetterConfig", {}).get("Arn")
    told = _told_of(failure)
    try:
        if queue:
            send_dead_letter(enter, tx, delivery, failure)
            told["letter"] = queue
    except ApiError as error:
        told["letterProblem"] = f"{error.code}: {error.message}"
    _record(enter, tx, delivery, "dead", told)
    return "letter" in told


def _told_of(failure: Failure) -> Body:
    return {"attempts": failure.attempts, "problem": f"{failure.code}: {failure.message}"}


def _arrival(enter: Enter, tx: Tx, delivery: Delivery) -> tuple[Context, Arrival]:
    body, target = delivery.body, delivery.body["target"]
    arn = parse_arn(target["Arn"])
    if arn is None:
        raise Undeliverable("NO_RESOURCE", f"{target['Arn']} is not an ARN")
    payload = shape(target, body["event"], body["rule"], aws_time(body["at"]))
    ctx = enter(tx, caller_of(body), arn.region or body["region"])
    return ctx, Arrival(arn, target, payload, body["event"], body["rule"].rpartition("/")[2], body["hops"])


def _record(enter: Enter, tx: Tx, delivery: Delivery, kind: str, more: Body) -> None:
    """For `batchd events tail`."""
    body = delivery.body
    ctx = enter(tx, caller_of(body), body["region"])
    told = {"rule": body["rule"], "target": body["target"]["Id"], "arn": body["target"]["Arn"]}
    record(ctx, body["bus"], kind, {"event": body["event"]["id"], **told, **more})


def _submit_job(ctx: Context, arrival: Arrival) -> None:
    """Of the payload only these members mean anything; their names begin with capitals. [events.md 9.3]"""
    given: Body = arrival.target["BatchParameters"]
    payload = arrival.json
    request: Body = {
        "jobName": given["JobName"],
        "jobQueue": arrival.target["Arn"],
        "jobDefinition": given["JobDefinition"],
    }
    if size := given.get("ArrayProperties", {}).get("Size"):
        request["arrayProperties"] = {"size": size}
    if attempts := given.get("RetryStrategy", {}).get("Attempts"):
        request["retryStrategy"] = {"attempts": attempts}
    if isinstance(overrides := payload.get("ContainerOverrides"), dict):
        request["containerOverrides"] = _uncapitalised(overrides)
    if isinstance(parameters := payload.get("Parameters"), dict):
        request["parameters"] = parameters
    if isinstance(depends_on := payload.get("DependsOn"), list):
        request["dependsOn"] = _uncapitalised(depends_on)
    ctx.call("batch", "SubmitJob", request)


def _uncapitalised(value: Any) -> Any:
    """The members of AWS's shapes as Batch has them."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _uncapitalised(inner) for name, inner in value.items()}
    return [_uncapitalised(inner) for inner in value] if isinstance(value, list) else value


def _run_task(ctx: Context, arrival: Arrival) -> None:
    given = whole_path(arrival.target["EcsParameters"], arrival.event)
    request = {_ECS_NAMES.get(name, name[:1].lower() + name[1:]): value for name, value in given.items()}
    request = {name: _uncapitalised(value) for name, value in request.items()}
    if vpc := given.get("NetworkConfiguration", {}).get("awsvpcConfiguration"):
        request["networkConfiguration"] = {"awsvpcConfiguration": _uncapitalised(vpc)}
    overrides = {name: value for name, value in arrival.json.items() if name in _TASK_OVERRIDES}
    if overrides:
        request["overrides"] = overrides
    request |= {"cluster": arrival.target["Arn"], "startedBy": f"events-rule/{arrival.rule_name}"[:36]}
    answer = ctx.call("ecs", "RunTask", request)
    if failures := answer.get("failures"):
        raise ApiError("ThrottlingException", f"RunTask: {failures[0].get('reason', 'no task was started')}")


_ECS_NAMES = {"TaskDefinitionArn": "taskDefinition", "TaskCount": "count"}
_TASK_OVERRIDES = {
    *("containerOverrides", "cpu", "memory", "taskRoleArn", "executionRoleArn"),
    *("ephemeralStorage", "inferenceAcceleratorOverrides"),
}


def _invoke(ctx: Context, arrival: Arrival) -> None:
    request = {"FunctionName": arrival.target["Arn"], "InvocationType": "Event", "Payload": arrival.payload.encode()}
    ctx.call("lambda", "Invoke", request)


def _start_execution(ctx: Context, arrival: Arrival) -> None:
    name = f"{arrival.event['id']}_{ctx.new_id()}"
    request = {"stateMachineArn": arrival.target["Arn"], "input": arrival.payload, "name": name}
    ctx.call("stepfunctions", "StartExecution", request)


def _publish_message(ctx: Context, arrival: Arrival) -> None:
    ctx.call("sns", "Publish", {"TopicArn": arrival.target["Arn"], "Message": arrival.payload})


def _send_message(ctx: Context, arrival: Arrival) -> None:
    request: Body = {"QueueUrl": queue_url(ctx, arrival.arn), "MessageBody": arrival.payload}
    if group := arrival.target.get("SqsParameters", {}).get("MessageGroupId"):
        request["MessageGroupId"] = group
    ctx.call("sqs", "SendMessage", request)


def _put_log_events(ctx: Context, arrival: Arrival) -> None:
    """A stream of its own for each event, as AWS makes them; a template says the time and the text. [events.md 9.3]"""
    group = arrival.arn.resource.removeprefix("log-group:").removesuffix(":*")
    stream = ctx.new_id()
    at, message = ctx.now_ms, arrival.payload
    if "InputTransformer" in arrival.target:
        at, message = _log_line(arrival, ctx.now_ms)
    ctx.call("logs", "CreateLogStream", {"logGroupName": group, "logStreamName": stream})
    request = {"logGroupName": group, "logStreamName": stream}
    ctx.call("logs", "PutLogEvents", {**request, "logEvents": [{"timestamp": at, "message": message}]})


def _log_line(arrival: Arrival, now_ms: int) -> tuple[int, str]:
    document = arrival.json
    message, at = document.get("message"), document.get("timestamp", now_ms)
    if message is None:
        raise Undeliverable("INVALID_PARAMETER", "the InputTemplate must make an object with timestamp and message")
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    return _log_time(at, now_ms), text


def _log_time(at: Any, now_ms: int) -> int:
    """Milliseconds of what a template calls the timestamp: that, or ISO 8601."""
    if isinstance(at, str):
        try:
            return round(datetime.fromisoformat(at).timestamp() * 1000)
        except ValueError:
            return now_ms
    return at if isinstance(at, int) else now_ms


def _put_on_bus(ctx: Context, arrival: Arrival) -> None:
    """The event as it is, id and all. [events.md 9.3]"""
    if arrival.arn.account != ctx.account:
        raise Undeliverable("NO_PERMISSIONS", f"{arrival.arn} is a bus of another account")
    if arrival.hops >= _MOST_HOPS:
        raise Undeliverable("INVALID_PARAMETER", f"the event has come through {_MOST_HOPS} buses already")
    if find_bus(ctx, arrival.arn.name) is None:
        raise Undeliverable("NO_RESOURCE", f"Event bus {arrival.arn.name} does not exist.")
    publish(ctx, arrival.arn.name, arrival.event, arrival.hops + 1)


_REACH: dict[str, Callable[[Context, Arrival], None]] = {
    "batch": _submit_job,
    "ecs": _run_task,
    "lambda": _invoke,
    "states": _start_execution,
    "sns": _publish_message,
    "sqs": _send_message,
    "logs": _put_log_events,
    "events": _put_on_bus,
}
