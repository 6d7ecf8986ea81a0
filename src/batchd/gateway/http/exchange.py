"""One request and its answer, as an ASGI app sees them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from batchd.gateway.http.answer import CLOSE, CONTINUE, Header, head, refusal

log = logging.getLogger("batchd.gateway")

# ASGI's own types: messages are free-form by its specification.
Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

_CHUNKED: Header = (b"transfer-encoding", b"chunked")
_LENGTHS = (b"content-length", b"transfer-encoding")
_BODILESS = (204, 304)


class Carrier(Protocol):
    """What an exchange needs of its connection."""

    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None:
        """Until the client has taken most of what was written, or is gone."""

    def on_taken(self) -> None:
        """The app has taken what had come of the body."""

    def on_answered(self) -> None: ...


class Exchange:
    """Its connection feeds it, and hears when it is over. `keeps` says whether another one may follow."""

    __slots__ = (
        "_arrival", "_body", "_carrier", "_expects", "_frame", "_is_answered", "_is_gone", "_is_taken",
        "_start", "buffered", "has_begun", "is_whole", "keeps", "scope",
    )  # fmt: skip

    def __init__(self, carrier: Carrier, scope: Message, keeps: bool, expects: bool) -> None:
        self.scope = scope
        self.keeps = keeps
        self.buffered = 0  # bytes of the body that wait for the app
        self.is_whole = False  # the body has come to its end
        self.has_begun = False  # the answer has, on the wire
        self._carrier = carrier
        self._expects = expects  # a word that it may send its body
        self._body: list[bytes] = []
        self._is_taken = False  # the end of the body too
        self._arrival: asyncio.Future[None] | None = None
        self._start: Message | None = None  # waits for the body: both go in one write
        self._frame: Callable[[bytes], bytes] = _plain
        self._is_answered = self._is_gone = False

    # for the connection

    def feed(self, data: bytes) -> None:
        if not self._is_answered:
            self._body.append(data)
            self.buffered += len(data)
            self._wake()

    def end(self) -> None:
        self.is_whole = True
        self._wake()

    def lose(self) -> None:
        """The client is gone."""
        self._is_gone = True
        self._wake()

    async def run(self, app: App) -> None:
        """Whatever the app does, the client gets an answer or sees that it is cut off."""
        failure: Exception | None = None
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - as above
            failure = error
        if not self._is_answered and not self._is_gone:
            log.error("%s %s was not answered", self.scope["method"], self.scope["path"], exc_info=failure)
            self._break_off()
        await self._carrier.drain()
        self._carrier.on_answered()

    # for the app

    async def receive(self) -> Message:
        while not self._has_news():
            if self._expects and not self.is_whole:
                self._expects = False
                self._carrier.write(CONTINUE)
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        if self._is_gone or self._is_answered:
            return {"type": "http.disconnect"}
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._is_taken = self.is_whole
        self.buffered = 0
        self._carrier.on_taken()
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def send(self, message: Message) -> None:
        if self._is_gone or self._is_answered:
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        opening = b"" if self._start is None else self._open(self._start, None if more else len(body))
        self.has_begun, self._start = True, None
        self._is_answered = not more
        self._carrier.write(opening + self._frame(body) + (b"0\r\n\r\n" if self._frame is _chunk and not more else b""))
        if more:
            await self._carrier.drain()
        else:
            self._wake()

    def _has_news(self) -> bool:
        return bool(self._body) or self._is_gone or self._is_answered or (self.is_whole and not self._is_taken)

    def _open(self, start: Message, length: int | None) -> bytes:
        """The head. A body of a length that nobody knows comes in chunks, or ends with the connection."""
        status, headers = start["status"], list(start.get("headers", ()))
        self.keeps = self.keeps and self.is_whole  # the rest of a body would be taken for a request
        if status in _BODILESS or self.scope["method"] == "HEAD":
            self._frame = _nothing
        if status not in _BODILESS and not any(name in _LENGTHS for name, _ in headers):
            if length is not None:
                headers.append((b"content-length", b"%d" % length))
            elif self.scope["http_version"] == "1.0":
                self.keeps = False
            else:
                headers.append(_CHUNKED)
                self._frame = _nothing if self._frame is _nothing else _chunk
        return head(status, headers if self.keeps else [*headers, CLOSE])

    def _break_off(self) -> None:
        """With an answer if none has begun; half of one can only be cut off."""
        self.keeps, self._is_answered = False, True
        if not self.has_begun:
            self._carrier.write(refusal(500))

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def _plain(body: bytes) -> bytes:
    return body


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""


def _nothing(body: bytes) -> bytes:
    return b""
