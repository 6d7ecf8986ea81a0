from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.direct import Direct

ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/daily"
STATEMENT = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction"}


def test_a_statement_is_in_the_policy_as_aws_writes_it(service: Direct, made: dict[str, Any]) -> None:
    answer = service("add_permission", **STATEMENT, Principal="events.amazonaws.com", SourceArn=RULE)
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
        "Condition": {"ArnLike": {"AWS:SourceArn": RULE}},
    }
    assert json.loads(answer["Statement"]) == statement
    policy = json.loads(service("get_policy", FunctionName="f")["Policy"])
    assert policy == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("*", "*"),
        (ACCOUNT, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        (f"arn:aws:iam::{ACCOUNT}:role/r", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"}),
        ("sns.amazonaws.com", {"Service": "sns.amazonaws.com"}),
    ],
)
def test_principals_are_told_apart(service: Direct, made: dict[str, Any], principal: str, shown: Any) -> None:
    answer = service("add_permission", **STATEMENT, Principal=principal)
    assert json.loads(answer["Statement"])["Principal"] == shown


def test_what_is_wrong_with_a_statement_is_said(service: Direct, made: dict[str, Any]) -> None:
    assert service.error("get_policy", FunctionName="f") == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    assert service.error("remove_permission", FunctionName="f", StatementId="s") == (
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
    )
    assert service.error("add_permission", **STATEMENT, Principal="nobody")[0] == "InvalidParameterValueException"
    service("add_permission", **STATEMENT, Principal="*")
    assert service.error("add_permission", **STATEMENT, Principal="*") == (
        "ResourceConflictException",
        "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing "
        "statement.",
    )
    assert service.error("remove_permission", FunctionName="f", StatementId="x") == (
        "ResourceNotFoundException",
        "Statement x is not found in resource policy.",
    )
    assert service.error("add_permission", **STATEMENT, Principal="*", Qualifier="$LATEST") == (
        "InvalidParameterValueException",
        "We currently do not support adding policies for $LATEST.",
    )


def test_each_qualifier_has_a_policy_of_its_own_and_the_last_statement_takes_it_along(
    service: Direct, made: dict[str, Any]
) -> None:
    service("publish_version", FunctionName="f")
    service("add_permission", **STATEMENT, Principal="*", Qualifier="1")
    assert service.error("get_policy", FunctionName="f")[0] == "ResourceNotFoundException"
    policy = json.loads(service("get_policy", FunctionName="f", Qualifier="1")["Policy"])
    assert policy["Statement"][0]["Resource"] == f"{ARN}:1"
    service("remove_permission", FunctionName="f", StatementId="s", Qualifier="1")
    assert service.error("get_policy", FunctionName="f", Qualifier="1")[0] == "ResourceNotFoundException"
