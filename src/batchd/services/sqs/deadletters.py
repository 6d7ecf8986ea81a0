"""Which queues bury their messages in a queue. [sns-sqs.md B2]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.services.sqs.locate import KIND, Queue, queue_at
from batchd.services.sqs.queues import checked_limit, page_of
from batchd.services.sqs.redrive import redrive_of

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t


@reads
def list_dead_letter_source_queues(params: t.ListDeadLetterSourceQueuesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name."""
    limit = checked_limit(params.get("MaxResults"))
    names = sources_of(ctx, queue_at(ctx, params["QueueUrl"]), params.get("NextToken", ""))
    return {"queueUrls": [], **page_of(ctx, "queueUrls", names, limit if params.get("MaxResults") else None)}


def sources_of(ctx: Context, grave: Queue, after: str = "") -> list[str]:
    """Names of the queues whose redrive policy names this one."""
    arn = grave.arn(ctx.account)
    queues = [Queue(ctx.region, name, body) for name, body in ctx.tx.resources.page(KIND, ctx.region, after=after)]
    return [queue.name for queue in queues if (redrive := redrive_of(queue)) and redrive.target == arn]
