"""What every engine does with a task of several containers. [batch.md 2.5]"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batchd.engines.engine import ContainerExit, Exited, FailedToStart, Started
from batchd.task import ContainerSpec, TaskSpec
from tests.contract.engines import NEVER_S, Rig, Server, Work, until

READY = ((1, "ready"),)


def container(rig: Rig, name: str, work: Work, **more: Any) -> ContainerSpec:
    return replace(rig.container(work), name=name, **more)


def helper(rig: Rig, name: str, work: Work, **more: Any) -> ContainerSpec:
    """One that is not essential."""
    return container(rig, name, work, essential=False, **more)


def task(*containers: ContainerSpec) -> TaskSpec:
    return TaskSpec("0" * 31 + "1", containers)


async def run(server: Server, spec: TaskSpec) -> Exited:
    server.engine.start(spec)
    return await end_of(server, spec)


async def run_until_gone(server: Server, rig: Rig, spec: TaskSpec, name: str, line: str) -> Exited:
    """As `run`; what is gated goes on when the container of this name, which prints the line, has ended."""
    server.engine.start(spec)
    await server.until_output(spec, line, name)
    await rig.until_gone(spec.task_id, name)
    rig.open_gate()
    return await end_of(server, spec)


async def end_of(server: Server, spec: TaskSpec) -> Exited:
    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    return exited


async def test_each_container_has_a_log_of_its_own_and_the_task_one_start(server: Server, rig: Rig) -> None:
    spec = task(
        container(rig, "main", Work(lines=((1, "from main"),), gated=True)),
        helper(rig, "other", Work(lines=((1, "from other"),))),
    )

    exited = await run_until_gone(server, rig, spec, "other", "from other")

    assert [type(report) for report in server.reports] == [Started, Exited]
    assert (exited.exit_code, exited.reason) == (0, None)
    assert exited.containers == (ContainerExit("main", 0), ContainerExit("other", 0))
    assert (server.output(spec, "main"), server.output(spec, "other")) == ("from main\n", "from other\n")


async def test_the_end_of_an_essential_container_decides_and_stops_the_others(server: Server, rig: Rig) -> None:
    spec = task(
        helper(rig, "other", Work(on_sigterm="7", lines=READY, run_s=NEVER_S)),
        container(rig, "main", Work(gated=True, exit_code=4), depends_on=(("other", "START"),)),
    )
    server.engine.start(spec)
    await server.until_output(spec, "ready", "other")

    rig.open_gate()

    exited = await end_of(server, spec)

    assert exited.exit_code == 4
    assert exited.containers == (ContainerExit("other", 7), ContainerExit("main", 4))


async def test_of_two_essential_containers_the_first_to_end_decides(server: Server, rig: Rig) -> None:
    long = Work(on_sigterm="7", lines=READY, run_s=NEVER_S)
    spec = task(container(rig, "long", long), container(rig, "short", Work(gated=True)))
    server.engine.start(spec)
    await server.until_output(spec, "ready", "long")

    rig.open_gate()

    exited = await end_of(server, spec)

    assert exited.exit_code == 0
    assert exited.containers == (ContainerExit("long", 7), ContainerExit("short", 0))


async def test_what_is_not_essential_may_fail(server: Server, rig: Rig) -> None:
    ill = Work(lines=READY, exit_code=9)
    spec = task(helper(rig, "helper", ill), container(rig, "main", Work(gated=True)))

    exited = await run_until_gone(server, rig, spec, "helper", "ready")

    assert exited.exit_code == 0
    assert exited.containers == (ContainerExit("helper", 9), ContainerExit("main", 0))


async def test_what_is_not_essential_need_not_even_start(server: Server, rig: Rig) -> None:
    spec = task(helper(rig, "helper", Work(missing=True)), container(rig, "main", Work(run_s=0.1)))

    exited = await run(server, spec)

    assert exited.exit_code == 0
    assert exited.containers[0].exit_code is None
    assert (exited.containers[0].reason or "").startswith("CannotStartContainerError: ")


async def test_a_container_waits_for_others_to_succeed_however_long_the_row(server: Server, rig: Rig) -> None:
    spec = task(
        container(rig, "main", Work(exit_code=3, lines=((1, "ran"),)), depends_on=(("two", "SUCCESS"),)),
        helper(rig, "two", Work(), depends_on=(("one", "SUCCESS"),)),
        helper(rig, "one", Work(run_s=0.1)),
    )

    exited = await run(server, spec)

    assert exited.exit_code == 3
    assert exited.containers == (ContainerExit("main", 3), ContainerExit("two", 0), ContainerExit("one", 0))
    assert server.output(spec, "main") == "ran\n"


async def test_without_the_success_it_waits_for_a_container_never_starts_and_the_task_fails(
    server: Server, rig: Rig
) -> None:
    spec = task(
        helper(rig, "first", Work(exit_code=5)),
        container(rig, "main", Work(lines=((1, "ran"),)), depends_on=(("first", "SUCCESS"),)),
    )

    exited = await run(server, spec)

    reason = "CannotStartContainerError: container first did not succeed"
    assert (exited.exit_code, exited.reason) == (5, reason)
    assert exited.containers == (ContainerExit("first", 5), ContainerExit("main", None, reason))
    assert server.output(spec, "main") == ""


async def test_a_container_that_waits_for_an_end_minds_not_how(server: Server, rig: Rig) -> None:
    spec = task(
        helper(rig, "first", Work(exit_code=5)),
        container(rig, "main", Work(lines=((1, "ran"),)), depends_on=(("first", "COMPLETE"),)),
    )

    exited = await run(server, spec)

    assert exited.exit_code == 0
    assert server.output(spec, "main") == "ran\n"


async def test_who_waits_gives_up_after_the_start_timeout(server: Server, rig: Rig) -> None:
    spec = task(
        helper(rig, "first", Work(run_s=NEVER_S), start_timeout_s=1.0, stop_timeout_s=0.3),
        container(rig, "main", Work(), depends_on=(("first", "SUCCESS"),)),
    )

    exited = await run(server, spec)

    reason = "CannotStartContainerError: container first did not succeed within 1 s"
    assert (exited.exit_code, exited.reason) == (None, reason)
    assert exited.containers == (ContainerExit("first", rig.deaf_exit_code), ContainerExit("main", None, reason))


async def test_where_none_is_essential_the_first_failure_decides_when_all_have_ended(server: Server, rig: Rig) -> None:
    spec = task(
        helper(rig, "well", Work()),
        helper(rig, "ill", Work(exit_code=6)),
        helper(rig, "long", Work(run_s=0.6, lines=((1, "to the end"),))),
    )

    exited = await run(server, spec)

    assert exited.exit_code == 6
    assert exited.containers == (ContainerExit("well", 0), ContainerExit("ill", 6), ContainerExit("long", 0))


async def test_a_stop_reaches_all_that_run_and_the_others_never_start(server: Server, rig: Rig) -> None:
    patient = Work(on_sigterm="7", lines=READY, run_s=NEVER_S)
    spec = task(
        helper(rig, "first", patient),
        helper(rig, "beside", patient),
        container(rig, "main", Work(lines=((1, "ran"),)), depends_on=(("first", "COMPLETE"),)),
    )
    server.engine.start(spec)
    await server.until_output(spec, "ready", "first")
    await server.until_output(spec, "ready", "beside")

    server.engine.stop(spec.task_id, grace_s=20.0)

    exited = await end_of(server, spec)
    assert exited.exit_code is None
    assert exited.containers == (ContainerExit("first", 7), ContainerExit("beside", 7), ContainerExit("main", None))
    assert server.output(spec, "main") == ""


async def test_a_container_may_have_less_time_to_end_than_the_others(server: Server, rig: Rig) -> None:
    stubborn = Work(on_sigterm="ignore", lines=READY, run_s=NEVER_S)
    spec = task(container(rig, "main", stubborn, stop_timeout_s=0.3))
    server.engine.start(spec)
    await server.until_output(spec, "ready")

    server.engine.stop(spec.task_id, grace_s=NEVER_S)

    assert (await end_of(server, spec)).exit_code == 137


async def test_a_task_of_which_nothing_starts_has_failed_to_start(server: Server, rig: Rig) -> None:
    spec = task(
        container(rig, "main", Work(missing=True)), container(rig, "other", Work(), depends_on=(("main", "START"),))
    )

    server.engine.start(spec)

    failed = await server.report(FailedToStart, spec)
    assert isinstance(failed, FailedToStart)
    assert failed.reason.startswith("CannotStartContainerError: ")
    assert failed.containers == (ContainerExit("main", None, failed.reason), ContainerExit("other", None))
    assert server.of(spec.task_id, Started) == []


async def test_a_row_of_containers_goes_on_after_a_restart(rig: Rig, server: Server) -> None:
    spec = task(
        helper(rig, "first", Work(lines=READY, run_s=0.6)),
        container(rig, "main", Work(exit_code=3, lines=((1, "ran"),)), depends_on=(("first", "SUCCESS"),)),
    )
    server.engine.start(spec)
    await server.until_output(spec, "ready", "first")
    await server.engine.close()

    again = Server(rig)
    await again.open(spec.task_id)

    exited = await end_of(again, spec)
    assert exited.exit_code == 3
    assert exited.containers == (ContainerExit("first", 0), ContainerExit("main", 3))
    assert again.output(spec, "main") == "ran\n"
    assert len(again.of(spec.task_id, Started)) == 1
    await again.engine.close()


async def test_a_forgotten_task_leaves_nothing_of_any_container(server: Server, rig: Rig) -> None:
    loud = Work(lines=((1, "hello"),))
    spec = task(container(rig, "main", loud), container(rig, "other", loud))
    await run(server, spec)
    assert rig.traces(spec.task_id) != []

    server.engine.forget(spec.task_id)

    await until(lambda: rig.traces(spec.task_id) == [])
