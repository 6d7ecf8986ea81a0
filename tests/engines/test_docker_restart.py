"""What comes apart: the server and its containers, the daemon, the host. On a daemon of our own, which suffers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from batchd.clock import SystemClock
from batchd.engines.docker import DockerSettings
from batchd.engines.docker_api import DockerApi
from batchd.engines.docker_config import container_name, create_body
from batchd.engines.engine import Exited, Lost, Started
from batchd.task import TaskSpec
from tests.docker_daemon import DockerDaemon, docker, make_images, skip_without_docker, why_no_own_daemon
from tests.docker_desk import a_container, a_task, clean_up, open_desk, settings_for


@pytest.fixture(scope="module")
def daemon() -> Iterator[DockerDaemon]:
    if reason := why_no_own_daemon():
        skip_without_docker(reason)
    daemon = DockerDaemon()
    daemon.start()
    make_images(daemon.url)
    yield daemon
    daemon.close()


@pytest.fixture
def settings(daemon: DockerDaemon, tmp_path: Path) -> Iterator[DockerSettings]:
    settings = settings_for(daemon.url, tmp_path / "docker")
    yield settings
    clean_up(settings)


async def create(settings: DockerSettings, task: TaskSpec, containers: int = 1) -> None:
    """What a server leaves that is killed between the create and the start."""
    api = DockerApi(settings.url)
    await api.connect()
    for container in task.containers[:containers]:
        body = create_body(task, container, settings.instance, "host")
        await api.create(container_name(task.task_id, container.name), body, 30)
    await api.close()


# --- the server ---


async def test_output_goes_on_after_a_restart_where_it_was_cut(settings: DockerSettings) -> None:
    task = a_task("sh", "-c", "seq 1 1000; until test -e /tmp/go; do sleep 0.05; done; seq 1001 2000; exit 3")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until_output(task, b"\n500\n")
    docker(settings.url, "exec", container_name(task.task_id, "default"), "touch", "/tmp/go")
    async with open_desk(settings, [task]) as desk:
        assert (await desk.until(task, Exited)).exit_code == 3
        assert desk.output(task).split() == [str(number).encode() for number in range(1, 2001)]


async def test_the_start_of_a_task_that_ended_meanwhile_is_told_before_its_end(settings: DockerSettings) -> None:
    task = a_task("sh", "-c", "exit 3")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        first = await desk.until(task, Started)
    docker(settings.url, "wait", container_name(task.task_id, "default"))
    async with open_desk(settings, [task]) as desk:
        assert [type(report) for report in desk.reports] == [Started, Exited]
        assert desk.reports[0] == first


async def test_a_container_that_was_created_only_is_started_by_the_next_server(settings: DockerSettings) -> None:
    task = a_task("echo", "x")
    await create(settings, task)
    async with open_desk(settings, [task]) as desk:
        assert (await desk.until(task, Exited)).exit_code == 0
        assert desk.output(task) == b"x\n"


async def test_a_start_that_is_repeated_after_a_crash_finds_what_was_created(settings: DockerSettings) -> None:
    task = a_task("echo", "x")
    await create(settings, task)
    async with open_desk(settings, keep=[task.task_id]) as desk:
        assert desk.reports == []
        desk.engine.start(task)
        assert (await desk.until(task, Exited)).exit_code == 0
        assert desk.output(task) == b"x\n"


async def test_a_start_that_is_repeated_after_the_end_does_not_run_twice(settings: DockerSettings) -> None:
    task = a_task("sh", "-c", "echo x; exit 3")
    await create(settings, task)
    name = container_name(task.task_id, "default")
    docker(settings.url, "start", name)
    docker(settings.url, "wait", name)
    async with open_desk(settings, keep=[task.task_id]) as desk:
        desk.engine.start(task)
        assert (await desk.until(task, Exited)).exit_code == 3
        assert [type(report) for report in desk.of(task)] == [Started, Exited]
        assert desk.output(task) == b"x\n"


async def test_of_several_containers_some_of_which_were_created_none_ran(settings: DockerSettings) -> None:
    task = a_task()
    task = replace(task, containers=(a_container("true", name="one"), a_container("true", name="two")))
    await create(settings, task, containers=1)
    async with open_desk(settings, [task]) as desk:
        assert [type(report) for report in desk.reports] == [Lost]


async def test_several_containers_are_adopted_together(settings: DockerSettings) -> None:
    main = a_container("sh", "-c", "trap 'exit 7' TERM; echo up; while true; do sleep 0.05; done", name="main")
    helper = a_container("sleep", "1000", name="helper", essential=False, init=True)
    task = replace(a_task(stop_timeout_s=5.0), containers=(main, helper))
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until_output(task, b"up")
    async with open_desk(settings, [task]) as desk:
        assert [type(report) for report in desk.reports] == [Started]
        desk.engine.stop(task.task_id, 5)
        assert (await desk.until(task, Exited)).exit_code == 7


async def test_output_that_nobody_wants_stays_unread_after_a_restart(settings: DockerSettings) -> None:
    task = a_task("echo", "x", log=None)
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until(task, Exited)
    async with open_desk(settings, [task]) as desk:
        assert (await desk.until(task, Exited)).exit_code == 0
        assert not desk.engine.log_path(task.task_id, "default").exists()


# --- the daemon ---


async def test_a_task_that_the_daemon_stopped_with_itself_has_its_own_exit_code(
    daemon: DockerDaemon, settings: DockerSettings
) -> None:
    task = a_task("sh", "-c", "trap 'echo bye; exit 7' TERM; echo up; while true; do sleep 0.05; done")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until_output(task, b"up\n")
        daemon.stop()
        daemon.start()
        assert (await desk.until(task, Exited)).exit_code == 7
        assert desk.output(task) == b"up\nbye\n"


async def test_a_task_that_outlives_a_crash_of_the_daemon_is_ended_by_the_next_one(
    daemon: DockerDaemon, settings: DockerSettings
) -> None:
    ends_alone = a_task("sh", "-c", "echo up; sleep 0.5; exit 9")
    runs_on = a_task("sh", "-c", "trap 'exit 7' TERM; echo up; while true; do sleep 0.05; done")
    async with open_desk(settings) as desk:
        for task in (ends_alone, runs_on):
            desk.engine.start(task)
            await desk.until_output(task, b"up\n")
        daemon.kill()
        daemon.start()
        assert (await desk.until(runs_on, Exited)).exit_code == 7
        assert (await desk.until(ends_alone, Exited)).exit_code in (9, 137, 143)
        assert len(desk.reports) == 4


async def test_what_is_asked_while_the_daemon_is_away_is_done_when_it_is_back(
    daemon: DockerDaemon, settings: DockerSettings
) -> None:
    ended, wanted = a_task("true"), a_task("echo", "x")
    async with open_desk(settings) as desk:
        desk.engine.start(ended)
        await desk.until(ended, Exited)
        daemon.stop()
        desk.engine.forget(ended.task_id)
        desk.engine.start(wanted)
        daemon.start()
        assert (await desk.until(wanted, Exited)).exit_code == 0
        assert desk.output(wanted) == b"x\n"
        desk.engine.start(replace(wanted, task_id=ended.task_id))  # runs when the old container is gone
        await desk.until(ended, Exited, 2)


async def test_a_task_that_the_daemon_leaves_alone_is_followed_through_its_restarts(tmp_path: Path) -> None:
    if reason := why_no_own_daemon():
        skip_without_docker(reason)
    daemon = DockerDaemon(live_restore=True)
    daemon.start()
    try:
        make_images(daemon.url)
        task = a_task("sh", "-c", "trap 'echo bye; exit 7' TERM; echo up; while true; do sleep 0.05; done")
        async with open_desk(settings_for(daemon.url, tmp_path / "docker")) as desk:
            desk.engine.start(task)
            await desk.until_output(task, b"up\n")
            daemon.kill()
            daemon.start()
            daemon.stop()
            daemon.start()
            desk.engine.stop(task.task_id, 30)
            assert (await desk.until(task, Exited)).exit_code == 7
            assert desk.output(task) == b"up\nbye\n"
    finally:
        daemon.close()


# --- the host ---


async def test_a_task_that_ran_when_the_host_went_down_is_lost(daemon: DockerDaemon, settings: DockerSettings) -> None:
    task = a_task("sleep", "1000")
    async with open_desk(settings) as desk:
        desk.engine.start(task)
        await desk.until(task, Started)
    pid = int(docker(settings.url, "inspect", "-f", "{{.State.Pid}}", container_name(task.task_id, "default")))
    shim = parent_of(pid)
    daemon.kill()
    os.kill(shim, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    rebooted = replace(settings, booted_at=SystemClock().now_ms())
    daemon.start()
    async with open_desk(rebooted, [task]) as desk:
        report = await desk.until(task, Lost)
    assert report.reason == "The host was restarted while the container was running"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
