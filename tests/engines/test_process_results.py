"""What a process leaves and what it took: results and usage."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from batchd.engines.engine import RESULT_BYTES, Exited, Started
from batchd.engines.process import ProcessEngine
from batchd.engines.result_file import read_result
from batchd.engines.runner.place import Place
from batchd.task import ContainerSpec, TaskSpec
from tests.contract.engines import ProcessRig, Server, until


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(tmp_path / "engine")
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def server(rig: ProcessRig) -> AsyncIterator[Server]:
    server = Server(rig)
    await server.open()
    yield server
    await server.engine.close()


def shell(text: str, name: str = "main") -> ContainerSpec:
    return ContainerSpec(name, "none", ("/bin/sh", "-c", text), memory_mib=256)


async def run(server: Server, *containers: ContainerSpec, number: int = 1) -> Exited:
    spec = TaskSpec(f"{number:032x}", containers)
    server.engine.start(spec)
    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    return exited


async def test_what_is_written_to_the_named_file_comes_with_the_exit(server: Server) -> None:
    exited = await run(server, shell("""echo '{"rows": 3}' > "$BATCHD_OUTPUT"; exit 4"""))

    assert (exited.exit_code, exited.output) == (4, b'{"rows": 3}\n')


async def test_who_writes_nothing_has_no_result(server: Server) -> None:
    assert (await run(server, shell("exit 0"))).output is None


async def test_no_more_than_one_byte_too_much_is_read(server: Server) -> None:
    exited = await run(server, shell('head -c 1000000 /dev/zero > "$BATCHD_OUTPUT"'))

    assert exited.output == b"\0" * (RESULT_BYTES + 1)


async def test_a_job_cannot_move_its_result_elsewhere(server: Server, tmp_path: Path) -> None:
    container = shell("""echo 1 > "$BATCHD_OUTPUT" """)

    exited = await run(server, replace(container, environment={"BATCHD_OUTPUT": str(tmp_path / "elsewhere")}))

    assert exited.output == b"1\n"
    assert not (tmp_path / "elsewhere").exists()


async def test_of_several_containers_the_first_that_wrote_one_has_the_result(server: Server) -> None:
    quiet, first, second = (
        shell("true", "a"),
        shell('echo 1 > "$BATCHD_OUTPUT"', "b"),
        shell('echo 2 > "$BATCHD_OUTPUT"', "c"),
    )

    exited = await run(server, *(replace(one, essential=False) for one in (quiet, first, second)))

    assert exited.output == b"1\n"


async def test_a_restarted_server_hears_of_result_and_usage_again(rig: ProcessRig) -> None:
    server = Server(rig)
    await server.open()
    first = await run(server, shell('echo 1 > "$BATCHD_OUTPUT"'))
    assert isinstance(server.engine, ProcessEngine)
    pid = server.engine.runner_pid
    os.kill(pid or 0, signal.SIGKILL)
    await server.engine.close()

    later = Server(rig)
    await later.open(first.task_id)

    assert later.of(first.task_id) == [*server.of(first.task_id, Started), first]
    assert (first.output, first.usage is not None) == (b"1\n", True)
    await later.engine.close()


async def test_the_result_goes_when_the_task_is_forgotten(server: Server, rig: ProcessRig) -> None:
    exited = await run(server, shell('echo 1 > "$BATCHD_OUTPUT"'))
    scratch = Path(Place(str(rig.directory)).scratch(exited.task_id))

    server.engine.forget(exited.task_id)

    await until(lambda: not scratch.exists())


async def test_memory_and_cpu_that_were_used_are_told(server: Server) -> None:
    small = await run(server, shell("exit 0"), number=1)
    large = await run(server, shell("x=$(head -c 40000000 /dev/zero | tr '\\0' x); exit 0"), number=2)
    again = await run(server, shell("exit 0"), number=3)
    busy = await run(server, shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"), number=4)

    assert small.usage is not None and large.usage is not None and again.usage is not None and busy.usage is not None
    assert large.usage.peak_memory_mib > 35 > small.usage.peak_memory_mib
    assert again.usage.peak_memory_mib < 35
    assert busy.usage.cpu_s > small.usage.cpu_s
    assert 0 <= small.usage.cpu_s < 5


async def test_what_a_processs_children_used_counts(server: Server) -> None:
    exited = await run(server, shell("sh -c \"x=\\$(head -c 40000000 /dev/zero | tr '\\\\0' x)\"; exit 0"))

    assert exited.usage is not None
    assert exited.usage.peak_memory_mib > 35


def test_what_is_no_plain_file_of_its_own_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root only")
    link, second, pipe, plain = (tmp_path / name for name in ("link", "second", "pipe", "plain"))
    link.symlink_to(secret)
    os.link(secret, second)
    os.mkfifo(pipe)
    plain.write_text("1")

    assert [read_result(str(path)) for path in (link, second, pipe, tmp_path, tmp_path / "none")] == [None] * 5
    assert read_result(str(plain)) == b"1"
