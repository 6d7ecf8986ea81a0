"""Tags of log groups: both generations of operations over one map. [logs.md 1]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.logs.groups import change_group, find_group

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t

_MOST_TAGS = 50


@writes
def tag_resource(params: t.TagResourceRequestTypeDef, ctx: Context) -> None:
    _tag(ctx, _group_of(params["resourceArn"]), dict(params["tags"]), "TooManyTagsException")


@writes
def untag_resource(params: t.UntagResourceRequestTypeDef, ctx: Context) -> None:
    _untag(ctx, _group_of(params["resourceArn"]), list(params["tagKeys"]))


@reads
def list_tags_for_resource(params: t.ListTagsForResourceRequestTypeDef, ctx: Context) -> dict[str, dict[str, str]]:
    return {"tags": find_group(ctx, _group_of(params["resourceArn"]))["tags"]}


@writes
def tag_log_group(params: t.TagLogGroupRequestTypeDef, ctx: Context) -> None:
    _tag(ctx, params["logGroupName"], dict(params["tags"]), "InvalidParameterException")


@writes
def untag_log_group(params: t.UntagLogGroupRequestTypeDef, ctx: Context) -> None:
    _untag(ctx, params["logGroupName"], list(params["tags"]))


@reads
def list_tags_log_group(params: t.ListTagsLogGroupRequestTypeDef, ctx: Context) -> dict[str, dict[str, str]]:
    return {"tags": find_group(ctx, params["logGroupName"])["tags"]}


def _tag(ctx: Context, group: str, tags: dict[str, str], too_many: str) -> None:
    merged = {**find_group(ctx, group)["tags"], **tags}
    if len(merged) > _MOST_TAGS:
        raise ApiError(too_many, f"A resource can have at most {_MOST_TAGS} tags.")
    change_group(ctx, group, tags=merged)


def _untag(ctx: Context, group: str, keys: list[str]) -> None:
    tags = find_group(ctx, group)["tags"]
    change_group(ctx, group, tags={key: value for key, value in tags.items() if key not in keys})


def _group_of(text: str) -> str:
    arn = parse_arn(text)
    if arn is None or arn.service != "logs" or not arn.resource.startswith("log-group:"):
        raise ApiError("InvalidParameterException", "The specified resource ARN is invalid.")
    return arn.resource.removeprefix("log-group:").removesuffix(":*")
