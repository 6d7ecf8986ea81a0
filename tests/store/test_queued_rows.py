"""Rows that are written at the end of their group: nobody can tell, whatever becomes of the units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from batchd.clock import ManualClock
from batchd.errors import DuplicateKey, EventsRefused
from batchd.scheduler.events import Event, JobStatus, JobSubmitted
from batchd.scheduler.state import Job
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Key, Store, Tx
from tests.contract.stores import QUEUE, job_spec, submit

Unit = Callable[[Tx], object]


class Starting:
    """A reader of the journal that starts every job at once, or breaks down."""

    is_broken = False

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        if self.is_broken:
            raise RuntimeError
        jobs = [Job(e.job, JobStatus.STARTING, 7, task_id="t") for e in events if isinstance(e, JobSubmitted)]
        tx.jobs.save(jobs)

    def on_commit(self) -> None: ...

    def on_rollback(self) -> None: ...


@pytest.fixture
def store() -> Iterator[Store]:
    found = open_sqlite(MEMORY, ManualClock())
    yield found
    found.close()


def apply(store: Store, *units: Unit) -> list[object]:
    """What each unit of a group gave, or the type of its error."""
    outcomes = store.apply(units)
    store.commit()
    store.settle(True)
    return [type(outcome.error) if outcome.error else outcome.result for outcome in outcomes]


def then_fails(*parts: Unit) -> Unit:
    def work(tx: Tx) -> None:
        for part in parts:
            part(tx)
        raise ValueError

    return work


def kept(store: Store) -> tuple[list[str], dict[str, int], list[str]]:
    """Ids of the jobs, counts of their queue, and ids of the jobs in the journal: each must know the same."""
    with store.read() as tx:
        jobs = [job.spec.job_id for job in tx.jobs.live()]
        events = [event.job.job_id for _, _, event in tx.journal.read(0, 100) if isinstance(event, JobSubmitted)]
        return jobs, tx.jobs.counts().get(QUEUE, {}), events


@pytest.mark.parametrize(
    "more",
    [
        (),
        (lambda tx: tx.jobs.counts(),),
        (lambda tx: tx.journal.read(0, 100),),
        (lambda tx: tx.resources.put(Key("kind", "", "name"), {}),),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_unit_that_fails_takes_only_its_own_rows_along(store: Store, place: int, more: tuple[Unit, ...]) -> None:
    units: list[Unit] = [submit("job-a"), submit("job-b")]
    units.insert(place, then_fails(submit("job-x"), *more, submit("job-y")))

    apply(store, *units)

    assert kept(store) == (["job-a", "job-b"], {"SUBMITTED": 2}, ["job-a", "job-b"])
    with store.read() as tx:
        assert tx.resources.get(Key("kind", "", "name")) is None


def test_what_the_first_unit_wrote_at_once_is_undone_too(store: Store) -> None:
    key = Key("kind", "", "name")

    results = apply(
        store, then_fails(lambda tx: tx.resources.put(key, {})), submit("job-a"), lambda tx: tx.jobs.counts()
    )

    assert results == [ValueError, None, {QUEUE: {"SUBMITTED": 1}}]
    with store.read() as tx:
        assert tx.resources.get(key) is None


def test_a_unit_reads_what_is_queued(store: Store) -> None:
    def reading(tx: Tx) -> tuple[object, ...]:
        submit("job-b")(tx)
        found = tx.jobs.get("job-a"), tx.jobs.task_of("job-b"), tx.jobs.status_of("job-b")
        return *(each is not None for each in found), len(tx.journal.read(0, 100)), tx.jobs.counts()

    assert apply(store, submit("job-a"), reading)[1] == (True, True, True, 2, {QUEUE: {"SUBMITTED": 2}})


def test_the_same_job_twice_is_refused_whether_it_is_queued_or_written(store: Store) -> None:
    assert apply(store, submit("job-a"), submit("job-a")) == [None, DuplicateKey]
    assert apply(store, submit("job-a"), submit("job-b")) == [DuplicateKey, None]
    assert kept(store) == (["job-a", "job-b"], {"SUBMITTED": 2}, ["job-a", "job-b"])


def test_a_job_that_is_decided_about_at_once_is_written_as_it_is_then(store: Store) -> None:
    store.follow(Starting())

    apply(store, submit("job-a"), then_fails(submit("job-x")), submit("job-b"))

    assert kept(store) == (["job-a", "job-b"], {"STARTING": 2}, ["job-a", "job-b"])
    with store.read() as tx:
        row, (job, _) = tx.jobs.get("job-b"), tx.jobs.live()
    assert row is not None
    assert (row.status, row.task_id, row.created_at) == (JobStatus.STARTING, "t", 1000)
    assert (job.submitted_at, job.spec) == (7, job_spec("job-a"))


def test_a_lost_group_leaves_nothing_queued(store: Store) -> None:
    follower = Starting()
    follower.is_broken = True
    store.follow(follower)
    assert apply(store, submit("job-a")) == [EventsRefused]
    follower.is_broken = False

    apply(store, submit("job-b"))

    assert kept(store) == (["job-b"], {"STARTING": 1}, ["job-b"])
