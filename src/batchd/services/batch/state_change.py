"""What EventBridge is told whenever a job or a service job enters a state but SUBMITTED. Pure. [batch.md 11.1]

The journal keeps which states a job entered (`store.Journal.transitions`), the jobs table how it is now. What a job was
at one of those moments follows from both: attempts are only ever added, and a final job does not change any more. Its
tags alone are those it has when the event is made.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

from batchd.arns import parse_arn
from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.state import Transition
from batchd.services.batch import service_state_change
from batchd.services.batch.job_shapes import job_detail
from batchd.store.store import Body, ChildCounts, JobRow

SOURCE = "aws.batch"
DETAIL_TYPE = "Batch Job State Change"
BLOCKED = "Batch Job Queue Blocked"


def envelopes(row: JobRow, moved: Transition) -> list[Body]:
    """The events of a job or a service job that entered this state: one, but that a service job is SCHEDULED before it
    is STARTING. Or that it was found blocked at the head of its line."""
    if not row.is_service:
        return [envelope(row, moved)]
    kind = service_state_change.BLOCKED if moved.is_blocked else service_state_change.DETAIL_TYPE
    then = replace(as_of(row, moved), scheduled_at=service_state_change.scheduled_at(row, moved))
    return [
        _envelope(row, moved, kind, service_state_change.detail(then, status))
        for status in service_state_change.statuses(moved)
    ]


def envelope(row: JobRow, moved: Transition) -> Body:
    """The event of this job (a child, where children of an array moved): told again it has the same id."""
    return _envelope(row, moved, BLOCKED if moved.is_blocked else DETAIL_TYPE, detail(row, moved))


def _envelope(row: JobRow, moved: Transition, kind: str, shape: Body) -> Body:
    arn = shape["jobArn"]
    queue = parse_arn(row.queue)
    return {
        "version": "0",
        "id": _event_id(arn, moved, shape["status"]),
        "detail-type": kind,
        "source": SOURCE,
        "account": queue.account if queue else "",
        "time": datetime.fromtimestamp(moved.at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": row.region,
        "resources": [arn, row.queue] if moved.is_blocked else [arn],
        "detail": shape,
    }


def detail(row: JobRow, moved: Transition) -> Body:
    """The element of DescribeJobs at that moment; its tags have the pseudo-tag `resourceArn` first. [batch.md 1.4]"""
    shape = job_detail(as_of(row, moved))
    return {**shape, "tags": {"resourceArn": shape["jobArn"], **row.tags}}


def as_of(row: JobRow, moved: Transition) -> JobRow:
    """The job as it was when it entered the state."""
    if moved.status in FINAL:
        return row if row.node is None else _node_as_of(row, moved)
    then = replace(
        row,
        status=moved.status,
        status_reason=moved.status_reason,
        stopped_at=None,
        is_cancelled=False,
        is_terminated=moved.is_terminated,
        clamped=moved.clamped,
        children=row.children and _fresh(row.children, moved.at),
    )
    return _under_way(then, moved) if moved.status in (JobStatus.STARTING, JobStatus.RUNNING) else _between(then, moved)


def _node_as_of(row: JobRow, moved: Transition) -> JobRow:
    """A node that is over starts again when its job is tried again: then what it was is on record."""
    if row.status in FINAL and len(row.attempts) == moved.attempt:
        return row
    then = replace(row, status=moved.status, status_reason=moved.status_reason, stopped_at=moved.at)
    return _between(replace(then, is_terminated=moved.is_terminated), moved)


def _under_way(row: JobRow, moved: Transition) -> JobRow:
    """While an attempt was: its task and place are in the row, or on record if it is over by now."""
    over = row.attempts[moved.attempt - 1] if len(row.attempts) >= moved.attempt else None
    return replace(
        _finished(row, moved.attempt - 1),
        started_at=moved.at if moved.status is JobStatus.RUNNING else None,
        task_id=over.task_id if over else row.task_id,
        environment=over.environment if over else row.environment,
    )


def _between(row: JobRow, moved: Transition) -> JobRow:
    """Before the first attempt, or between two."""
    then = _finished(row, moved.attempt)
    if not then.attempts:
        return replace(then, started_at=None, task_id=None, environment=None)
    last = then.attempts[-1]
    return replace(then, started_at=last.started_at, task_id=last.task_id, environment=last.environment)


def _finished(row: JobRow, number: int) -> JobRow:
    """With this many attempts on record, and the exit of the last of them."""
    attempts = row.attempts[:number]
    last = attempts[-1] if attempts else None
    return replace(
        row, attempts=attempts, exit_code=last.exit_code if last else None, reason=last.reason if last else None
    )


def _fresh(children: ChildCounts, at: int) -> ChildCounts:
    """The one state of an array that is not final is PENDING; its children enter that with it. [batch.md 3.5]"""
    return ChildCounts(tuple(children.size * (status is JobStatus.PENDING) for status in JobStatus), at)


def _event_id(arn: str, moved: Transition, status: str) -> str:
    """A job enters a state once in an attempt, so that these name the event; it may be found blocked more often."""
    name = f"{arn}/{moved.attempt}/{status}" + (f"/blocked/{moved.at}" if moved.is_blocked else "")
    return str(UUID(bytes=blake2b(name.encode(), digest_size=16, usedforsecurity=False).digest(), version=4))
