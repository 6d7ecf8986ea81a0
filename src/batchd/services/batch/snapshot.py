"""GetJobQueueSnapshot: who waits at the front of a queue, and what its jobs use. [batch.md 5.5]"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.services.batch.listing import existing_body
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
    _, body = existing_body(ctx, QUEUE, params["jobQueue"])
    aws = body["aws"]
    arn = aws["jobQueueArn"]
    serves = aws["jobQueueType"] == QUEUE_TYPE
    noun = "service-job" if serves else "job"
    jobs: list[Body] = [
        {"jobArn": ctx.arn("batch", f"{noun}/{job_id}"), "earliestTimeAtPosition": since}
        for job_id, since in ctx.deployment.front(arn, _MOST_JOBS)
    ]
    instances = ctx.deployment.queue_instances(arn) if serves else {}
    utilization: Body = {
        "totalCapacityUsage": _total(instances) if serves else [_vcpus(aws, ctx.deployment.queue_vcpus(arn))],
        "lastUpdatedAt": ctx.now_ms,
    }
    snapshot = {"frontOfQueue": {"jobs": jobs, "lastUpdatedAt": ctx.now_ms}, "queueUtilization": utilization}
    if body["spec"].get("quota_shares") is not None:
        utilization["quotaShareUtilization"] = {"topCapacityUtilization": _quota_shares(instances)}
        snapshot["frontOfQuotaShares"] = {"quotaShares": _fronts(ctx, arn), "lastUpdatedAt": ctx.now_ms}
    elif "schedulingPolicyArn" in aws:
        utilization["fairshareUtilization"] = _shares(ctx, aws, instances)
    return snapshot


def _shares(ctx: Context, queue: Body, instances: Mapping[str, Mapping[str, int]]) -> Body:
    """Of service jobs they use instances, of others vCPUs."""
    active, top = ctx.deployment.shares(queue["jobQueueArn"], _MOST_SHARES)
    usage = [
        {"shareIdentifier": share, "capacityUsage": _used(instances.get(share, {})) or [_vcpus(queue, vcpus)]}
        for share, vcpus in top
    ]
    return {"activeShareCount": active, "topCapacityUtilization": usage}


def _quota_shares(instances: Mapping[str, Mapping[str, int]]) -> list[Body]:
    """Those that use most, in all of their types together, first."""
    by_use = sorted(instances.items(), key=lambda share: (-sum(share[1].values()), share[0]))
    return [{"quotaShareName": name, "capacityUsage": _used(types)} for name, types in by_use[:_MOST_SHARES]]


def _fronts(ctx: Context, arn: str) -> Body:
    return {
        share: [{"jobArn": ctx.arn("batch", f"service-job/{job_id}"), "earliestTimeAtPosition": since}]
        for share, (job_id, since) in ctx.deployment.quota_fronts(arn).items()
    }


def _vcpus(queue: Body, quantity: float) -> Body:
    return {"capacityUnit": "cpu" if queue["jobQueueType"] == "EKS" else "VCPU", "quantity": quantity}


def _total(instances: Mapping[str, Mapping[str, int]]) -> list[Body]:
    """Of all shares."""
    total: Counter[str] = Counter()
    for types in instances.values():
        total.update(types)
    return _used(total)


def _used(types: Mapping[str, int]) -> list[Body]:
    return [{"capacityUnit": unit, "quantity": float(number)} for unit, number in sorted(types.items())]
