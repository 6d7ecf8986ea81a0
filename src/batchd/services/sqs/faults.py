"""Errors of SQS, in AWS's words. [sns-sqs.md B1, B2]"""

from __future__ import annotations

from typing import Any

from batchd.errors import ApiError
from batchd.services.sqs.wire import ERRORS


def no_queue() -> ApiError:
    return ApiError("QueueDoesNotExist", "The specified queue does not exist.")


def missing(parameter: str) -> ApiError:
    return ApiError("MissingRequiredParameterException", f"The request must contain the parameter {parameter}.")


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)


def invalid_value(value: Any, parameter: str, reason: str) -> ApiError:
    return invalid(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def unknown_attribute(name: str) -> ApiError:
    return ApiError("InvalidAttributeName", f"Unknown Attribute {name}.")


def bad_attribute(name: str, reason: str = "") -> ApiError:
    text = f"Invalid value for the parameter {name}."
    return ApiError("InvalidAttributeValue", f"{text} Reason: {reason}" if reason else text)


def bad_handle(handle: str) -> ApiError:
    return ApiError(
        "ReceiptHandleIsInvalid", f'The input receipt handle "{handle[:1024]}" is not a valid receipt handle.'
    )


def entry_failure(entry_id: str, error: ApiError) -> dict[str, Any]:
    """How a batch tells that one of its entries was refused."""
    code, status = ERRORS.get(error.code, (error.code, 400))
    return {"Id": entry_id, "SenderFault": status < 500, "Code": code, "Message": error.message}
