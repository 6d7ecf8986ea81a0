"""Schedule groups, and their tags. [events.md 3]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.scheduler_.documents import (
    DEFAULT,
    GROUP,
    SCHEDULE,
    conflict,
    find_group,
    group_arn,
    group_key,
    invalid,
)
from batchd.services.scheduler_.pages import page_of
from batchd.services.scheduler_.schedules import remove_schedule
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_scheduler import type_defs as t

_MOST_TAGS = 50


@writes
def create_schedule_group(params: t.CreateScheduleGroupInputTypeDef, ctx: Context) -> Body:
    name, token = params["Name"], params.get("ClientToken", "")
    known = ctx.tx.resources.get(group_key(ctx, name))
    if name == DEFAULT or (known is not None and not (token and known["token"] == token)):
        raise conflict(f"Schedule group {name} already exists.")
    now = ctx.now_ms / 1000
    aws = {
        "Name": name,
        "Arn": group_arn(ctx, name),
        "State": "ACTIVE",
        "CreationDate": now,
        "LastModificationDate": now,
    }
    ctx.tx.resources.put(group_key(ctx, name), {"aws": aws, "tags": _tags(params.get("Tags", ())), "token": token})
    return {"ScheduleGroupArn": aws["Arn"]}


@reads
def get_schedule_group(params: t.GetScheduleGroupInputTypeDef, ctx: Context) -> Body:
    aws: Body = find_group(ctx, params["Name"])["aws"]
    return aws


@writes
def delete_schedule_group(params: t.DeleteScheduleGroupInputTypeDef, ctx: Context) -> None:
    """With every schedule in it."""
    name = params["Name"]
    if name == DEFAULT:
        raise invalid("The default schedule group cannot be deleted.")
    find_group(ctx, name)
    for key, _ in ctx.tx.resources.page(SCHEDULE, ctx.region, prefix=f"{name}/"):
        remove_schedule(ctx, name, key.partition("/")[2])
    ctx.tx.resources.delete(group_key(ctx, name))


@reads
def list_schedule_groups(params: t.ListScheduleGroupsInputTypeDef, ctx: Context) -> Body:
    """`default` first, then by name."""
    prefix = params.get("NamePrefix", "")
    page, token = page_of(ctx, GROUP, params, prefix)
    is_first = not params.get("NextToken") and DEFAULT.startswith(prefix)
    first = [find_group(ctx, DEFAULT)] if is_first else []
    return {"ScheduleGroups": [body["aws"] for body in (*first, *(body for _, body in page))], **token}


@writes
def tag_resource(params: t.TagResourceInputTypeDef, ctx: Context) -> None:
    name, body = _tagged(ctx, params["ResourceArn"])
    tags = {**body["tags"], **_tags(params["Tags"])}
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A schedule group can have at most {_MOST_TAGS} tags.")
    ctx.tx.resources.put(group_key(ctx, name), {**body, "tags": tags})


@writes
def untag_resource(params: t.UntagResourceInputTypeDef, ctx: Context) -> None:
    name, body = _tagged(ctx, params["ResourceArn"])
    tags = {key: value for key, value in body["tags"].items() if key not in params["TagKeys"]}
    ctx.tx.resources.put(group_key(ctx, name), {**body, "tags": tags})


@reads
def list_tags_for_resource(params: t.ListTagsForResourceInputTypeDef, ctx: Context) -> Body:
    _, body = _tagged(ctx, params["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in body["tags"].items()]}


def _tagged(ctx: Context, text: str) -> tuple[str, Body]:
    """Only groups have tags."""
    arn = parse_arn(text)
    if arn is None or arn.service != "scheduler" or arn.kind != "schedule-group":
        raise ApiError("ValidationException", f"Tags are of schedule groups; {text} is none.", 400)
    return arn.name, {"token": "", **find_group(ctx, arn.name)}


def _tags(given: Sequence[Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given}
