from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import refused


def test_a_new_role_answers_as_awss_does(client: Any, trust: str) -> None:
    tags = [{"Key": "team", "Value": "risk"}]
    role = client.create_role(RoleName="Worker", Path="/jobs/", AssumeRolePolicyDocument=trust, Tags=tags)["Role"]
    assert set(role) == {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "Tags"}
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/jobs/Worker"
    assert re.fullmatch("AROA[A-Z0-9]{17}", role["RoleId"])
    assert role["AssumeRolePolicyDocument"] == json.loads(trust)
    assert role["Tags"] == tags


def test_a_role_is_read_with_all_its_details(client: Any, trust: str) -> None:
    client.create_role(RoleName="Worker", AssumeRolePolicyDocument=trust, Description="d", MaxSessionDuration=7200)
    role = client.get_role(RoleName="worker")["Role"]
    assert role["RoleName"] == "Worker"
    assert (role["Description"], role["MaxSessionDuration"], role["RoleLastUsed"]) == ("d", 7200, {})
    assert "Tags" not in role


def test_a_plain_role_lives_an_hour_a_session(client: Any, trust: str) -> None:
    client.create_role(RoleName="Worker", AssumeRolePolicyDocument=trust)
    role = client.get_role(RoleName="Worker")["Role"]
    assert role["MaxSessionDuration"] == 3600
    assert "Description" not in role


def test_a_list_leaves_out_tags_boundary_and_last_use(client: Any, trust: str) -> None:
    client.create_role(
        RoleName="Worker",
        AssumeRolePolicyDocument=trust,
        Tags=[{"Key": "a", "Value": "b"}],
        PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess",
    )
    (role,) = client.list_roles()["Roles"]
    assert not {"Tags", "RoleLastUsed", "PermissionsBoundary"} & set(role)
    assert role["MaxSessionDuration"] == 3600


def test_lists_come_in_pages_by_path(client: Any, trust: str) -> None:
    for number in range(7):
        path = "/a/" if number % 2 else "/b/"
        client.create_role(RoleName=f"r{number}", Path=path, AssumeRolePolicyDocument=trust)
    first = client.list_roles(PathPrefix="/b/", MaxItems=2)
    assert [role["RoleName"] for role in first["Roles"]] == ["r0", "r2"]
    assert first["IsTruncated"]
    rest = client.list_roles(PathPrefix="/b/", MaxItems=2, Marker=first["Marker"])
    assert [role["RoleName"] for role in rest["Roles"]] == ["r4", "r6"]
    assert not rest["IsTruncated"]
    everything = client.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 3}).build_full_result()
    assert len(everything["Roles"]) == 7


def test_a_marker_that_we_did_not_make_is_refused(client: Any) -> None:
    assert refused(client.list_roles, Marker="x") == ("ValidationError", "Invalid Marker.", 400)


def test_names_are_the_same_whatever_their_case(client: Any, trust: str) -> None:
    client.create_role(RoleName="Worker", AssumeRolePolicyDocument=trust)
    assert refused(client.create_role, RoleName="WORKER", AssumeRolePolicyDocument=trust) == (
        "EntityAlreadyExists",
        "Role with name WORKER already exists.",
        409,
    )


def test_a_missing_role_is_named(client: Any) -> None:
    assert refused(client.get_role, RoleName="nobody") == (
        "NoSuchEntity",
        "The role with name nobody cannot be found.",
        404,
    )


def test_a_role_changes(client: Any, trust: str) -> None:
    client.create_role(RoleName="Worker", AssumeRolePolicyDocument=trust, Description="old")
    client.update_role(RoleName="Worker", MaxSessionDuration=43200)
    assert client.update_role_description(RoleName="Worker", Description="new")["Role"]["Description"] == "new"
    other = trust.replace("batch", "ecs-tasks")
    client.update_assume_role_policy(RoleName="Worker", PolicyDocument=other)
    role = client.get_role(RoleName="Worker")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 43200)
    assert role["AssumeRolePolicyDocument"] == json.loads(other)


