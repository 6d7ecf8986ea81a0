"""As whom EventBridge comes to other services, and how it finds its way there."""

from __future__ import annotations

from collections.abc import Callable

from batchd.arns import Arn
from batchd.gateway.operation import Caller, Context
from batchd.store.store import Body, Tx

PRINCIPAL = "events.amazonaws.com"
Enter = Callable[[Tx, Caller, str], Context]  # a caller in a region


def caller_of(body: Body) -> Caller:
    """Of a delivery: the role of its target, else EventBridge itself."""
    account = body["rule"].split(":")[4]
    role = body["target"].get("RoleArn")
    return Caller.role(account, role, body["event"]["id"]) if role else Caller.service(account, PRINCIPAL)


def queue_url(ctx: Context, arn: Arn) -> str:
    """Of the SQS queue. Raises ApiError where there is none."""
    asked = {"QueueName": arn.resource, "QueueOwnerAWSAccountId": arn.account}
    url: str = ctx.call("sqs", "GetQueueUrl", asked)["QueueUrl"]
    return url
