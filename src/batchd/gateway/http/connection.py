"""One connection: bytes become exchanges, one after the other; what a client may take or hold has a limit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

import httptools

from batchd.gateway.http.answer import refusal
from batchd.gateway.http.exchange import App, Exchange, Message

_MOST_BUFFERED = 256 * 1024  # bytes of a body that wait for the app before no more are read
_MOST_WAITING = 2  # exchanges of a client that does not wait for answers, before no more are read


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of a request's line and headers; seconds that a client may be idle, take for a head, or not move."""

    head: int = 64 * 1024
    idle_s: float = 75.0
    head_s: float = 20.0
    stall_s: float = 60.0


class Connection(asyncio.Protocol):
    """Runs `app` for each request. `on_end` is told when the connection is over."""

    def __init__(self, app: App, limits: Limits, on_end: Callable[[Connection], None]) -> None:
        self._app = app
        self._limits = limits
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        # httptools has no types.
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._exchanges: deque[Exchange] = deque()  # the first is being answered
        self._task: asyncio.Task[None] | None = None  # of the first
        self._room: asyncio.Future[None] | None = None  # while the client does not take what is written
        self._unsent = 0  # bytes, when last looked at
        self._is_paused = False
        self._is_over = False  # nothing that comes matters any more
        self._is_draining = False  # the server stops
        self._in_head = False
        self._fed = 0  # bytes with nothing but the head in them
        self._size = 0  # of what has been read of the head
        self._since = self._loop.time()  # when it last moved
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects = False

    # for the listener

    def close_when_idle(self) -> None:
        """Answer what has come, then close."""
        self._is_draining = True
        if self._exchanges:
            self._exchanges[-1].keeps = False
        else:
            self._finish()

    def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def check(self, now: float) -> None:
        """Cut off a client that has kept us waiting for too long."""
        if self._room is not None and self._transport.get_write_buffer_size() < self._unsent:
            self._unsent, self._since = self._transport.get_write_buffer_size(), now
        limit = self._patience()
        if limit is not None and now - self._since > limit:
            self._transport.abort()

    def _patience(self) -> float | None:
        """Seconds; None while it is us who are waited for."""
        if self._in_head:
            return self._limits.head_s
        if self._is_paused and self._room is None:
            return None
        if self._room is not None or self._is_over or (self._exchanges and not self._exchanges[-1].is_whole):
            return self._limits.stall_s
        return None if self._exchanges else self._limits.idle_s

    # from the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        if not self._in_head:
            self._since = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse_more()  # whatever protocol it wants to speak from now on, we answer and close
        except httptools.HttpParserError:
            self._refuse(431 if self._size > self._limits.head else 400)
        if self._in_head:  # all of it, or what follows the body before
            self._fed += len(data)
            if self._fed > self._limits.head:
                self._refuse(431)

    def eof_received(self) -> bool:
        """A client that has said all may still listen."""
        if self._exchanges and not self._exchanges[-1].is_whole:
            return False
        self._refuse_more()
        return bool(self._exchanges)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over = True
        self.resume_writing()
        for exchange in self._exchanges:
            exchange.lose()
        self._exchanges.clear()
        self._on_end(self)

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()
        self._unsent, self._since = self._transport.get_write_buffer_size(), self._loop.time()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # from the parser

    def on_message_begin(self) -> None:
        self._in_head, self._fed, self._size = True, 0, 0
        self._url, self._headers, self._expects = b"", [], False

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer
        self._grow(len(name) + len(value))
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects = True
        self._headers.append((name, value))

    def _grow(self, size: int) -> None:
        """The parser stops where a call from it raises."""
        self._size += size
        if self._size > self._limits.head:
            raise ValueError("the head is too large")

    def on_headers_complete(self) -> None:
        self._in_head = False
        keeps = self._parser.should_keep_alive() and not self._is_draining
        exchange = Exchange(self, self._scope(), keeps, self._expects)
        self._exchanges.append(exchange)
        if len(self._exchanges) == 1:
            self._begin(exchange)
        else:
            self._adjust()

    def on_body(self, data: bytes) -> None:
        exchange = self._exchanges[-1]
        exchange.feed(data)
        if exchange.buffered > _MOST_BUFFERED:
            self._adjust()

    def on_message_complete(self) -> None:
        self._exchanges[-1].end()

    # from the exchange

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def drain(self) -> None:
        if self._room is not None:
            await self._room

    def on_taken(self) -> None:
        if self._is_paused:
            self._adjust()

    def on_answered(self) -> None:
        """Go on with the next, if it may be."""
        if not self._exchanges:
            return  # the client is gone
        exchange = self._exchanges.popleft()
        self._task = None
        self._since = self._loop.time()
        if not exchange.keeps:
            self._exchanges.clear()
            self._finish(exchange.is_whole)
        elif self._exchanges:
            self._begin(self._exchanges[0])
            self._adjust()
        elif self._is_over:
            self._finish()

    def _begin(self, exchange: Exchange) -> None:
        self._task = self._loop.create_task(exchange.run(self._app))

    def _adjust(self) -> None:
        """Read no more than can be worked off."""
        much = len(self._exchanges) > _MOST_WAITING or (
            bool(self._exchanges) and self._exchanges[-1].buffered > _MOST_BUFFERED
        )
        if much != self._is_paused:
            self._is_paused = much
            if much:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _refuse(self, status: int) -> None:
        """What came is no request, or only half of one. Those before are answered; then nothing more is said."""
        has_begun = False
        if self._exchanges and not self._exchanges[-1].is_whole:
            half = self._exchanges.pop()
            half.lose()
            has_begun = half.has_begun
        self._refuse_more()
        if not self._exchanges:
            if not has_begun:
                self._transport.write(refusal(status))
            self._finish(False)

    def _refuse_more(self) -> None:
        self._is_over, self._in_head = True, False
        if self._exchanges:
            self._exchanges[-1].keeps = False

    def _finish(self, is_clean: bool = True) -> None:
        """Close. While a client still sends, it would lose the answer with the connection: it is let finish."""
        self._is_over = True
        if is_clean or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _scope(self) -> Message:
        raw_path, query = _split(self._url)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self._parser.get_http_version(),
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": unquote(raw_path.decode("ascii")) if b"%" in raw_path else raw_path.decode("latin-1"),
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
        }


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Path and query. A proxy's client names scheme and host too."""
    if not url.startswith(b"/"):
        try:
            parsed = httptools.parse_url(url)
        except httptools.HttpParserInvalidURLError:
            return url, b""
        return parsed.path or b"/", parsed.query or b""
    path, _, query = url.partition(b"?")
    return path, query
