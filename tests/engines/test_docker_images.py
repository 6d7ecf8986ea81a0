"""Against an HTTP server that answers as dockerd does: a registry is not at hand everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from batchd.engines.docker_api import DockerApi
from batchd.engines.docker_images import Images, PullPolicy, Reference, parse_reference
from batchd.engines.docker_reasons import StartFailure


class Daemon:
    """Answers pulls with `lines`, then ends the stream; `held` keeps it open until it is set."""

    def __init__(self) -> None:
        self.local: set[str] = set()
        self.pulls: list[dict[str, str]] = []
        self.auths: list[str | None] = []
        self.lines = [b'{"status": "Pulling"}\n']
        self.refusal: tuple[int, str] | None = None
        self.asked = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/images/{name:.+}/json", self.show)
        app.router.add_post("/images/create", self.pull)
        return app

    async def show(self, request: web.Request) -> web.Response:
        if request.match_info["name"] in self.local:
            return web.json_response({})
        return web.json_response({"message": "No such image"}, status=404)

    async def pull(self, request: web.Request) -> web.StreamResponse:
        self.pulls.append(dict(request.query))
        self.auths.append(request.headers.get("X-Registry-Auth"))
        self.asked.set()
        if self.refusal is not None:
            return web.json_response({"message": self.refusal[1]}, status=self.refusal[0])
        answer = web.StreamResponse()
        await answer.prepare(request)
        for line in self.lines:
            await answer.write(line)
        await self.held.wait()
        return answer


@asynccontextmanager
async def images_of(
    daemon: Daemon, directory: Path, policy: PullPolicy = "missing", quiet_s: float = 30.0, auth: str | None = None
) -> AsyncIterator[Images]:
    runner = web.AppRunner(daemon.app(), shutdown_timeout=0)
    await runner.setup()
    path = directory / "d.sock"
    await web.UnixSite(runner, str(path)).start()
    api = DockerApi(f"unix://{path}")
    images = Images(api, policy, quiet_s, lambda reference: auth)
    try:
        yield images
    finally:
        await images.close()
        await api.close()
        daemon.held.set()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("busybox", "busybox", "latest"),
        ("busybox:1.36", "busybox", "1.36"),
        ("team/app", "team/app", "latest"),
        ("localhost:5000/app", "localhost:5000/app", "latest"),
        ("localhost:5000/team/app:2", "localhost:5000/team/app", "2"),
        ("app@sha256:ab", "app", "sha256:ab"),
        ("quay.io/app:1@sha256:ab", "quay.io/app", "sha256:ab"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:3",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
            "3",
        ),
    ],
)
def test_a_reference_has_a_name_and_a_tag_or_digest(image: str, name: str, tag: str) -> None:
    assert parse_reference(image) == Reference(name, tag)


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("busybox", "docker.io"),
        ("team/app", "docker.io"),
        ("localhost/app", "localhost"),
        ("localhost:5000/app:1", "localhost:5000"),
        ("quay.io/team/app", "quay.io"),
    ],
)
def test_the_registry_is_found_by_the_rule_of_the_docker_client(image: str, registry: str) -> None:
    assert parse_reference(image).registry == registry


async def test_an_image_that_is_there_is_not_pulled(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.local.add("team/app:1")
    async with images_of(daemon, tmp_path) as images:
        await images.ensure("team/app:1")
    assert daemon.pulls == []


async def test_an_image_that_is_missing_is_pulled(tmp_path: Path) -> None:
    daemon = Daemon()
    async with images_of(daemon, tmp_path) as images:
        await images.ensure("team/app")
    assert daemon.pulls == [{"fromImage": "team/app", "tag": "latest"}]
    assert daemon.auths == [None]


async def test_the_registrys_login_goes_with_the_pull(tmp_path: Path) -> None:
    daemon = Daemon()
    async with images_of(daemon, tmp_path, auth="c2VjcmV0") as images:
        await images.ensure("team/app")
    assert daemon.auths == ["c2VjcmV0"]


async def test_with_the_policy_always_an_image_that_is_there_is_pulled_again(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.local.add("team/app:1")
    async with images_of(daemon, tmp_path, "always") as images:
        await images.ensure("team/app:1")
    assert len(daemon.pulls) == 1


async def test_tasks_that_wait_for_the_same_image_share_one_pull(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.held.clear()
    async with images_of(daemon, tmp_path) as images:
        waiting = [asyncio.create_task(images.ensure("team/app")) for _ in range(5)]
        await daemon.asked.wait()
        daemon.held.set()
        await asyncio.gather(*waiting)
    assert len(daemon.pulls) == 1


async def test_a_task_that_stops_waiting_leaves_the_pull_to_the_others(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.held.clear()
    async with images_of(daemon, tmp_path) as images:
        first = asyncio.create_task(images.ensure("team/app"))
        second = asyncio.create_task(images.ensure("team/app"))
        await daemon.asked.wait()
        first.cancel()
        daemon.held.set()
        await second
        assert first.cancelled()
    assert len(daemon.pulls) == 1


async def test_a_pull_that_failed_is_tried_anew_for_the_next_task(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.refusal = (404, "pull access denied")
    async with images_of(daemon, tmp_path) as images:
        with pytest.raises(StartFailure):
            await images.ensure("team/app")
        daemon.refusal = None
        await images.ensure("team/app")
    assert len(daemon.pulls) == 2


async def test_a_registrys_refusal_is_the_reason(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.refusal = (404, "pull access denied for app")
    async with images_of(daemon, tmp_path) as images:
        with pytest.raises(StartFailure) as failure:
            await images.ensure("app")
    assert str(failure.value) == "CannotPullContainerError: Error response from daemon: pull access denied for app"


async def test_an_error_in_the_middle_of_a_pull_is_the_reason(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.lines.append(b'{"errorDetail": {"message": "no space left"}, "error": "no space left"}\n')
    async with images_of(daemon, tmp_path) as images:
        with pytest.raises(StartFailure) as failure:
            await images.ensure("app")
    assert str(failure.value) == "CannotPullContainerError: Error response from daemon: no space left"


async def test_a_pull_that_makes_no_progress_times_out(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.held.clear()
    async with images_of(daemon, tmp_path, quiet_s=0.1) as images:
        with pytest.raises(StartFailure) as failure:
            await images.ensure("app")
    assert str(failure.value).startswith("DockerTimeoutError: Could not transition to pulled; timed out")
