"""Events that could not be delivered, as messages in the dead-letter queue of their target. [events.md 9.2]"""

from __future__ import annotations

import orjson

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Caller
from batchd.services.events.principals import PRINCIPAL, Enter, queue_url
from batchd.store.store import Body, Delivery, Failure, Tx

_AWSS = {
    *("CONNECTION_FAILURE", "ERROR_FROM_TARGET", "INTERNAL_ERROR", "INVALID_JSON", "INVALID_PARAMETER"),
    *("NO_PERMISSIONS", "NO_RESOURCE", "RESOURCE_ALREADY_EXISTS", "THROTTLING", "TIMEOUT"),
}
_MEANING = (
    ("INTERNAL", "INTERNAL_ERROR"),
    ("AccessDenied", "NO_PERMISSIONS"),
    ("NotAuthorized", "NO_PERMISSIONS"),
    ("Throttl", "THROTTLING"),
    ("TooManyRequests", "THROTTLING"),
    ("NotFound", "NO_RESOURCE"),
    ("DoesNotExist", "NO_RESOURCE"),
    ("NonExistent", "NO_RESOURCE"),
    ("UnknownOperation", "NO_RESOURCE"),
    ("AlreadyExists", "RESOURCE_ALREADY_EXISTS"),
    ("Invalid", "INVALID_PARAMETER"),
    ("Validation", "INVALID_PARAMETER"),
)


def send_dead_letter(enter: Enter, tx: Tx, delivery: Delivery, failure: Failure) -> None:
    """The event as it was, with what became of it as attributes. Raises ApiError where the queue cannot be reached."""
    body = delivery.body
    arn = parse_arn(body["target"]["DeadLetterConfig"]["Arn"])
    if arn is None:
        raise ApiError("InvalidAddress", "its ARN is none")
    ctx = enter(tx, Caller.service(arn.account, PRINCIPAL), arn.region)
    attributes = {
        "RULE_ARN": body["rule"],
        "TARGET_ARN": body["target"]["Arn"],
        "ERROR_CODE": error_code(failure.code),
        "ERROR_MESSAGE": failure.message,
        "RETRY_ATTEMPTS": str(failure.attempts - 1),
    }
    if failure.exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = failure.exhausted
    request: Body = {
        "QueueUrl": queue_url(ctx, arn),
        "MessageBody": orjson.dumps(body["event"]).decode(),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": text} for name, text in attributes.items() if text
        },
    }
    ctx.call("sqs", "SendMessage", request)


def error_code(code: str) -> str:
    """AWS's word for what another service said."""
    if code in _AWSS:
        return code
    return next((word for part, word in _MEANING if part in code), "ERROR_FROM_TARGET")
