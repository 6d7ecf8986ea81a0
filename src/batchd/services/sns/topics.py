"""Topics: made, described, changed, listed and deleted. [sns-sqs.md A2]"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchd.arns import Arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.sns.faults import invalid
from batchd.services.sns.locate import (
    SEQUENCE,
    SUFFIX,
    TOPIC,
    Topic,
    arn_of,
    find_topic,
    save_topic,
    subscriptions_of,
    topic_at,
)
from batchd.services.sns.paging import after_token, page_of
from batchd.services.sns.tags import new_tags
from batchd.services.sns.topic_attributes import all_attributes, checked
from batchd.store.store import Key

if TYPE_CHECKING:
    from types_boto3_sns import type_defs as t

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")


@writes
def create_topic(params: t.CreateTopicInputTypeDef, ctx: Context) -> dict[str, Any]:
    """The ARN of the topic, which may have been there: then its attributes stay as they are, and tags must agree."""
    name, given = params["Name"], dict(params.get("Attributes", {}))
    is_fifo = given.get("FifoTopic") == "true"
    if not _NAME.fullmatch(name.removesuffix(SUFFIX) if is_fifo else name) or name.endswith(SUFFIX) != is_fifo:
        raise invalid("Topic Name")
    if not is_fifo:
        given.pop("FifoTopic", None)
    tags = new_tags(params.get("Tags", ()))
    attributes = checked(name, given)
    arn = Arn("sns", ctx.region, ctx.account, name)
    existing = find_topic(ctx.tx, arn)
    if existing is None:
        ctx.tx.resources.insert(Key(TOPIC, ctx.region, name), {"attributes": attributes, "tags": tags, "deleted": 0})
    elif tags and tags != existing.body["tags"]:
        raise invalid("Tags Reason: Topic already exists with different tags")
    return {"TopicArn": str(arn)}


@writes
def delete_topic(params: t.DeleteTopicInputTypeDef, ctx: Context) -> None:
    """With its subscriptions; one that is not there is fine."""
    arn = arn_of(params["TopicArn"], "TopicArn")
    if arn.service != "sns" or arn.region != ctx.region:
        raise invalid("TopicArn")
    topic = find_topic(ctx.tx, arn)
    if topic is None or arn.account != ctx.account:
        return
    for subscription in subscriptions_of(ctx.tx, topic):
        ctx.tx.resources.delete(subscription.key)
    ctx.tx.resources.delete(topic.key)
    ctx.tx.resources.delete(Key(SEQUENCE, topic.region, topic.name))


@reads
def get_topic_attributes(params: t.GetTopicAttributesInputTypeDef, ctx: Context) -> dict[str, Any]:
    """NotFound."""
    return {"Attributes": all_attributes(ctx, topic_at(ctx, params["TopicArn"]))}


@writes
def set_topic_attributes(params: t.SetTopicAttributesInputTypeDef, ctx: Context) -> None:
    """An empty value takes the attribute back to its default."""
    topic = topic_at(ctx, params["TopicArn"])
    name, value = params["AttributeName"], params.get("AttributeValue", "")
    if name == "FifoTopic":
        raise invalid("AttributeName")
    if value:
        checked(topic.name, {name: value})
        save_topic(ctx, topic, attributes={**topic.attributes, name: value})
    else:
        save_topic(ctx, topic, attributes={known: text for known, text in topic.attributes.items() if known != name})


@reads
def list_topics(params: t.ListTopicsInputTypeDef, ctx: Context) -> dict[str, Any]:
    """By name, a hundred a page."""
    after = after_token(params.get("NextToken"))
    page, token = page_of(ctx.tx.resources.page(TOPIC, ctx.region, after=after, limit=101))
    topics = [Topic(ctx.region, ctx.account, name, body) for name, body in page]
    return {"Topics": [{"TopicArn": topic.arn} for topic in topics], **token}
