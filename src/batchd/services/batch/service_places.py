"""Where a service job stands in its queue: in a share of it, with a priority. [batch.md 7.2, 7.4]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.gateway.operation import Context
from batchd.services.batch.faults import client_exception, missing
from batchd.services.batch.quota_shapes import share_key
from batchd.services.batch.sharing import Place, find_place
from batchd.store.store import Body

_NO_QUOTA = (
    "Job with quotaShareName or preemptionConfiguration can only be submitted to job queue "
    "with quota share scheduling policy."
)
_NO_FAIR_SHARE = "Job with shareIdentifier can not be submitted to job queue with quota share scheduling policy."
_NO_SHARE = "Job submitted to job queue with quota share scheduling policy must have a quotaShareName."


def find_service_place(ctx: Context, queue: Body, params: Mapping[str, Any]) -> Place:
    """In this queue (its stored document), of this SubmitServiceJob. Raises ClientException."""
    if queue["spec"].get("quota_shares") is not None:
        return _in_quota_share(ctx, queue["aws"]["jobQueueName"], params)
    if params.get("quotaShareName") or params.get("preemptionConfiguration"):
        raise client_exception(_NO_QUOTA)
    return find_place(ctx, queue, dict(params), params)


def _in_quota_share(ctx: Context, queue: str, params: Mapping[str, Any]) -> Place:
    name = params.get("quotaShareName")
    if params.get("shareIdentifier"):
        raise client_exception(_NO_FAIR_SHARE)
    if not name:
        raise client_exception(_NO_SHARE)
    share = ctx.tx.resources.get(share_key(ctx, queue, name))
    if share is None:
        raise missing("QuotaShare", name)
    if share["aws"]["state"] != "ENABLED":
        raise client_exception(f"QuotaShare {name} is in DISABLED state. Only ENABLED QuotaShares accept jobs.")
    return Place(name, params.get("schedulingPriority", 0))
