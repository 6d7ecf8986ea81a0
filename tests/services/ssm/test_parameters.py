"""Parameters through a real client."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from batchd.services.ssm.documents import KIND, VERSION
from tests.contexts import ACCOUNT
from tests.services.wired import Wired, refused


def put(client: Any, name: str, value: str = "v", **more: Any) -> int:
    return int(client.put_parameter(**{"Name": name, "Value": value, "Type": "String", **more})["Version"])


def names(answer: dict[str, Any]) -> list[str]:
    return [parameter["Name"] for parameter in answer["Parameters"]]


def test_a_parameter_comes_back_with_its_version_and_arn(client: Any) -> None:
    answer = client.put_parameter(Name="/db/host", Value="db.example", Type="String")

    assert (answer["Version"], answer["Tier"]) == (1, "Standard")
    found = client.get_parameter(Name="/db/host")["Parameter"]
    assert (found["Value"], found["Type"], found["Version"], found["DataType"]) == ("db.example", "String", 1, "text")
    assert found["ARN"] == f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/db/host"
    assert client.get_parameter(Name=found["ARN"])["Parameter"]["Name"] == "/db/host"


def test_a_secure_string_is_shown_sealed_unless_decrypted(client: Any) -> None:
    put(client, "token", "s3cret", Type="SecureString")

    sealed = client.get_parameter(Name="token")["Parameter"]["Value"]

    assert "s3cret" not in sealed
    assert client.get_parameter(Name="token", WithDecryption=True)["Parameter"]["Value"] == "s3cret"
    (described,) = client.describe_parameters()["Parameters"]
    assert described["KeyId"] == "alias/aws/ssm"


def test_no_row_holds_a_value(client: Any, cloud: Wired) -> None:
    put(client, "token", "correct horse", Type="SecureString")
    put(client, "token", "correct horse again", Type="SecureString", Overwrite=True)

    with cloud.store.read() as tx:
        rows = [body for kind in (KIND, VERSION) for _, body in tx.resources.every(kind)]
    assert len(rows) == 3
    assert b"horse" not in orjson.dumps(rows)


def test_a_parameter_is_overwritten_only_when_asked(client: Any) -> None:
    put(client, "a", "1", Description="first")

    assert refused(client.put_parameter, Name="a", Value="2", Type="String")[:2] == (
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )
    assert client.put_parameter(Name="a", Value="2", Overwrite=True)["Version"] == 2
    (described,) = client.describe_parameters()["Parameters"]
    assert (described["Description"], described["Version"]) == ("first", 2)
    with_tags = {"Name": "a", "Value": "3", "Overwrite": True, "Tags": [{"Key": "k", "Value": "v"}]}
    assert refused(client.put_parameter, **with_tags)[1].startswith("Invalid request: tags and overwrite can't")


def test_versions_and_labels_select(client: Any) -> None:
    for value in ("1", "2", "3"):
        put(client, "/a", value, Overwrite=True)
    client.label_parameter_version(Name="/a", ParameterVersion=2, Labels=["blue", "aws-no", "7up"])

    assert client.get_parameter(Name="/a:1")["Parameter"]["Value"] == "1"
    blue = client.get_parameter(Name="/a:blue")["Parameter"]
    assert (blue["Value"], blue["Selector"]) == ("2", ":blue")
    assert client.get_parameter(Name=f"{blue['ARN']}:3")["Parameter"]["Value"] == "3"
    assert refused(client.get_parameter, Name="/a:9")[:2] == (
        "ParameterVersionNotFound",
        "Systems Manager could not find version 9 of /a. Verify the version and try again.",
    )
    assert refused(client.get_parameter, Name="/b")[:2] == ("ParameterNotFound", "Parameter /b not found.")


def test_a_label_is_on_one_version(client: Any) -> None:
    for value in ("1", "2"):
        put(client, "a", value, Overwrite=True)

    first = client.label_parameter_version(Name="a", ParameterVersion=1, Labels=["live", "aws-no"])
    client.label_parameter_version(Name="a", Labels=["live"])

    assert first["InvalidLabels"] == ["aws-no"]
    history = client.get_parameter_history(Name="a")["Parameters"]
    assert [(one["Version"], one["Value"], one["Labels"]) for one in history] == [(1, "1", []), (2, "2", ["live"])]
    gone = client.unlabel_parameter_version(Name="a", ParameterVersion=2, Labels=["live", "never"])
    assert (gone["RemovedLabels"], gone["InvalidLabels"]) == (["live"], ["never"])
    many = [f"l{number}" for number in range(6)]
    client.label_parameter_version(Name="a", Labels=many)
    more = {"Name": "a", "Labels": [f"m{number}" for number in range(6)]}
    assert refused(client.label_parameter_version, **more)[0] == "ParameterVersionLabelLimitExceeded"


def test_a_hundred_versions_are_kept_and_a_label_holds_its_own(client: Any, cloud: Wired) -> None:
    for _ in range(101):
        put(client, "a", "x", Overwrite=True)

    history = client.get_parameter_history(Name="a", MaxResults=50)
    assert [one["Version"] for one in history["Parameters"]] == list(range(2, 52))
    rest = client.get_parameter_history(Name="a", MaxResults=50, NextToken=history["NextToken"])
    assert [one["Version"] for one in rest["Parameters"]] == list(range(52, 102))
    client.label_parameter_version(Name="a", ParameterVersion=2, Labels=["keep"])
    code, text, _ = refused(client.put_parameter, Name="a", Value="x", Type="String", Overwrite=True)
    assert code == "ParameterMaxVersionLimitExceeded"
    assert "Version 2, the oldest version, can't be deleted because it has a label" in text


def test_several_are_had_at_once_and_the_others_are_invalid(client: Any) -> None:
    put(client, "a", "1")
    put(client, "b", "2")

    answer = client.get_parameters(Names=["b", "never", "a", "a:7"])

    assert names(answer) == ["b", "a"]
    assert answer["InvalidParameters"] == ["never", "a:7"]


def test_a_path_gives_what_is_directly_below_it_or_everything(client: Any) -> None:
    for name in ("/app/db/host", "/app/db/port", "/app/name", "/application", "plain"):
        put(client, name)

    assert names(client.get_parameters_by_path(Path="/app")) == ["/app/name"]
    assert names(client.get_parameters_by_path(Path="/app/", Recursive=True)) == [
        "/app/db/host",
        "/app/db/port",
        "/app/name",
    ]
    first = client.get_parameters_by_path(Path="/app", Recursive=True, MaxResults=2)
    rest = client.get_parameters_by_path(Path="/app", Recursive=True, NextToken=first["NextToken"])
    assert names(first) + names(rest) == ["/app/db/host", "/app/db/port", "/app/name"]
    assert len(names(client.get_parameters_by_path(Path="/", Recursive=True))) == 5
    assert refused(client.get_parameters_by_path, Path="app")[0] == "ValidationException"
    assert refused(client.get_parameters_by_path, Path="/", NextToken="?")[0] == "InvalidNextToken"
    wrong = [{"Key": "Name", "Values": ["x"]}]
    assert refused(client.get_parameters_by_path, Path="/", ParameterFilters=wrong)[0] == "InvalidFilterKey"


def test_parameters_are_described_by_filter(client: Any) -> None:
    put(client, "/a/one", Tags=[{"Key": "team", "Value": "night"}])
    put(client, "/a/b/two", "x,y", Type="StringList")
    put(client, "three", Type="SecureString")

    def described(*filters: dict[str, Any], **more: Any) -> list[str]:
        return names(client.describe_parameters(ParameterFilters=list(filters), **more))

    assert described({"Key": "Name", "Values": ["three", "never"]}) == ["three"]
    assert described({"Key": "Name", "Option": "BeginsWith", "Values": ["/a"]}) == ["/a/b/two", "/a/one"]
    assert described({"Key": "Name", "Option": "Contains", "Values": ["o"]}) == ["/a/b/two", "/a/one"]
    assert described({"Key": "Type", "Values": ["SecureString", "StringList"]}) == ["/a/b/two", "three"]
    assert described({"Key": "Path", "Option": "OneLevel", "Values": ["/a"]}) == ["/a/one"]
    assert described({"Key": "tag:team", "Values": ["night"]}) == ["/a/one"]
    assert names(client.describe_parameters(Filters=[{"Key": "Name", "Values": ["three"]}])) == ["three"]
    first = client.describe_parameters(MaxResults=1)
    assert names(client.describe_parameters(NextToken=first["NextToken"])) == ["/a/one", "three"]
    twice = [{"Key": "Type", "Values": ["String"]}] * 2
    assert "duplicated" in refused(client.describe_parameters, ParameterFilters=twice)[1]
    option = [{"Key": "Type", "Option": "Contains", "Values": ["String"]}]
    assert refused(client.describe_parameters, ParameterFilters=option)[0] == "InvalidFilterOption"


def test_what_is_deleted_is_gone_with_its_versions(client: Any, cloud: Wired) -> None:
    put(client, "a")
    put(client, "/x/y")

    client.delete_parameter(Name="a")
    answer = client.delete_parameters(Names=["/x/y", "never"])

    assert (answer["DeletedParameters"], answer["InvalidParameters"]) == (["/x/y"], ["never"])
    with cloud.store.read() as tx:
        assert tx.resources.every(KIND) == tx.resources.every(VERSION) == []
    assert refused(client.delete_parameter, Name="a")[0] == "ParameterNotFound"


def test_tags_are_kept_by_key(client: Any) -> None:
    put(client, "a", Tags=[{"Key": "team", "Value": "night"}])
    where = {"ResourceType": "Parameter", "ResourceId": "a"}

    client.add_tags_to_resource(**where, Tags=[{"Key": "stage", "Value": "live"}])
    client.remove_tags_from_resource(**where, TagKeys=["team"])

    assert client.list_tags_for_resource(**where)["TagList"] == [{"Key": "stage", "Value": "live"}]
    assert refused(client.list_tags_for_resource, ResourceType="Parameter", ResourceId="b")[0] == "InvalidResourceId"
    assert refused(client.list_tags_for_resource, ResourceType="Document", ResourceId="a")[0] == "InvalidResourceType"


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"Name": "aws-x"}, "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm"'),
        ({"Name": "/aws/x"}, "AccessDeniedException", "No access to reserved parameter name: /aws/x."),
        ({"Name": "/ssm/x"}, "ValidationException", 'Parameter name: can\'t be prefixed with "ssm"'),
        ({"Name": "a b"}, "ValidationException", "following 3 symbols .-_"),
        ({"Name": "a/b"}, "ValidationException", "Parameter name must be a fully qualified name."),
        ({"Name": "/a" * 16}, "HierarchyLevelLimitExceededException", "15 levels"),
        ({"Name": "/" + "a" * 1000}, "ValidationException", "1011"),
        ({"Value": ""}, "ValidationException", "Member must have length greater than or equal to 1."),
        ({"Value": "x" * 4097}, "ValidationException", "Standard tier parameters support a maximum parameter value"),
        ({"Value": "x" * 8193, "Tier": "Advanced"}, "ValidationException", "maximum parameter value of 8192"),
        ({"DataType": "Text"}, "ValidationException", "The following data type is not supported: Text"),
        ({"DataType": "aws:ec2:image"}, "ValidationException", "does not match the expected format for data type"),
        ({"AllowedPattern": "^[0-9]+$"}, "ParameterPatternMismatchException", "allowedPattern: ^[0-9]+$"),
        ({"AllowedPattern": "("}, "InvalidAllowedPatternException", "regular expression requirement"),
        ({"Policies": '[{"Type":"Expiration"}]'}, "InvalidPolicyTypeException", "not supported"),
    ],
)
def test_what_aws_refuses_is_refused(client: Any, params: dict[str, str], code: str, text: str) -> None:
    wanted = {"Name": "a", "Value": "value", "Type": "String", **params}

    told = refused(client.put_parameter, **wanted)

    assert told[0] == code
    assert text in told[1]


def test_a_new_parameter_needs_a_type_and_an_old_one_keeps_its_own(client: Any) -> None:
    assert refused(client.put_parameter, Name="a", Value="1")[1] == (
        "A parameter type is required when you create a parameter."
    )
    put(client, "a")
    changed = {"Name": "a", "Value": "1", "Type": "SecureString", "Overwrite": True}
    assert refused(client.put_parameter, **changed)[0] == "HierarchyTypeMismatchException"


def test_intelligent_tiering_takes_what_the_value_needs_and_advanced_stays(client: Any) -> None:
    small = client.put_parameter(Name="a", Value="x", Type="String", Tier="Intelligent-Tiering")
    large = client.put_parameter(Name="a", Value="x" * 5000, Overwrite=True, Tier="Intelligent-Tiering")

    assert (small["Tier"], large["Tier"]) == ("Standard", "Advanced")
    assert client.put_parameter(Name="a", Value="x", Overwrite=True)["Tier"] == "Advanced"
    down = {"Name": "a", "Value": "x", "Overwrite": True, "Tier": "Standard"}
    assert refused(client.put_parameter, **down)[1].startswith("This parameter uses the advanced-parameter tier.")


def test_a_secret_is_read_through_its_reference(client: Any, cloud: Wired) -> None:
    cloud.client("secretsmanager").create_secret(Name="db/password", SecretString="s3cret")
    reference = "/aws/reference/secretsmanager/db/password"

    found = client.get_parameter(Name=reference, WithDecryption=True)["Parameter"]

    assert (found["Type"], found["Value"]) == ("SecureString", "s3cret")
    assert refused(client.get_parameter, Name=reference)[1] == (
        "WithDecryption flag must be True for retrieving a Secret Manager secret."
    )
    missing = {"Name": f"{reference}-not", "WithDecryption": True}
    assert refused(client.get_parameter, **missing)[0] == "ParameterNotFound"
