"""Errors of Parameter Store, in AWS's words."""

from __future__ import annotations

from batchd.errors import ApiError


def not_found(name: str) -> ApiError:
    return ApiError("ParameterNotFound", f"Parameter {name} not found.")


def version_not_found(name: str, version: int | str) -> ApiError:
    return ApiError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {version} of {name}. Verify the version and try again.",
    )


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
