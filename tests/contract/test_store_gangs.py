"""What every store does with jobs of several nodes, as a scheduler makes them. [batch.md 7.7]"""

from __future__ import annotations

import pytest

from batchd.errors import StoreError
from batchd.scheduler.events import CancelRequested, Gang, JobStatus, Resources
from batchd.scheduler.gangs import node_spec
from batchd.scheduler.state import Job
from batchd.store.store import JobFilter, Store
from tests.contract.lives import Life
from tests.contract.stores import QUEUE, job_row, job_spec

RUNNABLE, STARTING, RUNNING = JobStatus.RUNNABLE, JobStatus.STARTING, JobStatus.RUNNING
SUCCEEDED, FAILED = JobStatus.SUCCEEDED, JobStatus.FAILED
NEED = Resources(100, 64)
THREE = Gang(3, 1, (NEED,))


@pytest.fixture
def life(store: Store) -> Life:
    return Life(store)


def test_nodes_are_listed_and_found_by_their_status(life: Life) -> None:
    life.submit("g", 0, resources=Resources(300, 192), gang=THREE)
    assert (life.listed("g", STARTING), life.listed("g", RUNNABLE)) == ([1], [0, 2])
    life.start("g")
    life.start("g#2")
    life.end("g#2", 3)
    assert (life.listed("g", STARTING), life.listed("g", RUNNING), life.listed("g", FAILED)) == ([0], [1], [2])
    life.end("g")
    life.end("g#0", 143)
    assert (life.listed("g", SUCCEEDED), life.listed("g", FAILED)) == ([1], [0, 2])
    assert (life.listed("g", FAILED, after=0), life.listed("g", FAILED, limit=1)) == ([2], [0])


def test_a_node_has_what_its_job_was_submitted_with_and_an_end_of_its_own(life: Life) -> None:
    life.submit("g", 0, gang=THREE)
    life.start("g")
    life.start("g#0")
    life.end("g#0", 7)
    node, gang = life.get("g#0"), life.get("g")
    assert (node.node, node.index, node.job_id, node.exit_code, node.status) == (0, None, "g#0", 7, FAILED)
    assert (node.document, node.task, node.created_at) == (gang.document, gang.task, gang.created_at)
    assert (gang.node, gang.status) == (None, RUNNING)
    assert node.attempts[0].task_id == node.task_id != gang.task_id


def test_the_main_node_is_as_its_job_is(life: Life) -> None:
    life.submit("g", 0, gang=THREE)
    life.start("g")
    main, gang = life.get("g#1"), life.get("g")
    assert (main.node, main.status, main.task_id, main.started_at) == (1, RUNNING, gang.task_id, gang.started_at)


def test_a_job_of_several_nodes_counts_as_one(life: Life) -> None:
    life.submit("g", 0, gang=THREE)
    life.start("g")
    assert life.counts() == {"RUNNING": 1}
    with life.store.read() as tx:
        assert [row.job_id for row in tx.jobs.page(QUEUE, JobFilter(), None, 9)] == ["g"]


def test_retried_nodes_keep_their_attempts(life: Life) -> None:
    life.submit("g", 0, gang=THREE, attempts=2)
    for _ in range(2):
        life.start("g")
        life.end("g", 1)
        life.end("g#0", 1)
        life.end("g#2", 143)
    assert [len(life.get(job_id).attempts) for job_id in ("g", "g#0", "g#1", "g#2")] == [2, 2, 2, 2]


def test_cancelled_nodes_say_so(life: Life) -> None:
    life.submit("first", 0, resources=Resources(2000, 64))
    life.submit("g", 0, gang=THREE)
    life.tell(CancelRequested("g", "not needed"))
    assert life.listed("g", FAILED) == [0, 1, 2]
    assert (life.get("g#2").is_cancelled, life.get("g#2").status_reason) == (True, "not needed")


def test_what_is_no_node_is_not_there(life: Life) -> None:
    life.submit("g", 0, gang=THREE)
    life.submit("a", 2)
    life.submit("job", 0)
    life.end("a:0")
    with life.store.read() as tx:
        for job_id in ("g#3", "g:0", "a#0", "job#0", "nobody#0", "g#x"):
            assert tx.jobs.get(job_id) is None
            assert tx.jobs.status_of(job_id) is None


def test_a_launch_reads_the_template_of_the_whole(life: Life) -> None:
    life.submit("g", 0, gang=THREE)
    with life.store.read() as tx:
        assert tx.jobs.task_of("g#2") == tx.jobs.task_of("g")


def test_nodes_go_with_their_job_a_few_at_a_time(life: Life) -> None:
    life.submit("g", 0, gang=Gang(7, 0, (NEED,)))
    life.start("g")
    life.end("g")
    for index in range(1, 7):
        life.end(f"g#{index}")
    purged = []
    while not purged or purged[-1] == 4:
        purged.append(life.store.transact(lambda tx: tx.jobs.purge(life.now + 1, 4)))
    assert purged == [4, 1]
    with life.store.read() as tx:
        assert (tx.jobs.get("g"), tx.jobs.get("g#1"), tx.jobs.counts()) == (None, None, {})


def test_a_gang_that_was_never_looked_at_has_its_nodes(store: Store) -> None:
    spec = job_spec("g", gang=THREE)
    store.transact(lambda tx: tx.jobs.insert(job_row("g"), spec))
    with store.read() as tx:
        (job,) = tx.jobs.live()
    assert list(job.nodes or ()) == [0, 2]


def test_a_node_of_an_unknown_job_cannot_be_saved(store: Store) -> None:
    spec = job_spec("g", gang=THREE)
    gang = Job(spec, RUNNABLE, 1, nodes={})
    node = Job(node_spec(spec, 0), RUNNABLE, 1, parent=gang)
    with pytest.raises(StoreError, match="there is no job of g#0"):
        store.transact(lambda tx: tx.jobs.save([node]))
