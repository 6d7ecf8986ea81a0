"""What engines report is written down: all of it, once, and with the output that came before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import pytest

from batchd.controllers import watch
from batchd.engines.engine import ContainerExit, Exited, FailedToStart, Lost, Returned, Started, Usage
from batchd.scheduler.events import FINAL, Event, JobStatus, TaskExited
from batchd.store.store import Result, Tx
from tests.controllers.house import House, open_house, until

MIB = 1024 * 1024


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as made:
        yield made


class Witness:
    """A reader of the journal that looks after each commit at what anybody could see then."""

    def __init__(self, house: House, job: str) -> None:
        self.seen: list[tuple[JobStatus, list[str]]] = []
        self._house, self._job = house, job

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None: ...

    def on_commit(self) -> None:
        self.seen.append((self._house.status(self._job), self._house.lines(self._job)))

    def on_rollback(self) -> None: ...


class Picky:
    """A reader of the journal that breaks down over the end of one task."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        if any(isinstance(event, TaskExited) and event.task_id == self.task_id for event in events):
            raise RuntimeError("a mistake")

    def on_commit(self) -> None: ...
    def on_rollback(self) -> None: ...


async def test_every_kind_of_report_reaches_the_job(house: House) -> None:
    tasks = {name: await house.submit(name) for name in ("ran", "failed", "broken", "lost", "goes-on")}
    for name in ("ran", "failed", "lost", "goes-on"):
        house.watch.report(Started(tasks[name], 1))
    house.watch.report(Exited(tasks["ran"], 2, 0))
    house.watch.report(Exited(tasks["failed"], 2, 3, "OutOfMemoryError", containers=(ContainerExit("default", 3),)))
    house.watch.report(FailedToStart(tasks["broken"], 2, "CannotPullContainerError: no"))
    house.watch.report(Lost(tasks["lost"], 2, "The host vanished"))

    await until(lambda: house.status("lost") is JobStatus.FAILED)

    assert {name: house.status(name).value for name in tasks} == {
        "ran": "SUCCEEDED", "failed": "FAILED", "broken": "FAILED", "lost": "FAILED", "goes-on": "RUNNING",
    }  # fmt: skip
    assert (house.row("failed").exit_code, house.row("failed").reason) == (3, "OutOfMemoryError")
    assert house.row("broken").reason == "CannotPullContainerError: no"
    await until(lambda: list(house.engine.world.tasks) == [tasks["goes-on"]])
    assert list(house.launch.logs) == [tasks["goes-on"]]


async def test_a_returned_task_was_no_attempt_and_is_started_anew(house: House) -> None:
    task = await house.submit("job")
    house.engine.forget(task)
    house.watch.report(Returned(task, 1))

    await until(lambda: task in house.engine.world.tasks)

    assert (house.status("job"), house.row("job").attempts) == (JobStatus.STARTING, ())
    assert list(house.launch.logs) == [task]


async def test_what_a_task_used_and_left_is_kept(house: House) -> None:
    task = await house.submit("job")
    house.watch.report(Exited(task, 1, 0, output=b'{"rows": 3}', usage=Usage(12.5, 1.5)))

    await until(lambda: house.status("job") is JobStatus.SUCCEEDED)

    with house.store.read() as tx:
        assert tx.results.get(task) == Result('{"rows":3}')
    (attempt,) = house.row("job").attempts
    assert attempt.usage is not None and attempt.usage.peak_memory_mib == 12.5


async def test_the_last_lines_are_there_when_the_job_is_seen_to_have_ended(house: House) -> None:
    task = await house.submit("job")
    witness = Witness(house, "job")
    house.store.follow(witness)
    house.write(task, b"one\ntwo\nand the last")
    house.watch.report(Started(task, 1))
    house.watch.report(Exited(task, 2, 0))

    await until(lambda: house.status("job") in FINAL)

    ends = [lines for status, lines in witness.seen if status in FINAL]
    assert ends == [["one", "two", "and the last"]]


async def test_lines_of_a_running_task_can_be_read(house: House) -> None:
    task = await house.submit("job")
    house.watch.report(Started(task, 1))
    house.write(task, b"one\nhal")

    await until(lambda: house.lines("job") == ["one"])

    assert house.status("job") is JobStatus.RUNNING


