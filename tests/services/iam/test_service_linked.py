from __future__ import annotations

from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import refused

BATCH = "batch.amazonaws.com"


def test_the_service_names_trusts_and_empowers_its_role(client: Any) -> None:
    role = client.create_service_linked_role(AWSServiceName=BATCH, Description="d")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{BATCH}/AWSServiceRoleForBatch"
    statement = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Principal"] == {"Service": BATCH}
    assert client.list_attached_role_policies(RoleName="AWSServiceRoleForBatch")["AttachedPolicies"] == [
        {
            "PolicyName": "BatchServiceRolePolicy",
            "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy",
        }
    ]
    assert client.get_role(RoleName="AWSServiceRoleForBatch")["Role"]["Description"] == "d"


def test_there_is_one_to_a_service(client: Any) -> None:
    client.create_service_linked_role(AWSServiceName=BATCH)
    assert refused(client.create_service_linked_role, AWSServiceName=BATCH) == (
        "InvalidInput",
        "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.",
        400,
    )


def test_a_suffix_only_where_the_service_allows_it(client: Any) -> None:
    answer = refused(client.create_service_linked_role, AWSServiceName=BATCH, CustomSuffix="x")
    assert answer == ("InvalidInput", f"Custom suffix is not allowed for {BATCH}", 400)
    made = client.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")
    assert made["Role"]["RoleName"] == "AWSServiceRoleForAutoScaling_x"


def test_a_service_without_such_a_role_is_refused(client: Any) -> None:
    assert refused(client.create_service_linked_role, AWSServiceName="example.com")[0] == "InvalidInput"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("delete_role", {}),
        ("attach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("detach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy"}),
        ("put_role_permissions_boundary", {"PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ],
)
def test_nobody_but_the_service_changes_it(client: Any, method: str, params: dict[str, str]) -> None:
    client.create_service_linked_role(AWSServiceName=BATCH)
    assert refused(getattr(client, method), RoleName="AWSServiceRoleForBatch", **params) == (
        "UnmodifiableEntity",
        "Cannot perform the operation on the protected role 'AWSServiceRoleForBatch' - "
        "this role is only modifiable by AWS",
        400,
    )


def test_deleting_it_is_a_task_that_succeeds(client: Any) -> None:
    client.create_service_linked_role(AWSServiceName=BATCH)
    task = client.delete_service_linked_role(RoleName="AWSServiceRoleForBatch")["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{BATCH}/AWSServiceRoleForBatch/")
    assert client.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused(client.get_role, RoleName="AWSServiceRoleForBatch")[0] == "NoSuchEntity"
    policy = client.get_policy(PolicyArn="arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy")
    assert policy["Policy"]["AttachmentCount"] == 0


def test_an_own_role_is_not_deleted_that_way(client: Any, trust: str) -> None:
    client.create_role(RoleName="w", AssumeRolePolicyDocument=trust)
    assert refused(client.delete_service_linked_role, RoleName="w")[0] == "InvalidInput"


def test_an_unknown_task_is_not_found(client: Any) -> None:
    assert refused(client.get_service_linked_role_deletion_status, DeletionTaskId="task/x")[0] == "NoSuchEntity"
