"""Versions, labels and values; and that no value is stored in clear."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from batchd.services.secretsmanager.documents import VALUE
from tests.services.wired import Wired, refused


def put(client: Any, value: str, **more: Any) -> str:
    return str(client.put_secret_value(SecretId="a", SecretString=value, **more)["VersionId"])


def stages(client: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = client.describe_secret(SecretId="a")["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in found.items()}


@pytest.fixture(autouse=True)
def secret(client: Any) -> None:
    client.create_secret(Name="a")


def test_a_secret_without_a_value_says_so(client: Any) -> None:
    assert refused(client.get_secret_value, SecretId="a")[:2] == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    )


def test_a_binary_value_comes_back_as_bytes(client: Any) -> None:
    client.put_secret_value(SecretId="a", SecretBinary=b"\x00\xff\x01")

    answer = client.get_secret_value(SecretId="a")

    assert answer["SecretBinary"] == b"\x00\xff\x01"
    assert "SecretString" not in answer


def test_current_and_previous_move_with_each_value(client: Any) -> None:
    one, two, three = (put(client, value) for value in ("1", "2", "3"))

    assert stages(client) == {two: ["AWSPREVIOUS"], three: ["AWSCURRENT"]}
    listed = client.list_secret_version_ids(SecretId="a")["Versions"]
    assert [version["VersionId"] for version in listed] == [two, three]
    every = client.list_secret_version_ids(SecretId="a", IncludeDeprecated=True)["Versions"]
    assert {version["VersionId"] for version in every} == {one, two, three}
    assert client.get_secret_value(SecretId="a", VersionId=one)["SecretString"] == "1"


def test_the_first_version_is_current_whatever_its_labels(client: Any) -> None:
    version = put(client, "1", VersionStages=["blue"])

    assert stages(client) == {version: ["AWSCURRENT", "blue"]}
    other = put(client, "2", VersionStages=["blue"])
    assert stages(client) == {version: ["AWSCURRENT"], other: ["blue"]}


def test_a_label_is_moved_by_hand(client: Any) -> None:
    one, two = put(client, "1"), put(client, "2")

    client.update_secret_version_stage(
        SecretId="a", VersionStage="AWSCURRENT", MoveToVersionId=one, RemoveFromVersionId=two
    )

    assert stages(client) == {one: ["AWSCURRENT"], two: ["AWSPREVIOUS"]}
    client.update_secret_version_stage(SecretId="a", VersionStage="blue", MoveToVersionId=two)
    client.update_secret_version_stage(SecretId="a", VersionStage="blue", RemoveFromVersionId=two)
    assert stages(client) == {one: ["AWSCURRENT"], two: ["AWSPREVIOUS"]}


def test_a_label_is_not_moved_against_the_rules(client: Any) -> None:
    one, two = put(client, "1"), put(client, "2")

    def refusal(**params: Any) -> str:
        return refused(client.update_secret_version_stage, SecretId="a", **params)[1]

    assert refusal(VersionStage="AWSCURRENT", MoveToVersionId=one) == (
        "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
        f"{two}, so you must explicitly reference that version in RemoveFromVersionId."
    )
    assert refusal(VersionStage="AWSCURRENT", RemoveFromVersionId=two) == (
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
    )
    assert refusal(VersionStage="AWSCURRENT", MoveToVersionId=one, RemoveFromVersionId=one) == (
        f"Version stage AWSCURRENT not found in version {one}"
    )
    assert "VersionId: " + "9" * 32 in refusal(VersionStage="x", MoveToVersionId="9" * 32)


def test_id_and_label_must_agree(client: Any) -> None:
    one, _ = put(client, "1"), put(client, "2")

    assert refused(client.get_secret_value, SecretId="a", VersionId=one, VersionStage="AWSCURRENT")[:2] == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
    assert refused(client.get_secret_value, SecretId="a", VersionId="8" * 32)[1].endswith("VersionId: " + "8" * 32)


def test_one_value_is_wanted(client: Any) -> None:
    assert refused(client.put_secret_value, SecretId="a")[1] == (
        "You must provide either SecretString or SecretBinary."
    )
    assert refused(client.put_secret_value, SecretId="a", SecretString="x", SecretBinary=b"x")[1] == (
        "You can't specify both a binary secret value and a string secret value in the same secret."
    )


def test_a_repeated_put_is_one_version(client: Any) -> None:
    token = "7" * 32

    assert put(client, "1", ClientRequestToken=token) == put(client, "1", ClientRequestToken=token) == token

    assert stages(client) == {token: ["AWSCURRENT"]}
    repeated = {"SecretId": "a", "SecretString": "2", "ClientRequestToken": token}
    assert refused(client.put_secret_value, **repeated)[0] == "ResourceExistsException"


def test_the_oldest_versions_without_a_label_are_dropped(client: Any, cloud: Wired) -> None:
    versions = [put(client, str(number)) for number in range(104)]

    with cloud.store.read() as tx:
        kept = {name.partition("#")[2] for name, _ in tx.resources.page(VALUE, "us-east-1")}
    assert kept == set(versions[2:])


def test_many_values_are_had_at_once(client: Any) -> None:
    put(client, "1")
    client.create_secret(Name="b")

    answer = client.batch_get_secret_value(SecretIdList=["a", "b", "never"])

    assert [value["SecretString"] for value in answer["SecretValues"]] == ["1"]
    assert [error["SecretId"] for error in answer["Errors"]] == ["b", "never"]
    found = client.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["a"]}])
    assert [value["Name"] for value in found["SecretValues"]] == ["a"]
    assert refused(client.batch_get_secret_value)[0] == "InvalidParameterException"


def test_no_row_holds_the_value(client: Any, cloud: Wired) -> None:
    put(client, "correct horse battery staple")

    with cloud.store.read() as tx:
        rows = [body for kind in ("secretsmanager.secret", VALUE) for _, body in tx.resources.every(kind)]
    assert len(rows) == 2
    assert b"horse" not in orjson.dumps(rows)
