"""Schedules: made, shown, replaced, deleted, listed. [events.md 3]"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.scheduler_.documents import (
    DEFAULT,
    SCHEDULE,
    conflict,
    find_group,
    find_schedule,
    invalid,
    schedule_arn,
    schedule_key,
)
from batchd.services.scheduler_.pages import page_of
from batchd.services.scheduler_.times import checked_expression, checked_zone, next_due
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_scheduler import type_defs as t

TICKS = "scheduler"  # the source
_RETRIES = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
_PARAMETERS = {"ecs": "EcsParameters", "events": "EventBridgeParameters", "kinesis": "KinesisParameters"}


@writes
def create_schedule(params: t.CreateScheduleInputTypeDef, ctx: Context) -> Body:
    """The same request with the same ClientToken is answered as the first was."""
    group, name, token = params.get("GroupName", DEFAULT), params["Name"], params.get("ClientToken", "")
    find_group(ctx, group)
    known = ctx.tx.resources.get(schedule_key(ctx, group, name))
    if known is not None and not (token and known["token"] == token):
        raise conflict(f"Schedule {name} already exists.")
    return _save(ctx, params, ctx.now_ms / 1000)


@writes
def update_schedule(params: t.UpdateScheduleInputTypeDef, ctx: Context) -> Body:
    """Replaces it: what the request leaves out has its default again."""
    known = find_schedule(ctx, params.get("GroupName", DEFAULT), params["Name"])
    return _save(ctx, params, known["aws"]["CreationDate"])


@reads
def get_schedule(params: t.GetScheduleInputTypeDef, ctx: Context) -> Body:
    body = find_schedule(ctx, params.get("GroupName", DEFAULT), params["Name"])
    aws: Body = body["aws"]
    return aws


@writes
def delete_schedule(params: t.DeleteScheduleInputTypeDef, ctx: Context) -> None:
    """What it has begun goes on."""
    group, name = params.get("GroupName", DEFAULT), params["Name"]
    find_schedule(ctx, group, name)
    remove_schedule(ctx, group, name)


@reads
def list_schedules(params: t.ListSchedulesInputTypeDef, ctx: Context) -> Body:
    """By group and name."""
    group, prefix = params.get("GroupName", ""), params.get("NamePrefix", "")
    if group:
        find_group(ctx, group)
    page, token = page_of(ctx, SCHEDULE, params, f"{group}/{prefix}" if group else "")
    wanted = [body["aws"] for _, body in page if body["aws"]["Name"].startswith(prefix)]
    state = params.get("State")
    return {"Schedules": [_summary(aws) for aws in wanted if state in (None, aws["State"])], **token}


def remove_schedule(ctx: Context, group: str, name: str) -> None:
    ctx.tx.resources.delete(schedule_key(ctx, group, name))
    ctx.tx.ticks.delete(TICKS, tick_name(ctx.region, group, name))


def tick_name(region: str, group: str, name: str) -> str:
    return f"{region}/{group}/{name}"


def _save(ctx: Context, params: Mapping[str, Any], created_at: float) -> Body:
    group, name = params.get("GroupName", DEFAULT), params["Name"]
    aws: Body = {
        "Arn": schedule_arn(ctx, group, name),
        "GroupName": group,
        "Name": name,
        "ScheduleExpression": params["ScheduleExpression"],
        "ScheduleExpressionTimezone": params.get("ScheduleExpressionTimezone", "UTC"),
        "State": params.get("State", "ENABLED"),
        "CreationDate": created_at,
        "LastModificationDate": ctx.now_ms / 1000,
        "Target": _target(params["Target"]),
        "FlexibleTimeWindow": _window(params["FlexibleTimeWindow"]),
        "ActionAfterCompletion": params.get("ActionAfterCompletion", "NONE"),
        **{member: params[member] for member in ("Description", "KmsKeyArn") if member in params},
        **{member: _seconds(params[member]) for member in ("StartDate", "EndDate") if member in params},
    }
    checked_expression(aws["ScheduleExpression"])
    checked_zone(aws["ScheduleExpressionTimezone"])
    if "StartDate" in aws and "EndDate" in aws and aws["EndDate"] <= aws["StartDate"]:
        raise invalid("The EndDate must be later than the StartDate.")
    ctx.tx.resources.put(schedule_key(ctx, group, name), {"aws": aws, "token": params.get("ClientToken", "")})
    due = next_due(aws, ctx.now_ms - 1)
    tick = tick_name(ctx.region, group, name)
    if due is None:
        ctx.tx.ticks.delete(TICKS, tick)
    else:
        ctx.tx.ticks.put(TICKS, tick, due)
    return {"ScheduleArn": aws["Arn"]}


def _target(given: Mapping[str, Any]) -> Body:
    """With the retries that hold."""
    arn = parse_arn(given["Arn"])
    if arn is None or parse_arn(given["RoleArn"]) is None:
        raise invalid(f"Provided Arn is not in correct format: {given['Arn'] if arn is None else given['RoleArn']}")
    needed = _PARAMETERS.get(arn.service)
    if arn.service == "sqs" and arn.resource.endswith(".fifo"):
        needed = "SqsParameters"
    if needed and needed not in given:
        raise invalid(f"{needed} must be specified for target {given['Arn']}.")
    if arn.service == "scheduler":
        _check_universal(given)
    return {**given, "RetryPolicy": {**_RETRIES, **given.get("RetryPolicy", {})}}


def _check_universal(given: Mapping[str, Any]) -> None:
    parts = given["Arn"].split(":")
    if len(parts) != 8 or parts[5] != "aws-sdk" or not all(parts[6:]):
        raise invalid(f"Invalid universal target: {given['Arn']}. It is arn:aws:scheduler:::aws-sdk:service:apiAction")
    try:
        document = orjson.loads(given.get("Input", "{}"))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid("The Input of a universal target must be a JSON object: the request.")


def _window(given: Mapping[str, Any]) -> Body:
    if given["Mode"] == "FLEXIBLE" and "MaximumWindowInMinutes" not in given:
        raise invalid("MaximumWindowInMinutes must be specified for flexible time windows.")
    if given["Mode"] == "OFF" and "MaximumWindowInMinutes" in given:
        raise invalid("MaximumWindowInMinutes must not be specified where the flexible time window is OFF.")
    return dict(given)


def _seconds(at: datetime | float) -> float:
    return at.timestamp() if isinstance(at, datetime) else float(at)


def _summary(aws: Body) -> Body:
    members = ("Arn", "GroupName", "Name", "State", "CreationDate", "LastModificationDate")
    return {**{member: aws[member] for member in members}, "Target": {"Arn": aws["Target"]["Arn"]}}
