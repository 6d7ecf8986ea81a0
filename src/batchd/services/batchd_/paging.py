"""Positions in nextToken."""

from __future__ import annotations

from typing import Any

from batchd.gateway.tokens import BadToken, decode_position
from batchd.services.batchd_.faults import client_exception


def read_position(params: dict[str, Any], *shape: type) -> list[Any] | None:  # Any: of the types in `shape`
    """What nextToken says, values of these types; None without one. ClientException for anything else."""
    token = params.get("nextToken")
    if not token:
        return None
    try:
        return decode_position(token, *shape)
    except BadToken:
        raise client_exception("The specified nextToken is invalid.") from None
