"""Errors of batchd's own service."""

from __future__ import annotations

from batchd.errors import ApiError


def client_exception(message: str) -> ApiError:
    return ApiError("ClientException", message)
