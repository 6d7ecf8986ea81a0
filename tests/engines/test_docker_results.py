"""Results and usage of Docker's containers, on a real daemon."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batchd.engines.docker import DockerSettings
from batchd.engines.engine import RESULT_BYTES, Exited, Started, Usage
from batchd.task import TaskSpec
from tests.contract.engines import until
from tests.docker_daemon import docker_host
from tests.docker_desk import Desk, a_container, a_task, clean_up, open_desk, settings_for

__all__ = ["docker_host"]

WRITE = """echo '{"rows": 3}' > "$BATCHD_OUTPUT" """


@pytest.fixture
def settings(docker_host: str, tmp_path: Path) -> DockerSettings:
    return settings_for(docker_host, tmp_path / "docker")


@pytest.fixture
async def desk(settings: DockerSettings) -> AsyncIterator[Desk]:
    async with open_desk(settings) as desk:
        yield desk
    clean_up(settings)


async def run(desk: Desk, task: TaskSpec) -> Exited:
    desk.engine.start(task)
    return await desk.until(task, Exited)


@pytest.mark.parametrize("more", [{}, {"user": "nobody"}, {"readonly_root": True}, {"log": None}])
async def test_what_is_written_to_the_named_file_comes_with_the_exit(desk: Desk, more: dict[str, object]) -> None:
    exited = await run(desk, a_task("sh", "-c", WRITE, **more))

    assert (exited.exit_code, exited.output) == (0, b'{"rows": 3}\n')


async def test_who_writes_nothing_has_no_result_and_too_much_is_cut(desk: Desk) -> None:
    assert (await run(desk, a_task("true"))).output is None
    large = await run(desk, a_task("sh", "-c", 'head -c 1000000 /dev/zero > "$BATCHD_OUTPUT"'))
    assert large.output == b"\0" * (RESULT_BYTES + 1)


async def test_of_several_containers_the_first_that_wrote_one_has_the_result(desk: Desk) -> None:
    quiet = a_container("true", name="a", essential=False)
    writers = [a_container("sh", "-c", f'echo {n} > "$BATCHD_OUTPUT"', name=n, essential=False) for n in ("b1", "b2")]

    exited = await run(desk, TaskSpec("ab" * 16, (quiet, *writers)))

    assert exited.output == b"b1\n"


async def test_a_restarted_server_reads_the_result_of_a_task_that_ended_meanwhile(settings: DockerSettings) -> None:
    task = a_task("sh", "-c", WRITE)
    async with open_desk(settings) as first:
        first.engine.start(task)
        await first.until(task, Exited)
    async with open_desk(settings, [task]) as second:
        exited = await second.until(task, Exited)
    clean_up(settings)

    assert exited.output == b'{"rows": 3}\n'


async def test_nobody_else_gets_at_the_file(desk: Desk, settings: DockerSettings) -> None:
    task = a_task("sh", "-c", "sleep 60")
    desk.engine.start(task)
    await desk.until(task, Started)

    folder = settings.root / task.task_id

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    desk.engine.stop(task.task_id, 0)
    await desk.until(task, Exited)


async def test_memory_and_cpu_are_seen_while_it_runs(desk: Desk) -> None:
    work = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    task = a_task("sh", "-c", f"{work}; sleep 600", memory_mib=128)
    desk.engine.start(task)
    await desk.until(task, Started)
    await until(lambda: _has_worked(desk.engine._runs[task.task_id].boxes[0].meter.usage))

    desk.engine.stop(task.task_id, 0)

    exited = await desk.until(task, Exited)
    assert exited.usage is not None
    assert 15 < exited.usage.peak_memory_mib < 128
    assert 0.05 < exited.usage.cpu_s < 60


def _has_worked(usage: Usage | None) -> bool:
    return usage is not None and usage.cpu_s > 0.05 and usage.peak_memory_mib > 15
