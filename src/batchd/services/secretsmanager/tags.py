"""Tags of secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.services.secretsmanager.documents import existing, save
from batchd.services.secretsmanager.faults import invalid_parameter

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_MOST_TAGS = 50


@writes
def tag_resource(params: t.TagResourceRequestTypeDef, ctx: Context) -> None:
    """LimitExceededException beyond fifty."""
    name, body = existing(ctx, params["SecretId"])
    save(ctx, name, body, tags=_limited({**body["tags"], **new_tags(params["Tags"])}))


@writes
def untag_resource(params: t.UntagResourceRequestTypeDef, ctx: Context) -> None:
    """Keys that are not there are fine."""
    name, body = existing(ctx, params["SecretId"])
    gone = set(params["TagKeys"])
    save(ctx, name, body, tags={key: value for key, value in body["tags"].items() if key not in gone})


def new_tags(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """InvalidParameterException for a key that is AWS's own; LimitExceededException beyond fifty."""
    made = {tag.get("Key", ""): tag.get("Value", "") for tag in tags}
    if any(key.lower().startswith("aws:") for key in made):
        raise invalid_parameter("Tag keys that begin with aws: are reserved.")
    return _limited(made)


def _limited(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise ApiError("LimitExceededException", f"A secret can have at most {_MOST_TAGS} tags.")
    return tags
