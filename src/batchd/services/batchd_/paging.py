"""Positions in nextToken."""

from __future__ import annotations

from typing import Any

from batchd.gateway.tokens import BadToken, decode_token
from batchd.services.batchd_.faults import client_exception

_LARGEST = 2**63 - 1  # what a store can compare with


def read_position(params: dict[str, Any], *shape: type) -> list[Any] | None:  # Any: of the types in `shape`
    """What nextToken says, values of these types; None without one. ClientException for anything else."""
    token = params.get("nextToken")
    if not token:
        return None
    try:
        position = decode_token(token)
    except BadToken:
        position = []
    fits = [type(part) for part in position] == list(shape)
    if not fits or any(isinstance(part, int) and abs(part) > _LARGEST for part in position):
        raise client_exception("The specified nextToken is invalid.")
    return position
