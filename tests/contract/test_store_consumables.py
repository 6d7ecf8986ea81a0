"""What every store promises of the jobs that need consumable resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from batchd.scheduler.events import Claim, JobStatus
from batchd.store import consumables
from batchd.store.store import HolderFilter, Key, Store, Tx
from tests.contract.stores import job_row, job_spec

ALL = HolderFilter()


def needing(job_id: str, *claims: Claim, name: str = "feed") -> Callable[[Tx], None]:
    return lambda tx: tx.jobs.insert(job_row(job_id, name=name), job_spec(job_id, claims=claims))


def end(store: Store, job_id: str) -> None:
    def work(tx: Tx) -> None:
        (job,) = [job for job in tx.jobs.live() if job.job_id == job_id]
        tx.jobs.save([replace(job, status=JobStatus.FAILED, stopped_at=9)])

    store.transact(work)


def found(store: Store, resource: str, wanted: HolderFilter = ALL, limit: int = 2) -> list[tuple[str, int]]:
    """Of all pages."""
    jobs: list[tuple[str, int]] = []
    after: int | None = None
    while True:
        with store.read() as tx:
            page, after = tx.consumables.holders(resource, wanted, after, limit)
        assert len(page) <= limit
        jobs += page
        if after is None:
            return jobs


def test_claims_are_read_back_with_the_job(store: Store) -> None:
    claims = (Claim("seat", 2), Claim("key", limit=3))
    store.transact(needing("a", *claims))
    with store.read() as tx:
        assert [job.spec.claims for job in tx.jobs.live()] == [claims]


def test_the_jobs_of_a_resource_are_listed_the_latest_first(store: Store) -> None:
    for number, job_id in enumerate("abcde", 1):
        store.transact(needing(job_id, Claim("seat", number), Claim("port", 9)))
    store.transact(needing("f", Claim("port", 1), Claim("seat", limit=1)))
    assert found(store, "seat") == [("e", 5), ("d", 4), ("c", 3), ("b", 2), ("a", 1)]
    assert found(store, "port")[0] == ("f", 1)
    assert found(store, "x") == []


def test_they_are_found_by_status_and_by_name_without_case(store: Store) -> None:
    for job_id, name in (("a", "Load"), ("b", "load-2"), ("c", "mark"), ("d", "LOAD-3")):
        store.transact(needing(job_id, Claim("seat"), name=name))
    end(store, "b")
    assert found(store, "seat", HolderFilter(names=("load*",))) == [("d", 1), ("b", 1), ("a", 1)]
    assert found(store, "seat", HolderFilter(names=("LOAD", "mark"))) == [("c", 1), ("a", 1)]
    failed = HolderFilter((JobStatus.FAILED, JobStatus.RUNNING), ("load*",))
    assert found(store, "seat", failed) == [("b", 1)]


def test_a_call_looks_at_so_many_jobs_and_says_where_to_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumables, "_LOOKED_AT", 2)
    for job_id in "abcde":
        store.transact(needing(job_id, Claim("seat"), name=job_id))
    with store.read() as tx:
        page, after = tx.consumables.holders("seat", HolderFilter(names=("a",)), None, 10)
    assert (page, after is None) == ([], False)
    assert found(store, "seat", HolderFilter(names=("a",))) == [("a", 1)]


def test_a_resource_is_claimed_until_its_last_job_has_ended(store: Store) -> None:
    store.transact(needing("a", Claim("seat")))
    store.transact(needing("b", Claim("seat")))
    end(store, "b")
    with store.read() as tx:
        assert (tx.consumables.is_claimed("seat"), tx.consumables.is_claimed("port")) == (True, False)
    end(store, "a")
    with store.read() as tx:
        assert not tx.consumables.is_claimed("seat")


def test_a_purged_job_is_listed_no_more(store: Store) -> None:
    store.transact(needing("a", Claim("seat")))
    store.transact(needing("b", Claim("seat")))
    end(store, "a")
    store.transact(lambda tx: tx.jobs.purge(10_000, 10))
    assert found(store, "seat") == [("b", 1)]


def test_resources_of_a_kind_are_counted_by_region(store: Store) -> None:
    def work(tx: Tx) -> None:
        for region, name in (("r", "a"), ("r", "b"), ("s", "c")):
            tx.resources.put(Key("k", region, name), {})
        tx.resources.put(Key("l", "r", "a"), {})

    store.transact(work)
    with store.read() as tx:
        assert [tx.resources.count("k", region) for region in ("r", "s", "t")] == [2, 1, 0]
