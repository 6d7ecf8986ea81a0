"""Page tokens: a position in plain numbers and names, opaque to clients, good for ever."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

import orjson

from batchd.errors import ApiError

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
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode()


def read_token(token: str | None, *shape: type) -> list[Any] | None:
    """The position in a token: values of these types. None for no token, InvalidParameterException for a bad one."""
    if token is None:
        return None
    try:
        position = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        raise bad_token() from None
    fits = isinstance(position, list) and [type(part) for part in position] == list(shape)
    if not fits or any(isinstance(part, int) and abs(part) > END_OF_TIME for part in position):
        raise bad_token()
    return list(position)


def bad_token() -> ApiError:
    """[logs.md 4]"""
    return ApiError("InvalidParameterException", "The specified nextToken is invalid.")
