"""Who signed a request: AWS Signature Version 4, in the header or in a presigned query. [iam.md 2]"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

from batchd.clock import Clock
from batchd.gateway.authorization import ALGORITHM, TERMINATOR, Authorization, Scope, read_authorization
from batchd.gateway.canonical import canonical_query, canonical_request, octets
from batchd.gateway.credentials import ExpiredToken, InvalidToken, SessionIssuer
from batchd.gateway.keyring import Keyring
from batchd.gateway.operation import Caller
from batchd.gateway.request import AuthFailure, AuthFault, HttpRequest, Identity

SKEW_S = 900

INVALID_TOKEN = "The security token included in the request is invalid."
EXPIRED_TOKEN = "The security token included in the request is expired"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

# The client vouches for the rest of the request only. Bodies whose chunks are signed one by one belong to S3.
_UNSIGNED_PAYLOADS = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_CACHED_KEYS = 1024


def nobody(access_key: str) -> Caller | None:
    """Finds no user: for installations with the root key and roles only."""
    return None


class SigV4Authenticator:
    """Verifies every request.

    `find_user` gives the owner of a user's active access key, whose secret is derived from the master key.
    """

    def __init__(
        self, keyring: Keyring, clock: Clock, account: str, find_user: Callable[[str], Caller | None] = nobody
    ) -> None:
        self._clock = clock
        self._account = account
        self._root = root_caller(account, keyring.access_key)
        self._root_secret = keyring.secret_key
        self._sessions = SessionIssuer(keyring.master_key)
        self._find_user = find_user
        self._signing_keys: dict[tuple[str, str, str, str], bytes] = {}

    def authenticate(self, request: HttpRequest) -> Identity:
        """The verified caller. Raises AuthFailure, which says what was wrong in AWS's words."""
        claimed = read_authorization(request)
        now_ms = self._clock.now_ms()
        _check_date(claimed, now_ms // 1000)
        caller, secret = self._find_caller(claimed, now_ms)
        self._check_signature(request, claimed, secret)
        return Identity(caller, claimed.scope.region, claimed.scope.service)

    def _find_caller(self, claimed: Authorization, now_ms: int) -> tuple[Caller, str]:
        """Who owns the access key, and its secret. Temporary keys come with their token, lasting ones without."""
        access_key = claimed.scope.access_key
        if access_key.startswith("ASIA") and claimed.token:
            return self._find_session(access_key, claimed.token, now_ms)
        if not claimed.token:
            if access_key == self._root.access_key:
                return self._root, self._root_secret
            user = self._find_user(access_key)
            if user is not None:
                return user, self._sessions.secret_of(access_key)
        raise AuthFailure(AuthFault.UNKNOWN_KEY, INVALID_TOKEN)

    def _find_session(self, access_key: str, token: str, now_ms: int) -> tuple[Caller, str]:
        try:
            claims = self._sessions.verify(access_key, token, now_ms)
        except InvalidToken:
            raise AuthFailure(AuthFault.UNKNOWN_KEY, INVALID_TOKEN) from None
        except ExpiredToken:
            raise AuthFailure(AuthFault.EXPIRED, EXPIRED_TOKEN) from None
        return Caller(self._account, claims.arn, claims.user_id, access_key), self._sessions.secret_of(access_key)

    def _check_signature(self, request: HttpRequest, claimed: Authorization, secret: str) -> None:
        payload = _payload_hash(request.body, claimed.payload)
        canonical = canonical_request(request, canonical_query(request.query), claimed.signed_headers, payload)
        digest = hashlib.sha256(canonical).hexdigest()
        to_sign = f"{ALGORITHM}\n{claimed.timestamp}\n{claimed.scope}\n{digest}"
        signature = hmac.digest(self._signing_key(secret, claimed.scope), to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(signature.encode(), octets(claimed.signature)):
            raise _bad_signature(_mismatch(canonical, to_sign))
        if not _signs_host(claimed.signed_headers):
            raise _bad_signature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")

    def _signing_key(self, secret: str, scope: Scope) -> bytes:
        wanted = (secret, scope.date, scope.region, scope.service)
        key = self._signing_keys.get(wanted)
        if key is None:
            if len(self._signing_keys) >= _CACHED_KEYS:
                self._signing_keys.clear()
            key = self._signing_keys[wanted] = derive_signing_key(*wanted)
        return key


class OpenAuthenticator:
    """Believes every request: for a server that was told to ask for no credentials. Everybody is root."""

    _SCOPE = re.compile(r"Credential=[^/,\s]*/[0-9]{8}/([a-z0-9-]{1,64})/([A-Za-z0-9._-]{1,64})/aws4_request")

    def __init__(self, account: str, access_key: str) -> None:
        self._root = root_caller(account, access_key)

    def authenticate(self, request: HttpRequest) -> Identity:
        """Root, with the region and service that the request was signed for, if it was signed."""
        signed = request.headers.get("authorization") or unquote(request.query)
        scope = self._SCOPE.search(signed)
        region, service = scope.groups() if scope else ("us-east-1", "")
        return Identity(self._root, region, service)


def root_caller(account: str, access_key: str) -> Caller:
    """The account itself. [iam.md 5]"""
    return Caller(account, f"arn:aws:iam::{account}:root", account, access_key)


def derive_signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs one day's requests to one service in one region. [iam.md 2, step 7]"""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _payload_hash(body: bytes, stated: str | None) -> str:
    """The hash or the literal to sign. A stated hash that is not the body's is refused."""
    if stated in _UNSIGNED_PAYLOADS:
        return stated
    actual = hashlib.sha256(body).hexdigest()
    if stated and stated.lower() != actual:
        raise _bad_signature("The provided 'x-amz-content-sha256' header does not match what was computed.")
    return stated or actual


def _check_date(claimed: Authorization, now_s: int) -> None:
    """The scope is of the day of the date, and the date is about now. [iam.md 2, steps 2 and 4]"""
    stamp, scope_date = claimed.timestamp, claimed.scope.date
    signed_s = _seconds_of(stamp)
    if signed_s is None:
        raise AuthFailure(
            AuthFault.INCOMPLETE,
            f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601",
        )
    if stamp[:8] != scope_date:
        raise _bad_signature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope_date}' != '{stamp[:8]}', from '{stamp}'."
        )
    lifetime_s = SKEW_S if claimed.expires_s is None else claimed.expires_s
    if signed_s + lifetime_s < now_s:
        raise _off_time(
            f"Signature expired: {stamp} is now earlier than {_stamp(now_s - lifetime_s)} "
            f"({_stamp(now_s)} - {_minutes(lifetime_s)})"
        )
    if signed_s - SKEW_S > now_s:
        raise _off_time(
            f"Signature not yet current: {stamp} is still later than {_stamp(now_s + SKEW_S)} "
            f"({_stamp(now_s)} + {_minutes(SKEW_S)})"
        )


@lru_cache(256)
def _seconds_of(stamp: str) -> int | None:
    """Seconds since the epoch of `YYYYMMDDTHHMMSSZ`; None if it is not such a date."""
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return int(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _minutes(seconds: int) -> str:
    return f"{seconds} sec." if seconds % 60 else f"{seconds // 60} min."


def _signs_host(signed_headers: str) -> bool:
    return "host" in signed_headers.lower().split(";")


def _mismatch(canonical: bytes, to_sign: str) -> str:
    """With the strings we signed, which show at once what a client or a proxy changed. No secret is in them."""
    text = canonical.decode("utf-8", "replace")
    return (
        f"{MISMATCH}\n\nThe Canonical String for this request should have been\n'{text}'\n\n"
        f"The String-to-Sign should have been\n'{to_sign}'\n"
    )


def _bad_signature(message: str) -> AuthFailure:
    return AuthFailure(AuthFault.BAD_SIGNATURE, message)


def _off_time(message: str) -> AuthFailure:
    return AuthFailure(AuthFault.CLOCK, message)
