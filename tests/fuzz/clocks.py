"""The town's schedules: calls that succeed, one after the other."""

from __future__ import annotations

from typing import Any

from tests.contexts import ACCOUNT

Call = tuple[str, str, dict[str, Any]]

_TARGET = {
    "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:box",
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
    "Input": "<aws.scheduler.execution-id>",
    "RetryPolicy": {"MaximumRetryAttempts": 2},
}
_DAILY = {
    "Name": "daily",
    "GroupName": "clocks",
    "ScheduleExpression": "cron(0 2 ? * MON#1 *)",
    "ScheduleExpressionTimezone": "Europe/Berlin",
    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
    "Target": _TARGET,
}
_GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/clocks"

FIRST: list[Call] = [
    ("scheduler", "CreateScheduleGroup", {"Name": "clocks", "Tags": [{"Key": "a", "Value": "b"}]}),
    ("scheduler", "CreateSchedule", _DAILY),
]
MORE: list[Call] = [
    ("scheduler", "CreateSchedule", {**_DAILY, "Name": "more", "ScheduleExpression": "rate(5 minutes)"}),
    ("scheduler", "UpdateSchedule", {**_DAILY, "ScheduleExpression": "at(2035-01-01T00:00:00)"}),
    ("scheduler", "GetSchedule", {"Name": "daily", "GroupName": "clocks"}),
    ("scheduler", "ListSchedules", {"GroupName": "clocks", "NamePrefix": "d", "State": "ENABLED", "MaxResults": 1}),
    ("scheduler", "ListScheduleGroups", {"NamePrefix": "c"}),
    ("scheduler", "GetScheduleGroup", {"Name": "default"}),
    ("scheduler", "TagResource", {"ResourceArn": _GROUP, "Tags": [{"Key": "c", "Value": "d"}]}),
    ("scheduler", "UntagResource", {"ResourceArn": _GROUP, "TagKeys": ["a"]}),
    ("scheduler", "ListTagsForResource", {"ResourceArn": _GROUP}),
    ("scheduler", "DeleteSchedule", {"Name": "daily", "GroupName": "clocks"}),
    ("scheduler", "DeleteScheduleGroup", {"Name": "clocks"}),
]
