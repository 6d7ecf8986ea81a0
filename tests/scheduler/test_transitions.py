from __future__ import annotations

import itertools

import pytest

from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.state import Attempt, Draft, Job
from batchd.scheduler.transitions import TABLE, InvalidTransition, move
from tests.scheduler.worlds import spec

MISSING = [pair for pair in itertools.product(JobStatus, JobStatus) if pair not in TABLE]


@pytest.mark.parametrize(("status", "to"), MISSING)
def test_a_move_that_is_not_in_the_table_is_refused_and_changes_nothing(status: JobStatus, to: JobStatus) -> None:
    job, draft = Job(spec("a"), status, 1), Draft(2)
    with pytest.raises(InvalidTransition, match=f"{status} -> {to} is not a transition"):
        move(draft, job, to, 2)
    assert (job, draft) == (Job(spec("a"), status, 1), Draft(2))


def test_no_move_leads_out_of_an_end() -> None:
    assert [pair for pair in TABLE if pair[0] in FINAL] == []


def test_the_error_tells_the_jobs_story() -> None:
    last = Attempt("t1", "main", 5, 9, "Essential container in task exited", 3)
    job = Job(spec("a"), JobStatus.RUNNING, 1, attempts=[last], task_id="t2", started_at=11, stop_reason="stop it")
    with pytest.raises(InvalidTransition) as caught:
        move(Draft(12), job, JobStatus.PENDING, 12)
    assert str(caught.value) == (
        "RUNNING -> PENDING is not a transition; job a in q; submitted at 1; "
        "attempt 1 (t1) 5..9 exit 3: Essential container in task exited; "
        "now RUNNING, task t2, started at 11, stop reason stop it"
    )
    assert (caught.value.job, caught.value.to) == (job, JobStatus.PENDING)
