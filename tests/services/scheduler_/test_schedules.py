from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from batchd.services.scheduler_ import SERVICE
from batchd.services.scheduler_.schedules import TICKS, tick_name
from tests.contexts import ACCOUNT
from tests.services.direct import Direct, direct

TARGET = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:box", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker"}
OFF = {"Mode": "OFF"}
DAILY = {"Name": "daily", "ScheduleExpression": "cron(0 2 * * ? *)", "Target": TARGET, "FlexibleTimeWindow": OFF}
ARN = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/daily"


@pytest.fixture
def service() -> Iterator[Direct]:
    with direct(SERVICE) as made:
        yield made


def due(service: Direct, name: str = "daily", group: str = "default") -> datetime | None:
    """When it is due next."""
    with service.store.read() as tx:
        at = tx.ticks.get(TICKS, tick_name("us-east-1", group, name))
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)


def test_a_schedule_is_shown_with_its_defaults_and_has_a_tick(service: Direct) -> None:
    assert service("create_schedule", **DAILY) == {"ScheduleArn": ARN}
    shown = service("get_schedule", Name="daily")
    now = service.clock.now_ms() / 1000
    assert shown == {
        "Arn": ARN,
        "GroupName": "default",
        "Name": "daily",
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "CreationDate": now,
        "LastModificationDate": now,
        "Target": {**TARGET, "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}},
        "FlexibleTimeWindow": OFF,
        "ActionAfterCompletion": "NONE",
    }
    at = due(service)
    assert at is not None and (at.hour, at.minute) == (2, 0)


def test_a_name_is_used_once_in_a_group_but_a_repeated_request_is_no_second_one(service: Direct) -> None:
    service("create_schedule", **DAILY, ClientToken="t")
    assert service("create_schedule", **DAILY, ClientToken="t") == {"ScheduleArn": ARN}
    assert service.error("create_schedule", **DAILY, ClientToken="u") == (
        "ConflictException",
        "Schedule daily already exists.",
    )
    service("create_schedule_group", Name="night")
    service("create_schedule", **DAILY, GroupName="night")
    assert service.error("create_schedule", **DAILY, GroupName="day") == (
        "ResourceNotFoundException",
        "Schedule group day does not exist.",
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ScheduleExpression": "cron(0 1 * * * *)"}, "Invalid Schedule Expression cron(0 1 * * * *)."),
        ({"ScheduleExpression": "at(2030-01-01)"}, "Invalid Schedule Expression at(2030-01-01)."),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "Invalid Schedule Expression Timezone Mars/Base."),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
            "MaximumWindowInMinutes must be specified",
        ),
        ({"Target": {**TARGET, "Arn": "box"}}, "Provided Arn is not in correct format: box"),
        ({"Target": {**TARGET, "Arn": f"{TARGET['Arn']}.fifo"}}, "SqsParameters must be specified for target"),
        ({"Target": {**TARGET, "Arn": "arn:aws:scheduler:::aws-sdk:batch"}}, "Invalid universal target"),
        (
            {"Target": {**TARGET, "Arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob", "Input": "[]"}},
            "The Input of a universal target must be a JSON object",
        ),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(service: Direct, change: dict[str, Any], text: str) -> None:
    code, message = service.error("create_schedule", **{**DAILY, **change})
    assert (code, message[: len(text)]) == ("ValidationException", text)
    assert service("list_schedules") == {"Schedules": []}


def test_an_update_replaces_everything_and_a_disabled_schedule_is_never_due(service: Direct) -> None:
    service("create_schedule", **DAILY, Description="d")
    service("update_schedule", **DAILY, State="DISABLED")
    assert "Description" not in service("get_schedule", Name="daily")
    assert due(service) is None
    service("update_schedule", **DAILY)
    assert due(service) is not None
    service("delete_schedule", Name="daily")
    assert due(service) is None
    assert service.error("get_schedule", Name="daily") == (
        "ResourceNotFoundException",
        "Schedule daily does not exist.",
    )


def test_a_group_takes_its_schedules_along(service: Direct) -> None:
    service("create_schedule_group", Name="night", Tags=[{"Key": "a", "Value": "b"}])
    service("create_schedule", **DAILY, GroupName="night")
    service("create_schedule", **DAILY)
    listed = service("list_schedules", GroupName="night")["Schedules"]
    assert [(one["GroupName"], one["Name"]) for one in listed] == [("night", "daily")]
    assert [group["Name"] for group in service("list_schedule_groups")["ScheduleGroups"]] == ["default", "night"]
    arn = service("get_schedule_group", Name="night")["Arn"]
    service("tag_resource", ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    service("untag_resource", ResourceArn=arn, TagKeys=["a"])
    assert service("list_tags_for_resource", ResourceArn=arn) == {"Tags": [{"Key": "c", "Value": "d"}]}
    service("delete_schedule_group", Name="night")
    assert due(service, group="night") is None
    assert [one["GroupName"] for one in service("list_schedules")["Schedules"]] == ["default"]
    assert service.error("delete_schedule_group", Name="default")[0] == "ValidationException"


def test_lists_come_in_pages(service: Direct) -> None:
    for number in range(3):
        service("create_schedule", **{**DAILY, "Name": f"s{number}"})
    first = service("list_schedules", MaxResults=2)
    rest = service("list_schedules", MaxResults=2, NextToken=first["NextToken"])
    assert [one["Name"] for one in (*first["Schedules"], *rest["Schedules"])] == ["s0", "s1", "s2"]
    assert service.error("list_schedules", NextToken="!")[0] == "ValidationException"
