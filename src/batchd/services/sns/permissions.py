"""Statements of a topic's policy by label. [sns-sqs.md A2]"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, writes
from batchd.services.sns.faults import invalid
from batchd.services.sns.locate import Topic, save_topic, topic_at
from batchd.services.sns.topic_attributes import default_policy, dumped

if TYPE_CHECKING:
    from types_boto3_sns import type_defs as t

_ACCOUNT = re.compile(r"[0-9]{12}")
_ACTIONS = {
    *("AddPermission", "DeleteTopic", "GetDataProtectionPolicy", "GetTopicAttributes", "ListSubscriptionsByTopic"),
    *("ListTagsForResource", "Publish", "PutDataProtectionPolicy", "RemovePermission", "SetTopicAttributes"),
    *("Subscribe",),
}


@writes
def add_permission(params: t.AddPermissionInputTypeDef, ctx: Context) -> None:
    """A statement that lets accounts do things."""
    topic, label = topic_at(ctx, params["TopicArn"]), params["Label"]
    accounts, actions = params["AWSAccountId"], params["ActionName"]
    if not actions or not all(action in _ACTIONS for action in actions):
        raise invalid("Policy statement action out of service scope!")
    if not accounts or not all(map(_ACCOUNT.fullmatch, accounts)):
        raise invalid("Policy Error: PrincipalNotFound")
    policy = _policy(topic)
    if any(_sid(statement) == label for statement in policy["Statement"]):
        raise invalid("Statement already exists")
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_many([f"arn:aws:iam::{account}:root" for account in accounts])},
        "Action": _one_or_many([f"SNS:{action}" for action in actions]),
        "Resource": topic.arn,
    }
    _save(ctx, topic, {**policy, "Statement": [*policy["Statement"], statement]})


@writes
def remove_permission(params: t.RemovePermissionInputTypeDef, ctx: Context) -> None:
    """A label that is not there is fine."""
    topic = topic_at(ctx, params["TopicArn"])
    policy = _policy(topic)
    left = [statement for statement in policy["Statement"] if _sid(statement) != params["Label"]]
    _save(ctx, topic, {**policy, "Statement": left})


def _policy(topic: Topic) -> dict[str, Any]:
    """The topic's, with its statements as a list."""
    text = topic.attributes.get("Policy")
    policy: dict[str, Any] = orjson.loads(text) if text else default_policy(topic)
    statements = policy["Statement"]
    return {**policy, "Statement": statements if isinstance(statements, list) else [statements]}


def _sid(statement: Any) -> Any:  # any JSON
    return statement.get("Sid") if isinstance(statement, dict) else None


def _save(ctx: Context, topic: Topic, policy: dict[str, Any]) -> None:
    save_topic(ctx, topic, attributes={**topic.attributes, "Policy": dumped(policy)})


def _one_or_many(texts: list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else texts
