"""Statements of a queue's policy by label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.services.sqs.faults import invalid, invalid_value
from batchd.services.sqs.locate import Queue, queue_at, save

if TYPE_CHECKING:
    from types_boto3_sqs import type_defs as t

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ACTIONS = {
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
}
_MOST_ACTIONS = 7


@writes
def add_permission(params: t.AddPermissionRequestTypeDef, ctx: Context) -> None:
    """A statement that lets accounts do things. OverLimit beyond seven actions."""
    queue, label = queue_at(ctx, params["QueueUrl"]), params["Label"]
    if not _LABEL.fullmatch(label):
        raise invalid_value(label, "Label", "Label can only include alphanumeric characters, hyphens, or underscores.")
    accounts, actions = params["AWSAccountIds"], params["Actions"]
    if not accounts or not all(map(_ACCOUNT.fullmatch, accounts)):
        raise invalid_value(list(accounts), "PrincipalId", "Unable to verify.")
    for action in actions:
        if action not in _ACTIONS:
            reason = "Only the queue owner is allowed to invoke this action."
            raise invalid_value(f"SQS:{action}", "ActionName", reason)
    if not 0 < len(actions) <= _MOST_ACTIONS:
        raise ApiError("OverLimit", f"{len(actions)} Actions were found, maximum allowed is {_MOST_ACTIONS}.")
    policy = _policy(ctx, queue)
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise invalid_value(label, "Label", "Already exists.")
    principals = [f"arn:aws:iam::{account}:root" for account in accounts]
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_many(principals)},
        "Action": _one_or_many([f"SQS:{action}" for action in actions]),
        "Resource": queue.arn(ctx.account),
    }
    _save(ctx, queue, {**policy, "Statement": [*policy["Statement"], statement]})


@writes
def remove_permission(params: t.RemovePermissionRequestTypeDef, ctx: Context) -> None:
    """InvalidParameterValue for a label that is not there."""
    queue, label = queue_at(ctx, params["QueueUrl"]), params["Label"]
    policy = _policy(ctx, queue)
    left = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    if len(left) == len(policy["Statement"]):
        raise invalid_value(label, "Label", "can't find label on existing policy.")
    _save(ctx, queue, {**policy, "Statement": left} if left else None)


def _policy(ctx: Context, queue: Queue) -> dict[str, Any]:
    """The queue's, with its statements as a list."""
    text = queue.body["attributes"].get("Policy")
    if not text:
        return {"Version": "2012-10-17", "Id": f"{queue.arn(ctx.account)}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = orjson.loads(text)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    if not all(isinstance(statement, dict) for statement in statements):
        raise invalid("The queue's policy has statements that cannot be read.")
    return {**policy, "Statement": statements}


def _save(ctx: Context, queue: Queue, policy: dict[str, Any] | None) -> None:
    attributes = {name: value for name, value in queue.body["attributes"].items() if name != "Policy"}
    if policy is not None:
        attributes["Policy"] = orjson.dumps(policy).decode()
    save(ctx, queue, attributes=attributes, modified_at=ctx.now_ms)


def _one_or_many(texts: list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else texts
