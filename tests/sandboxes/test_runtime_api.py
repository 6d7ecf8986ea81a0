"""The Runtime API as a runtime uses it: plain HTTP over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from batchd.sandboxes.runtime_api import Headers, RuntimeApi, WrongState

PATH = "/2018-06-01/runtime/"


@dataclass
class Desk:
    """Has one event, `one`; writes down what it is told."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    may_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_event(self) -> tuple[Headers, bytes]:
        await self.may_go.wait()
        return [("Lambda-Runtime-Aws-Request-Id", "one")], b'{"a":1}'

    def answered(self, request_id: str, body: bytes, peak_mib: int | None) -> None:
        if request_id != "one":
            raise WrongState("there is no such invocation in hand")
        self.told.append(("answered", request_id, body, peak_mib))

    def failed(self, request_id: str, error_type: str, body: bytes) -> None:
        self.told.append(("failed", request_id, error_type, body))

    def init_failed(self, error_type: str, body: bytes) -> None:
        self.told.append(("init failed", error_type, body))


@dataclass
class Runtime:
    """`await runtime("GET", "invocation/next")` → status, headers, body."""

    desk: Desk
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def __call__(self, method: str, where: str, body: bytes = b"", *headers: str) -> tuple[int, str, bytes]:
        lines = [f"{method} {PATH}{where} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
        return int(head.split()[1]), head, await self.reader.readexactly(length)


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    api = RuntimeApi(desk := Desk())
    await api.open()
    host, _, port = api.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield Runtime(desk, reader, writer)
    writer.close()
    api.close()


async def test_the_next_event_comes_when_there_is_one(runtime: Runtime) -> None:
    asked = asyncio.ensure_future(runtime("GET", "invocation/next"))
    done, _ = await asyncio.wait([asked], timeout=0)
    assert not done
    runtime.desk.may_go.set()
    status, head, body = await asked
    assert (status, body) == (200, b'{"a":1}')
    assert "Lambda-Runtime-Aws-Request-Id: one\r\n" in head


async def test_answers_and_errors_reach_the_desk(runtime: Runtime) -> None:
    peak = "Content-Type: application/json; peak-mib=36"
    kind = "Lambda-Runtime-Function-Error-Type: Runtime.Unknown"
    assert (await runtime("POST", "invocation/one/response", b"42", peak))[0] == 202
    assert (await runtime("POST", "invocation/one/error", b"{}", kind))[0] == 202
    assert (await runtime("POST", "init/error", b"{}", kind))[2] == b'{"status":"OK"}'
    assert runtime.desk.told == [
        ("answered", "one", b"42", 36),
        ("failed", "one", "Runtime.Unknown", b"{}"),
        ("init failed", "Runtime.Unknown", b"{}"),
    ]


async def test_what_nobody_asked_for_is_refused(runtime: Runtime) -> None:
    assert (await runtime("POST", "invocation/two/response", b"42"))[0] == 403
    assert (await runtime("GET", "invocation/last"))[0] == 404
    assert (await runtime("POST", "invocation/next"))[0] == 404
    assert runtime.desk.told == []


async def test_too_large_an_answer_is_refused_and_told(runtime: Runtime) -> None:
    status, _, _ = await runtime("POST", "invocation/one/response", b"x" * 7_000_000)
    assert status == 413
    ((_, _, body, _),) = runtime.desk.told
    assert isinstance(body, bytes) and len(body) > 6_291_556


async def test_what_is_no_http_ends_the_connection(runtime: Runtime) -> None:
    runtime.writer.write(b"\x00\x01\r\n\r\n")
    assert await runtime.reader.read() == b""
