from __future__ import annotations

from typing import Any

import pytest

from batchd.services.logs.groups import RETENTION_DAYS, group_key, new_group
from tests.contexts import ACCOUNT, NOW_MS
from tests.services.direct import Direct

ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/batch/job"
MISSING = ("ResourceNotFoundException", "The specified log group does not exist.")


def names(answer: dict[str, Any]) -> list[str]:
    return [group["logGroupName"] for group in answer["logGroups"]]


def test_a_created_group_is_described_as_aws_describes_it(logs: Direct) -> None:
    logs("create_log_group", logGroupName="/aws/batch/job", tags={"team": "night"})

    assert logs("describe_log_groups") == {
        "logGroups": [
            {
                "logGroupName": "/aws/batch/job",
                "arn": f"{ARN}:*",
                "logGroupArn": ARN,
                "creationTime": NOW_MS,
                "logGroupClass": "STANDARD",
                "deletionProtectionEnabled": False,
                "metricFilterCount": 0,
                "storedBytes": 0,
            }
        ]
    }


def test_a_group_that_another_service_made_is_like_any_other(logs: Direct) -> None:
    logs.store.transact(lambda tx: tx.resources.insert(group_key("us-east-1", "/aws/batch/job"), new_group(NOW_MS)))

    assert names(logs("describe_log_groups")) == ["/aws/batch/job"]
    assert logs("list_tags_for_resource", resourceArn=ARN) == {"tags": {}}


def test_a_group_exists_once(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")

    assert logs.error("create_log_group", logGroupName="g") == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )


def test_groups_of_aws_are_not_created(logs: Direct) -> None:
    assert logs.error("create_log_group", logGroupName="aws/own")[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("delete_log_group", {}),
        ("put_retention_policy", {"retentionInDays": 7}),
        ("delete_retention_policy", {}),
        ("create_log_stream", {"logStreamName": "s"}),
        ("delete_log_stream", {"logStreamName": "s"}),
        ("describe_log_streams", {}),
        ("get_log_events", {"logStreamName": "s"}),
        ("filter_log_events", {}),
        ("put_log_events", {"logStreamName": "s", "logEvents": [{"timestamp": NOW_MS, "message": "m"}]}),
        ("tag_log_group", {"tags": {"a": "b"}}),
    ],
)
def test_a_missing_group_is_missing_everywhere(logs: Direct, operation: str, params: dict[str, Any]) -> None:
    assert logs.error(operation, logGroupName="gone", **params) == MISSING


def test_groups_are_found_by_prefix_by_part_and_by_identifier(logs: Direct) -> None:
    for name in ("/app/web", "/app/worker", "/aws/app"):
        logs("create_log_group", logGroupName=name)

    assert names(logs("describe_log_groups", logGroupNamePrefix="/app/w")) == ["/app/web", "/app/worker"]
    assert names(logs("describe_log_groups", logGroupNamePattern="app")) == ["/app/web", "/app/worker", "/aws/app"]
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/app"
    assert names(logs("describe_log_groups", logGroupIdentifiers=[arn, "/app/web"])) == ["/app/web", "/aws/app"]
    assert logs.error("describe_log_groups", logGroupNamePrefix="a", logGroupNamePattern="b") == (
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
    )


def test_pages_of_groups_together_are_all_groups(logs: Direct) -> None:
    for number in range(7):
        logs("create_log_group", logGroupName=f"g{number}")

    first = logs("describe_log_groups", limit=3)
    second = logs("describe_log_groups", limit=3, nextToken=first["nextToken"])
    third = logs("describe_log_groups", limit=3, nextToken=second["nextToken"])

    assert names(first) + names(second) + names(third) == [f"g{number}" for number in range(7)]
    assert "nextToken" not in third


@pytest.mark.parametrize("token", ["x", "", "bm90IGpzb24=", "WzFd", "WyJhIiwiYiJd"])
def test_a_token_that_was_never_given_out_is_refused(logs: Direct, token: str) -> None:
    assert logs.error("describe_log_groups", nextToken=token) == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_retention_is_shown_only_while_it_is_set(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")

    logs("put_retention_policy", logGroupName="g", retentionInDays=7)
    assert logs("describe_log_groups")["logGroups"][0]["retentionInDays"] == 7
    logs("delete_retention_policy", logGroupName="g")
    assert "retentionInDays" not in logs("describe_log_groups")["logGroups"][0]


def test_retention_takes_only_the_values_of_aws(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")

    for days in RETENTION_DAYS:
        logs("put_retention_policy", logGroupName="g", retentionInDays=days)
    assert logs.error("put_retention_policy", logGroupName="g", retentionInDays=2)[0] == "InvalidParameterException"


def test_a_deleted_group_takes_its_streams_with_it(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")
    logs("create_log_stream", logGroupName="g", logStreamName="s")

    logs("delete_log_group", logGroupName="g")
    logs("create_log_group", logGroupName="g")

    assert logs("describe_log_streams", logGroupName="g") == {"logStreams": []}


def test_a_protected_group_is_not_deleted(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g", deletionProtectionEnabled=True)

    assert logs.error("delete_log_group", logGroupName="g")[0] == "ValidationException"
    logs("put_log_group_deletion_protection", logGroupIdentifier="g", deletionProtectionEnabled=False)
    logs("delete_log_group", logGroupName="g")


def test_both_generations_of_tag_operations_share_the_tags(logs: Direct) -> None:
    logs("create_log_group", logGroupName="/aws/batch/job", tags={"a": "1"})

    logs("tag_log_group", logGroupName="/aws/batch/job", tags={"b": "2", "a": "3"})
    assert logs("list_tags_for_resource", resourceArn=ARN) == {"tags": {"a": "3", "b": "2"}}
    logs("untag_resource", resourceArn=ARN, tagKeys=["a"])
    logs("tag_resource", resourceArn=ARN, tags={"c": "4"})
    logs("untag_log_group", logGroupName="/aws/batch/job", tags=["b", "never"])
    assert logs("list_tags_log_group", logGroupName="/aws/batch/job") == {"tags": {"c": "4"}}


def test_a_group_has_at_most_fifty_tags(logs: Direct) -> None:
    logs("create_log_group", logGroupName="/aws/batch/job")

    logs("tag_resource", resourceArn=ARN, tags={f"k{number}": "" for number in range(50)})
    assert logs.error("tag_resource", resourceArn=ARN, tags={"one more": ""})[0] == "TooManyTagsException"


def test_regions_do_not_share_groups(logs: Direct) -> None:
    logs("create_log_group", logGroupName="g")
    logs.region = "eu-west-1"

    assert logs("describe_log_groups") == {"logGroups": []}
