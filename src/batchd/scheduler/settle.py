"""What follows from an end: those that waited for it move on or fail, an array is over with its last child."""

from __future__ import annotations

from collections.abc import Sequence

from batchd.scheduler import arrays, dependencies, identity, lifecycle, reasons
from batchd.scheduler.children import Drop
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Draft, Job, State


def settle(state: State, draft: Draft) -> None:
    """Let everything that ended in this step move what waited for it, and so on to the last."""
    while draft.settled < len(draft.ended):
        job, children = draft.ended[draft.settled]
        draft.settled += 1
        if children is not None:
            _children_dropped(state, draft, job, children)
            _children_ended(state, draft, job, children, JobStatus.FAILED)
            continue
        _move_on(state, draft, job.spec.job_id, job.status)
        if job.parent is not None and job.spec.index is not None:
            _children_ended(state, draft, job.parent, (job.spec.index,), job.status)


def admit(state: State, draft: Draft, job: Job) -> None:
    """SUBMITTED."""
    if job.children is None:
        lifecycle.admit(state, draft, job)
    else:
        arrays.admit(state, draft, job)


def _move_on(state: State, draft: Draft, job_id: str, status: JobStatus) -> None:
    """The jobs that waited for this one as a whole; nobody follows an array that is over."""
    state.followers.pop(job_id, None)
    for job, outcome in dependencies.ended(state, job_id, status):
        if outcome is JobStatus.FAILED and job.children is None:
            lifecycle.end(state, draft, job, reasons.DEPENDENCY_FAILED)
        elif outcome is JobStatus.FAILED:
            arrays.end(state, draft, job, Drop(reasons.DEPENDENCY_FAILED, draft.now))
        elif job.children is None:
            lifecycle.make_runnable(state, draft, job)
        else:
            arrays.release(state, draft, job)


def _children_ended(state: State, draft: Draft, array: Job, indexes: Sequence[int], status: JobStatus) -> None:
    """The children that waited for these; with the last one the array is over."""
    arrays.follow(state, draft, array, indexes, status)
    if array.spec.sequential:
        arrays.go_on(state, draft, array, indexes, status)
    arrays.conclude(state, draft, array)


def _children_dropped(state: State, draft: Draft, array: Job, indexes: Sequence[int]) -> None:
    """The jobs that waited for one of these, which have no records."""
    if array.children is not None and array.children.watched:
        for index in indexes:
            _move_on(state, draft, identity.child_id(array.spec.job_id, index), JobStatus.FAILED)
