"""What every store promises of results, and of lists of jobs beyond ListJobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchd.clock import ManualClock
from batchd.scheduler.events import JobStatus
from batchd.store import history
from batchd.store.store import Place, Result, Search, Store, Tx
from tests.contract.stores import FACTORIES, QUEUE, submit

OTHER = QUEUE.replace("night", "day")
HERE = ("arn:aws:batch:us-east-1:", "arn:aws:batch:us-east-1;")
ALL = Search(HERE)


@pytest.fixture(params=FACTORIES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(FACTORIES[request.param](tmp_path, ManualClock())) as made:
        yield made


def end(store: Store, job_id: str, stopped_at: int, exit_code: int | None = 0) -> None:
    status = JobStatus.FAILED if exit_code else JobStatus.SUCCEEDED

    def work(tx: Tx) -> None:
        (job,) = [job for job in tx.jobs.live() if job.job_id == job_id]
        tx.jobs.save([replace(job, status=status, stopped_at=stopped_at, exit_code=exit_code)])

    store.transact(work)


def ended(store: Store, job_id: str, stopped_at: int, exit_code: int | None = 0, **changes: Any) -> None:
    store.transact(submit(job_id, **changes))
    end(store, job_id, stopped_at, exit_code)


def found(store: Store, wanted: Search, limit: int = 100) -> list[str]:
    """All pages."""
    ids: list[str] = []
    after: Place | None = None
    while True:
        with store.read() as tx:
            page, after = tx.history.search(wanted, after, limit)
        assert len(page) <= limit
        ids += page
        if after is None:
            return ids


def test_only_ended_jobs_are_found_the_latest_end_first(store: Store) -> None:
    ended(store, "a", 300)
    ended(store, "b", 500, 1)
    ended(store, "c", 300)
    store.transact(submit("alive"))

    assert found(store, ALL) == ["b", "c", "a"]


def test_every_condition_restricts(store: Store) -> None:
    ended(store, "a", 100, name="Feed-1", tags={"team": "night", "stage": "live"})
    ended(store, "b", 200, 137, name="feed-2", tags={"team": "day"})
    ended(store, "c", 300, 1, name="load", queue=OTHER)

    def ask(**conditions: Any) -> list[str]:
        return found(store, replace(ALL, **conditions))

    assert ask(name="feed-1") == ["a"]
    assert ask(name="FEED-*") == ["b", "a"]
    assert ask(status=JobStatus.FAILED) == ["c", "b"]
    assert ask(exit_code=137) == ["b"]
    assert ask(tags=(("team", "night"), ("stage", "li*"))) == ["a"]
    assert ask(tags=(("team", "*"),)) == ["b", "a"]
    assert ask(stopped_after=200) == ["c", "b"]
    assert ask(stopped_before=200) == ["a"]
    assert ask(queues=(OTHER, OTHER + "\x01")) == ["c"]
    assert ask(name="load", exit_code=1, status=JobStatus.FAILED, stopped_after=300) == ["c"]
    assert ask(name="load", exit_code=2) == []


@pytest.mark.parametrize("wanted", [ALL, replace(ALL, name="feed"), replace(ALL, tags=(("odd", "1"),))])
def test_pages_and_bounded_looks_meet_every_job_once(
    store: Store, wanted: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_LOOKED_AT", 4)
    monkeypatch.setattr(history, "_TAGS_LOOKED_AT", 3)
    for number in range(23):
        ended(store, f"j-{number:02}", 100 + number // 3, tags={"odd": str(number % 2)})

    expected = [f"j-{number:02}" for number in reversed(range(23)) if not wanted.tags or number % 2]

    for limit in (1, 3, 100):
        assert found(store, wanted, limit) == expected


def test_live_jobs_of_a_queue_are_walked_by_status(store: Store) -> None:
    for number in range(5):
        store.transact(submit(f"j-{number}", created_at=1000 + number))
    store.transact(submit("elsewhere", queue=OTHER))
    end(store, "j-2", 2000)

    with store.read() as tx:
        first = tx.history.live(QUEUE, JobStatus.SUBMITTED, None, 3)
        rest = tx.history.live(QUEUE, JobStatus.SUBMITTED, first[-1], 3)

    assert first + rest == [(1004, "j-4"), (1003, "j-3"), (1001, "j-1"), (1000, "j-0")]


def test_a_result_is_kept_until_its_time(store: Store) -> None:
    store.transact(lambda tx: tx.results.put("t-1", Result('{"rows":1}'), 100))
    store.transact(lambda tx: tx.results.put("t-2", Result(None, "too large"), 200))
    store.transact(lambda tx: tx.results.put("t-1", Result('{"rows":2}'), 150))

    with store.read() as tx:
        assert tx.results.get("t-1") == Result('{"rows":2}')
        assert tx.results.get("t-2") == Result(None, "too large")
        assert tx.results.get("t-3") is None
    assert store.transact(lambda tx: tx.results.trim(200, 10)) == 1
    assert store.transact(lambda tx: tx.results.trim(200, 10)) == 0
    with store.read() as tx:
        assert tx.results.get("t-1") is None
        assert tx.results.get("t-2") is not None
