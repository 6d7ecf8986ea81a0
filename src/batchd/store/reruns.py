"""Jobs that run again what failed of another: whose child a child is that had succeeded already.

A document is opaque below services but for this one member, which says of which job this one is another run.
"""

from __future__ import annotations

from batchd.scheduler.events import JobStatus
from batchd.scheduler.identity import child_id
from batchd.store.store import JobRow, JobTable

RERUN_OF = "rerun_of"


def origin_of(jobs: JobTable, row: JobRow | None) -> JobRow | None:
    """The child that really ran, in this array or in one that it runs again; itself for any other job. None where that
    is not known any more."""
    while row is not None and row.index is not None and row.status is JobStatus.SUCCEEDED and not row.attempts:
        before = row.document.get(RERUN_OF)
        if before is None:
            return row
        row = jobs.get(child_id(before, row.index))
    return row
