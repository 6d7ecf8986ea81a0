"""What every store does with jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.errors import DuplicateKey, StoreError
from batchd.scheduler.events import FINAL, JobSpec, JobStatus, Resources
from batchd.scheduler.identity import task_id
from batchd.scheduler.state import Attempt, Job
from batchd.store.store import JobFilter, JobRow, Store, Tx
from tests.contract.stores import DEFINITION, QUEUE, job_ids, job_row, job_spec, submit
from tests.contract.values import values_of

_numbers = count(1)


def saved(job_id: str, status: JobStatus, **changes: object) -> Job:
    return replace(Job(job_spec(job_id), status, 1000), **changes)


def save(store: Store, *jobs: Job) -> None:
    store.transact(lambda tx: tx.jobs.save(jobs))


def get(store: Store, job_id: str) -> JobRow | None:
    with store.read() as tx:
        return tx.jobs.get(job_id)


# One job


@given(row=values_of(JobRow, leave_out={"children", "index", "node"}))
@settings(max_examples=50, deadline=None)
def test_a_job_comes_back_as_it_went(lasting_store: Store, row: JobRow) -> None:
    row = replace(row, job_id=f"whole-{next(_numbers)}")
    lasting_store.transact(lambda tx: tx.jobs.insert(row, job_spec(row.job_id)))
    assert get(lasting_store, row.job_id) == row


@given(job=values_of(Job, leave_out={"children", "parent", "nodes", "bench"}))  # parts of a job are not in its own row
@settings(max_examples=50, deadline=None)
def test_a_live_job_comes_back_as_the_scheduler_left_it(lasting_store: Store, job: Job) -> None:
    job_id = f"live-{next(_numbers)}"
    job.spec = replace(job.spec, job_id=job_id, gang=None)
    lasting_store.transact(lambda tx: tx.jobs.insert(job_row(job_id, queue=job.spec.queue), job.spec))
    save(lasting_store, job)
    with lasting_store.read() as tx:
        live = [found for found in tx.jobs.live() if found.job_id == job_id]
        row = tx.jobs.get(job_id)
    assert live == ([] if job.status in FINAL else [job])
    assert row is not None
    assert (row.status, row.attempts, row.task_id) == (job.status, tuple(job.attempts), job.task_id)
    save(lasting_store, replace(job, status=JobStatus.FAILED))


def test_a_job_that_has_not_been_saved_is_live_as_submitted(store: Store) -> None:
    store.transact(submit("j-1", created_at=7))
    with store.read() as tx:
        assert tx.jobs.live() == [Job(job_spec("j-1"), JobStatus.SUBMITTED, 7)]


def test_an_unknown_job_is_none(store: Store) -> None:
    with store.read() as tx:
        assert (tx.jobs.get("j-1"), tx.jobs.task_of("j-1"), tx.jobs.status_of("j-1")) == (None, None, None)


def test_a_job_id_is_used_once(store: Store) -> None:
    store.transact(submit("j-1", name="first"))
    with pytest.raises(DuplicateKey, match="j-1"):
        store.transact(submit("j-1", name="second"))
    row = get(store, "j-1")
    assert row is not None
    assert row.name == "first"


def test_narrow_reads(store: Store) -> None:
    store.transact(submit("j-1", task=b"template"))
    save(store, saved("j-1", JobStatus.RUNNABLE))
    with store.read() as tx:
        assert tx.jobs.task_of("j-1") == (b"template", "us-east-1", QUEUE)
        assert tx.jobs.status_of("j-1") is JobStatus.RUNNABLE
        assert (tx.jobs.spec_of("j-1"), tx.jobs.spec_of("j-1:0")) == (job_spec("j-1"), None)


def test_tags_change_and_nothing_else_with_them(store: Store) -> None:
    store.transact(submit("j-1", tags={"team": "a"}))
    store.transact(lambda tx: tx.jobs.set_tags("j-1", {"team": "b"}))
    assert get(store, "j-1") == job_row("j-1", tags={"team": "b"})
    with pytest.raises(StoreError, match="j-2"):
        store.transact(lambda tx: tx.jobs.set_tags("j-2", {}))


def test_a_priority_is_found_by_the_scheduler_and_in_the_document(store: Store) -> None:
    store.transact(submit("j-1"))
    store.transact(lambda tx: tx.jobs.reprioritize("j-1", {"schedulingPriority": 7}, 7))
    assert get(store, "j-1") == job_row("j-1", document={"schedulingPriority": 7})
    with store.read() as tx:
        assert [job.spec for job in tx.jobs.live()] == [job_spec("j-1", priority=7)]
    with pytest.raises(StoreError, match="j-2"):
        store.transact(lambda tx: tx.jobs.reprioritize("j-2", {}, 1))


def test_the_scheduler_writes_its_part_and_leaves_the_rest(store: Store) -> None:
    store.transact(submit("j-1", tags={"team": "a"}))
    attempt = Attempt("t-1", "arn:env", 2000, 3000, "Essential container in task exited", 1, "OOM")
    save(
        store,
        saved(
            "j-1",
            JobStatus.FAILED,
            status_reason="Essential container in task exited",
            attempts=[attempt],
            task_id="t-1",
            environment="arn:env",
            started_at=2000,
            stopped_at=3000,
            exit_code=1,
            reason="OOM",
            is_cancelled=True,
            is_terminated=True,
            clamped=True,
        ),
    )
    assert get(store, "j-1") == job_row(
        "j-1",
        tags={"team": "a"},
        status=JobStatus.FAILED,
        status_reason="Essential container in task exited",
        attempts=(attempt,),
        task_id="t-1",
        environment="arn:env",
        started_at=2000,
        stopped_at=3000,
        exit_code=1,
        reason="OOM",
        is_cancelled=True,
        is_terminated=True,
        clamped=True,
    )


# All jobs


def test_live_jobs_come_in_order_of_submission_whatever_their_times_queues_and_states(store: Store) -> None:
    for number, status in enumerate([JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.RUNNABLE, JobStatus.PENDING]):
        job_id = f"j-{9 - number}"
        store.transact(submit(job_id, created_at=5000 - number, queue=f"queue-{number % 2}"))
        save(store, saved(job_id, status))
    store.transact(submit("j-0", created_at=1))
    with store.read() as tx:
        assert job_ids(tx) == ["j-9", "j-7", "j-6", "j-0"]


def test_counts_follow_every_change(store: Store) -> None:
    for number in range(3):
        store.transact(submit(f"j-{number}"))
    store.transact(submit("j-3", queue="other"))
    save(store, saved("j-0", JobStatus.RUNNABLE), saved("j-1", JobStatus.SUCCEEDED, stopped_at=2000))
    save(store, saved("j-0", JobStatus.RUNNABLE, clamped=True))
    with store.read() as tx:
        assert tx.jobs.counts() == {
            QUEUE: {"SUBMITTED": 1, "RUNNABLE": 1, "SUCCEEDED": 1},
            "other": {"SUBMITTED": 1},
        }
    store.transact(lambda tx: tx.jobs.purge(3000, 10))
    with store.read() as tx:
        assert tx.jobs.counts()[QUEUE] == {"SUBMITTED": 1, "RUNNABLE": 1}


def test_purge_forgets_what_ended_before_and_no_more_than_asked(store: Store) -> None:
    for number in range(5):
        store.transact(submit(f"j-{number}", created_at=1))
    save(store, *[saved(f"j-{number}", JobStatus.SUCCEEDED, stopped_at=10 * number) for number in range(4)])
    assert store.transact(lambda tx: tx.jobs.purge(30, 2)) == 2
    assert store.transact(lambda tx: tx.jobs.purge(30, 2)) == 1
    assert store.transact(lambda tx: tx.jobs.purge(30, 2)) == 0
    assert [get(store, f"j-{number}") is None for number in range(5)] == [True, True, True, False, False]


def test_a_purged_job_leaves_its_place_to_a_new_one(store: Store) -> None:
    store.transact(submit("j-1", created_at=1))
    save(store, saved("j-1", JobStatus.FAILED, stopped_at=2))
    store.transact(lambda tx: tx.jobs.purge(99, 9))
    store.transact(submit("j-2", tags={"new": "yes"}))
    assert get(store, "j-2") == job_row("j-2", tags={"new": "yes"})


# Lists

ROWS = st.builds(
    dict,
    name=st.sampled_from(["Feed", "feed", "feeder", "Ärger", "x*", "x"]),
    definition=st.sampled_from([f"{DEFINITION}{key}" for key in ("feed:1", "feed:2", "feed:10", "feeder:1", "Feed:1")]),
    created_at=st.integers(1, 6),
    status=st.sampled_from([JobStatus.SUBMITTED, JobStatus.RUNNING, JobStatus.FAILED]),
    place=st.sampled_from(["here", "there"]),
)
FILTERS = st.builds(
    JobFilter,
    status=st.none() | st.sampled_from([JobStatus.SUBMITTED, JobStatus.RUNNING]),
    name=st.none() | st.sampled_from(["feed", "FEED", "feed*", "fe*", "*", "ärger", "x*", "nothing"]),
    definition=st.none() | st.sampled_from(["feed", "feed*", "feed:1*", "*", "Feed", f"{DEFINITION}feed:1", "arn:x"]),
    created_before=st.none() | st.integers(0, 7),
    created_after=st.none() | st.integers(0, 7),
)


def matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def is_of(asked: str, definition: str) -> bool:
    key = definition.removeprefix(DEFINITION)
    return asked in (definition, key.partition(":")[0]) or (asked.endswith("*") and matches(asked, key))


def is_wanted(row: JobRow, wanted: JobFilter) -> bool:
    """The filter's meaning, spelled out. [batch.md 9.1]"""
    return (
        (wanted.status is None or row.status is wanted.status)
        and (wanted.name is None or matches(wanted.name.lower(), row.name.lower()))
        and (wanted.definition is None or is_of(wanted.definition, row.definition))
        and (wanted.created_before is None or row.created_at < wanted.created_before)
        and (wanted.created_after is None or row.created_at > wanted.created_after)
    )


