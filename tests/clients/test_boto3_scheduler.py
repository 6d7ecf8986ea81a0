"""EventBridge Scheduler through boto3: schedules that start jobs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients.waiting import ended, eventually
from tests.clients.worlds import World, fresh

ROLE = "arn:aws:iam::123456789012:role/scheduler"


@pytest.fixture
def scheduler(server: Any) -> Any:
    return server.client("scheduler")


def test_a_schedule_submits_a_job_by_the_universal_target_and_is_gone(world: World, scheduler: Any) -> None:
    request = {
        "JobName": fresh("scheduled"),
        "JobQueue": world.queue,
        "JobDefinition": world.define("echo at $WHEN"),
        "ContainerOverrides": {"Environment": [{"Name": "WHEN", "Value": "<aws.scheduler.scheduled-time>"}]},
    }
    now, name = datetime.now(UTC), fresh("once")
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression=f"at({now:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob",
            "RoleArn": ROLE,
            "Input": json.dumps(request),
        },
    )

    def jobs() -> list[dict[str, Any]]:
        wanted = [{"name": "JOB_NAME", "values": [request["JobName"]]}]
        found: list[dict[str, Any]] = world.batch.list_jobs(jobQueue=world.queue, filters=wanted)["jobSummaryList"]
        return found

    (job,) = eventually(jobs, "the job is submitted")
    assert world.output(ended(world.batch, job["jobId"])) == [f"at {now:%Y-%m-%dT%H:%M:%SZ}"]
    assert scheduler.list_schedules(NamePrefix=name)["Schedules"] == []


def test_what_was_made_is_shown_as_it_was_asked_for(scheduler: Any) -> None:
    group, start = fresh("group"), datetime(2035, 1, 1, tzinfo=UTC)
    scheduler.create_schedule_group(Name=group, Tags=[{"Key": "team", "Value": "night"}])
    target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:box", "RoleArn": ROLE, "Input": "{}"}
    scheduler.create_schedule(
        Name="daily",
        GroupName=group,
        ScheduleExpression="cron(0 2 ? * MON-FRI *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        StartDate=start,
        EndDate=start + timedelta(days=30),
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        Target=target,
    )
    shown = scheduler.get_schedule(Name="daily", GroupName=group)
    assert (shown["StartDate"], shown["ScheduleExpressionTimezone"]) == (start, "Europe/Berlin")
    assert shown["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    scheduler.delete_schedule_group(Name=group)
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException, match="Schedule daily does not exist"):
        scheduler.get_schedule(Name="daily", GroupName=group)
