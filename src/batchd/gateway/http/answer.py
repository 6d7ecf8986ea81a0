"""The bytes of an answer before its body."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

Header = tuple[bytes, bytes]
CLOSE: Header = (b"connection", b"close")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def head(status: int, headers: Sequence[Header]) -> bytes:
    """Raises ValueError where a header would break out of its line: what clients wrote may be in one."""
    lines = [_status_line(status), _date_line(int(time.time())), *(b"%b: %b\r\n" % header for header in headers)]
    text = b"".join(lines)
    if text.count(b"\n") != len(lines) or text.count(b"\r") != len(lines):
        raise ValueError("a header of the answer holds a line break")
    return text + b"\r\n"


def refusal(status: int) -> bytes:
    """A whole answer, after which the connection closes, to what cannot be read as a request."""
    body = HTTPStatus(status).phrase.encode()
    length = b"%d" % len(body)
    return head(status, [(b"content-type", b"text/plain"), (b"content-length", length), CLOSE]) + body


@lru_cache(maxsize=64)
def _status_line(status: int) -> bytes:
    known = {each.value: each.phrase for each in HTTPStatus}
    return f"HTTP/1.1 {status} {known.get(status, '')}\r\n".encode()


@lru_cache(maxsize=1)
def _date_line(second: int) -> bytes:
    """SDKs set their clocks by it."""
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode()