def every_page(tx: Tx, queue: str, wanted: JobFilter, limit: int) -> Iterable[JobRow]:
    after = None
    while rows := tx.jobs.page(queue, wanted, after, limit):
        assert len(rows) <= limit
        yield from rows
        after = (rows[-1].created_at, rows[-1].job_id)


@given(jobs=st.lists(ROWS, max_size=12), wanted=FILTERS, limit=st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_a_list_has_what_its_filter_says_newest_first(
    lasting_store: Store, jobs: list[dict[str, object]], wanted: JobFilter, limit: int
) -> None:
    example = next(_numbers)
    rows = [
        job_row(f"list-{example}-{number}", queue=f"{job.pop('place')}-{example}", **job)
        for number, job in enumerate(jobs)
    ]

    def write(tx: Tx) -> None:
        for row in rows:
            tx.jobs.insert(row, job_spec(row.job_id))

    lasting_store.transact(write)
    with lasting_store.read() as tx:
        found = list(every_page(tx, f"here-{example}", wanted, limit))
    here = [row for row in rows if row.queue == f"here-{example}" and is_wanted(row, wanted)]
    assert found == sorted(here, key=lambda row: (row.created_at, row.job_id), reverse=True)


def test_specs_keep_all_that_scheduling_needs(store: Store) -> None:
    spec = JobSpec("j-1", QUEUE, Resources(250, 64, 1), attempts=3, timeout_s=60)
    store.transact(lambda tx: tx.jobs.insert(job_row("j-1"), spec))
    with store.read() as tx:
        assert [job.spec for job in tx.jobs.live()] == [spec]


def test_a_job_that_is_not_there_cannot_be_saved(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no job j-1"):
        save(store, saved("j-1", JobStatus.RUNNABLE))


def test_counts_are_right_within_a_unit_and_after_one_that_failed(store: Store) -> None:
    def work(tx: Tx) -> list[object]:
        submit("j-1")(tx)
        before = tx.jobs.counts()
        tx.jobs.save([saved("j-1", JobStatus.PENDING), saved("j-1", JobStatus.FAILED, stopped_at=2000)])
        seen = [before, tx.jobs.counts(), job_ids(tx), tx.jobs.purge(9_999, 9)]
        submit("j-2")(tx)
        return [*seen, job_ids(tx)]

    def fail(tx: Tx) -> None:
        work(tx)
        raise ValueError("no")

    outcomes = store.apply([fail, work, fail])
    store.commit()
    store.settle(True)
    assert outcomes[1].result == [{QUEUE: {"SUBMITTED": 1}}, {QUEUE: {"FAILED": 1}}, [], 1, ["j-2"]]
    with store.read() as tx:
        assert tx.jobs.counts() == {QUEUE: {"SUBMITTED": 1}}


# Found by a task


def test_a_job_is_found_by_the_tasks_of_its_attempts(store: Store) -> None:
    first, second = "019aab01-2345-4abc-8def-0123456789ab", "019aab01-2345-4abc-8def-0123456789ac"
    for job_id in (first, second):
        store.transact(submit(job_id))
    over = [Attempt(task_id(first, 1), "ce", 5, 6, "exited")]
    save(store, saved(first, JobStatus.RUNNING, task_id=task_id(first, 2), attempts=over))

    with store.read() as tx:
        found = {task: tx.jobs.of_task(task) for task in (*(task_id(first, n) for n in (1, 2, 3)), task_id(second, 1))}
    assert [row and row.job_id for row in found.values()] == [first, first, None, None]
