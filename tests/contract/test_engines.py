"""What every engine does. One suite; the engines are in `engines.RIGS`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import replace

import pytest

from batchd.engines.engine import Exited, FailedToStart, Lost, Started
from batchd.task import encode_task
from tests.contract.engines import NEVER_S, Rig, Server, Work, until


async def test_a_task_starts_then_exits_and_its_output_is_in_the_log(server: Server) -> None:
    spec = server.task(Work(lines=((1, "hello"),)))

    server.engine.start(spec)
    exited = await server.report(Exited, spec)

    assert [type(report) for report in server.reports] == [Started, Exited]
    assert isinstance(exited, Exited)
    assert (exited.exit_code, exited.reason) == (0, None)
    started = server.reports[0]
    assert 0 < started.at <= exited.at
    assert server.output(spec) == "hello\n"


async def test_a_failing_command_reports_its_exit_code(server: Server) -> None:
    spec = server.task(Work(exit_code=42))

    server.engine.start(spec)

    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 42


async def test_a_result_comes_with_the_exit_of_who_wrote_one(server: Server) -> None:
    writer, other = server.task(Work(result='{"rows": 3}', exit_code=1)), server.task(Work(), "0" * 31 + "2")

    server.engine.start(writer)
    server.engine.start(other)

    exits = [await server.report(Exited, spec) for spec in (writer, other)]
    assert [isinstance(exited, Exited) and exited.output for exited in exits] == [b'{"rows": 3}', None]


async def test_both_streams_are_kept_in_the_order_they_were_written(server: Server) -> None:
    spec = server.task(Work(lines=((1, "one"), (2, "two"), (1, "three"), (2, "four"))))

    server.engine.start(spec)

    await server.report(Exited, spec)
    assert sorted(server.output(spec).split()) == sorted(["one", "two", "three", "four"])
    if not server.engine.abilities.containers:  # a container runtime reads two pipes
        assert server.output(spec) == "one\ntwo\nthree\nfour\n"


async def test_the_environment_reaches_the_task(server: Server) -> None:
    value = "two words, 'quotes' and $HOME"
    spec = server.task(Work(show="GREETING", environment={"GREETING": value}))

    server.engine.start(spec)

    await server.report(Exited, spec)
    assert server.output(spec) == value + "\n"


async def test_a_task_that_handles_sigterm_ends_with_its_own_code(server: Server) -> None:
    spec = server.task(Work(on_sigterm="7", lines=((1, "ready"),), run_s=NEVER_S))
    server.engine.start(spec)
    await server.report(Started, spec)
    await server.until_output(spec, "ready")

    server.engine.stop(spec.task_id, grace_s=20.0)

    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 7


async def test_a_task_that_ignores_sigterm_is_killed_after_the_grace(server: Server) -> None:
    spec = server.task(Work(on_sigterm="ignore", lines=((1, "ready"),), run_s=NEVER_S))
    server.engine.start(spec)
    await server.report(Started, spec)
    await server.until_output(spec, "ready")

    server.engine.stop(spec.task_id, grace_s=0.3)
    server.engine.stop(spec.task_id, grace_s=20.0)  # asking again does not prolong it

    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 137


async def test_stopping_what_is_unknown_or_over_does_nothing(server: Server) -> None:
    spec = server.task(Work())
    server.engine.start(spec)
    await server.report(Exited, spec)
    before = list(server.reports)

    server.engine.stop(spec.task_id, grace_s=0.0)
    server.engine.stop("f" * 32, grace_s=0.0)
    later = server.task(Work(), "0" * 31 + "2")
    server.engine.start(later)
    await server.report(Exited, later)

    assert server.of(spec.task_id) == before
    assert server.of("f" * 32) == []


async def test_a_repeated_start_is_one_run(server: Server) -> None:
    spec = server.task(Work(on_sigterm="7", lines=((1, "ready"),), run_s=NEVER_S))
    server.engine.start(spec)
    server.engine.start(spec)
    await server.until_output(spec, "ready")
    known = len(server.of(spec.task_id, Started))

    server.engine.start(spec)

    await until(lambda: len(server.of(spec.task_id, Started)) > known)
    assert server.output(spec) == "ready\n"
    assert len(set(server.of(spec.task_id, Started))) == 1


async def test_a_start_of_an_ended_task_reports_the_same_end(server: Server) -> None:
    spec = server.task(Work(exit_code=3, lines=((1, "once"),)))
    server.engine.start(spec)
    first = await server.report(Exited, spec)

    server.engine.start(spec)

    await until(lambda: len(server.of(spec.task_id, Exited)) == 2)
    assert server.of(spec.task_id, Exited) == [first, first]
    assert server.output(spec) == "once\n"


async def test_a_command_that_does_not_exist_fails_to_start(server: Server) -> None:
    spec = server.task(Work(missing=True))

    server.engine.start(spec)

    failed = await server.report(FailedToStart, spec)
    assert isinstance(failed, FailedToStart)
    assert failed.reason.startswith("CannotStartContainerError: ")
    assert "batchd-no-such-command" in failed.reason
    assert server.of(spec.task_id) == [failed]


async def test_forget_leaves_nothing_of_a_task(rig: Rig, server: Server) -> None:
    spec = server.task(Work(lines=((1, "hello"),)))
    server.engine.start(spec)
    await server.report(Exited, spec)
    await server.until_output(spec, "hello")
    assert rig.traces(spec.task_id) != []

    server.engine.forget(spec.task_id)
    server.engine.forget(spec.task_id)

    await until(lambda: rig.traces(spec.task_id) == [])


async def test_a_running_task_is_adopted_after_a_restart(rig: Rig, server: Server) -> None:
    spec = server.task(Work(on_sigterm="7", lines=((1, "ready"),), run_s=NEVER_S))
    server.engine.start(spec)
    await server.until_output(spec, "ready")
    await server.engine.close()

    again = Server(rig)
    await again.open(spec.task_id)

    assert [type(report) for report in again.reports] == [Started]
    again.engine.stop(spec.task_id, grace_s=20.0)
    exited = await again.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 7
    await again.engine.close()


async def test_a_task_that_ended_without_a_server_is_reported_after_the_restart(rig: Rig, server: Server) -> None:
    spec = server.task(Work(lines=((1, "ready"),), gated=True, exit_code=5))
    server.engine.start(spec)
    await server.until_output(spec, "ready")
    await server.engine.close()
    rig.open_gate()
    await rig.until_ended(spec.task_id)

    again = Server(rig)
    await again.open(spec.task_id)

    exited = again.reports[-1]
    assert isinstance(exited, Exited)
    assert exited.exit_code == 5
    assert again.output(spec) == "ready\n"
    await again.engine.close()


async def test_an_unknown_task_is_lost_and_an_unadopted_one_forgotten(rig: Rig, server: Server) -> None:
    spec = server.task(Work(lines=((1, "hello"),)))
    server.engine.start(spec)
    await server.report(Exited, spec)
    await server.engine.close()

    again = Server(rig)
    await again.open("e" * 32)

    assert [(type(report), report.task_id) for report in again.reports] == [(Lost, "e" * 32)]
    await until(lambda: rig.traces(spec.task_id) == [])
    await again.engine.close()


async def test_many_tasks_at_once_are_each_reported_once(rig: Rig, server: Server) -> None:
    count = 20 if server.engine.abilities.containers else 200
    specs = [server.task(Work(), f"{number:032x}") for number in range(1, count + 1)]

    for spec in specs:
        server.engine.start(spec)
    await until(lambda: sum(isinstance(report, Exited) for report in server.reports) >= count)

    told = Counter((type(report), report.task_id) for report in server.reports)
    assert told == {(kind, spec.task_id): 1 for spec in specs for kind in (Started, Exited)}


async def test_ten_megabytes_of_output_are_kept(server: Server) -> None:
    size = 10_000_000
    spec = server.task(Work(fill_bytes=size))

    server.engine.start(spec)

    await server.report(Exited, spec)
    assert server.engine.log_path(spec.task_id, "main").stat().st_size == size


async def test_output_without_a_destination_is_dropped(server: Server) -> None:
    loud = server.task(Work(lines=((1, "hello"),)))
    silent = replace(loud, containers=(replace(loud.containers[0], log=None),))

    server.engine.start(silent)

    await server.report(Exited, silent)
    assert server.output(silent) == ""


async def test_a_task_that_takes_more_memory_than_its_own_is_killed(server: Server) -> None:
    if not server.engine.abilities.limits_memory:
        pytest.skip(f"the {server.engine.name} engine limits no memory here")
    spec = server.task(Work(hold_mib=200))

    server.engine.start(spec)

    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert (exited.exit_code, exited.reason) == (137, "OutOfMemoryError: Container killed due to memory usage")


SERVER = """
import asyncio, sys
from batchd.task import decode_task

async def main():
    engine = make_engine()
    await engine.open(lambda report: print(type(report).__name__, flush=True), [])
    engine.start(decode_task(sys.argv[1]))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_server_loses_no_task(rig: Rig) -> None:
    if not rig.survives_server:
        pytest.skip("its tasks live in the server")
    server = Server(rig)
    spec = server.task(Work(on_sigterm="7", lines=((1, "ready"),), run_s=NEVER_S))
    source = rig.server_source() + SERVER
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", source, encode_task(spec).decode()), stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout
    assert await other.stdout.readline() == b"Started\n"
    await server.until_output(spec, "ready")
    other.kill()
    await other.communicate()

    await server.open(spec.task_id)

    assert [type(report) for report in server.reports] == [Started]
    server.engine.stop(spec.task_id, grace_s=20.0)
    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 7
    await server.engine.close()
