"""What the event bus is told of a job: its state changes as AWS has them and, once it has ended, its result."""

from __future__ import annotations

from batchd.scheduler.events import FINAL
from batchd.scheduler.state import Transition
from batchd.services.batch.extras import result_members
from batchd.services.batch.state_change import envelopes
from batchd.store.store import Body, JobRow, Tx


def events_of(tx: Tx, row: JobRow, moved: Transition) -> list[Body]:
    """The events of a job that entered this state."""
    told = envelopes(row, moved)
    if moved.status in FINAL and (result := result_members(tx, row)):
        return [{**event, "detail": {**event["detail"], **result}} for event in told]
    return told
