"""A part of a job that has a row of its own: a child of an array, a node of a gang. The rest is its whole's."""

from __future__ import annotations

from typing import Any

from batchd.scheduler.events import JobSpec, JobStatus
from batchd.scheduler.state import Attempt, Job
from batchd.store.codec import decode_list, encode
from batchd.store.session import Row, Value
from batchd.store.store import JobRow

_STATUSES = {status.value: status for status in JobStatus}


def state_of(part: Job) -> tuple[Value, ...]:
    """The columns of save_child from status on."""
    return (
        part.status.value,
        part.status_reason,
        part.started_at,
        part.stopped_at,
        part.exit_code,
        part.reason,
        part.is_cancelled,
        part.is_terminated,
        part.stop_reason,
        part.clamped,
        part.task_id,
        part.environment,
        encode(part.attempts),
        part.runnable_at,
    )


def own_of(row: Row) -> dict[str, Any]:  # Any: of the types that JobRow says
    """What the columns of get_child and page_children say of the part itself."""
    _, status, status_reason, started_at, stopped_at, exit_code, reason, cancelled, terminated = row[:9]
    return {
        "status": _STATUSES[status],
        "status_reason": status_reason,
        "started_at": started_at,
        "stopped_at": stopped_at,
        "exit_code": exit_code,
        "reason": reason,
        "is_cancelled": bool(cancelled),
        "is_terminated": bool(terminated),
        "task_id": row[9],
        "environment": row[10],
        "attempts": tuple(decode_list(Attempt, row[11])),
        "clamped": bool(row[12]),
    }


def part_row(whole: JobRow, job_id: str, **own: Any) -> JobRow:  # Any: of the types that JobRow says
    """What a part has of its whole, and what is its own."""
    return JobRow(
        job_id=job_id,
        region=whole.region,
        queue=whole.queue,
        name=whole.name,
        definition=whole.definition,
        created_at=whole.created_at,
        document=whole.document,
        task=whole.task,
        tags={},
        **own,
    )


def job_of(spec: JobSpec, whole: Job, row: Row) -> Job:
    """From the columns of live_children."""
    values = list(row)
    values[1] = _STATUSES[row[1]]
    values[3] = decode_list(Attempt, row[3])
    values[10], values[11], values[13] = bool(row[10]), bool(row[11]), bool(row[13])
    part = Job(spec, values[1], whole.submitted_at, *values[2:])
    part.parent = whole
    return part
