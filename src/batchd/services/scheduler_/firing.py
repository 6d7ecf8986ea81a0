"""What happens when a schedule is due: a delivery to its target, and the next tick. [events.md 3]"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from batchd.arns import Arn, parse_arn
from batchd.errors import ApiError, Undeliverable
from batchd.gateway.operation import Caller, Context
from batchd.schedules import At, parse_schedule
from batchd.services.scheduler_.documents import schedule_key
from batchd.services.scheduler_.schedules import remove_schedule
from batchd.services.scheduler_.times import invoked_at, iso, next_due
from batchd.store.store import Body, Delivery, Tx

TARGET = "scheduler.target"  # the kind of a delivery
PRINCIPAL = "scheduler.amazonaws.com"
Enter = Callable[[Tx, Caller, str], Context]


def fire_schedule(ctx: Context, group: str, name: str, due_at: int, *, is_left_out: bool) -> int | None:
    """Its invocation is on its way; returns when it is due next. None where it is gone, or will not be."""
    body = ctx.tx.resources.get(schedule_key(ctx, group, name))
    if body is None:
        return None
    aws = body["aws"]
    if not is_left_out:
        ctx.tx.deliveries.add(aws["Target"]["Arn"], invoked_at(aws, due_at), _invocation(ctx, aws, due_at))
    once = isinstance(parse_schedule(aws["ScheduleExpression"]), At)
    following = None if once else next_due(aws, max(ctx.now_ms, due_at))
    if following is None and aws["ActionAfterCompletion"] == "DELETE":
        remove_schedule(ctx, group, name)
    return following


def _invocation(ctx: Context, aws: Body, due_at: int) -> Body:
    policy = aws["Target"]["RetryPolicy"]
    return {
        "kind": TARGET,
        "region": ctx.region,
        "schedule": aws["Arn"],
        "target": aws["Target"],
        "due_at": due_at,
        "execution": ctx.new_id(),
        "max_attempts": 1 + policy["MaximumRetryAttempts"],
        "max_age_s": policy["MaximumEventAgeInSeconds"],
    }


def deliver_schedule(enter: Enter, tx: Tx, delivery: Delivery) -> None:
    """Calls the target's operation in the schedule's role. Raises Undeliverable or ApiError."""
    ctx, body = _entered(enter, tx, delivery), delivery.body
    arn = parse_arn(body["target"]["Arn"])
    reach = _REACH.get(arn.service) if arn else None
    if arn is None or reach is None:
        raise Undeliverable("NO_RESOURCE", f"this server has nothing to deliver to {body['target']['Arn']} with")
    reach(ctx, arn, body["target"], payload_of(ctx, body, delivery.attempts + 1))


def bury_schedule(enter: Enter, tx: Tx, delivery: Delivery, failure: Any) -> bool:
    """To the dead-letter queue, if there is one that takes it. `failure` is controllers.deliver's."""
    ctx, body = _entered(enter, tx, delivery), delivery.body
    arn = parse_arn(body["target"].get("DeadLetterConfig", {}).get("Arn", ""))
    if arn is None:
        return False
    told = {
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message,
        "EXECUTION_ID": body["execution"],
        "EXHAUSTED_RETRY_CONDITION": failure.exhausted,
        "RETRY_ATTEMPTS": str(failure.attempts - 1),
        "SCHEDULE_ARN": body["schedule"],
        "TARGET_ARN": body["target"]["Arn"],
    }
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in told.items() if text}
    message = {"MessageBody": payload_of(ctx, body, failure.attempts), "MessageAttributes": attributes}
    try:
        ctx.call("sqs", "SendMessage", {"QueueUrl": _queue_url(ctx, arn), **message})
    except ApiError:
        return False
    return True


