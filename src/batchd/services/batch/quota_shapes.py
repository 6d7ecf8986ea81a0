"""Quota shares: documents by queue, and what the scheduler keeps of them. [batch.md 7.4]"""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.scheduler.events import QuotaShare
from batchd.services.batch.names import QUOTA_SHARE
from batchd.services.batch.service_limits import capacity_limits
from batchd.store.store import Body, Key


def share_key(ctx: Context, queue: str, share: str) -> Key:
    """Of the share of the queue with this name."""
    return Key(QUOTA_SHARE, ctx.region, f"{queue}/{share}")


def shares_of(ctx: Context, queue: str) -> list[Body]:
    """The AWS shapes of a queue's shares, in order of name."""
    return [body["aws"] for _, body in ctx.tx.resources.page(QUOTA_SHARE, ctx.region, prefix=f"{queue}/")]


def delete_shares(ctx: Context, queue: str) -> None:
    """With their queue."""
    for share in shares_of(ctx, queue):
        ctx.tx.resources.delete(share_key(ctx, queue, share["quotaShareName"]))


def quota_share(aws: Body) -> QuotaShare:
    """What the scheduler keeps."""
    sharing = aws["resourceSharingConfiguration"]
    return QuotaShare(
        aws["quotaShareName"],
        capacity_limits(aws["capacityLimits"]),
        lends=sharing["strategy"] != "RESERVE",
        borrows=sharing["borrowLimit"] if sharing["strategy"] == "LEND_AND_BORROW" else 0,
        preempts=aws["preemptionConfiguration"]["inSharePreemption"] == "ENABLED",
    )
