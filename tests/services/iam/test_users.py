from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.wired import Wired, refused


@pytest.fixture
def key(client: Any) -> Any:
    """An access key of the new user `/team/ann`."""
    client.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])
    return client.create_access_key(UserName="ann")["AccessKey"]


def test_a_user_signs_with_her_key(cloud: Wired, key: Any) -> None:
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key["AccessKeyId"])
    identity = cloud.client("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/ann"
    assert re.fullmatch("AIDA[A-Z0-9]{17}", identity["UserId"])


def test_another_secret_does_not_do(cloud: Wired, key: Any) -> None:
    sts = cloud.client("sts", key["AccessKeyId"], "guess")
    assert refused(sts.get_caller_identity)[0] == "SignatureDoesNotMatch"


def test_an_inactive_key_opens_nothing_until_it_is_active_again(cloud: Wired, client: Any, key: Any) -> None:
    sts = cloud.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    client.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    client.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    sts.get_caller_identity()


def test_a_deleted_key_opens_nothing(cloud: Wired, client: Any, key: Any) -> None:
    sts = cloud.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    client.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    assert refused(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    assert client.list_access_keys(UserName="ann")["AccessKeyMetadata"] == []


def test_a_user_has_two_keys_at_most_and_secrets_are_shown_once(client: Any, key: Any) -> None:
    other = client.create_access_key(UserName="ann")["AccessKey"]
    assert refused(client.create_access_key, UserName="ann")[:2] == (
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    )
    listed = client.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    assert {each["AccessKeyId"] for each in listed} == {key["AccessKeyId"], other["AccessKeyId"]}
    assert not any("SecretAccessKey" in each for each in listed)


def test_a_key_of_somebody_else_is_not_found(client: Any, key: Any) -> None:
    client.create_user(UserName="bob")
    answer = refused(client.delete_access_key, UserName="bob", AccessKeyId=key["AccessKeyId"])
    assert answer == ("NoSuchEntity", f"The Access Key with id {key['AccessKeyId']} cannot be found.", 404)


def test_who_asks_without_a_name_asks_for_herself(cloud: Wired, client: Any, key: Any) -> None:
    hers = cloud.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    assert hers.get_user()["User"]["UserName"] == "ann"
    assert len(hers.list_access_keys()["AccessKeyMetadata"]) == 1
    assert client.get_user()["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert refused(client.list_access_keys) == (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
        400,
    )


def test_users_are_listed_read_and_tagged(client: Any, key: Any) -> None:
    (listed,) = client.list_users()["Users"]
    assert "Tags" not in listed
    client.tag_user(UserName="ann", Tags=[{"Key": "c", "Value": "d"}])
    client.untag_user(UserName="ann", TagKeys=["a"])
    assert client.list_user_tags(UserName="ann")["Tags"] == [{"Key": "c", "Value": "d"}]
    assert client.get_user(UserName="ANN")["User"]["Tags"] == [{"Key": "c", "Value": "d"}]
    assert refused(client.create_user, UserName="Ann")[1] == "User with name Ann already exists."


def test_a_boundary_is_set_and_taken_away(client: Any, key: Any) -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    client.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    assert client.get_user(UserName="ann")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    client.delete_user_permissions_boundary(UserName="ann")
    assert "PermissionsBoundary" not in client.get_user(UserName="ann")["User"]
    client.create_user(UserName="bob", PermissionsBoundary=arn)
    assert client.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1


def test_a_group_and_its_member_know_each_other(client: Any, key: Any) -> None:
    client.create_group(GroupName="risk", Path="/g/")
    client.add_user_to_group(GroupName="risk", UserName="ann")
    client.add_user_to_group(GroupName="risk", UserName="ann")
    group = client.get_group(GroupName="risk")
    assert group["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/g/risk"
    assert [user["UserName"] for user in group["Users"]] == ["ann"]
    assert [each["GroupName"] for each in client.list_groups_for_user(UserName="ann")["Groups"]] == ["risk"]
    assert [each["GroupName"] for each in client.list_groups()["Groups"]] == ["risk"]
    assert refused(client.delete_group, GroupName="risk")[1] == (
        "Cannot delete entity, must remove users from group first."
    )
    client.remove_user_from_group(GroupName="risk", UserName="ann")
    client.delete_group(GroupName="risk")
    assert client.list_groups_for_user(UserName="ann")["Groups"] == []


def test_a_user_in_use_is_kept(client: Any, key: Any, grant: str) -> None:
    client.create_group(GroupName="g")
    client.add_user_to_group(GroupName="g", UserName="ann")
    client.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=grant)

    def reason() -> str:
        code, text, _ = refused(client.delete_user, UserName="ann")
        assert code == "DeleteConflict"
        return text

    assert reason() == "Cannot delete entity, must delete access keys first."
    client.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    assert reason() == "Cannot delete entity, must remove users from group first."
    client.remove_user_from_group(GroupName="g", UserName="ann")
    assert reason() == "Cannot delete entity, must delete policies first."
    client.delete_user_policy(UserName="ann", PolicyName="p")
    client.delete_user(UserName="ann")
    assert refused(client.get_user, UserName="ann") == (
        "NoSuchEntity",
        "The user with name ann cannot be found.",
        404,
    )
