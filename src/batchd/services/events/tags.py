"""Tags of rules and buses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.buses import DEFAULT, existing_bus, save_bus
from batchd.services.events.faults import invalid, limit_exceeded
from batchd.services.events.rules import existing_rule, save_rule
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

_MOST = 50
_Save = Callable[[Context, Body], None]


@writes
def tag_resource(params: t.TagResourceRequestTypeDef, ctx: Context) -> None:
    """Adds and overwrites."""
    body, save = _find(ctx, params["ResourceARN"])
    tags = {**body["tags"], **{tag["Key"]: tag["Value"] for tag in params["Tags"]}}
    if len(tags) > _MOST:
        raise limit_exceeded()
    save(ctx, {**body, "tags": tags})


@writes
def untag_resource(params: t.UntagResourceRequestTypeDef, ctx: Context) -> None:
    """Keys that are not there are ignored."""
    body, save = _find(ctx, params["ResourceARN"])
    save(ctx, {**body, "tags": {key: value for key, value in body["tags"].items() if key not in params["TagKeys"]}})


@reads
def list_tags_for_resource(params: t.ListTagsForResourceRequestTypeDef, ctx: Context) -> Body:
    body, _ = _find(ctx, params["ResourceARN"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in body["tags"].items()]}


def _find(ctx: Context, text: str) -> tuple[Body, _Save]:
    """ResourceNotFoundException; ValidationException for what is no ARN of ours."""
    arn = parse_arn(text)
    if arn is None or arn.service != "events" or arn.kind not in ("rule", "event-bus"):
        raise invalid(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    if arn.kind == "event-bus":
        return existing_bus(ctx, arn.name), save_bus
    bus, slash, name = arn.name.rpartition("/")
    return existing_rule(ctx, bus if slash else DEFAULT, name), save_rule
