"""Errors of EventBridge, in its words."""

from __future__ import annotations

from batchd.errors import ApiError


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message)


def already_exists(message: str) -> ApiError:
    return ApiError("ResourceAlreadyExistsException", message)


def limit_exceeded() -> ApiError:
    return ApiError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def bad_pattern(reason: object) -> ApiError:
    return ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
