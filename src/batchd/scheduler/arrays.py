"""What befalls an array as a whole, and its children that have no record of their own. [batch.md 3.5]"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from batchd.scheduler import dependencies, identity, lifecycle, policy, reasons, tasks
from batchd.scheduler.children import DROPPED, MOST_DROPS, PENDING, RECORDED, RUNNABLE, Children, Drop
from batchd.scheduler.events import FINAL, JobSpec, JobStatus
from batchd.scheduler.state import Draft, Job, State
from batchd.scheduler.transitions import move, move_children


def admit(state: State, draft: Draft, array: Job) -> None:
    """SUBMITTED: its children are PENDING, but for those born SUCCEEDED, and those that nothing holds RUNNABLE."""
    children = _of(array)
    move(draft, array, JobStatus.PENDING, draft.now)
    waiting = range(children.size) if not array.spec.succeeded else list(children.among(PENDING))
    children.shift(JobStatus.SUBMITTED, JobStatus.PENDING, len(waiting))
    move_children(draft, array, waiting, JobStatus.PENDING)
    if dependencies.outcome(state, array) is JobStatus.FAILED:
        end(state, draft, array, Drop(reasons.DEPENDENCY_FAILED, draft.now))
        return
    dependencies.wait(state, array)
    drop(state, draft, array, dependencies.doomed(state, array))
    release(state, draft, array)


def release(state: State, draft: Draft, array: Job) -> None:
    """The array waits for nothing as a whole any more: children that nothing else holds are RUNNABLE."""
    _make_runnable(state, draft, array, dependencies.ready(state, array, _of(array)))


def release_children(state: State, draft: Draft, array: Job, indexes: Iterable[int]) -> None:
    """What these children waited for is over: those that there are, and that nothing else holds, are RUNNABLE."""
    children = _of(array)
    waiting = [index for index in indexes if index < children.size and children.states[index] == PENDING]
    _make_runnable(state, draft, array, [i for i in waiting if not dependencies.is_held(state, array, i)])


def fail_child(state: State, draft: Draft, array: Job, index: int) -> None:
    """What this child waited for failed."""
    if _of(array).states[index] == PENDING:
        lifecycle.end(state, draft, record(state, array, index), reasons.DEPENDENCY_FAILED)


def end(state: State, draft: Draft, array: Job, cause: Drop, *, stop: bool = False) -> None:
    """What waits ends now; what runs goes on, or is asked to `stop`. The first cause that has an effect is the array's
    own."""
    touched = False
    for child in list(recorded(state, array)):
        if child.status is JobStatus.RUNNABLE:
            child.is_cancelled, child.is_terminated = cause.is_cancelled, cause.is_terminated
            lifecycle.end(state, draft, child, cause.reason)
            touched = True
        elif stop and child.stop_reason is None:
            child.is_terminated = cause.is_terminated
            tasks.ask_to_stop(draft, child, cause.reason)
            touched = True
    children = _of(array)
    waiting = sorted([*children.among(PENDING), *children.among(RUNNABLE)])
    if (_drop(state, draft, array, waiting, cause) or touched) and array.stop_reason is None:
        array.stop_reason = cause.reason
        array.is_cancelled, array.is_terminated = cause.is_cancelled, cause.is_terminated
        draft.changed[array.spec.job_id] = array


def drop(state: State, draft: Draft, array: Job, indexes: Iterable[int]) -> None:
    """What these children waited for failed; those that do not wait any more are not concerned."""
    states = _of(array).states
    waiting = [index for index in indexes if states[index] == PENDING]
    _drop(state, draft, array, waiting, Drop(reasons.DEPENDENCY_FAILED, draft.now))


def go_on(state: State, draft: Draft, array: Job, indexes: Sequence[int], status: JobStatus) -> None:
    """Children of a sequential array ended: the next one is RUNNABLE, or after a failure all later ones fail."""
    if array.spec.after_any:
        release_children(state, draft, array, islice(_of(array).among(PENDING), 1))
    elif status is JobStatus.SUCCEEDED:
        release_children(state, draft, array, (indexes[-1] + 1,))
    else:
        drop(state, draft, array, range(indexes[0] + 1, _of(array).size))


def follow(state: State, draft: Draft, array: Job, indexes: Sequence[int], status: JobStatus) -> None:
    """Children of an array ended: those of its followers are RUNNABLE, or fail too if they waited for success. One by
    itself gets a record, for it has a time of its own."""
    for follower in list(state.followers.get(array.spec.job_id, {}).values()):
        if status is JobStatus.SUCCEEDED or dependencies.bears_failure(follower, array.spec.job_id, each=True):
            release_children(state, draft, follower, indexes)
        elif len(indexes) == 1:
            fail_child(state, draft, follower, indexes[0])
        else:
            drop(state, draft, follower, indexes)


def conclude(state: State, draft: Draft, array: Job) -> None:
    """The array is final once all its children are."""
    children = _of(array)
    if array.status in FINAL or not children.is_over:
        return
    if children.count(JobStatus.FAILED):
        move(draft, array, JobStatus.FAILED, draft.now, array.stop_reason or reasons.CHILD_FAILED)
    else:
        move(draft, array, JobStatus.SUCCEEDED, draft.now)
    draft.reshaped[array.spec.job_id] = array  # how each child ended shall outlive the children's rows
    dependencies.stop_waiting(state, array)
    lifecycle.retire(state, draft, array)


def record(state: State, array: Job, index: int) -> Job:
    """Something happens to this child: from now on it has a record of its own. Its place in the line is the caller's
    to give up."""
    children, spec = _of(array), child_spec(array.spec, index)
    status = children.status(index)
    assert status is not None, "it has a record"
    child = Job(spec, status, array.submitted_at, parent=array)
    if status is JobStatus.RUNNABLE:
        child.runnable_at = children.runnable_at
        children.fresh -= 1
    children.states[index] = RECORDED
    state.jobs[spec.job_id] = child
    state.queue(spec.queue).live += 1
    return child


def find(state: State, job_id: str) -> Job | None:
    """The live job of this id. A waiting child gets a record: only ask for it to end it."""
    job = state.jobs.get(job_id)
    place = identity.array_of(job_id) if job is None else None
    array = state.jobs.get(place[0]) if place else None
    if place is None or array is None or array.children is None or place[1] >= array.children.size:
        return job
    return record(state, array, place[1]) if array.children.states[place[1]] in (PENDING, RUNNABLE) else None


def recorded(state: State, array: Job) -> Iterator[Job]:
    """The children that are under way, or wait to be tried again."""
    for index in _of(array).among(RECORDED):
        yield state.jobs[identity.child_id(array.spec.job_id, index)]


def child_spec(spec: JobSpec, index: int) -> JobSpec:
    """A child's: it does not wait for anything once it has one."""
    return JobSpec(
        job_id=identity.child_id(spec.job_id, index),
        queue=spec.queue,
        resources=spec.resources,
        attempts=spec.attempts,
        exit_rules=spec.exit_rules,
        timeout_s=spec.timeout_s,
        index=index,
        share=spec.share,
        priority=spec.priority,
        claims=spec.claims,
        definition=spec.definition,
    )


