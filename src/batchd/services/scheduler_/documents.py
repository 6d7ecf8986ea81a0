"""Groups and schedules as they are stored. A schedule's `aws` is as GetSchedule answers it, with times in seconds."""

from __future__ import annotations

from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.store.store import Body, Key

GROUP, SCHEDULE = "scheduler.group", "scheduler.schedule"
DEFAULT = "default"


def group_key(ctx: Context, name: str) -> Key:
    return Key(GROUP, ctx.region, name)


def schedule_key(ctx: Context, group: str, name: str) -> Key:
    return Key(SCHEDULE, ctx.region, f"{group}/{name}")


def group_arn(ctx: Context, name: str) -> str:
    return ctx.arn("scheduler", f"schedule-group/{name}")


def schedule_arn(ctx: Context, group: str, name: str) -> str:
    return ctx.arn("scheduler", f"schedule/{group}/{name}")


def find_group(ctx: Context, name: str) -> Body:
    """ResourceNotFoundException; `default` is always there."""
    body = ctx.tx.resources.get(group_key(ctx, name))
    if body is not None:
        return body
    if name == DEFAULT:
        return {"aws": {"Name": DEFAULT, "Arn": group_arn(ctx, DEFAULT), "State": "ACTIVE"}, "tags": {}}
    raise ApiError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)


def find_schedule(ctx: Context, group: str, name: str) -> Body:
    body = ctx.tx.resources.get(schedule_key(ctx, group, name))
    if body is None:
        raise ApiError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
    return body


def invalid(text: str) -> ApiError:
    return ApiError("ValidationException", text, 400)


def conflict(text: str) -> ApiError:
    return ApiError("ConflictException", text, 409)
