"""Pagination tokens: a position, opaque to clients."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson

Position = Sequence[str | int | float | bool | None]
_MAX_LENGTH = 8192
_LARGEST = 2**63 - 1  # what a store can compare with


class BadToken(ValueError):
    """Not a token that `encode_token` made; services answer it with their own fault."""


def encode_token(position: Position) -> str:
    """An opaque text for the position after which the next page starts."""
    return base64.urlsafe_b64encode(orjson.dumps(list(position))).decode("ascii").rstrip("=")


def decode_token(token: str) -> list[str | int | float | bool | None]:
    """The position in a token. Raises BadToken."""
    if len(token) > _MAX_LENGTH:
        raise BadToken("too long")
    try:
        position = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadToken("not a token") from error
    if not isinstance(position, list) or any(isinstance(part, (list, dict)) for part in position):
        raise BadToken("not a position")
    return position


def decode_position(token: str, *shape: type) -> list[Any]:  # Any: of the types in `shape`
    """The position in a token that holds values of exactly these types. Raises BadToken."""
    position = decode_token(token)
    if [type(part) for part in position] != list(shape):
        raise BadToken("a position of another list")
    if any(isinstance(part, int) and abs(part) > _LARGEST for part in position):
        raise BadToken("no position is that far")
    return position


def decode_name(token: str | None) -> str:
    """The name after which the next page of a list by name starts; empty without a token. Raises BadToken."""
    name: str = decode_position(token, str)[0] if token else ""
    return name
