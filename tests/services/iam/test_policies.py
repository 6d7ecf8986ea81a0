from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import refused

ARN = f"arn:aws:iam::{ACCOUNT}:policy/jobs/Submit"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def policy(client: Any, grant: str) -> Any:
    return client.create_policy(PolicyName="Submit", Path="/jobs/", PolicyDocument=grant, Description="d")["Policy"]


def version(number: int) -> str:
    statement = {"Effect": "Allow", "Action": f"batch:V{number}", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_new_policy_has_one_version_and_no_users(client: Any, policy: Any) -> None:
    assert policy["Arn"] == ARN
    assert re.fullmatch("ANPA[A-Z0-9]{17}", policy["PolicyId"])
    assert (policy["DefaultVersionId"], policy["IsAttachable"]) == ("v1", True)
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 0)
    assert client.get_policy(PolicyArn=ARN)["Policy"]["Description"] == "d"


def test_the_default_version_carries_the_document(client: Any, policy: Any, grant: str) -> None:
    found = client.get_policy_version(PolicyArn=ARN, VersionId="v1")["PolicyVersion"]
    assert found["Document"] == json.loads(grant)
    assert found["IsDefaultVersion"]


def test_a_name_is_taken_once_whatever_path_and_case(client: Any, policy: Any, grant: str) -> None:
    assert refused(client.create_policy, PolicyName="SUBMIT", PolicyDocument=grant) == (
        "EntityAlreadyExists",
        "A policy called SUBMIT already exists. Duplicate names are not allowed.",
        409,
    )


def test_an_arn_is_matched_to_the_letter(client: Any, policy: Any) -> None:
    for arn in (ARN.replace("/jobs/", "/"), ARN.lower(), ARN.replace(ACCOUNT, "999999999999")):
        assert refused(client.get_policy, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.", 404)


@pytest.mark.parametrize("arn", ["not-an-arn-but-long-enough", "arn:aws:iam::aws:role/ReadOnlyAccess"])
def test_what_is_no_policy_arn_is_refused(client: Any, arn: str) -> None:
    assert refused(client.get_policy, PolicyArn=arn) == ("ValidationError", "Invalid ARN:  Could not be parsed!", 400)


class TestVersions:
    def test_ids_are_never_used_again(self, client: Any, policy: Any) -> None:
        assert client.create_policy_version(PolicyArn=ARN, PolicyDocument=version(2))["PolicyVersion"] == {
            **client.list_policy_versions(PolicyArn=ARN)["Versions"][0],
            "VersionId": "v2",
            "IsDefaultVersion": False,
        }
        client.delete_policy_version(PolicyArn=ARN, VersionId="v2")
        made = client.create_policy_version(PolicyArn=ARN, PolicyDocument=version(3), SetAsDefault=True)
        assert (made["PolicyVersion"]["VersionId"], made["PolicyVersion"]["IsDefaultVersion"]) == ("v3", True)
        assert client.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v3"

    def test_the_newest_comes_first_and_without_its_document(self, client: Any, policy: Any) -> None:
        for number in range(2, 5):
            client.create_policy_version(PolicyArn=ARN, PolicyDocument=version(number))
        pages = client.get_paginator("list_policy_versions").paginate(PolicyArn=ARN, PaginationConfig={"PageSize": 3})
        versions = pages.build_full_result()["Versions"]
        assert [each["VersionId"] for each in versions] == ["v4", "v3", "v2", "v1"]
        assert not any("Document" in each for each in versions)

    def test_five_are_enough(self, client: Any, policy: Any) -> None:
        for number in range(2, 6):
            client.create_policy_version(PolicyArn=ARN, PolicyDocument=version(number))
        assert refused(client.create_policy_version, PolicyArn=ARN, PolicyDocument=version(6)) == (
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, "
            "you must delete an existing version.",
            409,
        )

    def test_the_default_can_be_moved_but_not_deleted(self, client: Any, policy: Any) -> None:
        client.create_policy_version(PolicyArn=ARN, PolicyDocument=version(2))
        code, text, status = refused(client.delete_policy_version, PolicyArn=ARN, VersionId="v1")
        assert (code, text, status) == ("DeleteConflict", "Cannot delete the default version of a policy.", 409)
        client.set_default_policy_version(PolicyArn=ARN, VersionId="v2")
        client.delete_policy_version(PolicyArn=ARN, VersionId="v1")
        assert [each["VersionId"] for each in client.list_policy_versions(PolicyArn=ARN)["Versions"]] == ["v2"]

    def test_one_that_does_not_exist_is_named(self, client: Any, policy: Any) -> None:
        for call in (client.get_policy_version, client.delete_policy_version, client.set_default_policy_version):
            code, text, status = refused(call, PolicyArn=ARN, VersionId="v9")
            assert (code, status) == ("NoSuchEntity", 404)
            assert text == f"Policy {ARN} version v9 does not exist or is not attachable."


class TestDeleting:
    def test_not_while_attached(self, client: Any, policy: Any, trust: str) -> None:
        client.create_role(RoleName="w", AssumeRolePolicyDocument=trust)
        client.attach_role_policy(RoleName="w", PolicyArn=ARN)
        assert client.get_policy(PolicyArn=ARN)["Policy"]["AttachmentCount"] == 1
        answer = refused(client.delete_policy, PolicyArn=ARN)
        assert answer == ("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
        client.detach_role_policy(RoleName="w", PolicyArn=ARN)
        client.delete_policy(PolicyArn=ARN)
        assert refused(client.get_policy, PolicyArn=ARN)[0] == "NoSuchEntity"

    def test_not_while_it_bounds_a_role(self, client: Any, policy: Any, trust: str) -> None:
        client.create_role(RoleName="w", AssumeRolePolicyDocument=trust, PermissionsBoundary=ARN)
        assert refused(client.delete_policy, PolicyArn=ARN)[0] == "DeleteConflict"

    def test_not_before_its_other_versions(self, client: Any, policy: Any) -> None:
        client.create_policy_version(PolicyArn=ARN, PolicyDocument=version(2))
        code, text, _ = refused(client.delete_policy, PolicyArn=ARN)
        assert code == "DeleteConflict"
        assert text.startswith("This policy has more than one version.")


class TestAwssOwn:
    def test_the_catalogue_is_listed_and_read(self, client: Any) -> None:
        pages = client.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 10})
        listed = pages.build_full_result()["Policies"]
        names = [policy["PolicyName"] for policy in listed]
        assert names == sorted(names, key=str.lower)
        assert "AWSBatchServiceRole" in names
        for policy in listed:
            found = client.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
            assert found["PolicyVersion"]["Document"]["Statement"]

    def test_an_execution_role_may_not_make_log_groups(self, client: Any) -> None:
        arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
        document = client.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
        actions = document["Statement"][0]["Action"]
        assert "logs:PutLogEvents" in actions
        assert "logs:CreateLogGroup" not in actions

    def test_one_that_the_catalogue_lacks_grants_nothing(self, client: Any) -> None:
        arn = "arn:aws:iam::aws:policy/job-function/Billing"
        policy = client.get_policy(PolicyArn=arn)["Policy"]
        assert (policy["PolicyName"], policy["Path"]) == ("Billing", "/job-function/")
        document = client.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
        assert document == {"Version": "2012-10-17", "Statement": []}

    def test_nobody_changes_it(self, client: Any, grant: str) -> None:
        for call, params in (
            (client.delete_policy, {}),
            (client.create_policy_version, {"PolicyDocument": grant}),
            (client.tag_policy, {"Tags": [{"Key": "a", "Value": "b"}]}),
        ):
            assert refused(call, PolicyArn=READ_ONLY, **params)[0] == "AccessDenied"


