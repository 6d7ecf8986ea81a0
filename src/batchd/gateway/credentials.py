"""Access keys: the root key of the installation and the sessions derived from it.

A session is stateless: its token carries the claims and an HMAC, its secret is derived from its access key id, so
that issuing one writes nothing and any server that holds the master key can verify it.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from batchd.arns import parse_arn
from batchd.errors import BatchdError

_KEY_ALPHABET = string.ascii_uppercase + "234567"
# The longest token anybody is asked to present is far below; a longer one is not even decoded.
_TOKEN_LIMIT = 8192


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """Temporary credentials. `expiration_ms` is when they stop working."""

    access_key: str
    secret_key: str
    token: str
    expiration_ms: int


class InvalidToken(BatchdError):
    """The token was not made here, or not for this access key."""


class ExpiredToken(BatchdError):
    """The token was good once."""


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a session token says of its holder.

    `role_arn` carries the role's path, `arn` (the caller's identity) does not. [iam.md 3]
    """

    role_arn: str
    role_id: str
    session_name: str
    expiration_ms: int

    @property
    def arn(self) -> str:
        """`arn:aws:sts::A:assumed-role/NAME/SESSION`; a principal that is no role keeps its own ARN."""
        role = parse_arn(self.role_arn)
        if role is None or role.kind != "role":
            return self.role_arn
        name = role.resource.rpartition("/")[2]
        return f"arn:{role.partition}:sts::{role.account}:assumed-role/{name}/{self.session_name}"

    @property
    def user_id(self) -> str:
        """`ROLEID:SESSION`; the id alone for a principal that is no role."""
        role = parse_arn(self.role_arn)
        return self.role_id if role is None or role.kind != "role" else f"{self.role_id}:{self.session_name}"


class SessionIssuer:
    """Makes and verifies temporary credentials. Everything is a function of the master key."""

    def __init__(self, master_key: bytes, new_key: Callable[[str], str] | None = None) -> None:
        self._master_key = master_key
        self._new_key = new_key or random_access_key
        self._token_key = subkey(master_key, "session token")

    def issue(self, role_arn: str, role_id: str, session_name: str, seconds: int, now_ms: int) -> SessionCredentials:
        """Credentials that act as this role for so many seconds.

        An ARN that is not a role's (the account's root, a user) is taken as the identity itself.
        """
        access_key = self._new_key("ASIA")
        expiration_ms = now_ms + seconds * 1000
        claims = {"k": access_key, "r": role_arn, "i": role_id, "s": session_name, "e": expiration_ms}
        token = _seal(self._token_key, claims)
        return SessionCredentials(access_key, secret_of(self._master_key, access_key), token, expiration_ms)

    def verify(self, access_key: str, token: str, now_ms: int) -> SessionClaims:
        """The claims of a token presented with its access key. Raises InvalidToken or ExpiredToken."""
        claims = _unseal(self._token_key, token)
        if claims is None or claims["k"] != access_key:
            raise InvalidToken("The security token included in the request is invalid.")
        if now_ms >= claims["e"]:
            raise ExpiredToken("The security token included in the request is expired")
        return SessionClaims(claims["r"], claims["i"], claims["s"], claims["e"])

    def secret_of(self, access_key: str) -> str:
        """The secret that belongs to an access key issued here."""
        return secret_of(self._master_key, access_key)


@dataclass(frozen=True, slots=True)
class TaskClaims:
    """Whom a running task may become: the holder asks for credentials of this role."""

    job_id: str
    task_id: str
    role_arn: str
    role_id: str


def issue_task_token(master_key: bytes, claims: TaskClaims) -> str:
    """The authorization token of a task, the same each time it is asked for.

    It does not expire: whoever accepts it checks that the task still runs.
    """
    body = {"j": claims.job_id, "t": claims.task_id, "r": claims.role_arn, "i": claims.role_id}
    return _seal(subkey(master_key, "task token"), body)


def read_task_token(master_key: bytes, token: str) -> TaskClaims | None:
    """The claims of a task token made with this master key, else None."""
    body = _unseal(subkey(master_key, "task token"), token)
    return None if body is None else TaskClaims(body["j"], body["t"], body["r"], body["i"])


def issue_download(master_key: bytes, name: str, expires_ms: int) -> str:
    """A token that lets whoever has it read one blob until a time (ms): what is behind a presigned link."""
    return _seal(subkey(master_key, "download"), {"n": name, "e": expires_ms})


def read_download(master_key: bytes, token: str, now_ms: int) -> str | None:
    """The name of the blob, if the token was made with this master key and is still good."""
    claims = _unseal(subkey(master_key, "download"), token)
    return claims["n"] if claims is not None and now_ms < claims["e"] else None


def container_credentials(credentials: SessionCredentials, role_arn: str) -> bytes:
    """The JSON that SDKs read from AWS_CONTAINER_CREDENTIALS_FULL_URI. [iam.md 12]"""
    role = parse_arn(role_arn)
    body = {
        "AccessKeyId": credentials.access_key,
        "SecretAccessKey": credentials.secret_key,
        "Token": credentials.token,
        "Expiration": iso_time(credentials.expiration_ms),
        "RoleArn": role_arn,
    }
    return orjson.dumps(body if role is None else {**body, "AccountId": role.account})


def iso_time(now_ms: int) -> str:
    """`2026-08-22T10:00:00Z`."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def random_access_key(prefix: str) -> str:
    """Twenty characters: `AKIA` (lasting) or `ASIA` (temporary) and sixteen random ones. [iam.md 3]"""
    return prefix + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16))


def secret_of(master_key: bytes, access_key: str) -> str:
    """The forty-character secret that belongs to a derived access key: nothing about it needs to be stored."""
    digest = hmac.digest(subkey(master_key, "secret key"), access_key.encode(), "sha256")
    return base64.b64encode(digest[:30]).decode()


@lru_cache(maxsize=16)
def subkey(master_key: bytes, purpose: str) -> bytes:
    """One key per purpose, so that a token of one kind never verifies as another."""
    return hmac.digest(master_key, f"batchd {purpose} v1".encode(), "sha256")


def _seal(key: bytes, claims: dict[str, Any]) -> str:  # Any: JSON
    body = base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=")
    mac = base64.urlsafe_b64encode(hmac.digest(key, body, "sha256")).rstrip(b"=")
    return (body + b"." + mac).decode()


def _unseal(key: bytes, token: str) -> dict[str, Any] | None:  # Any: JSON
    """What was sealed with this key; None for anything else. Only text that we signed is ever parsed."""
    body, dot, mac = token.encode("utf-8", "surrogatepass")[:_TOKEN_LIMIT].partition(b".")
    expected = base64.urlsafe_b64encode(hmac.digest(key, body, "sha256")).rstrip(b"=")
    if not dot or not hmac.compare_digest(mac, expected):
        return None
    claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    return claims
