"""Housekeeping: how long ended jobs, their results and log lines are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from batchd.controllers.housekeeping import DELETED_STREAM, Housekeeping
from batchd.controllers.output import LOG_GROUP
from batchd.engines.engine import Exited
from batchd.scheduler.events import JobStatus
from batchd.scheduler.identity import task_id
from batchd.store.store import Key, StreamKey, Tx
from tests.contract.stores import job_row, job_spec
from tests.controllers.house import GROUP, House, open_house, until

DAY_S = 86_400


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as made:
        yield made


async def end(house: House, name: str) -> None:
    house.watch.report(Exited(await house.submit(name), house.clock.now_ms(), 0, output=b"{}"))
    await until(lambda: house.status(name) is JobStatus.SUCCEEDED)


def known(house: House, *names: str) -> list[str]:
    with house.store.read() as tx:
        return [name for name in names if tx.jobs.get(name) is not None]


async def test_ended_jobs_are_kept_for_so_long_and_living_ones_for_ever(house: House) -> None:
    await end(house, "old")
    await house.submit("runs")
    house.clock.advance(2 * DAY_S)
    await end(house, "new")
    chores = Housekeeping(house.writer, house.clock, 3)

    await chores.tidy()
    assert known(house, "old", "runs", "new") == ["old", "runs", "new"]
    house.clock.advance(DAY_S + 1)
    await chores.tidy()
    assert known(house, "old", "runs", "new") == ["runs", "new"]


async def test_no_retention_keeps_all(house: House) -> None:
    await end(house, "old")
    house.clock.advance(10_000 * DAY_S)
    await Housekeeping(house.writer, house.clock, 0).tidy()

    assert known(house, "old") == ["old"]


async def test_a_thousand_ended_jobs_go_in_several_units(house: House) -> None:
    now = house.clock.now_ms()

    def submit(tx: Tx) -> None:
        for number in range(1100):
            row = job_row(f"job-{number}", status=JobStatus.FAILED, stopped_at=now)
            tx.jobs.insert(row, job_spec(row.job_id))

    house.store.transact(submit)
    house.clock.advance(DAY_S + 1)
    before = house.store.commits
    await Housekeeping(house.writer, house.clock, 1).tidy()

    assert house.store.commits - before >= 3
    assert known(house, "job-0", "job-1099") == []


def log_line(now: int, text: str, tx: Tx) -> None:
    for group in ("short", GROUP):
        tx.logs.append(StreamKey("us-east-1", group, "s"), [(now, text)], now)


async def test_lines_are_kept_as_long_as_their_group_says(house: House) -> None:
    house.store.transact(lambda tx: tx.resources.put(Key(LOG_GROUP, "us-east-1", "short"), {"retentionInDays": 1}))
    for text in ("first", "second"):
        house.store.transact(partial(log_line, house.clock.now_ms(), text))
        house.clock.advance(DAY_S)
    await Housekeeping(house.writer, house.clock, 0).tidy()

    with house.store.read() as tx:
        keys = [StreamKey("us-east-1", group, "s") for group in ("short", GROUP)]
        kept = [[event.message for event in tx.logs.forward(key, (0, 0), None, 10)] for key in keys]
    assert kept == [["second"], ["first", "second"]]


async def test_a_deleted_stream_is_forgotten_with_the_job_that_wrote_it(house: House) -> None:
    now = house.clock.now_ms()
    runs, gone, new = (job_id_of(at) for at in (now, now + 1, now + 5 * DAY_S * 1000))
    names = [f"{task_id(job_id, 1)}/us-east-1/g:s" for job_id in (runs, gone, new)]

    def leave(tx: Tx) -> None:
        tx.jobs.insert(job_row(runs, status=JobStatus.RUNNING, task_id=task_id(runs, 1)), job_spec(runs))
        for name in names:
            tx.resources.insert(Key(DELETED_STREAM, "", name), {})

    house.store.transact(leave)
    house.clock.advance(3 * DAY_S)
    await Housekeeping(house.writer, house.clock, 1).tidy()
    with house.store.read() as tx:
        assert [name for name, _ in tx.resources.page(DELETED_STREAM, "")] == [names[0], names[2]]


def job_id_of(at: int) -> str:
    """Of a job that was submitted at this time (ms)."""
    return f"{at >> 16:08x}-{at & 0xFFFF:04x}-4abc-8def-0123456789ab"
