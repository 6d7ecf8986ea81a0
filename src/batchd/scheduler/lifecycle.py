"""What befalls a job between submit and end. Each function takes a job that is in the state its name implies."""

from __future__ import annotations

from batchd.scheduler import (
    ahead,
    deadlines,
    dependencies,
    gangs,
    identity,
    placement,
    policy,
    pools,
    reasons,
    service,
    shares,
)
from batchd.scheduler.children import FAILED, SUCCEEDED
from batchd.scheduler.events import JobStatus, TaskExited, TaskFailedToStart, TaskLost, TaskReturned
from batchd.scheduler.retry import may_retry
from batchd.scheduler.state import Attempt, Draft, Job, State
from batchd.scheduler.transitions import move

_End = TaskExited | TaskFailedToStart | TaskLost


def admit(state: State, draft: Draft, job: Job) -> None:
    """SUBMITTED: on to PENDING where it has dependencies, else into the line of its queue. [batch.md 1.1]"""
    if job.spec.service is not None and job.spec.service.fault is not None:
        end(state, draft, job, job.spec.service.fault)
        return
    if not job.spec.depends_on:
        make_runnable(state, draft, job)
        return
    move(draft, job, JobStatus.PENDING, draft.now)
    outcome = dependencies.outcome(state, job)
    if outcome is JobStatus.FAILED:
        end(state, draft, job, reasons.DEPENDENCY_FAILED)
    elif outcome is JobStatus.SUCCEEDED:
        make_runnable(state, draft, job)
    else:
        dependencies.wait(state, job)


def make_runnable(state: State, draft: Draft, job: Job, reason: str | None = None) -> None:
    """Ready to be placed; `reason` is what its last attempt failed of."""
    move(draft, job, JobStatus.RUNNABLE, draft.now, reason)
    job.runnable_at = draft.now
    policy.join(state, job)


def end(state: State, draft: Draft, job: Job, reason: str) -> None:
    """SUBMITTED, PENDING, RUNNABLE: it will never (again) be tried."""
    if job.is_node:
        gangs.drop(draft, job, reason)
        return
    was_runnable = job.status is JobStatus.RUNNABLE
    move(draft, job, JobStatus.FAILED, draft.now, reason)
    dependencies.stop_waiting(state, job)
    if was_runnable:
        policy.leave(state, draft, job if job.parent is None or job.was_placed else job.parent)
    retire(state, draft, job)


def begin(state: State, draft: Draft, job: Job, at: int) -> None:
    """STARTING: the task is up. [batch.md 1.1]"""
    move(draft, job, JobStatus.RUNNING, at)
    deadlines.watch(state, job)
    if job.nodes:
        gangs.follow_main(state, draft, job)


def exited(state: State, draft: Draft, job: Job, event: TaskExited) -> None:
    """The task ran and is over; if nobody has seen it start, then it started and ended at once."""
    if job.status is JobStatus.STARTING:
        begin(state, draft, job, event.at)
    ahead.take_note(state, job, event.at)
    deadline = deadlines.of(job)
    if job.stop_reason == reasons.TIMED_OUT and not job.is_terminated and deadline is not None and event.at < deadline:
        job.stop_reason = None  # it was over in time, we only learnt of it too late (the server was down)
    _close(state, draft, job, reasons.EXITED, event)


def failed_to_start(state: State, draft: Draft, job: Job, event: TaskFailedToStart) -> None:
    """The task never ran; it counts as an attempt. [batch.md 1.1]"""
    _close(state, draft, job, reasons.FAILED_TO_START, event)


def returned(state: State, draft: Draft, job: Job, event: TaskReturned) -> None:
    """STARTING: there was no room for the task. It has not been tried, and goes before those that were not either."""
    if job.stop_reason is not None:
        failed_to_start(state, draft, job, TaskFailedToStart(event.task_id, event.at, reasons.NEVER_BEGUN))
        return
    ahead.be_careful(state, job)
    del state.tasks[event.task_id]
    _give_room_back(state, draft, job)
    make_runnable(state, draft, job)


def lost(state: State, draft: Draft, job: Job, event: TaskLost) -> None:
    """The task's host or runner vanished under it. [batch.md 1.2]"""
    _close(state, draft, job, reasons.host_lost(identity.instance_id(str(job.environment))), event)


def _close(state: State, draft: Draft, job: Job, status_reason: str, event: _End) -> None:
    """The task in hand is over: put it on record. The attempt is as well, but that a gang's has several tasks."""
    _record(state, job, status_reason, event)
    draft.changed[job.spec.job_id] = job
    if job.whole.nodes is None or gangs.is_over_with(draft, job):
        _finish(state, draft, job.whole)


def _record(state: State, job: Job, status_reason: str, event: _End) -> None:
    task_id = str(job.task_id)
    del state.tasks[task_id]
    job.exit_code = event.exit_code if isinstance(event, TaskExited) else None
    job.reason = event.reason
    if job.spec.service is not None:
        status_reason = service.status_reason(event)
    attempt = Attempt(
        task_id=task_id,
        environment=str(job.environment),
        started_at=job.started_at,
        stopped_at=event.at if job.started_at is None else max(event.at, job.started_at),
        status_reason=job.stop_reason or status_reason,
        exit_code=job.exit_code,
        reason=job.reason,
        runnable_at=job.runnable_at,
        usage=event.usage if isinstance(event, TaskExited) else None,
        containers=() if isinstance(event, TaskLost) else event.containers,
    )
    job.attempts.append(attempt)


def _finish(state: State, draft: Draft, job: Job) -> None:
    """The attempt in hand is over: its room is free. Whoever asked it to stop has the last word; such a job is never
    retried. [batch.md 2.8]"""
    _give_room_back(state, draft, job)
    last = job.attempts[-1]
    succeeded = last.exit_code == 0 and job.stop_reason is None
    if not succeeded and _comes_back(job, last):
        make_runnable(state, draft, job, last.status_reason)
        return
    status = JobStatus.SUCCEEDED if succeeded else JobStatus.FAILED
    move(draft, job, status, last.stopped_at, job.stop_reason or last.status_reason)
    retire(state, draft, job)


def _give_room_back(state: State, draft: Draft, job: Job) -> None:
    placement.release(state, job)
    service.let_go(state, job)
    if job.spec.share:
        shares.hold(state, draft, job, -1)


def _comes_back(job: Job, last: Attempt) -> bool:
    """Whether there is another attempt after one that failed, or that had to make room."""
    if job.stop_reason is None:
        return may_retry(job.spec, service.tried(job), last)
    return service.may_return(job)


def retire(state: State, draft: Draft, job: Job) -> None:
    """The job is final: it is out of its queue, and out of memory once the step has reported it. Of a child its array
    keeps how it ended."""
    draft.ended.append((job, None))
    if job.parent is not None and job.parent.children is not None and job.spec.index is not None:
        job.parent.children.states[job.spec.index] = SUCCEEDED if job.status is JobStatus.SUCCEEDED else FAILED
    elif job.spec.claims:
        pools.discharge(state, job)
    queue = state.queue(job.spec.queue)
    queue.live -= 1
    if job.spec.share and job.parent is None:
        shares.depart(state, draft, job)
    if not queue.known and not queue.live:
        policy.forget(state, draft, queue)
