"""The errors of Lambda that several operations share. [lambda.md 1]"""

from __future__ import annotations

from batchd.errors import ApiError


def invalid(text: str) -> ApiError:
    return ApiError("InvalidParameterValueException", text, 400)


def conflict(text: str) -> ApiError:
    return ApiError("ResourceConflictException", text, 409)


def missing(text: str) -> ApiError:
    return ApiError("ResourceNotFoundException", text, 404)


def function_missing(arn: str) -> ApiError:
    return missing(f"Function not found: {arn}")
