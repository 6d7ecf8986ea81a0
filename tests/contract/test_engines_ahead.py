"""What the engines do that take tasks ahead of the room for them. The room is one vCPU, and a task needs as much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.engines.engine import Exited, FailedToStart, Returned, Started
from batchd.task import TaskSpec
from tests.contract.engines import ROOM, Server, Work, until

NEVER_S = 60.0  # longer than any test waits
FIRST, SECOND, THIRD = (f"{number:032x}" for number in (1, 2, 3))

pytestmark = pytest.mark.parametrize("rig", ("fake", "process"), indirect=True)


def task(server: Server, task_id: str, work: Work | None = None, needs: tuple[int, int] = ROOM) -> TaskSpec:
    return replace(server.task(work or Work(), task_id), needs=needs)


async def test_tasks_begin_in_their_order_each_when_the_one_before_has_ended(server: Server) -> None:
    assert server.engine.abilities.ahead > 2
    for task_id in (FIRST, SECOND, THIRD):
        server.engine.start(task(server, task_id))

    await until(lambda: len(server.reports) == 6)

    assert [(type(r), r.task_id) for r in server.reports] == [
        (kind, task_id) for task_id in (FIRST, SECOND, THIRD) for kind in (Started, Exited)
    ]


async def test_a_task_for_which_there_is_no_room_soon_is_returned_and_can_be_started_anew(server: Server) -> None:
    server.engine.start(task(server, FIRST, Work(lines=((1, "ready"),), run_s=NEVER_S)))
    second = task(server, SECOND)
    server.engine.start(second)

    await server.report(Returned, second)

    assert [type(report) for report in server.of(SECOND)] == [Returned]
    assert server.rig.traces(SECOND) == []
    server.engine.stop(FIRST, 20.0)
    await until(lambda: bool(server.of(FIRST, Exited)))
    server.engine.start(second)
    await server.report(Exited, second)


async def test_what_fits_beside_the_others_does_not_wait(server: Server) -> None:
    half = (ROOM[0] // 2, 1)
    for task_id in (FIRST, SECOND):
        server.engine.start(task(server, task_id, Work(run_s=NEVER_S), half))

    await until(lambda: bool(server.of(FIRST, Started) and server.of(SECOND, Started)))


async def test_what_needs_nothing_does_not_wait(server: Server) -> None:
    server.engine.start(task(server, FIRST, Work(run_s=NEVER_S)))
    second = server.task(Work(), SECOND)

    server.engine.start(second)

    await server.report(Exited, second)


async def test_a_task_that_is_stopped_before_there_was_room_has_failed_to_start(server: Server) -> None:
    server.engine.start(task(server, FIRST, Work(run_s=NEVER_S)))
    second = task(server, SECOND)
    server.engine.start(second)

    server.engine.stop(SECOND, 20.0)

    failed = await server.report(FailedToStart, second)
    assert isinstance(failed, FailedToStart)
    assert failed.reason == "CannotStartContainerError: the task was stopped before it ran"
    assert server.of(SECOND) == [failed]
    server.engine.forget(SECOND)


async def test_a_task_that_waits_is_started_once_however_often_it_is_asked_for(server: Server) -> None:
    server.engine.start(task(server, FIRST))
    second = task(server, SECOND)
    for _ in range(3):
        server.engine.start(second)

    await server.report(Exited, second)

    assert len(server.of(SECOND, Started)) >= 1
    server.engine.forget(SECOND)
    await until(lambda: not server.rig.traces(SECOND))


async def test_a_restarted_server_keeps_those_that_wait_or_drops_them(server: Server) -> None:
    server.engine.start(task(server, FIRST, Work(lines=((1, "ready"),), run_s=NEVER_S)))
    await until(lambda: bool(server.of(FIRST, Started)))
    for task_id in (SECOND, THIRD):
        server.engine.start(task(server, task_id))
    await server.engine.close()

    again = Server(server.rig)
    await again.engine.open(again.reports.append, [FIRST], [SECOND])
    again.engine.start(task(again, SECOND))
    again.engine.stop(FIRST, 20.0)

    await until(lambda: bool(again.of(SECOND, Exited, Returned)))
    assert again.of(THIRD) == []
    await again.engine.close()
