"""What DescribeJobs says beyond AWS: members that AWS's own clients pass over. See docs/beyond-aws-batch.md."""

from __future__ import annotations

import orjson

from batchd.gateway.operation import Context
from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.identity import child_id, node_id
from batchd.scheduler.state import Attempt
from batchd.store.reruns import RERUN_OF, origin_of
from batchd.store.store import Body, JobRow, Tx

_WAITING = (JobStatus.SUBMITTED, JobStatus.PENDING, JobStatus.RUNNABLE)


def result_members(tx: Tx, row: JobRow) -> Body:
    """The result of an ended job's last attempt, or why what it wrote is none."""
    ran = origin_of(tx.jobs, row) if row.status in FINAL else None
    if ran is None or not ran.attempts:
        return {}
    result = tx.results.get(ran.attempts[-1].task_id)
    if result is None:
        return {}
    return {"batchdResultError": result.problem} if result.text is None else {"batchdResult": orjson.loads(result.text)}


def rerun_members(row: JobRow) -> Body:
    """The job that this one runs again; of a child or a node the one of the same index."""
    before = row.document.get(RERUN_OF)
    if before is None:
        return {}
    if row.node is not None:
        return {"batchdRerunOf": node_id(before, row.node)}
    return {"batchdRerunOf": before if row.index is None else child_id(before, row.index)}


def why_members(ctx: Context, row: JobRow) -> Body:
    """Of a job that waits why it does, and in a sentence where AWS says nothing. The scheduler may know already that it
    waits no more."""
    if row.status not in _WAITING:
        return {}
    why = ctx.deployment.why(row.job_id)
    if why is None or why["status"] != row.status:
        return {}
    shown: Body = {member: value for member, value in why.items() if member not in ("status", "gist")}
    return {"statusReason": row.status_reason or why["gist"], "batchdWhy": shown}


def usage_members(attempt: Attempt) -> Body:
    """What the attempt took of the machine, as far as the engine could tell, and how long it had waited."""
    usage: Body = {}
    if attempt.usage is not None:
        usage["peakMemoryMiB"] = round(attempt.usage.peak_memory_mib, 1)
        usage["cpuSeconds"] = round(attempt.usage.cpu_s, 3)
    if attempt.runnable_at is not None and attempt.started_at is not None:
        usage["waitSeconds"] = max(0, attempt.started_at - attempt.runnable_at) / 1000
    return {"batchdUsage": usage} if usage else {}
