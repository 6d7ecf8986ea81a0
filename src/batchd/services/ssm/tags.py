"""Tags of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ssm.documents import KIND, find_parameter
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_ssm import type_defs as t

_MOST_TAGS = 50
Params = Mapping[str, Any]  # Any: the members of one operation's input, each of its own type


@writes
def add_tags_to_resource(params: t.AddTagsToResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """TooManyTagsError beyond fifty."""
    name, body = _parameter(ctx, params)
    tags = _limited({**body["tags"], **new_tags(params["Tags"])})
    ctx.tx.resources.put(Key(KIND, ctx.region, name), {**body, "tags": tags})
    return {}


@writes
def remove_tags_from_resource(params: t.RemoveTagsFromResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Keys that are not there are fine."""
    name, body = _parameter(ctx, params)
    gone = set(params["TagKeys"])
    tags = {key: value for key, value in body["tags"].items() if key not in gone}
    ctx.tx.resources.put(Key(KIND, ctx.region, name), {**body, "tags": tags})
    return {}


@reads
def list_tags_for_resource(params: t.ListTagsForResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    _, body = _parameter(ctx, params)
    return {"TagList": [{"Key": key, "Value": value} for key, value in body["tags"].items()]}


def new_tags(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """TooManyTagsError beyond fifty."""
    return _limited({tag["Key"]: tag["Value"] for tag in tags})


def _limited(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise ApiError("TooManyTagsError", f"A parameter can have at most {_MOST_TAGS} tags.")
    return tags


def _parameter(ctx: Context, params: Params) -> tuple[str, Body]:
    """InvalidResourceType, InvalidResourceId."""
    if params["ResourceType"] != "Parameter":
        raise ApiError("InvalidResourceType", f"{params['ResourceType']} is not a resource type of this server.")
    found = find_parameter(ctx.tx, ctx.region, params["ResourceId"])
    if found is None:
        raise ApiError(
            "InvalidResourceId",
            "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
        )
    return found
