"""A small signed HTTP client, so that a benchmark measures the server and not an SDK."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit


@dataclass
class Signer:
    """AWS Signature Version 4 of JSON posts; the signing key is derived once a day, as SDKs do."""

    endpoint: str
    access_key: str
    secret_key: str
    service: str = "batch"
    region: str = "us-east-1"
    target: str = ""  # the operation, in the JSON protocols
    _keys: dict[str, bytes] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.endpoint)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def request(self, path: str, body: dict[str, Any]) -> bytes:
        """The whole request as bytes."""
        data = json.dumps(body).encode()
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        host = "{}:{}".format(*self.address)
        scope = f"{at[:8]}/{self.region}/{self.service}/aws4_request"
        canonical = (
            f"POST\n{path}\n\ncontent-type:application/json\nhost:{host}\nx-amz-date:{at}\n\n"
            f"content-type;host;x-amz-date\n{hashlib.sha256(data).hexdigest()}"
        )
        to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(at[:8]), to_sign.encode(), "sha256").hex()
        return (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nX-Amz-Date: {at}\r\n"
            f"Authorization: AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, "
            f"SignedHeaders=content-type;host;x-amz-date, Signature={signature}\r\n"
            f"{self._protocol}Content-Length: {len(data)}\r\n\r\n"
        ).encode() + data

    @property
    def _protocol(self) -> str:
        return f"X-Amz-Target: {self.target}\r\n" if self.target else ""

    def _key(self, date: str) -> bytes:
        if date not in self._keys:
            key = b"AWS4" + self.secret_key.encode()
            for part in (date, self.region, self.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keys[date] = key
        return self._keys[date]


class Connection:
    """One keep-alive connection, one request at a time."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._socket = socket.create_connection(signer.address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._socket.sendall(self._signer.request(path, body))
        while (answer := _split(self._rest)) is None:
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._rest += received
        status, data, self._rest = answer
        if status != 200:
            raise RuntimeError(f"{status}: {data.decode(errors='replace')}")
        parsed: dict[str, Any] = json.loads(data)
        return parsed

    def close(self) -> None:
        self._socket.close()


class Load(asyncio.Protocol):
    """One of many connections: sends the next request as soon as the last is answered, until there are none left.

    A server that closes the connection after each answer (moto's does) is connected to again.
    """

    def __init__(self, signer: Signer, path: str, bodies: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
        self._signer, self._path, self._bodies, self._answers = signer, path, bodies, answers
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._pending: dict[str, Any] | None = None
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._next()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        answer = _split(self._rest)
        if answer is None:
            return
        closes = b"connection: close" in self._rest.lower()
        status, body, self._rest = answer
        if status != 200:
            self.done.set_exception(RuntimeError(f"{status}: {body.decode(errors='replace')}"))
            return
        self._pending = None
        self._answers.append(json.loads(body))
        if closes and self._bodies:
            self._transport.abort()
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._rest = b""
            self._again = self._loop.create_task(self._loop.create_connection(lambda: self, *self._signer.address))

    def _next(self) -> None:
        if self._pending is None and self._bodies:
            self._pending = self._bodies.pop()
        if self._pending is not None:
            self._transport.write(self._signer.request(self._path, self._pending))
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()


async def load(signer: Signer, path: str, bodies: list[dict[str, Any]], connections: int) -> list[dict[str, Any]]:
    """Send every body over so many connections at once; returns the answers."""
    loop = asyncio.get_running_loop()
    answers: list[dict[str, Any]] = []
    senders = [Load(signer, path, bodies, answers) for _ in range(connections)]
    for sender in senders:
        await loop.create_connection(lambda sender=sender: sender, *signer.address)
    await asyncio.gather(*(sender.done for sender in senders))
    return answers


def _split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """(status, body, rest) once an answer is complete."""
    head, gap, rest = data.partition(b"\r\n\r\n")
    if not gap:
        return None
    lines = head.split(b"\r\n")
    lengths = [line.partition(b":")[2] for line in lines if line.lower().startswith(b"content-length:")]
    length = int(lengths[0]) if lengths else 0
    if len(rest) < length:
        return None
    return int(lines[0].split()[1]), rest[:length], rest[length:]