class TestListing:
    def test_ours_and_awss(self, client: Any, policy: Any) -> None:
        assert [each["Arn"] for each in client.list_policies(Scope="Local")["Policies"]] == [ARN]
        assert ARN in [each["Arn"] for each in client.list_policies(MaxItems=1000)["Policies"]]
        assert [each["Arn"] for each in client.list_policies(PathPrefix="/jobs/")["Policies"]] == [ARN]

    def test_only_those_in_use(self, client: Any, policy: Any, trust: str) -> None:
        client.create_role(RoleName="w", AssumeRolePolicyDocument=trust, PermissionsBoundary=ARN)
        client.attach_role_policy(RoleName="w", PolicyArn=READ_ONLY)
        assert {each["Arn"] for each in client.list_policies(OnlyAttached=True)["Policies"]} == {ARN, READ_ONLY}
        bounding = client.list_policies(PolicyUsageFilter="PermissionsBoundary")["Policies"]
        assert [each["Arn"] for each in bounding] == [ARN]

    def test_it_leaves_out_descriptions_and_tags(self, client: Any, policy: Any) -> None:
        client.tag_policy(PolicyArn=ARN, Tags=[{"Key": "a", "Value": "b"}])
        (listed,) = client.list_policies(Scope="Local")["Policies"]
        assert not {"Description", "Tags"} & set(listed)


def test_tags_come_and_go(client: Any, policy: Any) -> None:
    client.tag_policy(PolicyArn=ARN, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    client.untag_policy(PolicyArn=ARN, TagKeys=["A"])
    assert client.list_policy_tags(PolicyArn=ARN)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert client.get_policy(PolicyArn=ARN)["Policy"]["Tags"] == [{"Key": "c", "Value": "d"}]


def test_a_document_has_a_size(client: Any) -> None:
    statement = {"Effect": "Allow", "Action": "batch:SubmitJob", "Resource": ["arn:aws:batch:" + "x" * 600] * 10}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=8)
    answer = refused(client.create_policy, PolicyName="big", PolicyDocument=document)
    assert answer == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409)
    spaced = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]}) + " " * 10_000
    client.create_policy(PolicyName="spaced", PolicyDocument=spaced)
