"""Requests signed by botocore, in the shape the gateway sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials

from batchd.gateway.request import HttpRequest


def sign(signer: botocore.auth.SigV4Auth, request: AWSRequest, now_ms: int) -> HttpRequest:
    """What arrives when botocore's signer has signed this request at this time."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda: now):
        signer.add_auth(request)
    return as_sent(request.prepare())


def as_sent(prepared: AWSPreparedRequest) -> HttpRequest:
    """The request as the server would read it, untouched by decoding."""
    url = urlsplit(prepared.url)
    headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
    headers.setdefault("host", url.netloc)
    body = prepared.body or b""
    return HttpRequest(
        prepared.method, url.path, url.query, headers, body.encode() if isinstance(body, str) else bytes(body)
    )


def header_signer(credentials: Credentials, service: str, region: str = "us-east-1") -> botocore.auth.SigV4Auth:
    return botocore.auth.SigV4Auth(credentials, service, region)


def presigner(
    credentials: Credentials, service: str, expires_s: int = 60, region: str = "us-east-1"
) -> botocore.auth.SigV4QueryAuth:
    return botocore.auth.SigV4QueryAuth(credentials, service, region, expires=expires_s)


def _text(value: Any) -> str:  # botocore's headers are text or bytes
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
