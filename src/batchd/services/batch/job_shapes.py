"""Stored jobs as DescribeJobs and ListJobs answer them. Pure. [batch.md 1.4, 9.1, 9.2]

Optional members that say nothing are left out; empty collections are there.
"""

from __future__ import annotations

from batchd.arns import Arn, parse_arn
from batchd.scheduler.events import FINAL, JobStatus
from batchd.services.batch.documents import as_one, is_main_node
from batchd.services.batch.extras import rerun_members
from batchd.services.batch.job_attempts import STARTED, container_members, given
from batchd.services.batch.job_pods import pod_members
from batchd.services.batch.job_tasks import task_members
from batchd.store.store import Body, JobRow

_CLAMPED = (
    "Running clamped: the job asks for more than this machine has; it runs alone, with all the machine has to give."
)


def job_detail(row: JobRow) -> Body:
    """An element of DescribeJobs."""
    one = as_one(row)
    return {
        "jobArn": job_arn(row),
        "jobName": row.name,
        "jobId": row.job_id,
        "jobQueue": row.queue,
        "jobDefinition": row.definition,
        "status": row.status.value,
        "createdAt": row.created_at,
        **given(statusReason=status_reason(row), startedAt=row.started_at, stoppedAt=row.stopped_at),
        **one.document["aws"],
        **_array_properties(row, detailed=True),
        **_node_details(row),
        **_work(one),
        "tags": row.tags,
        "isCancelled": row.is_cancelled,
        "isTerminated": row.is_terminated,
        **rerun_members(row),
    }


def _work(row: JobRow) -> Body:
    """What runs or ran, and in which attempts."""
    shape = row.document["aws"]
    if "eksProperties" in shape:
        return pod_members(row)
    return task_members(row) if "ecsProperties" in shape else container_members(row)


def job_summary(row: JobRow) -> Body:
    """An element of ListJobs."""
    summary = {
        "jobArn": job_arn(row),
        "jobId": row.job_id,
        "jobName": row.name,
        "jobDefinition": row.definition,
        "createdAt": row.created_at,
        "status": row.status.value,
        **given(statusReason=status_reason(row), startedAt=row.started_at, stoppedAt=row.stopped_at),
        **given(shareIdentifier=row.document["aws"].get("shareIdentifier")),
        "isCancelled": row.is_cancelled,
        "isTerminated": row.is_terminated,
        **_array_properties(row, detailed=False),
        **_node_properties(row),
    }
    if row.status in FINAL and (ended := given(exitCode=row.exit_code, reason=row.reason)):
        summary["container"] = ended
    return summary


def _array_properties(row: JobRow, *, detailed: bool) -> Body:
    """Of an array its size and how its children are, of a child its index. [batch.md 3.5]"""
    if row.index is not None:
        return {"arrayProperties": {"index": row.index}}
    if row.children is None:
        return {}
    properties: Body = {"size": row.children.size}
    if detailed:
        summary = zip(JobStatus, row.children.by_status, strict=True)
        properties["statusSummary"] = {status.value: number for status, number in summary}
        properties["statusSummaryLastUpdatedAt"] = row.children.updated_at
    return {"arrayProperties": properties}


def _node_details(row: JobRow) -> Body:
    """Of a node. [batch.md 7.7]"""
    if row.node is None:
        return {}
    return {"nodeDetails": {"nodeIndex": row.node, "isMainNode": is_main_node(row)}}


def _node_properties(row: JobRow) -> Body:
    """Of a job of several nodes how many they are, of a node which of them it is."""
    nodes = row.document.get("nodes")
    if nodes is None:
        return {}
    size = {"numNodes": len(nodes["members"])}
    own = {} if row.node is None else {"nodeIndex": row.node, "isMainNode": is_main_node(row)}
    return {"nodeProperties": {**size, **own}}


def job_arn(row: JobRow) -> str:
    """In the account and region of its queue."""
    queue = parse_arn(row.queue)
    return str(Arn("batch", row.region, queue.account if queue else "", f"job/{row.job_id}"))


def status_reason(row: JobRow) -> str | None:
    """AWS has none while a job runs; we say there that it runs with less than it asked for."""
    if row.clamped and row.status_reason is None and row.status in STARTED:
        return _CLAMPED
    return row.status_reason