def test_the_callers_own_text_survives_the_way_out(client: Any, grant: str) -> None:
    document = grant.replace('"*"', '"arn:aws:s3:::a+b c%3Ad/ü"')
    trust_text = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        '"Principal":{"Service":"batch.amazonaws.com"},"Condition":{"StringEquals":{"sts:ExternalId":"a+b c%3Ad"}}}]}'
    )
    role = client.create_role(RoleName="Worker", AssumeRolePolicyDocument=trust_text)["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust_text)
    client.put_role_policy(RoleName="Worker", PolicyName="p", PolicyDocument=document)
    found = client.get_role_policy(RoleName="Worker", PolicyName="p")
    assert found["PolicyDocument"] == json.loads(document)


def test_tags_are_the_same_whatever_their_case(client: Any, trust: str) -> None:
    client.create_role(RoleName="Worker", AssumeRolePolicyDocument=trust, Tags=[{"Key": "Team", "Value": "a"}])
    client.tag_role(RoleName="Worker", Tags=[{"Key": "team", "Value": "b"}, {"Key": "x", "Value": ""}])
    assert client.list_role_tags(RoleName="Worker")["Tags"] == [
        {"Key": "team", "Value": "b"},
        {"Key": "x", "Value": ""},
    ]
    client.untag_role(RoleName="Worker", TagKeys=["TEAM"])
    assert client.get_role(RoleName="Worker")["Role"]["Tags"] == [{"Key": "x", "Value": ""}]


def test_a_tag_given_twice_is_refused(client: Any, trust: str) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    code, text, _ = refused(client.create_role, RoleName="w", AssumeRolePolicyDocument=trust, Tags=tags)
    assert (code, text) == (
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )


def test_fifty_tags_are_enough(client: Any, trust: str) -> None:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    client.create_role(RoleName="w", AssumeRolePolicyDocument=trust, Tags=tags)
    assert refused(client.tag_role, RoleName="w", Tags=[{"Key": "one", "Value": ""}])[0] == "LimitExceeded"
    client.tag_role(RoleName="w", Tags=[{"Key": "k0", "Value": "changed"}])


def test_a_role_in_use_is_kept(client: Any, trust: str, grant: str) -> None:
    client.create_role(RoleName="w", AssumeRolePolicyDocument=trust)
    client.put_role_policy(RoleName="w", PolicyName="p", PolicyDocument=grant)
    client.attach_role_policy(RoleName="w", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    client.create_instance_profile(InstanceProfileName="i")
    client.add_role_to_instance_profile(InstanceProfileName="i", RoleName="w")

    def reason() -> str:
        code, text, status = refused(client.delete_role, RoleName="w")
        assert (code, status) == ("DeleteConflict", 409)
        return text

    assert reason() == "Cannot delete entity, must remove roles from instance profile first."
    client.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="w")
    assert reason() == "Cannot delete entity, must detach all policies first."
    client.detach_role_policy(RoleName="w", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert reason() == "Cannot delete entity, must delete policies first."
    client.delete_role_policy(RoleName="w", PolicyName="p")
    client.delete_role(RoleName="w")
    assert refused(client.get_role, RoleName="w")[0] == "NoSuchEntity"


class TestBoundary:
    ARN = "arn:aws:iam::aws:policy/PowerUserAccess"

    def test_it_is_set_shown_counted_and_taken_away(self, client: Any, trust: str) -> None:
        client.create_role(RoleName="w", AssumeRolePolicyDocument=trust)
        client.put_role_permissions_boundary(RoleName="w", PermissionsBoundary=self.ARN)
        assert client.get_role(RoleName="w")["Role"]["PermissionsBoundary"] == {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": self.ARN,
        }
        assert client.get_policy(PolicyArn=self.ARN)["Policy"]["PermissionsBoundaryUsageCount"] == 1
        client.delete_role_permissions_boundary(RoleName="w")
        assert "PermissionsBoundary" not in client.get_role(RoleName="w")["Role"]
        assert client.get_policy(PolicyArn=self.ARN)["Policy"]["PermissionsBoundaryUsageCount"] == 0

    def test_it_goes_with_its_role(self, client: Any, trust: str) -> None:
        client.create_role(RoleName="w", AssumeRolePolicyDocument=trust, PermissionsBoundary=self.ARN)
        client.delete_role(RoleName="w")
        assert client.get_policy(PolicyArn=self.ARN)["Policy"]["PermissionsBoundaryUsageCount"] == 0

    def test_it_must_exist(self, client: Any, trust: str) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:policy/none"
        answer = refused(client.create_role, RoleName="w", AssumeRolePolicyDocument=trust, PermissionsBoundary=arn)
        assert answer == ("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)


class TestPrincipals:
    def trusting(self, principal: Any) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def shown(self, client: Any) -> Any:
        return client.get_role(RoleName="w")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]

    @pytest.mark.parametrize("principal", [f"arn:aws:iam::{ACCOUNT}:role/gone", "nonsense", "AROAGONE"])
    def test_one_that_does_not_exist_is_refused(self, client: Any, principal: str) -> None:
        answer = refused(client.create_role, RoleName="w", AssumeRolePolicyDocument=self.trusting(principal))
        assert answer == ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{principal}"', 400)

    @pytest.mark.parametrize("principal", ["*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::1:user/other"])
    def test_accounts_and_strangers_are_taken_as_they_are(self, client: Any, principal: str) -> None:
        client.create_role(RoleName="w", AssumeRolePolicyDocument=self.trusting([principal]))
        assert self.shown(client) == [principal]

    def test_a_deleted_one_shows_as_its_id_and_a_namesake_is_not_trusted(self, client: Any, trust: str) -> None:
        friend = client.create_role(RoleName="Friend", AssumeRolePolicyDocument=trust)["Role"]
        client.create_role(RoleName="w", AssumeRolePolicyDocument=self.trusting(friend["Arn"]))
        assert self.shown(client) == friend["Arn"]
        client.delete_role(RoleName="Friend")
        client.create_role(RoleName="Friend", AssumeRolePolicyDocument=trust)
        assert self.shown(client) == friend["RoleId"]

    def test_a_session_is_its_roles(self, client: Any, trust: str) -> None:
        client.create_role(RoleName="Friend", AssumeRolePolicyDocument=trust)
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Friend/me"
        client.create_role(RoleName="w", AssumeRolePolicyDocument=self.trusting(session))
        assert self.shown(client) == session
