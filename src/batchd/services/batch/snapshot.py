"""GetJobQueueSnapshot: who waits at the front of a queue, and what its jobs use. [batch.md 5.5]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.services.batch.listing import existing
from batchd.services.batch.names import QUEUE
from batchd.services.batch.service_rules import QUEUE_TYPE
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_MOST_JOBS = 100
_MOST_SHARES = 20


@reads
def get_job_queue_snapshot(params: batch.GetJobQueueSnapshotRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Not a cached picture: as things are now. ClientException for an unknown queue."""
    _, aws = existing(ctx, QUEUE, params["jobQueue"])
    arn = aws["jobQueueArn"]
    serves = aws["jobQueueType"] == QUEUE_TYPE
    noun = "service-job" if serves else "job"
    jobs: list[Body] = [
        {"jobArn": ctx.arn("batch", f"{noun}/{job_id}"), "earliestTimeAtPosition": since}
        for job_id, since in ctx.deployment.front(arn, _MOST_JOBS)
    ]
    utilization: Body = {
        "totalCapacityUsage": _instances(ctx, arn) if serves else [_vcpus(aws, ctx.deployment.queue_vcpus(arn))],
        "lastUpdatedAt": ctx.now_ms,
    }
    if "schedulingPolicyArn" in aws:
        utilization["fairshareUtilization"] = _shares(ctx, aws)
    return {"frontOfQueue": {"jobs": jobs, "lastUpdatedAt": ctx.now_ms}, "queueUtilization": utilization}


def _shares(ctx: Context, queue: Body) -> Body:
    active, top = ctx.deployment.shares(queue["jobQueueArn"], _MOST_SHARES)
    usage = [{"shareIdentifier": share, "capacityUsage": [_vcpus(queue, vcpus)]} for share, vcpus in top]
    return {"activeShareCount": active, "topCapacityUtilization": usage}


def _vcpus(queue: Body, quantity: float) -> Body:
    return {"capacityUnit": "cpu" if queue["jobQueueType"] == "EKS" else "VCPU", "quantity": quantity}


def _instances(ctx: Context, arn: str) -> list[Body]:
    used = ctx.deployment.queue_instances(arn)
    return [{"capacityUnit": unit, "quantity": float(number)} for unit, number in sorted(used.items())]
