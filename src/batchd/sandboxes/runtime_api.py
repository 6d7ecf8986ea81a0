"""The Runtime API: where the runtime inside a sandbox asks for its next event and says what came of it. [lambda.md 4]

Each sandbox has a listener of its own on the loopback: runtimes know nothing but its host and port.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Protocol, cast

import httptools

MAX_ANSWER = 6_291_556  # bytes of a response [lambda.md 6]
_ROUTE = re.compile(rb"/2018-06-01/runtime/(init/error|invocation/next|invocation/([^/]+)/(response|error))(?:\?.*)?")
_PEAK = re.compile(rb"; *peak-mib=([0-9]{1,9})$")  # our own bootstraps add it
_OK = b'{"status":"OK"}'
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Too Large"}

Headers = list[tuple[str, str]]


class WrongState(Exception):
    """The runtime said something that nobody asked for."""


class Desk(Protocol):
    """Whom the runtime talks to. All but `next_event` raise WrongState."""

    async def next_event(self) -> tuple[Headers, bytes]:
        """Waits for as long as it takes."""

    def answered(self, request_id: str, body: bytes, peak_mib: int | None) -> None:
        """`peak_mib` is the most memory the runtime has had, from one that says so."""

    def failed(self, request_id: str, error_type: str, body: bytes) -> None: ...
    def init_failed(self, error_type: str, body: bytes) -> None: ...


@dataclass(slots=True)
class _Request:
    method: bytes = b""
    url: bytes = b""
    error_type: str = ""
    peak_mib: int | None = None
    body: bytearray = field(default_factory=bytearray)


class RuntimeApi:
    """A listener for one sandbox."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self.address = ""

    async def open(self) -> None:
        """`address` is known on return."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self._desk, self._connections), "127.0.0.1", 0)
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()


class _Connection(asyncio.Protocol):
    """Requests of one connection, one after the other."""

    def __init__(self, desk: Desk, connections: set[_Connection]) -> None:
        self._desk = desk
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Request()
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._waiting is not None:
            self._waiting.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._request = _Request()

    def on_url(self, url: bytes) -> None:
        self._request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"lambda-runtime-function-error-type":
            self._request.error_type = value.decode("latin-1")
        elif lowered == b"content-type" and (peak := _PEAK.search(value)):
            self._request.peak_mib = int(peak[1])

    def on_body(self, body: bytes) -> None:
        if len(self._request.body) <= MAX_ANSWER:
            self._request.body += body

    def on_message_complete(self) -> None:
        route = _ROUTE.fullmatch(self._request.url)
        if route is None:
            self._refuse(404, "InvalidRequest", "there is no such path")
        elif self._parser.get_method() == b"GET" and route[1] == b"invocation/next":
            self._waiting = asyncio.ensure_future(self._send_next())
        elif self._parser.get_method() == b"POST" and route[1] != b"invocation/next":
            self._take(route)
        else:
            self._refuse(404, "InvalidRequest", "there is no such method here")

    async def _send_next(self) -> None:
        headers, body = await self._desk.next_event()
        self._send(200, body, headers)

    def _take(self, route: re.Match[bytes]) -> None:
        request, body = self._request, bytes(self._request.body)
        try:
            if route[2] is None:
                self._desk.init_failed(request.error_type, body)
            elif route[3] == b"error":
                self._desk.failed(route[2].decode("latin-1"), request.error_type, body)
            else:
                self._desk.answered(route[2].decode("latin-1"), body, request.peak_mib)
        except WrongState as error:
            self._refuse(403, "InvalidStateTransition", str(error))
        else:
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        if len(body) > MAX_ANSWER:
            self._refuse(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")
        else:
            self._send(202, _OK)

    def _refuse(self, status: int, error_type: str, message: str) -> None:
        self._send(status, f'{{"errorType":"{error_type}","errorMessage":"{message}"}}'.encode())

    def _send(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers or ()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self._transport.write("\r\n".join(lines).encode("latin-1", "replace") + body)
