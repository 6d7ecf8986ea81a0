"""What DescribeJobs says beyond AWS: members that AWS's own clients pass over. See docs/beyond-aws-batch.md."""

from __future__ import annotations

import orjson

from batchd.scheduler.events import FINAL
from batchd.scheduler.state import Attempt
from batchd.store.store import Body, JobRow, Tx


def result_members(tx: Tx, row: JobRow) -> Body:
    """The result of an ended job's last attempt, or why what it wrote is none."""
    if row.status not in FINAL or not row.attempts:
        return {}
    result = tx.results.get(row.attempts[-1].task_id)
    if result is None:
        return {}
    return {"batchdResultError": result.problem} if result.text is None else {"batchdResult": orjson.loads(result.text)}


def usage_members(attempt: Attempt) -> Body:
    """What the attempt took of the machine, as far as the engine could tell, and how long it had waited."""
    usage: Body = {}
    if attempt.usage is not None:
        usage["peakMemoryMiB"] = round(attempt.usage.peak_memory_mib, 1)
        usage["cpuSeconds"] = round(attempt.usage.cpu_s, 3)
    if attempt.runnable_at is not None and attempt.started_at is not None:
        usage["waitSeconds"] = max(0, attempt.started_at - attempt.runnable_at) / 1000
    return {"batchdUsage": usage} if usage else {}
