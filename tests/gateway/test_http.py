"""The HTTP server, over real sockets: what is said on the wire, and what becomes of clients that do not behave."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from batchd.gateway.http.connection import Connection, Limits
from batchd.gateway.http.exchange import App
from batchd.gateway.http.listener import HttpServer
from tests.patience import LONG_S

PATIENCE_S = LONG_S
Send = Callable[[dict[str, Any]], Awaitable[None]]


def answering(answer: Callable[[dict[str, Any], bytes], tuple[int, list[tuple[bytes, bytes]], bytes]]) -> App:
    """An app that reads a request whole and answers in one piece."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        status, headers, content = answer(scope, body)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


def echo(scope: dict[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    line = f"{scope['method']} {scope['path']} {scope['raw_path'].decode()} {scope['query_string'].decode()} "
    return 200, [(b"x-seen", b"1")], line.encode() + body


class Client:
    """A connection that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *data: bytes) -> None:
        self.writer.writelines(data)

    async def answer(self, *, of_head: bool = False) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")[:-2]
            headers = dict(line.split(": ", 1) for line in lines)
            length = 0 if of_head else int(headers.get("content-length", 0))
            return int(first.split()[1]), headers, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()


class House:
    def __init__(self, app: App, limits: Limits | None = None) -> None:
        self.server = HttpServer(app, limits)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        self.clients: list[Client] = []

    async def open(self) -> None:
        await self.server.start(self._socket)

    async def client(self) -> Client:
        self.clients.append(Client(*await asyncio.open_connection(*self.address)))
        return self.clients[-1]


@asynccontextmanager
async def house(app: App, limits: Limits | None = None) -> AsyncIterator[House]:
    found = House(app, limits)
    await found.open()
    yield found
    for client in found.clients:
        client.writer.transport.abort()
    await found.server.stop(PATIENCE_S)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    length = (f"content-length: {len(body)}",) if body else ()
    return "\r\n".join([f"{line} HTTP/1.1", "host: x", *headers, *length, "", ""]).encode() + body


# -- one after the other


async def test_requests_follow_each_other_on_one_connection() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        for number in range(3):
            client.say(request(f"POST /a%2Fb?n={number}", body=b"abc"))
            status, headers, body = await client.answer()

            assert (status, body) == (200, f"POST /a/b /a%2Fb n={number} abc".encode())
            assert headers["x-seen"] == "1"
            assert headers["date"].endswith(" GMT")
            assert "connection" not in headers


async def test_a_client_that_does_not_wait_gets_the_answers_in_order() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(*(request(f"POST /{number}", body=b"x" * number) for number in range(50)))

        answers = [await client.answer() for _ in range(50)]

    assert [body.split()[1] for _, _, body in answers] == [f"/{number}".encode() for number in range(50)]


async def test_a_request_may_come_byte_by_byte_and_in_chunks_with_trailers() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        whole = request("POST /", "transfer-encoding: chunked") + b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-late: 1\r\n\r\n"
        for place in range(len(whole)):
            client.say(whole[place : place + 1])
            await client.writer.drain()

        assert (await client.answer())[2] == b"POST / /  abcde"


async def test_a_proxys_client_may_name_the_host_in_the_request() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(request("GET http://batchd:80/a?b=c"))

        assert (await client.answer())[2] == b"GET /a /a b=c "


async def test_a_head_and_an_answer_without_content_have_no_body() -> None:
    async with house(answering(lambda scope, body: (204 if scope["path"] == "/no" else 200, [], b"abc"))) as server:
        client = await server.client()
        client.say(request("HEAD /"), request("DELETE /no"), request("GET /"))

        assert (await client.answer(of_head=True))[1]["content-length"] == "3"
        assert "content-length" not in (await client.answer())[1]
        assert (await client.answer())[2] == b"abc"


async def test_who_wants_another_protocol_is_answered_in_this_one() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(request("GET /", "connection: Upgrade, HTTP2-Settings", "upgrade: h2c"))
        status, headers, _ = await client.answer()

        assert (status, headers["connection"], await client.rest()) == (200, "close", b"")


async def test_an_old_client_and_one_that_says_so_are_answered_and_let_go() -> None:
    async with house(answering(echo)) as server:
        for text in (b"GET / HTTP/1.0\r\n\r\n", request("GET /", "connection: close")):
            client = await server.client()
            client.say(text)
            status, headers, _ = await client.answer()

            assert (status, headers["connection"], await client.rest()) == (200, "close", b"")


async def test_a_client_that_has_said_all_still_hears_the_answer() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(request("GET /a"))
        client.writer.write_eof()

        assert (await client.answer())[2] == b"GET /a /a  "
        assert await client.rest() == b""


# -- bodies


async def test_a_careful_client_is_told_to_go_on_once_its_body_is_wanted() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(request("POST /", "expect: 100-continue", "content-length: 3"))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.say(b"abc")

        assert (await client.answer())[2] == b"POST / /  abc"


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    """Wants no body."""
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"too large"})


async def test_a_careful_client_need_not_send_what_is_refused() -> None:
    async with house(refusing) as server:
        client = await server.client()
        client.say(request("POST /", "expect: 100-continue", "content-length: 1000000000"))

        status, headers, _ = await client.answer()

    assert (status, headers["connection"]) == (413, "close")


async def test_who_sends_on_after_a_refusal_still_hears_it() -> None:
    async with house(refusing) as server:
        client = await server.client()
        size = 20 * 1024 * 1024
        client.say(request("POST /", f"content-length: {size}"), b"x" * size)

        assert (await client.answer())[0] == 413
        assert await client.rest() == b""


async def test_no_more_is_read_than_the_app_takes() -> None:
    began, go, sizes = asyncio.Event(), asyncio.Event(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        began.set()
        await go.wait()
        more = True
        while more:
            message = await receive()
            sizes.append(len(message["body"]))
            more = message["more_body"]
        await refusing(scope, receive, send)

    async with house(app) as server:
        client = await server.client()
        size = 20 * 1024 * 1024
        client.say(request("POST /", f"content-length: {size}"), b"x" * size)
        await began.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        go.set()
        await client.answer()

    assert max(sizes) < 1024 * 1024


async def test_the_app_hears_of_a_client_that_goes_away_in_the_middle() -> None:
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone.set_result(message["type"])

    async with house(app) as server:
        client = await server.client()
        client.say(request("POST /", "content-length: 10"), b"abc")
        await client.writer.drain()
        client.writer.close()

        assert await asyncio.wait_for(gone, PATIENCE_S) == "http.disconnect"


async def test_half_a_request_is_none() -> None:
    began, heard = asyncio.Event(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["type"])
        began.set()
        heard.append((await receive())["type"])

    async with house(app) as server:
        client = await server.client()
        client.say(request("POST /", "transfer-encoding: chunked") + b"3\r\nabc\r\n")
        await began.wait()
        client.say(b"no length\r\n")

        assert (await client.answer())[0] == 400
        client.writer.write_eof()
        assert await client.rest() == b""

    assert heard == ["http.request", "http.disconnect"]


async def in_parts(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"abc", b"", b"de"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def test_an_answer_of_unknown_length_comes_in_chunks_or_to_an_old_client_with_the_end() -> None:
    async with house(in_parts) as server:
        client = await server.client()
        client.say(request("HEAD /"), request("GET /"), request("GET /", "connection: close"))
        assert (await client.answer())[1]["transfer-encoding"] == "chunked"
        assert (await client.answer())[1]["transfer-encoding"] == "chunked"
        assert (await client.rest()).startswith(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n")
        client = await server.client()
        client.say(b"GET / HTTP/1.0\r\n\r\n")

        assert (await client.rest()).endswith(b"\r\n\r\nabcde")


# -- mistakes


async def test_an_app_that_fails_costs_one_answer(caplog: pytest.LogCaptureFixture) -> None:
    def broken(scope: dict[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        if scope["path"] == "/split":
            return 200, [(b"x", b"a\r\nset-cookie: b")], b""
        raise RuntimeError("a mistake")

    async with house(answering(broken)) as server:
        for path in ("/", "/split"):
            client = await server.client()
            client.say(request(f"GET {path}"))

            assert (await client.answer())[0] == 500
            assert await client.rest() == b""

    assert "a mistake" in caplog.text
    assert "line break" in caplog.text


async def test_half_an_answer_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        raise RuntimeError("a mistake")

    async with house(app) as server:
        client = await server.client()
        client.say(request("GET /"))

        assert (await client.rest()).endswith(b"\r\n\r\n3\r\nabc\r\n")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (request("POST /", "transfer-encoding: chunked", "content-length: 3"), 400),
        (request("POST /", "content-length: -3"), 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n", 400),
        (request("GET /", "x: " + "y" * 100_000), 431),
        (b"GET /" + b"y" * 100_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000, 431),
    ],
)
async def test_what_is_no_request_is_refused_and_let_go(text: bytes, status: int) -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(text)

        assert (await client.answer())[0] == status
        client.writer.write_eof()
        assert await client.rest() == b""


async def test_what_came_before_nonsense_is_answered() -> None:
    async with house(answering(echo)) as server:
        client = await server.client()
        client.say(request("GET /a"), b"\x00\x00\x00")
        status, headers, body = await client.answer()

        assert (status, headers["connection"], body) == (200, "close", b"GET /a /a  ")
        assert await client.rest() == b""


# -- time


class Pipe(asyncio.Transport):
    """Only remembers."""

    def __init__(self, unsent: int = 0) -> None:
        super().__init__()
        self.unsent = unsent
        self.is_cut = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.is_cut = True

    def write(self, data: Any) -> None: ...


def connected(pipe: Pipe) -> Connection:
    connection = Connection(answering(echo), Limits(idle_s=75, head_s=20, stall_s=60), lambda connection: None)
    connection.connection_made(pipe)
    return connection


def now() -> float:
    """The clock goes on meanwhile: what is to be early is counted from before, what is to be late from after."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("said", "patience_s"),
    [(b"", 75), (b"GET / HT", 20), (b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc", 60)],
)
async def test_a_client_that_says_nothing_more_is_cut_off(said: bytes, patience_s: float) -> None:
    pipe, before = Pipe(), now()
    connection = connected(pipe)
    connection.data_received(said)

    connection.check(before + patience_s - 1)
    assert not pipe.is_cut
    connection.check(now() + patience_s + 1)

    was_cut = pipe.is_cut
    connection.connection_lost(None)
    assert was_cut


async def test_a_head_that_comes_in_drops_is_cut_off() -> None:
    pipe = Pipe()
    connection = connected(pipe)
    letters = b"GET / HTTP/1.1\r\n"
    connection.data_received(letters[:1])
    first = now()
    for letter in letters[1:]:
        connection.data_received(bytes([letter]))

    connection.check(first + 21)

    assert pipe.is_cut


async def test_a_client_that_takes_nothing_is_cut_off_and_one_that_is_slow_is_not() -> None:
    pipe = Pipe(unsent=1000)
    connection = connected(pipe)
    connection.pause_writing()
    paused = now()
    for waited in range(50, 300, 50):
        pipe.unsent -= 10
        connection.check(paused + waited)
    assert not pipe.is_cut

    connection.check(paused + 350)

    assert pipe.is_cut


async def test_a_server_that_stops_answers_what_has_come_and_closes_the_rest() -> None:
    began, go = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await go.wait()
        await answering(echo)(scope, receive, send)

    async with house(app) as server:
        busy, idle = await server.client(), await server.client()
        busy.say(request("GET /a"))
        await began.wait()
        stopping = asyncio.create_task(server.server.stop(PATIENCE_S))
        assert await idle.rest() == b""
        with pytest.raises(OSError):
            await server.client()
        go.set()
        status, headers, _ = await busy.answer()
        await stopping

    assert (status, headers["connection"]) == (200, "close")


async def test_a_server_that_stops_does_not_wait_for_ever() -> None:
    began = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await asyncio.Event().wait()

    async with house(app) as server:
        client = await server.client()
        client.say(request("GET /a"))
        await began.wait()
        await server.server.stop(0.01)

        assert await client.rest() == b""
