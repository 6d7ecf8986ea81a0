"""A gateway over a store in memory, asked as an ASGI server asks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from batchd.clock import ManualClock
from batchd.gateway.app import Authenticator, Gateway
from batchd.gateway.credentials import SessionCredentials
from batchd.gateway.operation import Deployment, Service
from batchd.gateway.sigv4 import OpenAuthenticator
from batchd.store.sqlite import open_sqlite
from batchd.store.store import Store
from batchd.store.writer import Writer

ACCOUNT = "111122223333"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class FrontDoor:
    gateway: Gateway
    store: Store

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: dict[str, str] | None = None,
        signed_for: str = "",
    ) -> Answer:
        """One request; a body in several parts comes as several messages."""
        parts = [body] if isinstance(body, bytes) else list(body)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not parts:
                await asyncio.Event().wait()  # a client that has said everything
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.gateway(http_scope(method, path, headers or {}, signed_for), receive, send)
        start, content = sent
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], names, content["body"])


def http_scope(method: str, path: str, headers: dict[str, str], signed_for: str) -> dict[str, Any]:
    raw_path, _, query = path.partition("?")
    if signed_for:
        credential = f"Credential=AKIA/20261123/eu-central-1/{signed_for}/aws4_request"
        headers = {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}
    return {
        "type": "http",
        "method": method,
        "path": raw_path,
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


@asynccontextmanager
async def front_door(
    services: Sequence[Service], authenticator: Authenticator | None = None, **options: Any
) -> AsyncIterator[FrontDoor]:
    """Everybody is root unless an authenticator says otherwise."""
    store = open_sqlite(":memory:", ManualClock())
    writer = Writer(store)
    yield FrontDoor(make_gateway(services, store, writer, authenticator, **options), store)
    await writer.close()
    store.close()


def make_gateway(
    services: Sequence[Service],
    store: Store,
    writer: Writer,
    authenticator: Authenticator | None = None,
    **options: Any,
) -> Gateway:
    guard = authenticator or OpenAuthenticator(ACCOUNT, "AKIA")
    return Gateway(services, guard, store, writer, ManualClock(), deployment(), **options)


def deployment() -> Deployment:
    credentials = SessionCredentials("ASIA", "secret", "token", 0)
    return Deployment(
        ACCOUNT, "http://127.0.0.1:8080", lambda job_id: [], dict, lambda role, role_id, name, seconds, now: credentials
    )
