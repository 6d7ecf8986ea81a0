from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.docker_api import (
    DEFAULT_URL,
    DockerApi,
    DockerGone,
    DockerRefused,
    docker_available,
    docker_url,
    patiently,
    time_ms,
)
from batchd.errors import EngineError
from tests.docker_daemon import docker_host

__all__ = ["docker_host"]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T00:00:00.5Z", 500),
        ("1970-01-01T00:00:00.87648931Z", 876),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01T02:00:01.5+02:00", 1500),
        ("0001-01-01T00:00:00Z", 0),
        ("", 0),
        ("yesterday", 0),
    ],
)
def test_the_daemons_times_become_milliseconds(text: str, ms: int) -> None:
    assert time_ms(text) == ms


@given(st.text())
def test_no_text_breaks_the_reading_of_a_time(text: str) -> None:
    assert time_ms(text) >= 0


def test_the_address_is_as_given_else_the_environments_else_the_usual_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    assert docker_url("tcp://127.0.0.1:2375") == "tcp://127.0.0.1:2375"
    assert docker_url() == "unix:///elsewhere.sock"
    monkeypatch.delenv("DOCKER_HOST")
    assert docker_url() == DEFAULT_URL


def test_a_daemon_that_answers_is_available(docker_host: str) -> None:
    assert docker_available(docker_host) is None


def test_a_missing_socket_is_said_in_words(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    assert docker_available(url) == f"Docker does not answer at {url}: [Errno 2] No such file or directory"


def test_a_socket_that_never_answers_is_not_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchd.engines.docker_api._PROBE_S", 0.1)
    with socket(AF_UNIX, SOCK_STREAM) as silent:
        silent.bind(str(tmp_path / "d.sock"))
        silent.listen()
        reason = docker_available(f"unix://{tmp_path}/d.sock")
    assert reason is not None
    assert "timed out" in reason


@pytest.mark.parametrize("url", ["ssh://host", "npipe:////./pipe/docker", "unix://", "nonsense"])
async def test_an_address_we_cannot_use_is_refused_in_words(url: str) -> None:
    reason = docker_available(url)
    assert reason is not None
    assert "unix:///path or tcp://host:port" in reason
    with pytest.raises(EngineError, match="unix:///path or tcp://host:port"):
        DockerApi(url)


async def test_a_daemon_on_tcp_is_spoken_to(docker_host: str) -> None:
    relay = await asyncio.start_server(_relay_to(docker_host.removeprefix("unix://")), "127.0.0.1", 0)
    host, port = relay.sockets[0].getsockname()
    api = DockerApi(f"tcp://{host}:{port}")
    async with relay:
        assert await asyncio.to_thread(docker_available, f"tcp://{host}:{port}") is None
        await api.connect()
        assert await api.containers("batchd.instance=nobody") == []
        await api.close()


async def test_a_daemon_that_is_not_there_is_gone_not_refusing(tmp_path: Path) -> None:
    api = DockerApi(f"unix://{tmp_path}/none.sock")
    with pytest.raises(DockerGone, match="not to be reached"):
        await api.connect()
    await api.close()


async def test_a_refusal_carries_the_daemons_text(docker_host: str) -> None:
    api = DockerApi(docker_host)
    await api.connect()
    with pytest.raises(DockerRefused) as refusal:
        await api.create("batchd-test-refused", {"Image": "nobody/has:this"}, 30)
    await api.close()
    assert refusal.value.status == 404
    assert refusal.value.message.startswith("No such image: nobody/has:this")


async def test_what_is_not_there_is_none_or_gone_already(docker_host: str) -> None:
    api = DockerApi(docker_host)
    await api.connect()
    assert await api.inspect("batchd-test-none") is None
    assert await api.has_image("nobody/has:this") is False
    await api.stop("batchd-test-none", 1)
    await api.remove("batchd-test-none")
    await api.close()


@pytest.mark.parametrize(
    ("daemons", "asked"),
    [("1.41", "/v1.41/containers/json"), ("1.99", "/v1.47/containers/json"), ("", "/containers/json")],
)
async def test_the_newest_version_that_both_sides_know_is_spoken(tmp_path: Path, daemons: str, asked: str) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.json_response([], headers={"Api-Version": daemons} if daemons else {})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "d.sock")).start()
    api = DockerApi(f"unix://{tmp_path}/d.sock")
    await api.connect()
    await api.containers()
    await api.close()
    await runner.cleanup()
    assert paths == ["/_ping", asked]


async def test_a_call_is_repeated_until_the_daemon_is_back() -> None:
    answers: list[Exception | str] = [DockerGone("away"), OSError("disk full"), "done"]

    async def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await patiently(call) == "done"


@pytest.mark.parametrize("error", [TimeoutError(), DockerRefused(500, "no")])
async def test_an_answer_is_not_asked_for_twice(error: Exception) -> None:
    asked = []

    async def call() -> None:
        asked.append(1)
        raise error

    with pytest.raises(type(error)):
        await patiently(call)
    assert asked == [1]


def _relay_to(path: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
        await asyncio.wait(
            [asyncio.create_task(_pump(reader, inner_writer)), asyncio.create_task(_pump(inner_reader, writer))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for end in (writer, inner_writer):
            end.close()

    return relay


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