async def test_a_burst_of_reports_shares_a_commit(house: House) -> None:
    tasks = [await house.submit(f"job-{number}") for number in range(100)]
    house.store.gate.clear()
    house.watch.report(Started(tasks[0], 1))
    await until(lambda: house.writer._is_busy)
    before = house.store.commits
    for task in tasks:
        house.watch.report(Started(task, 1))
        house.watch.report(Exited(task, 2, 0))
    house.store.gate.set()

    await until(lambda: all(house.status(f"job-{number}") is JobStatus.SUCCEEDED for number in range(100)))

    assert house.store.commits - before <= 3  # the one that was under way, and no more than 256 reports in each


async def test_a_report_is_kept_until_the_store_takes_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_RETRY_S", 0.001)
    task = await house.submit("job")
    house.write(task, b"a line\n")
    house.store.is_full = True
    house.watch.report(Started(task, 1))
    house.watch.report(Exited(task, 2, 0))
    await until(lambda: house.schedule.is_stale)  # a group was lost
    assert house.status("job") is JobStatus.STARTING
    assert task in house.engine.world.tasks
    house.store.is_full = False

    await until(lambda: house.status("job") is JobStatus.SUCCEEDED)

    assert house.lines("job") == ["a line"]
    assert len(house.row("job").attempts) == 1
    await until(lambda: task not in house.engine.world.tasks)


async def test_an_end_that_is_reported_twice_happens_once(house: House) -> None:
    task = await house.submit("job")
    house.write(task, b"one\ntwo\n")
    for _ in range(3):
        house.watch.report(Exited(task, 2, 1))

    await until(lambda: task not in house.engine.world.tasks)
    house.watch.report(Exited(task, 2, 1))
    other = await house.submit("other")
    house.watch.report(Exited(other, 3, 0))
    await until(lambda: house.status("other") in FINAL)

    assert house.lines("job") == ["one", "two"]
    assert len(house.row("job").attempts) == 1


async def test_reports_of_tasks_nobody_knows_do_no_harm(house: House) -> None:
    house.watch.report(Started("f" * 32, 1))
    house.watch.report(Exited("f" * 32, 2, 0))
    task = await house.submit("job")
    house.watch.report(Exited(task, 2, 0))

    await until(lambda: house.status("job") is JobStatus.SUCCEEDED)


async def test_much_output_does_not_hold_up_the_ends_of_others(house: House) -> None:
    talker, other = await house.submit("talker"), await house.submit("other")
    house.write(talker, b"x" * 99 + b"\n" + (b"y" * 99 + b"\n") * (12 * MIB // 100))
    witness = Witness(house, "talker")
    house.store.follow(witness)
    house.watch.report(Exited(talker, 1, 0))
    house.watch.report(Exited(other, 1, 0))

    await until(lambda: house.status("talker") in FINAL)

    assert house.status("other") is JobStatus.SUCCEEDED
    assert witness.seen[0][0] is JobStatus.STARTING  # the other's end came first
    assert len(house.lines("talker")) == 1 + 12 * MIB // 100


async def test_each_of_many_tasks_gets_its_turn_to_be_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MOST_FILES", 3)
    monkeypatch.setattr(watch, "_TAIL_S", 0.001)
    tasks = {f"job-{number}": await house.submit(f"job-{number}") for number in range(10)}
    for task in tasks.values():
        house.write(task, b"a line\n")

    await until(lambda: all(house.lines(name) == ["a line"] for name in tasks))


async def test_news_without_end_does_not_keep_lines_from_being_read(house: House) -> None:
    task, busy = await house.submit("job"), await house.submit("busy")
    house.write(task, b"a line\n")

    async def talk() -> None:
        while True:
            house.watch.report(Started(busy, 1))
            await asyncio.sleep(0)

    talking = asyncio.create_task(talk())
    await until(lambda: house.lines("job") == ["a line"])
    talking.cancel()


async def test_a_report_that_cannot_be_recorded_keeps_no_other_from_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = [await house.submit(f"job-{number}") for number in range(5)]
    house.store.follow(Picky(tasks[2]))
    for task in tasks:
        house.write(task, b"a line\n")
        house.watch.report(Exited(task, 1, 0))

    with caplog.at_level(logging.ERROR):
        await until(lambda: house.status("job-4") is JobStatus.SUCCEEDED)

    assert [house.status(f"job-{number}").value for number in range(5)] == ["SUCCEEDED"] * 2 + ["STARTING"] + [
        "SUCCEEDED"
    ] * 2
    assert [house.lines(f"job-{number}") for number in range(5)] == [["a line"]] * 5
    await until(lambda: list(house.engine.world.tasks) == [tasks[2]])  # it will be reported again after a restart
    assert "cannot be recorded" in caplog.text
    late = await house.submit("late")
    house.watch.report(Exited(late, 1, 0))
    await until(lambda: house.status("late") is JobStatus.SUCCEEDED)
