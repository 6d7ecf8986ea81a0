"""What every store does with array jobs, as a scheduler makes them. [batch.md 3.5]"""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.errors import StoreError
from batchd.scheduler.children import new_children
from batchd.scheduler.events import (
    CancelRequested,
    Dependency,
    JobSpec,
    JobStatus,
    Resources,
    TaskStarted,
    TerminateRequested,
)
from batchd.scheduler.state import Job
from batchd.store.store import ChildCounts, JobFilter, Store, Tx
from tests.contract.lives import Life
from tests.contract.stores import QUEUE, job_row, job_spec

SUCCEEDED, FAILED, PENDING, RUNNABLE = JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.PENDING, JobStatus.RUNNABLE
STARTING, RUNNING = JobStatus.STARTING, JobStatus.RUNNING


@pytest.fixture
def life(store: Store) -> Life:
    return Life(store)


def test_an_array_comes_back_as_it_went(store: Store) -> None:
    row = job_row("a", children=ChildCounts((3, 0, 0, 0, 0, 0, 0), 7))
    spec = JobSpec(
        "a", QUEUE, Resources(1, 1), size=3, sequential=True, depends_on=(Dependency("b", FAILED, True, ((0, 2),)),)
    )
    store.transact(lambda tx: tx.jobs.insert(row, spec))
    with store.read() as tx:
        assert tx.jobs.get("a") == row
        assert tx.jobs.page(QUEUE, JobFilter(), None, 9) == [row]
        assert tx.jobs.live() == [Job(spec, JobStatus.SUBMITTED, 1000, children=new_children(3))]


def test_an_array_of_which_some_succeeded_before_comes_back_as_it_went(life: Life) -> None:
    life.submit("a", 5, succeeded=((0, 1), (2, 4)))
    assert (life.listed("a", SUCCEEDED), life.listed("a", STARTING)) == ([0, 2, 3], [1, 4])
    assert life.get("a").children == ChildCounts((0, 0, 0, 2, 0, 3, 0), life.now)
    assert life.counts() == {"STARTING": 2, "SUCCEEDED": 3}
    life.end("a:1", 1)
    life.end("a:4")
    with life.store.read() as tx:
        assert tx.jobs.failed_children("a") == ((1, 2),)


def test_children_born_succeeded_are_so_before_the_scheduler_has_seen_them(store: Store) -> None:
    row = job_row("a", children=ChildCounts((2, 0, 0, 0, 0, 1, 0), 7))
    spec = JobSpec("a", QUEUE, Resources(1, 1), size=3, succeeded=((1, 2),))
    store.transact(lambda tx: tx.jobs.insert(row, spec))
    with store.read() as tx:
        assert tx.jobs.live() == [Job(spec, JobStatus.SUBMITTED, 1000, children=new_children(3, ((1, 2),)))]


def test_children_are_listed_and_found_whether_they_have_rows_or_not(life: Life) -> None:
    life.submit("a", 6, attempts=2)
    life.end("a:0")
    life.end("a:1", 1)
    life.tell(CancelRequested("a:4", "not this one"))
    assert life.listed("a", SUCCEEDED) == [0]
    assert life.listed("a", STARTING) == [1, 2]
    assert life.listed("a", RUNNABLE) == [3, 5]
    assert life.listed("a", FAILED) == [4]
    assert (life.listed("a", PENDING), life.listed("a", RUNNING)) == ([], [])
    assert life.get("a").children == ChildCounts((0, 0, 2, 2, 0, 1, 1), life.now)
    assert life.counts() == {"SUCCEEDED": 1, "STARTING": 2, "RUNNABLE": 2, "FAILED": 1}


def test_a_child_has_what_its_array_was_submitted_with(life: Life) -> None:
    life.submit("a", 3)
    array = life.get("a")
    for index in (0, 2):
        child = life.get(f"a:{index}")
        assert (child.index, child.children, child.tags) == (index, None, {})
        same = ("region", "queue", "name", "definition", "created_at", "document", "task")
        assert [getattr(child, member) for member in same] == [getattr(array, member) for member in same]
    with life.store.read() as tx:
        assert tx.jobs.task_of("a:2") == tx.jobs.task_of("a")


def test_a_child_that_something_happened_to_tells_it_all(life: Life) -> None:
    life.submit("a", 2, attempts=2)
    child = life.scheduler.state.jobs["a:1"]
    life.tell(TaskStarted(str(child.task_id), 5))
    life.end("a:1", 3)
    life.tell(TerminateRequested("a:1", "no more"))
    row = life.get("a:1")
    assert (row.status, row.attempts, row.exit_code, row.is_terminated) == (STARTING, tuple(child.attempts), 3, True)
    assert (row.task_id, row.environment) == (child.task_id, "main")


def test_children_that_ended_together_say_why(life: Life) -> None:
    life.submit("a", 4)
    life.tell(CancelRequested("a", "changed my mind"))
    assert life.listed("a", FAILED) == [2, 3]
    child = life.get("a:3")
    assert (child.status_reason, child.stopped_at, child.is_cancelled) == ("changed my mind", life.now, True)
    assert (child.started_at, child.attempts, child.is_terminated) == (None, (), False)


