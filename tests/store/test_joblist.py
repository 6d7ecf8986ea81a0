"""Which index answers a list of jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import batchd.store.joblist as joblist
from batchd.clock import ManualClock
from batchd.scheduler.events import JobStatus
from batchd.store.joblist import definition_key, name_key, plan_of
from batchd.store.named import named_queries
from batchd.store.session import Snapshot
from batchd.store.sqlite import open_sqlite
from batchd.store.store import JobFilter, Tx
from tests.contract.stores import DEFINITION, QUEUE, submit


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    def write(tx: Tx) -> None:
        for number in range(30):
            submit(f"j-{number}", name=f"{'many' if number else 'few'}-{number}")(tx)

    with closing(open_sqlite(tmp_path / "store.db", ManualClock())) as store:
        store.transact(write)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        yield connection


def steps(connection: sqlite3.Connection, sql: str, params: tuple[object, ...]) -> str:
    return "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", params))


def page_steps(connection: sqlite3.Connection, wanted: JobFilter, after: tuple[int, str] | None) -> str:
    plan = plan_of(Snapshot(connection), QUEUE, wanted, after)
    sql = named_queries("jobs")["page_jobs"].format(index=plan.index, conditions=plan.conditions)
    inner = sql[sql.index("(") + 1 : sql.rindex(") p")]
    return steps(connection, inner, (QUEUE, *plan.params, 10))


@pytest.mark.parametrize("after", [None, (5, "j-1")])
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (JobFilter(), "jobs_by_time"),
        (JobFilter(created_before=5, created_after=1), "jobs_by_time"),
        (JobFilter(status=JobStatus.RUNNING), "jobs_by_status"),
        (JobFilter(name="feed"), "jobs_by_name"),
        (JobFilter(definition=f"{DEFINITION}feed:1"), "jobs_by_definition"),
    ],
)
def test_an_equality_is_answered_from_an_index_in_its_order(
    connection: sqlite3.Connection, wanted: JobFilter, index: str, after: tuple[int, str] | None
) -> None:
    found = page_steps(connection, wanted, after)
    assert f"INDEX {index} (queue=?" in found
    assert "B-TREE" not in found


@pytest.mark.parametrize(
    ("wanted", "few", "many"),
    [
        (JobFilter(name="few*"), "jobs_by_name", "jobs_by_name"),
        (JobFilter(name="many*"), "jobs_by_name", "jobs_by_time"),
        (JobFilter(definition="feed"), "jobs_by_definition", "jobs_by_time"),
        (JobFilter(definition="fe*"), "jobs_by_definition", "jobs_by_time"),
    ],
)
def test_few_matches_of_a_prefix_are_sorted_and_many_are_met_on_the_way(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, wanted: JobFilter, few: str, many: str
) -> None:
    assert f"INDEX {few} (queue=?" in page_steps(connection, wanted, None)
    monkeypatch.setattr(joblist, "_MANY", 10)
    found = page_steps(connection, wanted, None)
    assert f"COVERING INDEX {many} (queue=?" in found
    assert ("B-TREE" in found) == (few == many)


@pytest.mark.parametrize(("query", "params"), [("live_jobs", ()), ("ended_jobs", (9, 9, 9))])
def test_jobs_of_some_states_are_found_without_a_look_at_the_others(
    connection: sqlite3.Connection, query: str, params: tuple[int, ...]
) -> None:
    found = steps(connection, named_queries("jobs")[query], params)
    assert "INDEX jobs_by_status (queue=? AND status=?" in found
    assert "SCAN j" not in found


def test_keys() -> None:
    assert name_key("Nightly-FEED") == "nightly-feed"
    assert definition_key(f"{DEFINITION}feed:12") == "feed:12"
