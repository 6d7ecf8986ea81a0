from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from batchd.services import iam, sts
from batchd.services.iam.keys import find_key_owner
from tests.contexts import ACCOUNT
from tests.services.wired import KEYRING, Wired, refused, wired

TRUST = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/jobs/Worker"


@pytest.fixture
def cloud() -> Iterator[Wired]:
    """Root, and the role Worker."""
    with wired([iam.SERVICE, sts.SERVICE], find_key_owner) as made:
        made.client("iam").create_role(RoleName="Worker", Path="/jobs/", AssumeRolePolicyDocument=TRUST)
        yield made


@pytest.fixture
def client(cloud: Wired) -> Any:  # Any: botocore makes its methods up
    return cloud.client("sts")


def as_session(cloud: Wired, service: str, credentials: Any) -> Any:
    return cloud.client(
        service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )


def test_root_is_the_account(client: Any) -> None:
    identity = client.get_caller_identity()
    del identity["ResponseMetadata"]
    assert identity == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}


def test_an_assumed_role_is_somebody_else(cloud: Wired, client: Any) -> None:
    made = client.assume_role(RoleArn=ROLE, RoleSessionName="nightly")
    role_id = cloud.client("iam").get_role(RoleName="Worker")["Role"]["RoleId"]
    user = {
        "AssumedRoleId": f"{role_id}:nightly",
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/nightly",
    }
    assert made["AssumedRoleUser"] == user
    assert "PackedPolicySize" not in made
    identity = as_session(cloud, "sts", made["Credentials"]).get_caller_identity()
    assert (identity["UserId"], identity["Arn"]) == (user["AssumedRoleId"], user["Arn"])


def test_a_session_lives_an_hour_or_as_asked(client: Any) -> None:
    def life(**params: Any) -> float:
        made = client.assume_role(RoleArn=ROLE, RoleSessionName="me", **params)["Credentials"]
        return float((made["Expiration"] - datetime.now(UTC)).total_seconds())

    assert 3590 < life() <= 3600
    assert 890 < life(DurationSeconds=900) <= 900


def test_a_role_says_how_long_its_sessions_live(cloud: Wired, client: Any) -> None:
    params = {"RoleArn": ROLE, "RoleSessionName": "me", "DurationSeconds": 7200}
    assert refused(client.assume_role, **params) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        400,
    )
    cloud.client("iam").update_role(RoleName="Worker", MaxSessionDuration=7200)
    client.assume_role(**params)


def test_a_role_that_assumes_a_role_has_an_hour(cloud: Wired, client: Any) -> None:
    cloud.client("iam").update_role(RoleName="Worker", MaxSessionDuration=7200)
    first = client.assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    chained = as_session(cloud, "sts", first)
    code, text, _ = refused(chained.assume_role, RoleArn=ROLE, RoleSessionName="me", DurationSeconds=3601)
    assert (code, text) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )
    chained.assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=3600)


@pytest.mark.parametrize("arn", [ROLE + "x", ROLE.replace("/jobs", ""), ROLE.replace(ACCOUNT, "999999999999")])
def test_a_missing_role_is_denied_like_a_forbidden_one(client: Any, arn: str) -> None:
    assert refused(client.assume_role, RoleArn=arn, RoleSessionName="me") == (
        "AccessDenied",
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sts:AssumeRole on resource: {arn}",
        403,
    )


@pytest.mark.parametrize("arn", ["a role, twenty letters", f"arn:aws:iam::{ACCOUNT}:user/ann", "arn:aws:s3:::role/x/y"])
def test_what_is_no_role_arn_is_invalid(client: Any, arn: str) -> None:
    answer = refused(client.assume_role, RoleArn=arn, RoleSessionName="me")
    assert answer == ("ValidationError", f"{arn} is invalid", 400)


def test_a_session_name_has_its_letters(client: Any) -> None:
    code, text, status = refused(client.assume_role, RoleArn=ROLE, RoleSessionName="a:b")
    assert (code, status) == ("ValidationError", 400)
    assert text == (
        "1 validation error detected: Value 'a:b' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )


def test_tags_are_given_once_and_transitive_ones_among_them(client: Any) -> None:
    params: Any = {"RoleArn": ROLE, "RoleSessionName": "me"}
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert refused(client.assume_role, **params, Tags=twice) == (
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        400,
    )
    assert refused(client.assume_role, **params, Tags=twice[:1], TransitiveTagKeys=["b"]) == (
        "InvalidParameterValue",
        "The specified transitive tag key must be included in the requested tags.",
        400,
    )
    made = client.assume_role(**params, Tags=twice[:1], TransitiveTagKeys=["a"], SourceIdentity="ann")
    assert (made["PackedPolicySize"], made["SourceIdentity"]) == (1, "ann")


def test_a_session_policy_is_a_policy_of_some_size(client: Any) -> None:
    params = {"RoleArn": ROLE, "RoleSessionName": "me"}
    for document in ("{", "[]", "{}"):
        answer = refused(client.assume_role, **params, Policy=document)
        assert answer == ("MalformedPolicyDocument", "Syntax errors in policy.", 400)
    assert 1 <= client.assume_role(**params, Policy='{"Statement": []}')["PackedPolicySize"] <= 100
    big = json.dumps({"Statement": ["x" * 2040]})
    tags = [{"Key": "a", "Value": "v" * 200}]
    assert refused(client.assume_role, **params, Policy=big, Tags=tags)[0] == "PackedPolicyTooLarge"


def test_a_session_token_of_root_is_root_for_an_hour(cloud: Wired, client: Any) -> None:
    made = client.get_session_token(DurationSeconds=7200)["Credentials"]
    assert (made["Expiration"] - datetime.now(UTC)).total_seconds() <= 3600
    session = as_session(cloud, "sts", made)
    assert session.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    code, text, status = refused(session.get_session_token)
    assert (code, text, status) == ("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)


def test_a_session_token_of_a_user_is_the_user(cloud: Wired) -> None:
    iam_client = cloud.client("iam")
    iam_client.create_user(UserName="ann")
    key = iam_client.create_access_key(UserName="ann")["AccessKey"]
    made = cloud.client("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_session_token()["Credentials"]
    identity = as_session(cloud, "sts", made).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert (made["Expiration"] - datetime.now(UTC)).total_seconds() > 43_000


def test_every_key_is_of_the_account(client: Any) -> None:
    assert client.get_access_key_info(AccessKeyId=KEYRING.access_key)["Account"] == ACCOUNT


def test_tokens_of_strangers_are_not_taken(client: Any) -> None:
    answer = refused(client.assume_role_with_web_identity, RoleArn=ROLE, RoleSessionName="me", WebIdentityToken="token")
    assert (answer[0], answer[2]) == ("MissingAuthenticationToken", 403)
