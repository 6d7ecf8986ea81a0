"""Errors of SNS, in AWS's words. [sns-sqs.md A1]"""

from __future__ import annotations

from batchd.errors import ApiError


def invalid(what: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {what}")


def no_topic() -> ApiError:
    return ApiError("NotFound", "Topic does not exist")


def no_subscription() -> ApiError:
    return ApiError("NotFound", "Subscription does not exist")


def no_resource() -> ApiError:
    return ApiError("ResourceNotFound", "Resource does not exist")


def bad_value(message: str) -> ApiError:
    return ApiError("ParameterValueInvalid", message)
