"""schedule, schedules, unschedule: commands that run at their times, each time as a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from batchd.cli.connect import Clients, access
from batchd.cli.submit import Unsuitable, Work, request_of
from batchd.cli.tables import console, cut, table

if TYPE_CHECKING:
    from types_boto3_scheduler.type_defs import CreateScheduleInputTypeDef

_LONGEST_NAME = 64
_GRAMMAR = (
    "Say cron(0 2 * * ? *): minute, hour, day, month, day of the week, year; and one of the days is ?. "
    "Or rate(5 minutes), rate(1 hour), at(2026-12-24T18:00:00)."
)
_ARN = "arn:aws:scheduler:::aws-sdk:batch:submitJob"
_ROLE = "arn:aws:iam::{account}:role/batchd-schedule"


def schedule_command(data_dir: Path | None, expression: str, timezone: str, work: Work) -> None:
    """A schedule of EventBridge Scheduler that submits the job; one of the same name is replaced."""
    clients = Clients(access(data_dir))
    request = request_of(clients, work)
    name = request["jobName"]
    given: CreateScheduleInputTypeDef = {
        "Name": name,
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": timezone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": _ARN, "RoleArn": _role(clients), "Input": json.dumps(request)},
    }
    if len(name) > _LONGEST_NAME:
        raise Unsuitable(f"--name must have at most {_LONGEST_NAME} characters, for the schedule has it too")
    known = clients.scheduler.list_schedules(GroupName="default", NamePrefix=name)["Schedules"]
    put = clients.scheduler.create_schedule
    if any(schedule["Name"] == name for schedule in known):
        put = clients.scheduler.update_schedule
    try:
        put(**given)
    except clients.scheduler.exceptions.ValidationException as refused:
        text = refused.response["Error"]["Message"]
        raise Unsuitable(f"{text} {_GRAMMAR}" if text.endswith(f"Expression {expression}.") else text) from None
    print(f"{name}: {expression} {timezone}")


def list_schedules(data_dir: Path | None) -> None:
    """All of them, whoever made them."""
    clients = Clients(access(data_dir))
    rows = table("NAME", "GROUP", "STATE", "EXPRESSION", "TIMEZONE", "TARGET", cut=["TARGET"])
    for page in clients.scheduler.get_paginator("list_schedules").paginate():
        for summary in page["Schedules"]:
            one = clients.scheduler.get_schedule(Name=summary["Name"], GroupName=summary["GroupName"])
            words = (one["Name"], one["GroupName"], one["State"], one["ScheduleExpression"])
            rows.add_row(*words, one["ScheduleExpressionTimezone"], cut(one["Target"]["Arn"]))
    console().print(rows)


def unschedule(data_dir: Path | None, name: str) -> None:
    """What it has submitted goes on."""
    Clients(access(data_dir)).scheduler.delete_schedule(Name=name)


def _role(clients: Clients) -> str:
    """Whose name the jobs are submitted in."""
    queue = clients.batch.describe_job_queues(maxResults=1)["jobQueues"][0]["jobQueueArn"]
    return _ROLE.format(account=queue.split(":")[4])
