"""Against an HTTP server that behaves as a troubled dockerd does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from batchd.engines.docker import DockerSettings
from batchd.engines.engine import ContainerExit, Exited, FailedToStart, Started
from tests.docker_desk import a_container, a_task, open_desk, settings_for
from tests.patience import LONG_S

CREATED = {"Id": "c1", "State": {"Status": "created", "ExitCode": 0}, "Config": {}}
EXITED: dict[str, Any] = {
    "Id": "c1",
    "State": {
        "Status": "exited",
        "ExitCode": 0,
        "StartedAt": "2026-01-01T00:00:00Z",
        "FinishedAt": "2026-01-01T00:00:01Z",
    },
    "Config": {},
}


class Daemon:
    """Has every image; one container `c1`. `hang` names the call that it never answers, `troubles` those that fail
    with this status so many times."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = CREATED
        self.ended = EXITED
        self.hang = ""
        self.troubles: dict[str, list[int]] = {}
        self.calls: list[str] = []
        self.over = asyncio.Event()
        self.removed = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.path.rpartition('/')[2]}"
        self.calls.append(call)
        if call == self.hang or call == "GET events":
            await self.over.wait()
        if pending := self.troubles.get(call):
            return web.json_response({"message": "trouble"}, status=pending.pop())
        if call == "POST start":
            self.state = self.ended
        if call == "DELETE c1":
            self.removed.set()
        if call == "GET json" and request.path == "/containers/json":
            return web.json_response([{"Id": "c1", "State": "exited"}])
        if call == "GET logs":
            return web.Response()
        return web.json_response(self.state)


STRANGE: dict[str, Any] = {  # seen on a busy machine
    "Id": "c1",
    "State": {**EXITED["State"], "StartedAt": "2026-01-01T00:00:00.5Z", "FinishedAt": "2026-01-01T00:00:00.4Z"},
    "Config": {},
}


@pytest.fixture
async def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
async def settings(daemon: Daemon, tmp_path: Path) -> AsyncIterator[DockerSettings]:
    runner = web.AppRunner(daemon.app(), shutdown_timeout=0)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "d.sock")).start()
    yield settings_for(f"unix://{tmp_path}/d.sock", tmp_path / "docker")
    daemon.over.set()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("call", "limit", "state"),
    [("POST create", {"create_timeout_s": 0.1}, "created"), ("POST start", {"start_timeout_s": 0.1}, "started")],
)
async def test_a_daemon_that_is_too_slow_fails_the_task_with_awss_reason(
    daemon: Daemon, settings: DockerSettings, call: str, limit: dict[str, float], state: str
) -> None:
    daemon.hang = call
    task = a_task("true")
    async with open_desk(replace(settings, **limit)) as desk:
        desk.engine.start(task)
        report = await desk.until(task, FailedToStart)
    assert report.reason == f"DockerTimeoutError: Could not transition to {state}; timed out after waiting 0s"


async def test_the_end_is_learnt_though_no_event_tells_it(daemon: Daemon, settings: DockerSettings) -> None:
    task = a_task("true")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        end = await desk.until(task, Exited)
    assert (end.exit_code, end.at) == (0, 1767225601000)
    assert [type(report) for report in desk.reports] == [Started, Exited]


async def test_who_ended_in_time_is_not_given_up_though_it_is_heard_of_late(
    daemon: Daemon, settings: DockerSettings
) -> None:
    """The daemon's times are long ago, as after a stall; from start to end it took a second."""
    first = a_container("true", name="first", essential=False, start_timeout_s=5.0)
    main = a_container("true", name="main", depends_on=(("first", "SUCCESS"),))
    task = replace(a_task(), containers=(first, main))
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        end = await desk.until(task, Exited)
    assert (end.exit_code, end.reason) == (0, None)
    assert end.containers == (ContainerExit("first", 0), ContainerExit("main", 0))


async def test_an_end_is_never_before_its_start(daemon: Daemon, settings: DockerSettings) -> None:
    daemon.ended = STRANGE
    task = a_task("true")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        end = await desk.until(task, Exited)
        assert end.at == (await desk.until(task, Started)).at


async def test_a_daemon_that_has_trouble_to_tell_the_state_is_asked_again(
    daemon: Daemon, settings: DockerSettings
) -> None:
    task = a_task("true", log=None)
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until(task, Started)
        daemon.troubles["GET json"] = [500, 500]
        assert (await desk.until(task, Exited)).exit_code == 0


async def test_output_that_cannot_be_read_does_not_keep_the_end_from_being_told(
    daemon: Daemon, settings: DockerSettings
) -> None:
    daemon.troubles["GET logs"] = [500] * 100
    task = a_task("true")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        assert (await desk.until(task, Exited)).exit_code == 0


async def test_a_refusal_to_remove_a_container_is_met_with_another_try(
    daemon: Daemon, settings: DockerSettings
) -> None:
    task = a_task("true")
    daemon.troubles["DELETE c1"] = [500]
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until(task, Exited)
        desk.engine.forget(task.task_id)
        async with asyncio.timeout(LONG_S):
            await daemon.removed.wait()
    assert daemon.calls.count("DELETE c1") == 2


async def test_a_name_that_somebody_else_took_fails_the_task(daemon: Daemon, settings: DockerSettings) -> None:
    daemon.troubles["POST create"] = [409]
    task = a_task("true")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        report = await desk.until(task, FailedToStart)
    assert report.reason == "CannotStartContainerError: Error response from daemon: trouble"
