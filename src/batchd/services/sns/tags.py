"""Tags of topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.sns.faults import invalid, no_resource
from batchd.services.sns.locate import Topic, find_topic, save_topic

if TYPE_CHECKING:
    from types_boto3_sns import type_defs as t

_MOST_TAGS = 50


@writes
def tag_resource(params: t.TagResourceRequestTypeDef, ctx: Context) -> None:
    """TagLimitExceeded beyond fifty."""
    topic = _topic(ctx, params["ResourceArn"])
    save_topic(ctx, topic, tags=_limited({**topic.body["tags"], **new_tags(params["Tags"])}))


@writes
def untag_resource(params: t.UntagResourceRequestTypeDef, ctx: Context) -> None:
    """Keys that are not there are fine."""
    topic = _topic(ctx, params["ResourceArn"])
    gone = set(params["TagKeys"])
    save_topic(ctx, topic, tags={key: value for key, value in topic.body["tags"].items() if key not in gone})


@reads
def list_tags_for_resource(params: t.ListTagsForResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """ResourceNotFound for what is no topic here."""
    tags = _topic(ctx, params["ResourceArn"]).body["tags"]
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def new_tags(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """InvalidParameter for a key that comes twice or is AWS's own."""
    pairs = [(tag["Key"], tag["Value"]) for tag in tags]
    made = dict(pairs)
    if len(made) < len(pairs):
        raise invalid("Duplicated keys are not allowed.")
    if any(key.lower().startswith("aws:") for key in made):
        raise invalid("Tags Reason: keys that begin with aws: are reserved.")
    return _limited(made)


def _limited(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise ApiError(
            "TagLimitExceeded", f"Could not complete request: tag quota of {_MOST_TAGS} per resource exceeded"
        )
    return tags


def _topic(ctx: Context, text: str) -> Topic:
    arn = parse_arn(text)
    if arn is None or arn.service != "sns" or arn.region != ctx.region or arn.account != ctx.account:
        raise no_resource()
    topic = find_topic(ctx.tx, arn)
    if topic is None:
        raise no_resource()
    return topic
