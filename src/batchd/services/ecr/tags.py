"""Tags of repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ecr.repositories import change_repository, find_repository

if TYPE_CHECKING:
    from types_boto3_ecr import type_defs as t

_MOST_TAGS = 50


@writes
def tag_resource(params: t.TagResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """TooManyTagsException beyond fifty."""
    repository = _repository(params["resourceArn"])
    added = {tag["Key"]: tag.get("Value", "") for tag in params["tags"]}
    tags = {**_tags(ctx, repository), **added}
    if len(tags) > _MOST_TAGS:
        raise ApiError("TooManyTagsException", f"A repository can have at most {_MOST_TAGS} tags.")
    change_repository(ctx, repository, tags=tags)
    return {}


@writes
def untag_resource(params: t.UntagResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    repository = _repository(params["resourceArn"])
    tags = {key: value for key, value in _tags(ctx, repository).items() if key not in params["tagKeys"]}
    change_repository(ctx, repository, tags=tags)
    return {}


@reads
def list_tags_for_resource(params: t.ListTagsForResourceRequestTypeDef, ctx: Context) -> dict[str, Any]:
    tags = _tags(ctx, _repository(params["resourceArn"]))
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _tags(ctx: Context, repository: dict[str, str]) -> dict[str, str]:
    tags: dict[str, str] = find_repository(ctx, repository, repository["repositoryName"])["tags"]
    return tags


def _repository(text: str) -> dict[str, str]:
    """Registry and name in an ARN, as requests have them."""
    arn = parse_arn(text)
    if arn is None or arn.service != "ecr" or arn.kind != "repository":
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN: {text}'",
        )
    return {"registryId": arn.account, "repositoryName": arn.name}
