"""How many resources of a kind a region may have. [batch.md 0.5]"""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.services.batch.faults import client_exception
from batchd.services.batch.names import CONSUMABLE, ENVIRONMENT, POLICY, QUEUE, SERVICE_ENVIRONMENT

_PLURALS = {
    QUEUE: "job queues",
    ENVIRONMENT: "compute environments",
    POLICY: "scheduling policies",
    SERVICE_ENVIRONMENT: "service environments",
    CONSUMABLE: "consumable resources",
}


def check_count(ctx: Context, kind: str, quota: int) -> None:
    """Raises ClientException where one more would be beyond the quota."""
    if quota and ctx.tx.resources.count(kind, ctx.region) >= quota:
        raise client_exception(f"At most {quota} {_PLURALS[kind]} are allowed")
