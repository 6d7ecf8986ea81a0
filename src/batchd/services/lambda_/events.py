"""Events of functions: queued, and what is told when they are over. [lambda.md 6, Async queue]"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.invocation import Invocation, Outcome
from batchd.services.lambda_.documents import find_version
from batchd.services.lambda_.event_invoke import event_invoke_config
from batchd.services.lambda_.invocations import called
from batchd.services.lambda_.references import LATEST, Reference, function_arn, reference_of
from batchd.store.store import Body

EVENT = "lambda.event"  # the kind of a delivery
_RETRIES = 2
_MOST_AGE_S = 21_600
_MOST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended. `condition` is AWS's word; `outcome` None: it never ran."""

    condition: str  # Success | RetriesExhausted | EventAgeExceeded
    attempts: int
    outcome: Outcome | None


def queue_event(ctx: Context, reference: Reference, payload: bytes) -> None:
    """One request id for all attempts; which version runs is decided when it runs."""
    config = event_invoke_config(ctx, reference)
    arn = function_arn(ctx, reference.name, reference.qualifier)
    event = {
        "kind": EVENT,
        "region": ctx.region,
        "function": arn,
        "request_id": ctx.new_id(),
        "payload": payload.decode(),
        "max_attempts": 1 + config.get("MaximumRetryAttempts", _RETRIES),
        "max_age_s": config.get("MaximumEventAgeInSeconds", _MOST_AGE_S),
    }
    ctx.tx.deliveries.add(arn, ctx.now_ms, event)


def invocation_of(ctx: Context, event: Body) -> Invocation:
    """Of a queued event; ResourceNotFoundException once the function is gone."""
    reference = reference_of(ctx, {"FunctionName": event["function"]})
    function = called(ctx, reference)
    return Invocation(function, event["request_id"], event["payload"].encode(), event["function"])


def tell_verdict(ctx: Context, event: Body, verdict: Verdict) -> None:
    """To the destination for this result, and of a failure to the dead-letter queue. Raises ApiError."""
    reference = reference_of(ctx, {"FunctionName": event["function"]})
    config = event_invoke_config(ctx, reference).get("DestinationConfig", {})
    succeeded = verdict.condition == "Success"
    destination = config.get("OnSuccess" if succeeded else "OnFailure", {}).get("Destination")
    if destination:
        _send(ctx, destination, record_of(ctx, reference, event, verdict), succeeded=succeeded)
    if not succeeded:
        target = find_version(ctx, reference)[0]["aws"].get("DeadLetterConfig", {}).get("TargetArn")
        if target:
            _bury(ctx, target, event, verdict)


def record_of(ctx: Context, reference: Reference, event: Body, verdict: Verdict) -> Body:
    """What destinations get."""
    at = datetime.fromtimestamp(ctx.now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    record: Body = {
        "version": "1.0",
        "timestamp": at,
        "requestContext": {
            "requestId": event["request_id"],
            "functionArn": function_arn(ctx, reference.name, reference.qualifier or LATEST),
            "condition": verdict.condition,
            "approximateInvokeCount": verdict.attempts,
        },
        "requestPayload": orjson.loads(event["payload"]),
    }
    if verdict.outcome is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": reference.qualifier or LATEST}
        if verdict.outcome.error:
            context["functionError"] = verdict.outcome.error
        record["responseContext"] = context
        record["responsePayload"] = orjson.loads(verdict.outcome.payload)
    return record


def _send(ctx: Context, destination: str, record: Body, *, succeeded: bool) -> None:
    arn, text = parse_arn(destination), orjson.dumps(record).decode()
    service = arn.service if arn else ""
    if service == "sqs":
        ctx.call("sqs", "SendMessage", {"QueueUrl": queue_url(ctx, destination), "MessageBody": text})
    elif service == "sns":
        ctx.call("sns", "Publish", {"TopicArn": destination, "Message": text})
    elif service == "lambda":
        queue_event(ctx, reference_of(ctx, {"FunctionName": destination}), text.encode())
    elif service == "events":
        result = "Success" if succeeded else "Failure"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {result}",
            "Resources": [destination, record["requestContext"]["functionArn"]],
            "Detail": text,
            "EventBusName": destination,
        }
        ctx.call("events", "PutEvents", {"Entries": [entry]})


def _bury(ctx: Context, target: str, event: Body, verdict: Verdict) -> None:
    outcome = verdict.outcome
    message = orjson.loads(outcome.payload).get("errorMessage", "") if outcome else verdict.condition
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": event["request_id"]},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": (message or verdict.condition)[:_MOST_MESSAGE]},
    }
    arn = parse_arn(target)
    if arn is not None and arn.service == "sns":
        ctx.call("sns", "Publish", {"TopicArn": target, "Message": event["payload"], "MessageAttributes": attributes})
        return
    body = {"QueueUrl": queue_url(ctx, target), "MessageBody": event["payload"], "MessageAttributes": attributes}
    ctx.call("sqs", "SendMessage", body)


def queue_url(ctx: Context, arn_text: str) -> str:
    """Of an SQS queue's ARN."""
    arn = parse_arn(arn_text)
    if arn is None:
        return arn_text
    url: str = ctx.call("sqs", "GetQueueUrl", {"QueueName": arn.resource})["QueueUrl"]
    return url