def test_a_waiting_child_says_why_its_array_cannot_start(life: Life) -> None:
    life.submit("a", 2, resources=Resources(1000, 10, 1))
    assert life.get("a:1").status_reason == life.get("a").status_reason
    assert str(life.get("a").status_reason).startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")


def test_children_of_arrays_that_wait_child_by_child(life: Life) -> None:
    life.submit("a", 4)
    life.submit("b", 4, depends_on=(Dependency("a", each=True),))
    life.submit("c", 3, sequential=True)
    life.end("a:1")
    life.end("a:0", 1)
    assert (life.listed("b", RUNNABLE), life.listed("b", PENDING), life.listed("b", FAILED)) == ([1], [2, 3], [0])
    assert life.get("b:0").status_reason == "Dependent Job failed"
    assert (life.listed("c", RUNNABLE), life.listed("c", PENDING)) == ([0], [1, 2])


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_children_come_in_pages(life: Life, limit: int) -> None:
    life.submit("a", 7)
    life.end("a:0")
    life.end("a:1", 1)
    life.tell(CancelRequested("a", "no"))
    found: list[int | None] = []
    while page := life.listed("a", FAILED, int(found[-1] or 0) if found else -1, limit):
        assert len(page) <= limit
        found += page
    assert found == [1, 4, 5, 6]


def test_the_failed_children_of_an_array_that_has_ended(life: Life) -> None:
    life.submit("a", 7)
    for index, code in enumerate((1, 1, 0, 1)):
        life.end(f"a:{index}", code)
    life.tell(CancelRequested("a", "no"))
    life.end("a:4")
    life.end("a:5")
    assert life.get("a").status is FAILED
    with life.store.read() as tx:
        assert tx.jobs.failed_children("a") == ((0, 2), (3, 4), (6, 7))
        assert tx.jobs.failed_children("nobody") == ()


def test_what_is_no_child_is_not_found(life: Life) -> None:
    life.submit("a", 2)
    life.submit("single", 0)
    with life.store.read() as tx:
        for job_id in ("a:2", "a:-1", "a:x", "single:0", "nobody:0", ":0"):
            assert (tx.jobs.get(job_id), tx.jobs.status_of(job_id)) == (None, None)
        single = tx.jobs.get("single")
        assert single is not None
        assert tx.jobs.children(single, RUNNABLE, -1, 9) == []


def test_an_array_that_is_not_there_cannot_be_saved(life: Life) -> None:
    life.submit("a", 2)
    array, child = life.scheduler.state.jobs["a"], life.scheduler.state.jobs["a:0"]
    ghost = replace(array, spec=replace(array.spec, job_id="ghost"))
    for saved, text in ((ghost, "there is no array ghost"), (replace(array, children=None), "job a is no array")):
        with pytest.raises(StoreError, match=text):
            life.store.transact(lambda tx, job=saved: tx.jobs.save_arrays([job], [], 1))
    with pytest.raises(StoreError, match="there is no array of ghost:0"):
        stranger = replace(child, spec=replace(child.spec, job_id="ghost:0"))
        life.store.transact(lambda tx: tx.jobs.save([stranger]))
    life.store.transact(lambda tx: tx.jobs.save_arrays([], [array], 1))


def test_an_array_is_counted_by_its_children_until_it_is_purged(life: Life) -> None:
    life.submit("a", 2)
    life.submit("single", 0)
    assert life.counts() == {"STARTING": 2, "RUNNABLE": 1}
    life.end("a:0")
    life.end("a:1", 1)
    life.end("single")
    assert life.counts() == {"SUCCEEDED": 2, "FAILED": 1}
    assert life.store.transact(lambda tx: tx.jobs.purge(life.now + 1, 10)) == 2
    assert life.counts() == {}
    with life.store.read() as tx:
        assert [tx.jobs.get(job_id) for job_id in ("a", "a:0", "single")] == [None, None, None]


def test_a_large_array_is_purged_in_pieces_and_its_children_stay_as_they_ended(life: Life) -> None:
    life.submit("a", 5)
    for index in range(5):
        life.end(f"a:{index}", index % 2)
    later = life.now + 1
    assert life.store.transact(lambda tx: tx.jobs.purge(later, 3)) == 3
    assert (life.listed("a", SUCCEEDED), life.listed("a", FAILED)) == ([0, 2, 4], [1, 3])
    assert life.store.transact(lambda tx: tx.jobs.purge(later, 3)) == 1
    with life.store.read() as tx:
        assert tx.jobs.get("a") is None
        assert tx.jobs.get("a:0") is None


def test_a_unit_that_fails_leaves_no_children(life: Life) -> None:
    def work(tx: Tx) -> None:
        tx.jobs.insert(job_row("a", children=ChildCounts((2, 0, 0, 0, 0, 0, 0), 1)), job_spec("a", size=2))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        life.store.transact(work)
    assert life.counts() == {}
    with life.store.read() as tx:
        assert tx.jobs.status_of("a:0") is None


def test_a_large_array_takes_little_room(life: Life) -> None:
    life.submit("a", 10_000)
    life.tell(CancelRequested("a:5000", "no"))
    assert life.listed("a", RUNNABLE, 4997, 4) == [4998, 4999, 5001, 5002]
    assert life.get("a").children == ChildCounts((0, 0, 9997, 2, 0, 0, 1), life.now)