def payload_of(ctx: Context, body: Body, attempt: int) -> str:
    """What the target receives: its Input with the context's values, else the default notification."""
    text = body["target"].get("Input")
    if text is None:
        return _notification(ctx, body)
    values = {
        "schedule-arn": body["schedule"],
        "scheduled-time": iso(body["due_at"]),
        "execution-id": body["execution"],
        "attempt-number": str(attempt),
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return str(text)


def _notification(ctx: Context, body: Body) -> str:
    """As AWS sends it, `detail` and all: a text, not an object."""
    event = {
        "version": "0",
        "id": body["execution"],
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ctx.account,
        "time": iso(body["due_at"]),
        "region": body["region"],
        "resources": [body["schedule"]],
        "detail": "{}",
    }
    return orjson.dumps(event).decode()


def _entered(enter: Enter, tx: Tx, delivery: Delivery) -> Context:
    body = delivery.body
    account = body["schedule"].split(":")[4]
    caller = Caller.role(account, body["target"]["RoleArn"], body["execution"])
    arn = parse_arn(body["target"]["Arn"])
    return enter(tx, caller, (arn.region if arn else "") or body["region"])


def _invoke(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    request = {"FunctionName": target["Arn"], "InvocationType": "Event", "Payload": payload.encode()}
    ctx.call("lambda", "Invoke", request)


def _publish(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    ctx.call("sns", "Publish", {"TopicArn": target["Arn"], "Message": payload})


def _send(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    request: Body = {"QueueUrl": _queue_url(ctx, arn), "MessageBody": payload}
    if group := target.get("SqsParameters", {}).get("MessageGroupId"):
        request["MessageGroupId"] = group
    ctx.call("sqs", "SendMessage", request)


def _queue_url(ctx: Context, arn: Arn) -> str:
    asked = {"QueueName": arn.resource, "QueueOwnerAWSAccountId": arn.account}
    url: str = ctx.call("sqs", "GetQueueUrl", asked)["QueueUrl"]
    return url


def _put_event(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    given = target["EventBridgeParameters"]
    entry = {"DetailType": given["DetailType"], "Source": given["Source"], "Detail": payload}
    answer = ctx.call("events", "PutEvents", {"Entries": [{**entry, "EventBusName": target["Arn"]}]})
    if answer.get("FailedEntryCount"):
        failed = answer["Entries"][0]
        raise Undeliverable(failed["ErrorCode"], failed["ErrorMessage"])


def _start_execution(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    ctx.call("stepfunctions", "StartExecution", {"stateMachineArn": target["Arn"], "input": payload})


def _run_task(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    given = target["EcsParameters"]
    named = {"TaskDefinitionArn": "taskDefinition", "TaskCount": "count"}
    request = {named.get(name, name[:1].lower() + name[1:]): lowered(value) for name, value in given.items()}
    request["cluster"] = target["Arn"]
    if "Input" in target:
        request["overrides"] = orjson.loads(payload)
    ctx.call("ecs", "RunTask", request)


# How the SDK that universal targets speak of names services, where it is not as here.
_SERVICES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
_LOWER = frozenset({"batch", "ecs", "logs", "stepfunctions", "ecr"})  # their members begin with small letters
_MAPS = frozenset({"parameters", "tags", "options", "attributes", "driverOpts", "labels", "nodeSelector"})


def _call_any(ctx: Context, arn: Arn, target: Body, payload: str) -> None:
    """`aws-sdk:batch:submitJob`: any operation, its request as Input."""
    service, operation = target["Arn"].split(":")[6:8]
    service = _SERVICES.get(service.lower(), service.lower())
    try:
        request = orjson.loads(payload)
    except ValueError:
        raise Undeliverable("INVALID_PARAMETER", "the Input is no JSON") from None
    if service in _LOWER:
        request = lowered(request)
    ctx.call(service, operation[:1].upper() + operation[1:], request)


def lowered(value: Any) -> Any:  # JSON
    """Members as the service has them, where the SDK's begin with capitals; the keys of maps are nobody's to change."""
    if isinstance(value, list):
        return [lowered(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        low = name[:1].lower() + name[1:]
        found[low] = inner if low in _MAPS else lowered(inner)
    return found


_REACH: dict[str, Callable[[Context, Arn, Body, str], None]] = {
    "ecs": _run_task,
    "events": _put_event,
    "lambda": _invoke,
    "scheduler": _call_any,
    "sns": _publish,
    "sqs": _send,
    "states": _start_execution,
}
