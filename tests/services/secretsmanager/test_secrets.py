"""Secrets through a real client: created, changed, described, deleted, restored."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from batchd.services.secretsmanager import deletion
from tests.contexts import ACCOUNT
from tests.services.direct import Direct
from tests.services.wired import refused

GONE = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400)
MARKED = (
    "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.",
    400,
)
DAY_S = 86_400


def test_a_new_secret_has_an_arn_with_a_suffix_and_a_current_version(client: Any) -> None:
    made = client.create_secret(Name="db/password", SecretString="s3cret", Description="of the night")

    assert re.fullmatch(rf"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db/password-[A-Za-z0-9]{{6}}", made["ARN"])
    shown = client.describe_secret(SecretId="db/password")
    assert (shown["ARN"], shown["Name"], shown["Description"]) == (made["ARN"], "db/password", "of the night")
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert "DeletedDate" not in shown
    assert "Tags" not in shown


def test_a_secret_is_found_by_name_by_arn_and_by_arn_without_its_suffix(client: Any) -> None:
    arn = client.create_secret(Name="token", SecretString="x")["ARN"]

    for secret_id in ("token", arn, arn[:-7]):
        assert client.get_secret_value(SecretId=secret_id)["SecretString"] == "x"
    assert refused(client.get_secret_value, SecretId=arn[:-1] + "#") == GONE
    assert refused(client.get_secret_value, SecretId="tok") == GONE


def test_a_name_is_taken_once_and_a_repeated_request_is_the_same_secret(client: Any) -> None:
    token = "0" * 32
    made = client.create_secret(Name="a", SecretString="x", ClientRequestToken=token)

    assert client.create_secret(Name="a", SecretString="x", ClientRequestToken=token)["ARN"] == made["ARN"]
    code, text, _ = refused(client.create_secret, Name="a", SecretString="x")
    assert (code, text) == (
        "ResourceExistsException",
        "The operation failed because the secret a already exists.",
    )
    code, text, _ = refused(client.create_secret, Name="a", SecretString="other", ClientRequestToken=token)
    assert code == "ResourceExistsException"
    assert text.startswith(f"You can't use ClientRequestToken {token} because")


@pytest.mark.parametrize("name", ["with space", "semi;colon", "ü", "hash#tag"])
def test_a_name_with_other_characters_is_refused(client: Any, name: str) -> None:
    code, text, status = refused(client.create_secret, Name=name, SecretString="x")

    assert (code, status) == ("ValidationException", 400)
    assert text.startswith("Invalid name. Must be a valid name containing alphanumeric characters")


def test_an_update_changes_what_it_names_and_a_value_becomes_current(client: Any) -> None:
    first = client.create_secret(Name="a", SecretString="old", Description="d", KmsKeyId="alias/k")["VersionId"]

    second = client.update_secret(SecretId="a", SecretString="new")["VersionId"]
    client.update_secret(SecretId="a", Description="e")

    shown = client.describe_secret(SecretId="a")
    assert (shown["Description"], shown["KmsKeyId"]) == ("e", "alias/k")
    assert shown["VersionIdsToStages"] == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    assert client.get_secret_value(SecretId="a")["SecretString"] == "new"
    assert client.get_secret_value(SecretId="a", VersionStage="AWSPREVIOUS")["SecretString"] == "old"


def test_tags_are_kept_by_key(client: Any) -> None:
    client.create_secret(Name="a", Tags=[{"Key": "team", "Value": "night"}, {"Key": "stage", "Value": "test"}])

    client.tag_resource(SecretId="a", Tags=[{"Key": "stage", "Value": "live"}])
    client.untag_resource(SecretId="a", TagKeys=["team", "never"])

    assert client.describe_secret(SecretId="a")["Tags"] == [{"Key": "stage", "Value": "live"}]
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert refused(client.tag_resource, SecretId="a", Tags=many)[0] == "LimitExceededException"


def test_a_deleted_secret_can_be_restored_within_its_window(client: Any) -> None:
    client.create_secret(Name="a", SecretString="x")

    client.delete_secret(SecretId="a", RecoveryWindowInDays=7)

    assert refused(client.get_secret_value, SecretId="a") == MARKED
    assert refused(client.put_secret_value, SecretId="a", SecretString="y") == MARKED
    assert "DeletedDate" in client.describe_secret(SecretId="a")
    assert client.list_secrets()["SecretList"] == []
    assert [one["Name"] for one in client.list_secrets(IncludePlannedDeletion=True)["SecretList"]] == ["a"]
    code, text, _ = refused(client.create_secret, Name="a", SecretString="z")
    assert (code, text) == (
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )
    client.restore_secret(SecretId="a")
    assert client.get_secret_value(SecretId="a")["SecretString"] == "x"
    assert "DeletedDate" not in client.describe_secret(SecretId="a")


def test_a_forced_deletion_is_at_once_and_leaves_no_row(client: Any, cloud: Any) -> None:
    client.create_secret(Name="a", SecretString="x")

    client.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)

    assert refused(client.describe_secret, SecretId="a") == GONE
    with cloud.store.read() as tx:
        assert tx.resources.every("secretsmanager.secret") == tx.resources.every("secretsmanager.value") == []
    assert client.create_secret(Name="a", SecretString="y")["Name"] == "a"
    assert client.delete_secret(SecretId="never", ForceDeleteWithoutRecovery=True)["Name"] == "never"


def test_the_recovery_window_has_its_bounds(client: Any) -> None:
    client.create_secret(Name="a")

    for days in (6, 31):
        assert refused(client.delete_secret, SecretId="a", RecoveryWindowInDays=days)[:2] == (
            "InvalidParameterException",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        )
    both = {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}
    assert refused(client.delete_secret, SecretId="a", **both)[1] == (
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
    )
    assert refused(client.delete_secret, SecretId="b") == GONE


def test_after_its_window_a_secret_is_gone_and_its_name_is_free(timed: Direct) -> None:
    timed("create_secret", Name="a", SecretString="x")
    timed("delete_secret", SecretId="a", RecoveryWindowInDays=7)

    timed.clock.advance(7 * DAY_S)

    assert timed.error("restore_secret", SecretId="a")[0] == "ResourceNotFoundException"
    assert timed.store.transact(lambda tx: deletion.purge_deleted(tx, timed.clock.now_ms())) == 1
    with timed.store.read() as tx:
        assert tx.resources.every("secretsmanager.value") == []
    assert timed("create_secret", Name="a", SecretString="y")["Name"] == "a"


def test_a_resource_policy_is_kept_as_it_was_written(client: Any) -> None:
    client.create_secret(Name="a")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*"}]})

    assert "ResourcePolicy" not in client.get_resource_policy(SecretId="a")
    client.put_resource_policy(SecretId="a", ResourcePolicy=policy)

    assert client.get_resource_policy(SecretId="a")["ResourcePolicy"] == policy
    blocked = {"SecretId": "a", "ResourcePolicy": policy, "BlockPublicPolicy": True}
    assert refused(client.put_resource_policy, **blocked)[0] == "PublicPolicyException"
    assert refused(client.put_resource_policy, SecretId="a", ResourcePolicy="{")[:2] == (
        "MalformedPolicyDocumentException",
        "This resource policy contains invalid Json.",
    )
    assert client.validate_resource_policy(ResourcePolicy=policy)["PolicyValidationPassed"] is False
    client.delete_resource_policy(SecretId="a")
    assert "ResourcePolicy" not in client.get_resource_policy(SecretId="a")


def test_secrets_are_listed_newest_first_filtered_and_in_pages(timed: Direct) -> None:
    for name, tags in (("db/a", {"team": "night"}), ("db/b", {}), ("other", {"team": "day"})):
        timed("create_secret", Name=name, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
        timed.clock.advance(1)

    def names(**params: Any) -> list[str]:
        return [one["Name"] for one in timed("list_secrets", **params)["SecretList"]]

    assert names() == ["other", "db/b", "db/a"]
    assert names(SortBy="name", SortOrder="asc") == ["db/a", "db/b", "other"]
    assert names(Filters=[{"Key": "name", "Values": ["db/"]}]) == ["db/b", "db/a"]
    assert names(Filters=[{"Key": "name", "Values": ["!db/a"]}]) == ["other", "db/b"]
    assert names(Filters=[{"Key": "tag-value", "Values": ["ni", "da"]}]) == ["other", "db/a"]
    assert names(Filters=[{"Key": "all", "Values": ["NIGHT"]}]) == ["db/a"]
    first = timed("list_secrets", MaxResults=2)
    assert names(MaxResults=2, NextToken=first["NextToken"]) == ["db/a"]
    assert timed.error("list_secrets", NextToken="nonsense")[0] == "InvalidNextTokenException"
    assert timed.error("list_secrets", Filters=[{"Values": ["a"]}])[0] == "InvalidParameterException"
    assert timed.error("list_secrets", Filters=[{"Key": "name"}])[0] == "InvalidParameterException"


def test_a_random_password_has_every_type_and_nothing_excluded(client: Any) -> None:
    password = client.get_random_password(PasswordLength=4)["RandomPassword"]

    assert len(password) == 4
    assert {kind for kind in (str.islower, str.isupper, str.isdigit) for c in password if kind(c)} == {
        str.islower,
        str.isupper,
        str.isdigit,
    }
    digits = client.get_random_password(
        ExcludeLowercase=True, ExcludeUppercase=True, ExcludePunctuation=True, ExcludeCharacters="01234"
    )["RandomPassword"]
    assert len(digits) == 32
    assert set(digits) <= set("56789")
    assert refused(client.get_random_password, PasswordLength=3)[1] == (
        "Password length is too short based on the required types."
    )
