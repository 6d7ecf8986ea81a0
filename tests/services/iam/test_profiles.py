from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import refused


@pytest.fixture
def profile(client: Any, trust: str) -> Any:
    """The profile `i` with the role `w`."""
    client.create_role(RoleName="w", AssumeRolePolicyDocument=trust)
    client.create_instance_profile(InstanceProfileName="i", Path="/ec2/")
    client.add_role_to_instance_profile(InstanceProfileName="i", RoleName="w")
    return client.get_instance_profile(InstanceProfileName="i")["InstanceProfile"]


def test_a_profile_carries_its_role(profile: Any) -> None:
    assert profile["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/ec2/i"
    assert re.fullmatch("AIPA[A-Z0-9]{17}", profile["InstanceProfileId"])
    (role,) = profile["Roles"]
    assert role["RoleName"] == "w"
    assert role["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"


def test_a_second_role_is_one_too_many(client: Any, profile: Any) -> None:
    answer = refused(client.add_role_to_instance_profile, InstanceProfileName="i", RoleName="w")
    assert answer == ("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409)


def test_the_profiles_of_a_role_are_listed(client: Any, profile: Any) -> None:
    client.create_instance_profile(InstanceProfileName="other")
    (found,) = client.list_instance_profiles_for_role(RoleName="w")["InstanceProfiles"]
    assert found["InstanceProfileName"] == "i"
    assert [each["InstanceProfileName"] for each in client.list_instance_profiles()["InstanceProfiles"]] == [
        "i",
        "other",
    ]


def test_a_profile_with_a_role_is_kept(client: Any, profile: Any) -> None:
    assert refused(client.delete_instance_profile, InstanceProfileName="i") == (
        "DeleteConflict",
        "Cannot delete entity, must remove roles from instance profile first.",
        409,
    )
    client.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="w")
    client.delete_instance_profile(InstanceProfileName="i")
    assert refused(client.get_instance_profile, InstanceProfileName="i") == (
        "NoSuchEntity",
        "Instance Profile i cannot be found.",
        404,
    )


def test_a_role_that_is_not_in_it_cannot_be_taken_out(client: Any, profile: Any, trust: str) -> None:
    client.create_role(RoleName="x", AssumeRolePolicyDocument=trust)
    answer = refused(client.remove_role_from_instance_profile, InstanceProfileName="i", RoleName="x")
    assert answer == ("NoSuchEntity", "The role with name x cannot be found.", 404)


def test_a_role_that_does_not_exist_cannot_be_put_in(client: Any) -> None:
    client.create_instance_profile(InstanceProfileName="i")
    answer = refused(client.add_role_to_instance_profile, InstanceProfileName="i", RoleName="x")
    assert answer == ("NoSuchEntity", "The role with name x cannot be found.", 404)


def test_names_are_taken_once(client: Any, profile: Any) -> None:
    answer = refused(client.create_instance_profile, InstanceProfileName="I")
    assert answer == ("EntityAlreadyExists", "Instance Profile I already exists.", 409)


def test_tags_come_and_go(client: Any, profile: Any) -> None:
    client.tag_instance_profile(InstanceProfileName="i", Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    client.untag_instance_profile(InstanceProfileName="i", TagKeys=["a"])
    assert client.list_instance_profile_tags(InstanceProfileName="i")["Tags"] == [{"Key": "c", "Value": "d"}]
    assert client.get_instance_profile(InstanceProfileName="i")["InstanceProfile"]["Tags"]
