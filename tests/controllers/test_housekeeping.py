"""The chores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from batchd.clock import ManualClock
from batchd.controllers.housekeeping import Housekeeping
from batchd.scheduler.events import DefinitionLimited, TimePassed
from batchd.services.batch import SERVICE
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Body, Key, Result, Store, Tx
from batchd.store.writer import Writer
from tests.contexts import context

DAY_S = 86_400


@dataclass(frozen=True)
class World:
    store: Store
    clock: ManualClock
    writer: Writer

    def ask(self, operation: str, region: str = "us-east-1", **params: object) -> Body:
        """Of Batch."""
        served = SERVICE.operations[operation]

        def run(tx: Tx) -> Body:
            answer: Body = served.function(params, replace(context(tx, region=region), now_ms=self.clock.now_ms()))
            return answer

        return self.store.transact(run)

    async def tidy(self, retention_days: float = 7) -> None:
        await Housekeeping(self.writer, self.clock, retention_days).tidy()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    writer = Writer(store)
    yield World(store, clock, writer)
    await writer.close()
    store.close()


async def test_results_go_with_their_time_and_others_chores_are_done(world: World) -> None:
    now, done = world.clock.now_ms(), []

    def chore(tx: Tx, at: int) -> int:
        done.append(at)
        return 3 - len(done)

    for number in range(600):
        old, new = f"old-{number}", f"new-{number}"
        world.store.transact(lambda tx, old=old, new=new: _leave(tx, old, new, now))  # type: ignore[misc]

    await Housekeeping(world.writer, world.clock, 7, (chore,)).tidy()

    with world.store.read() as tx:
        assert [tx.results.get(task) for task in ("old-0", "old-599")] == [None, None]
        assert tx.results.get("new-599") == Result("1")
    assert done == [now] * 3, "again and again while there is something to do"


def _leave(tx: Tx, old: str, new: str, now: int) -> None:
    tx.results.put(old, Result("1"), now - 8 * DAY_S * 1000)
    tx.results.put(new, Result("1"), now)


def register(world: World, name: str, region: str = "us-east-1", **more: Any) -> str:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    container = {"image": "busybox", "resourceRequirements": needs}
    definition = {"jobDefinitionName": name, "type": "container", "containerProperties": container}
    return str(world.ask("register_job_definition", region, **definition, **more)["jobDefinitionArn"])


def known(world: World, region: str = "us-east-1") -> list[tuple[str, int]]:
    found = world.ask("describe_job_definitions", region)["jobDefinitions"]
    return [(one["jobDefinitionName"], one["revision"]) for one in found]


async def test_an_inactive_definition_is_deleted_after_180_days_and_no_other(world: World) -> None:
    first = register(world, "feed")
    register(world, "feed")
    there = register(world, "feed", "eu-west-1")
    world.ask("deregister_job_definition", jobDefinition=first)
    world.clock.advance(DAY_S)
    world.ask("deregister_job_definition", "eu-west-1", jobDefinition=there)
    world.clock.advance(179 * DAY_S)
    await world.tidy()
    assert known(world) == [("feed", 2), ("feed", 1)]
    world.clock.advance(0.001)
    await world.tidy()
    assert (known(world), known(world, "eu-west-1")) == ([("feed", 2)], [("feed", 1)])
    world.clock.advance(DAY_S)
    await world.tidy()
    assert known(world, "eu-west-1") == []


async def test_revisions_go_on_counting_after_the_old_ones_are_deleted(world: World) -> None:
    world.ask("deregister_job_definition", jobDefinition=register(world, "feed"))
    world.clock.advance(181 * DAY_S)
    await world.tidy()
    assert register(world, "feed").endswith(":2")


async def test_the_limit_of_a_definition_goes_with_it(world: World) -> None:
    arn = register(world, "feed", tags={"batchd:max-concurrency": "2"})
    world.ask("deregister_job_definition", jobDefinition=arn)
    world.clock.advance(181 * DAY_S)
    await world.tidy()
    with world.store.read() as tx:
        assert tx.resources.every("batch.job-definition-limit") == []
        assert [event for _, _, event in tx.journal.read(0, 10)][-1] == DefinitionLimited(arn, None)


async def test_a_thousand_go_in_several_pieces(world: World) -> None:
    def make(tx: Tx) -> None:
        for number in range(1100):
            name = f"d{number}:0000000001"
            tx.resources.put(Key("batch.job-definition", "us-east-1", name), {})
            tx.resources.put(Key("batch.inactive-job-definition", "", f"{1_000 + number:015d}/us-east-1/{name}"), {})

    world.store.transact(make)
    await world.tidy()
    with world.store.read() as tx:
        assert tx.resources.every("batch.job-definition") == []
        assert tx.resources.every("batch.inactive-job-definition") == []


async def test_the_journal_is_kept_as_long_as_jobs_are(world: World) -> None:
    world.store.transact(lambda tx: tx.journal.append(TimePassed()))
    world.clock.advance(7 * DAY_S)
    world.store.transact(lambda tx: tx.journal.append(TimePassed()))
    await world.tidy()
    assert entries(world) == [1, 2]
    world.clock.advance(1)
    await world.tidy(retention_days=0)
    assert entries(world) == [1, 2], "0 is for ever"
    await world.tidy()
    assert entries(world) == [2]


def entries(world: World) -> list[int]:
    """Numbers of what the journal holds."""
    with world.store.read() as tx:
        return [number for number, _, _ in tx.journal.read(0, 10)]
