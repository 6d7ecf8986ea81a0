"""Posting to a server that answers, refuses, hangs up or is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from batchd.controllers.post import Post
from batchd.errors import DeliveryError, Undeliverable


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers every request with these bytes, and hangs up; the URL, and what it was sent."""
    sent: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        sent.append(head + await reader.readexactly(5))
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook?a=b", sent


@asynccontextmanager
async def posting() -> AsyncIterator[Post]:
    post = Post()
    try:
        yield post
    finally:
        await post.close()


@pytest.mark.parametrize("status", [200, 302, 404, 503])
async def test_whatever_is_answered_is_told(status: int) -> None:
    answer = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nok".encode()
    async with server(answer) as (url, sent), posting() as post:
        assert await post(url, {"content-type": "text/plain", "x-a": "b"}, b"hello") == status

    head = sent[0].lower()
    assert head.startswith(b"post /hook?a=b http/1.1\r\n")
    assert b"x-a: b\r\n" in head and b"content-type: text/plain\r\n" in head and head.endswith(b"hello")


async def test_who_hangs_up_or_is_not_there_may_answer_another_time() -> None:
    async with server(b"") as (url, _), posting() as post:
        with pytest.raises(DeliveryError) as hung_up:
            await post(url, {}, b"hello")
    async with posting() as post:
        with pytest.raises(DeliveryError) as absent:
            await post(url, {}, b"hello")
    for failed in (hung_up, absent):
        assert (failed.value.code, isinstance(failed.value, Undeliverable)) == ("CONNECTION_FAILURE", False)


async def test_what_is_no_address_never_answers() -> None:
    async with posting() as post:
        with pytest.raises(Undeliverable):
            await post("http://[nonsense/", {}, b"hello")


async def test_closing_what_never_posted_is_fine() -> None:
    await Post().close()
