"""What a request says of its own signature, in the Authorization header or in a presigned query. [iam.md 2, 1-3]

Nothing is believed here: this only reads, and refuses what cannot be read in AWS's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from batchd.gateway.request import AuthFailure, AuthFault, HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_EXPIRES_S = 604_800

# What every SDK sends, read in one step; anything else is read part by part, for tolerance and for precise refusals.
_USUAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/([0-9]{8})/([a-z0-9-]{1,64})/([A-Za-z0-9._-]{1,64})/aws4_request, ?"
    r"SignedHeaders=([^,=\s]+), ?Signature=([0-9a-f]{64})"
)
_PRESIGNED = re.compile(r"(?:^|&)X-Amz-(?:Algorithm|Signature)=")
_REGION = re.compile(r"[a-z0-9-]{1,64}")
_SERVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose key signed, and for which day, region and signing name."""

    access_key: str
    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signature as it was presented. `timestamp` is `YYYYMMDDTHHMMSSZ`; `expires_s` is None in a header."""

    scope: Scope
    signed_headers: str
    signature: str
    timestamp: str
    token: str | None
    expires_s: int | None = None
    payload: str | None = None


def read_authorization(request: HttpRequest) -> Authorization:
    """The one signature of this request. Raises AuthFailure: MISSING, INCOMPLETE or (for its scope) BAD_SIGNATURE."""
    header = request.headers.get("authorization")
    presigned = _PRESIGNED.search(request.query) is not None
    if header and presigned:
        raise _incomplete(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header "
            "should be specified"
        )
    if header:
        return _from_header(header, request.headers)
    if presigned:
        return _from_query(request)
    raise AuthFailure(AuthFault.MISSING, "Missing Authentication Token")


def _from_header(header: str, headers: dict[str, str]) -> Authorization:
    timestamp = _timestamp(headers)
    usual = _USUAL.fullmatch(header)
    if usual is not None and timestamp is not None:
        access_key, date, region, service, names, signature = usual.groups()
        scope = Scope(access_key, date, region, service)
    else:
        parts = _header_parts(header)
        _require_header_parts(parts, timestamp, header)
        scope = _read_scope(parts["Credential"])
        names, signature = parts["SignedHeaders"], parts["Signature"]
    token, payload = headers.get("x-amz-security-token"), headers.get("x-amz-content-sha256")
    return Authorization(scope, names, signature, timestamp or "", token, None, payload)


def _header_parts(header: str) -> dict[str, str]:
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm.startswith("AWS4-") and algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    parts: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise _incomplete(
                f"'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
            )
        parts[name.strip()] = value.strip()
    return parts if algorithm == ALGORITHM else {}


def _require_header_parts(parts: dict[str, str], timestamp: str | None, header: str) -> None:
    wrong = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if timestamp is None:
        wrong.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if wrong:
        raise _incomplete(f"{' '.join(wrong)} Authorization={header}")


def _timestamp(headers: dict[str, str]) -> str | None:
    """X-Amz-Date as it is, else the Date header in the same form; None if neither is there."""
    stamp = headers.get("x-amz-date")
    if stamp:
        return stamp
    date = headers.get("date")
    if not date:
        return None
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError, TypeError, IndexError):
        return date  # refused as a date later on, with its text


def _from_query(request: HttpRequest) -> Authorization:
    values = _query_values(request.query)
    algorithm = values.get("X-Amz-Algorithm", "")
    if algorithm and algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    wrong = [
        f"AWS query-string parameters must include '{name}'."
        for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
        if not values.get(name)
    ]
    if wrong:
        raise _incomplete(f"{' '.join(wrong)} Re-examine the query-string parameters.")
    return Authorization(
        _read_scope(values["X-Amz-Credential"]),
        values["X-Amz-SignedHeaders"],
        values["X-Amz-Signature"],
        values["X-Amz-Date"],
        values.get("X-Amz-Security-Token") or request.headers.get("x-amz-security-token"),
        _read_expires(values.get("X-Amz-Expires", "")),
        values.get("X-Amz-Content-SHA256") or request.headers.get("x-amz-content-sha256"),
    )


def _query_values(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&") if pair.startswith("X-Amz-"))
    return {name: unquote(value) for name, _, value in pairs}


def _read_expires(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise _incomplete("X-Amz-Expires should be a number")
    expires_s = int(text)
    if not 1 <= expires_s <= MAX_EXPIRES_S:
        raise _incomplete(
            "X-Amz-Expires must be less than a week (in seconds) and positive; "
            f"that is, the given X-Amz-Expires must be between 1 and {MAX_EXPIRES_S} seconds"
        )
    return expires_s


def _read_scope(credential: str) -> Scope:
    parts = credential.split("/")
    if len(parts) != 5:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'"
        )
    access_key, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        raise _out_of_scope(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'")
    if not _REGION.fullmatch(region):
        raise _out_of_scope(f"Credential should be scoped to a valid Region, not {region}")
    if not _SERVICE.fullmatch(service):
        raise _out_of_scope("Credential should be scoped to correct service")
    return Scope(access_key, date, region, service)


def _incomplete(message: str) -> AuthFailure:
    return AuthFailure(AuthFault.INCOMPLETE, message)


def _out_of_scope(message: str) -> AuthFailure:
    return AuthFailure(AuthFault.BAD_SIGNATURE, message)
