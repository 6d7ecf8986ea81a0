"""Page tokens: those of GetLogEvents have a form that clients know; the others are checked for their shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from batchd.errors import ApiError
from batchd.gateway.tokens import BadToken, decode_position, encode_token

_WIDTH = 28  # two numbers make the 56 digits clients have seen
_STREAM_TOKEN = re.compile(r"([fb])/(\d{28})(\d{28})/s")
END_OF_TIME = 2**62  # no event is later; half of what a database's integer holds, so that sums fit too


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A place between two events of a stream: behind every event below (timestamp, seq), before all others."""

    timestamp: int
    seq: int

    def token(self, direction: str) -> str:
        """`f/<56 digits>/s` or `b/<56 digits>/s`. [logs.md 4]"""
        return f"{direction}/{self.timestamp:0{_WIDTH}}{self.seq:0{_WIDTH}}/s"


def read_stream_token(token: str) -> tuple[str, Gap]:
    """(direction, place) of a token of GetLogEvents."""
    match = _STREAM_TOKEN.fullmatch(token)
    if match is None or int(match[2]) > END_OF_TIME or int(match[3]) > END_OF_TIME:
        raise bad_token()
    return match[1], Gap(int(match[2]), int(match[3]))


def write_token(*position: int | str) -> str:
    """A token for the position after which the next page starts."""
    return encode_token(position)


def read_token(token: str | None, *shape: type) -> list[Any] | None:
    """The position in a token: values of these types. None for no token, InvalidParameterException for a bad one."""
    if token is None:
        return None
    try:
        position = decode_position(token, *shape)
    except BadToken:
        raise bad_token() from None
    if any(isinstance(part, int) and abs(part) > END_OF_TIME for part in position):
        raise bad_token()
    return position


def bad_token() -> ApiError:
    """[logs.md 4]"""
    return ApiError("InvalidParameterException", "The specified nextToken is invalid.")
