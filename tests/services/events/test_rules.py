"""Rules, their targets, and the buses they are on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from batchd.services import events
from tests.contexts import ACCOUNT
from tests.services.direct import Direct, direct

ARN = f"arn:aws:events:us-east-1:{ACCOUNT}"
QUEUE = f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/night"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
PATTERN = json.dumps({"source": ["my.app"]})
JOB = {"Id": "job", "Arn": QUEUE, "RoleArn": ROLE, "BatchParameters": {"JobName": "feed", "JobDefinition": "feed"}}


@pytest.fixture
def service() -> Iterator[Direct]:
    with direct(events.SERVICE) as service:
        yield service


def put_rule(service: Direct, name: str = "night", **more: Any) -> str:
    given = more if "ScheduleExpression" in more else {"EventPattern": PATTERN, **more}
    arn: str = service("put_rule", Name=name, **given)["RuleArn"]
    return arn


def tick(service: Direct, name: str = "night") -> int | None:
    """Seconds until the rule is due."""
    with service.store.read() as tx:
        due = tx.ticks.get("events.rule", f"us-east-1/{name}")
    return None if due is None else (due - service.clock.now_ms()) // 1000


def test_a_rule_is_described_as_it_was_put(service: Direct) -> None:
    arn = put_rule(service, Description="at night", RoleArn=ROLE)

    assert arn == f"{ARN}:rule/night"
    assert service("describe_rule", Name="night") == {
        "Name": "night",
        "Arn": arn,
        "EventPattern": PATTERN,
        "State": "ENABLED",
        "Description": "at night",
        "RoleArn": ROLE,
        "EventBusName": "default",
        "CreatedBy": ACCOUNT,
    }


def test_to_put_a_rule_again_replaces_it_but_for_targets_and_tags(service: Direct) -> None:
    put_rule(service, Description="at night", Tags=[{"Key": "team", "Value": "feeds"}], State="DISABLED")
    service("put_targets", Rule="night", Targets=[JOB])
    put_rule(service, Tags=[{"Key": "team", "Value": "other"}])

    found = service("describe_rule", Name="night")
    assert "Description" not in found
    assert found["State"] == "ENABLED"
    assert service("list_targets_by_rule", Rule="night")["Targets"] == [JOB]
    assert service("list_tags_for_resource", ResourceARN=f"{ARN}:rule/night")["Tags"] == [
        {"Key": "team", "Value": "feeds"}
    ]


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        ({"ScheduleExpression": "rate(5)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
        (
            {"ScheduleExpression": "at(2026-01-01T00:00:00)"},
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            {"EventPattern": '{"a": []}'},
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: Empty arrays are not allowed",
        ),
        (
            {"EventPattern": PATTERN, "EventBusName": "nobus"},
            "ResourceNotFoundException",
            "Event bus nobus does not exist.",
        ),
        (
            {"ScheduleExpression": "rate(5 minutes)", "EventBusName": "orders"},
            "ValidationException",
            "ScheduleExpression is supported only on the default event bus.",
        ),
    ],
)
def test_a_rule_that_cannot_work_is_refused(service: Direct, params: dict[str, Any], code: str, message: str) -> None:
    service("create_event_bus", Name="orders")
    assert service.error("put_rule", Name="night", **params) == (code, message)


def test_rules_are_listed_by_name_in_pages(service: Direct) -> None:
    service("create_event_bus", Name="orders")
    for name in ("b", "a", "ac", "c"):
        put_rule(service, name)
    put_rule(service, "elsewhere", EventBusName="orders")

    first = service("list_rules", Limit=3)
    rest = service("list_rules", Limit=3, NextToken=first["NextToken"])
    assert [rule["Name"] for rule in first["Rules"] + rest["Rules"]] == ["a", "ac", "b", "c"]
    assert "NextToken" not in rest
    assert [rule["Name"] for rule in service("list_rules", NamePrefix="a")["Rules"]] == ["a", "ac"]
    assert [rule["Arn"] for rule in service("list_rules", EventBusName="orders")["Rules"]] == [
        f"{ARN}:rule/orders/elsewhere"
    ]
    assert service.error("list_rules", NextToken="nonsense")[0] == "ValidationException"


def test_a_rule_with_targets_stays(service: Direct) -> None:
    put_rule(service)
    service("put_targets", Rule="night", Targets=[JOB])

    assert service.error("delete_rule", Name="night") == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    service("remove_targets", Rule="night", Ids=["job", "unknown"])
    service("delete_rule", Name="night")
    service("delete_rule", Name="night")
    assert service.error("describe_rule", Name="night") == (
        "ResourceNotFoundException",
        "Rule night does not exist on EventBus default.",
    )


def test_a_rule_with_a_schedule_is_due_at_its_next_time(service: Direct) -> None:
    put_rule(service, ScheduleExpression="rate(5 minutes)")
    assert tick(service) == 300
    service.clock.advance(100)
    put_rule(service, ScheduleExpression="rate(5 minutes)", Description="the same")
    assert tick(service) == 200, "what does not change the rate does not move it"
    put_rule(service, ScheduleExpression="rate(2 minutes)")
    assert tick(service) == 120
    service("disable_rule", Name="night")
    assert tick(service) is None
    service.clock.advance(1000)
    service("enable_rule", Name="night")
    assert tick(service) == 120
    put_rule(service)
    assert tick(service) is None
    put_rule(service, ScheduleExpression="cron(0 0 * * ? 2002)")
    assert tick(service) is None, "it is never due"
    put_rule(service, ScheduleExpression="cron(* * * * ? *)")
    assert 0 < (tick(service) or 0) <= 60
    service("delete_rule", Name="night")
    assert tick(service) is None


def test_what_is_due_stays_so_when_something_else_changes(service: Direct) -> None:
    put_rule(service, ScheduleExpression="rate(5 minutes)")
    service.clock.advance(301)
    service("put_targets", Rule="night", Targets=[JOB])
    service("tag_resource", ResourceARN=f"{ARN}:rule/night", Tags=[{"Key": "a", "Value": "b"}])
    put_rule(service, ScheduleExpression="rate(5 minutes)", Description="the same")
    service("enable_rule", Name="night")
    assert tick(service) == -1


def test_a_rule_of_the_same_name_on_another_bus_has_nothing_to_do_with_the_schedule(service: Direct) -> None:
    service("create_event_bus", Name="orders")
    put_rule(service, ScheduleExpression="rate(5 minutes)")
    put_rule(service, EventBusName="orders")
    service("disable_rule", Name="night", EventBusName="orders")
    service("delete_rule", Name="night", EventBusName="orders")
    assert tick(service) == 300


def test_targets_are_replaced_by_their_ids_and_given_back_as_they_were(service: Direct) -> None:
    put_rule(service)
    topic = {"Id": "a", "Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:topic", "InputPath": "$.detail"}
    service("put_targets", Rule="night", Targets=[JOB, topic])
    service("put_targets", Rule="night", Targets=[{**JOB, "Input": "{}"}])

    assert service("list_targets_by_rule", Rule="night") == {"Targets": [topic, {**JOB, "Input": "{}"}]}
    assert service("list_rule_names_by_target", TargetArn=QUEUE) == {"RuleNames": ["night"]}
    assert service("list_rule_names_by_target", TargetArn=f"{QUEUE}2") == {"RuleNames": []}


def test_a_rule_has_at_most_five_targets(service: Direct) -> None:
    put_rule(service)
    service("put_targets", Rule="night", Targets=[{**JOB, "Id": str(number)} for number in range(5)])

    assert service.error("put_targets", Rule="night", Targets=[JOB]) == (
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Arn": "queue"}, "Parameter queue is not valid. Reason: Provided Arn is not in correct format."),
        ({"RoleArn": ""}, f"RoleArn is required for target {QUEUE}."),
        ({"BatchParameters": {}}, "Parameter(s) BatchParameters must be specified for target: job."),
        (
            {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"},
            "Parameter(s) SqsParameters must be specified for target: job.",
        ),
        (
            {"Arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c"},
            "Parameter(s) EcsParameters must be specified for target: job.",
        ),
        (
            {"Input": "{}", "InputPath": "$.detail"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target job.",
        ),
        ({"Input": "{"}, "Parameter Input of target job is not valid JSON text."),
        (
            {"InputTransformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": '"<a> <b>"'}},
            "InputTemplate for target job contains invalid placeholder b.",
        ),
        (
            {"InputTransformer": {"InputPathsMap": {"awsthing": "$.a"}, "InputTemplate": '"x"'}},
            "InputPathsMap for target job contains reserved name awsthing.",
        ),
        (
            {"DeadLetterConfig": {"Arn": QUEUE}},
            "Parameter DeadLetterConfig.Arn of target job must be the ARN of an SQS queue.",
        ),
    ],
)
def test_a_target_that_cannot_work_is_refused(service: Direct, change: dict[str, Any], message: str) -> None:
    put_rule(service)
    refused = service.error("put_targets", Rule="night", Targets=[{**JOB, **change}])
    assert refused == ("ValidationException", message)
    assert service("list_targets_by_rule", Rule="night") == {"Targets": []}


def test_targets_need_a_rule(service: Direct) -> None:
    for operation, params in (("put_targets", {"Targets": [JOB]}), ("remove_targets", {"Ids": ["job"]})):
        assert service.error(operation, Rule="none", **params) == (
            "ResourceNotFoundException",
            "Rule none does not exist on EventBus default.",
        )


def test_buses_come_and_go_but_for_the_default_one(service: Direct) -> None:
    made = service("create_event_bus", Name="orders", Description="of all shops")
    assert made == {"EventBusArn": f"{ARN}:event-bus/orders", "Description": "of all shops"}
    names = [bus["Name"] for bus in service("list_event_buses")["EventBuses"]]
    assert names == ["default", "orders"]
    first = service("list_event_buses", Limit=1)
    rest = service("list_event_buses", Limit=1, NextToken=first["NextToken"])
    assert [bus["Name"] for bus in first["EventBuses"] + rest["EventBuses"]] == names
    assert service("describe_event_bus") == {"Name": "default", "Arn": f"{ARN}:event-bus/default"}
    service("update_event_bus", Name="orders", Description="of one shop")
    assert service("describe_event_bus", Name=made["EventBusArn"])["Description"] == "of one shop"

    assert service.error("create_event_bus", Name="orders") == (
        "ResourceAlreadyExistsException",
        "Event bus orders already exists.",
    )
    assert service.error("create_event_bus", Name="a/b")[0] == "ValidationException"
    assert service.error("delete_event_bus", Name="default") == (
        "ValidationException",
        "Cannot delete event bus default.",
    )
    put_rule(service, EventBusName="orders")
    assert service.error("delete_event_bus", Name="orders")[0] == "ValidationException"
    service("delete_rule", Name="night", EventBusName="orders")
    service("delete_event_bus", Name="orders")
    assert service.error("describe_event_bus", Name="orders") == (
        "ResourceNotFoundException",
        "Event bus orders does not exist.",
    )


def test_a_bus_of_another_region_is_not_here(service: Direct) -> None:
    arn = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default"
    assert service.error("describe_event_bus", Name=arn)[0] == "ResourceNotFoundException"


def test_a_buss_policy_is_made_of_permissions(service: Direct) -> None:
    service("put_permission", Action="events:PutEvents", Principal="111122223333", StatementId="shop")
    policy = json.loads(service("describe_event_bus")["Policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "shop",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "events:PutEvents",
                "Resource": f"{ARN}:event-bus/default",
            }
        ],
    }
    service("put_permission", Action="events:PutEvents", Principal="*", StatementId="all")
    assert [one["Sid"] for one in json.loads(service("describe_event_bus")["Policy"])["Statement"]] == ["shop", "all"]
    assert service.error("remove_permission", StatementId="none") == (
        "ResourceNotFoundException",
        "Statement with the provided id does not exist.",
    )
    service("remove_permission", StatementId="shop")
    service("remove_permission", StatementId="all")
    assert "Policy" not in service("describe_event_bus")
    whole = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "x", "Effect": "Allow"}]})
    service("put_permission", Policy=whole)
    assert json.loads(service("describe_event_bus")["Policy"]) == json.loads(whole)
    service("remove_permission", RemoveAllPermissions=True)
    assert "Policy" not in service("describe_event_bus")
    assert service.error("put_permission", Policy="{")[0] == "ValidationException"
    assert service.error("put_permission", Action="events:PutEvents")[0] == "ValidationException"


def test_rules_and_buses_have_tags(service: Direct) -> None:
    service("create_event_bus", Name="orders", Tags=[{"Key": "a", "Value": "1"}])
    rule = put_rule(service, EventBusName="orders")
    for arn in (rule, f"{ARN}:event-bus/orders"):
        service("tag_resource", ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}])
        service("untag_resource", ResourceARN=arn, TagKeys=["c", "unknown"])
        tags = service("list_tags_for_resource", ResourceARN=arn)["Tags"]
        assert {"Key": "b", "Value": "2"} in tags
        assert "c" not in [tag["Key"] for tag in tags]
    assert service.error("list_tags_for_resource", ResourceARN=f"{ARN}:rule/none") == (
        "ResourceNotFoundException",
        "Rule none does not exist on EventBus default.",
    )
    assert service.error("tag_resource", ResourceARN="arn", Tags=[])[0] == "ValidationException"
