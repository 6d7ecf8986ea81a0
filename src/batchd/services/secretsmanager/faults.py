"""Errors of Secrets Manager, in AWS's words."""

from __future__ import annotations

from batchd.errors import ApiError


def not_found() -> ApiError:
    return ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def no_value(what: str) -> ApiError:
    """`what` is `staging label: AWSCURRENT` or `VersionId: …`."""
    return ApiError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")


def marked_for_deletion() -> ApiError:
    return invalid_request("You can't perform this operation on the secret because it was marked for deletion.")


def invalid_request(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def exists(message: str) -> ApiError:
    return ApiError("ResourceExistsException", message)
