"""Jobs that wait for jobs: all must succeed, one failure fails the waiting job, and so on down. [batch.md 3.4]

An array waits as a whole for some jobs, and child by child (N_TO_N, SEQUENTIAL) for others. Where it waits for any
result (`after_any`) a failure is as good as a success.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from batchd.scheduler import identity
from batchd.scheduler.children import DROPPED, FAILED, PENDING, RECORDED, RUNNABLE, SUCCEEDED, Children
from batchd.scheduler.events import FINAL, Dependency, JobStatus
from batchd.scheduler.state import Job, State


def outcome(state: State, job: Job) -> JobStatus | None:
    """What the job's dependencies come to as they stand: SUCCEEDED, FAILED, or None while some are not over.

    A dependency that neither lives nor came with an outcome counts as FAILED: nobody can say that it succeeded.
    One that is waited for child by child is no more than that here.
    """
    verdict: JobStatus | None = JobStatus.SUCCEEDED
    for dependency in job.spec.depends_on:
        found = status_of(state, dependency.job_id) or dependency.outcome or JobStatus.FAILED
        if dependency.each and (dependency.outcome or dependency.job_id in state.jobs):
            continue
        if found is JobStatus.FAILED and not dependency.after_any:
            return JobStatus.FAILED
        if found not in FINAL:
            verdict = None
    return verdict


def status_of(state: State, job_id: str) -> JobStatus | None:
    """Of a live job, or of a child of a live array."""
    job = state.jobs.get(job_id)
    if job is not None:
        return job.status
    array, index = array_of(state, job_id)
    return array.status(index) if array is not None else None


def array_of(state: State, job_id: str) -> tuple[Children | None, int]:
    """The children among which this id is one, and its index; None where there is no such live array."""
    place = identity.array_of(job_id)
    array = state.jobs.get(place[0]) if place else None
    if place is None or array is None or array.children is None or place[1] >= array.children.size:
        return None, 0
    return array.children, place[1]


def wait(state: State, job: Job) -> int:
    """Remember which live jobs this one waits for; returns for how many it does as a whole."""
    job_id = job.spec.job_id
    unmet = 0
    for other_id in dict.fromkeys(dependency.job_id for dependency in job.spec.depends_on if not dependency.each):
        other = status_of(state, other_id)
        if other is not None and other not in FINAL:
            state.dependents.setdefault(other_id, {})[job_id] = job
            unmet += 1
            children, _ = array_of(state, other_id)
            if children is not None:
                children.watched = True
    if unmet:
        state.unmet[job_id] = unmet
    for array in _counterparts(state, job.spec.depends_on):
        if array.status not in FINAL:
            state.followers.setdefault(array.spec.job_id, {})[job_id] = job
    return unmet


def stop_waiting(state: State, job: Job) -> None:
    """The job needs its dependencies no more: it failed, or was cancelled, before they were over."""
    job_id = job.spec.job_id
    is_waiting = state.unmet.pop(job_id, None) is not None
    for dependency in job.spec.depends_on:
        if dependency.each:
            _forget(state.followers, dependency.job_id, job_id)
        elif is_waiting:
            _forget(state.dependents, dependency.job_id, job_id)


def _forget(waiting: dict[str, dict[str, Job]], other_id: str, job_id: str) -> None:
    others = waiting.get(other_id)
    if others is not None and others.pop(job_id, None) is not None and not others:
        del waiting[other_id]


def ended(state: State, job_id: str, status: JobStatus) -> list[tuple[Job, JobStatus]]:
    """The jobs to move on because this one ended, with what that means to them: SUCCEEDED for those it was the last of,
    FAILED for those that do not outlive its failure."""
    waiting = state.dependents.pop(job_id, None)
    if waiting is None:
        return []
    moved = []
    for other_id, other in waiting.items():
        if status is JobStatus.FAILED and not bears_failure(other, job_id, each=False):
            moved.append((other, JobStatus.FAILED))
        elif _met(state, other_id):
            moved.append((other, JobStatus.SUCCEEDED))
    return moved


def bears_failure(job: Job, other_id: str, *, each: bool) -> bool:
    """Whether the job waits only for the end of that other one (or of its child of the same index)."""
    depends_on = job.spec.depends_on
    return all(one.after_any for one in depends_on if one.job_id == other_id and one.each is each)


def _met(state: State, job_id: str) -> bool:
    """One more dependency of this job is over; whether that was the last."""
    state.unmet[job_id] -= 1
    if state.unmet[job_id]:
        return False
    del state.unmet[job_id]
    return True


# Child by child


def is_held(state: State, array: Job, index: int) -> bool:
    """Whether something keeps this PENDING child from being RUNNABLE."""
    if array.spec.job_id in state.unmet or array.children is None:
        return True
    if array.spec.sequential and index and predecessor(array.children, index, array.spec.after_any) >= 0:
        return True
    for dependency in array.spec.depends_on:
        other = state.jobs.get(dependency.job_id) if dependency.each else None
        if other is not None and other.children is not None and _blocks(other.children, index, dependency.after_any):
            return True
    return False


def predecessor(children: Children, index: int, after_any: bool) -> int:
    """The child of a sequence that this one waits for; -1 if it may run. One at a time, whatever ended out of turn."""
    if not after_any:
        return index - 1 if children.states[index - 1] != SUCCEEDED else -1
    return max(children.states.rfind(state, 0, index) for state in (PENDING, RUNNABLE, RECORDED))


def _blocks(children: Children, index: int, after_any: bool) -> bool:
    """Whether the child of this index is still to be waited for."""
    state = children.states[index]
    return state < SUCCEEDED if after_any else state != SUCCEEDED


def ready(state: State, array: Job, children: Children) -> Sequence[int]:
    """The PENDING children that nothing holds."""
    if not array.spec.sequential and not any(dependency.each for dependency in array.spec.depends_on):
        waiting = children.states.count(PENDING)
        if waiting == children.size and array.spec.job_id not in state.unmet:
            return range(children.size)
    return [index for index in children.among(PENDING) if not is_held(state, array, index)]


def doomed(state: State, array: Job) -> list[int]:
    """The children whose counterparts have failed, where that matters."""
    failed: dict[int, None] = {}
    for dependency in array.spec.depends_on:
        if dependency.after_any:
            continue
        other = state.jobs.get(dependency.job_id) if dependency.each else None
        if other is not None and other.children is not None:
            states = other.children.states
            failed.update((i, None) for i, state_ in enumerate(states) if state_ == FAILED or state_ >= DROPPED)
        for first, behind in dependency.failed:
            failed.update(dict.fromkeys(range(first, behind)))
    return sorted(failed)


def _counterparts(state: State, depends_on: Iterable[Dependency]) -> list[Job]:
    """The live arrays that one is waited for child by child."""
    found = (state.jobs.get(dependency.job_id) for dependency in depends_on if dependency.each)
    return [array for array in found if array is not None]
