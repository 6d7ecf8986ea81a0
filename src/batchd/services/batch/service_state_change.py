"""`Batch Service Job State Change`: what EventBridge is told of service jobs. Pure. [batch.md 11.1]"""

from __future__ import annotations

from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Transition
from batchd.services.batch.job_attempts import STARTED
from batchd.services.batch.service_shapes import service_job_detail
from batchd.store.store import Body, JobRow

DETAIL_TYPE = "Batch Service Job State Change"
BLOCKED = "Batch Service Job Queue Blocked"
_LEFT_OUT = ("tags", "serviceRequestPayload")


def statuses(moved: Transition) -> list[str]:
    """The states that clients see: SCHEDULED is passed at the moment of STARTING."""
    return ["SCHEDULED", "STARTING"] if moved.status is JobStatus.STARTING else [moved.status.value]


def scheduled_at(row: JobRow, moved: Transition) -> int | None:
    """When the attempt of that moment was; None before the first one, and where the row tells of a later one."""
    if moved.status is JobStatus.STARTING:
        return moved.at
    latest = len(row.attempts) + (row.status in STARTED)
    return row.scheduled_at if moved.attempt == latest else None


def detail(then: JobRow, status: str) -> Body:
    """The answer of DescribeServiceJob, without tags and payload; `then` is the job as it was."""
    shape = service_job_detail(then)
    return {member: value for member, value in shape.items() if member not in _LEFT_OUT} | {"status": status}