def _of(array: Job) -> Children:
    assert array.children is not None, "only arrays come here"
    return array.children


def _make_runnable(state: State, draft: Draft, array: Job, indexes: Sequence[int]) -> None:
    if not indexes:
        return
    children, number = _of(array), len(indexes)
    if number == children.size:
        children.states[:] = bytes([RUNNABLE]) * number
    else:
        for index in indexes:
            children.states[index] = RUNNABLE
    children.first = min(children.first, indexes[0])
    children.fresh += number
    children.runnable_at = draft.now
    children.shift(JobStatus.PENDING, JobStatus.RUNNABLE, number)
    if not children.in_line:
        array.runnable_at = draft.now  # since when it has its place, for the next start of the server
        draft.changed[array.spec.job_id] = array
    move_children(draft, array, indexes, JobStatus.RUNNABLE)
    policy.join(state, array, number)


def _drop(state: State, draft: Draft, array: Job, indexes: Sequence[int], cause: Drop) -> bool:
    """Whether there were any."""
    if not indexes:
        return False
    children = _of(array)
    runnable = sum(children.states[index] == RUNNABLE for index in indexes)
    code = _code_of(children, cause)
    for index in indexes:
        children.states[index] = code
    children.shift(JobStatus.PENDING, JobStatus.FAILED, len(indexes) - runnable)
    children.shift(JobStatus.RUNNABLE, JobStatus.FAILED, runnable)
    move_children(draft, array, indexes, JobStatus.FAILED, cause.reason)
    if runnable:
        children.fresh -= runnable
        policy.leave(state, draft, array, runnable)
    draft.ended.append((array, indexes))
    return True


def _code_of(children: Children, cause: Drop) -> int:
    """The byte that says so. When there are no more bytes the last cause has to do for those that follow."""
    if cause not in children.drops and len(children.drops) < MOST_DROPS:
        children.drops.append(cause)
    return DROPPED + (children.drops.index(cause) if cause in children.drops else MOST_DROPS - 1)
