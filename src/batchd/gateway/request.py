"""A request as it came over the wire, and who it turned out to be from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from batchd.errors import BatchdError
from batchd.gateway.operation import Caller

_HOST = re.compile(r"[A-Za-z0-9._\-:\[\]]{1,255}")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Untouched by decoding: `path` and `query` are still percent-encoded (ARNs in paths are signed and routed raw).

    `headers` have lower-case names, repeated ones joined with a comma.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def origin(self) -> str:
        """Scheme and host by which the client reached the server, or what stands before it; empty if it did not say."""
        host = self.headers.get("host", "")
        if not _HOST.fullmatch(host):
            return ""
        return f"{'https' if self.headers.get('x-forwarded-proto') == 'https' else 'http'}://{host}"


@dataclass(frozen=True, slots=True)
class Identity:
    """The verified caller, and the region and signing name of the credential scope."""

    caller: Caller
    region: str
    service: str


class AuthFault(Enum):
    """Kinds of refusal; each protocol has its own code and status for them. [iam.md 1]"""

    MISSING = auto()
    INCOMPLETE = auto()
    UNKNOWN_KEY = auto()
    BAD_SIGNATURE = auto()
    CLOCK = auto()
    EXPIRED = auto()


class AuthFailure(BatchdError):
    """The request is not from who it says."""

    def __init__(self, fault: AuthFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer ready to be sent. Header names are lower-case, as ASGI wants them; the length is added on sending."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Malformed(BatchdError):
    """The request cannot be read as its protocol demands: not JSON, not a form, a text where a number belongs."""
