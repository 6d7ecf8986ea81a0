from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.direct import Direct
from tests.services.lambda_.conftest import CODE, OTHER, ROLE, create
from tests.zips import zipped

ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
NOT_FOUND = ("ResourceNotFoundException", f"Function not found: {ARN}")


def test_a_new_function_is_pending_and_then_active_with_all_that_terraform_reads(
    service: Direct, made: dict[str, Any]
) -> None:
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in made
    found = service("get_function", FunctionName="f")
    configuration = found["Configuration"]
    assert configuration.pop("RevisionId") != made["RevisionId"]
    assert configuration.pop("LastModified").endswith("+0000")
    assert configuration == {
        "FunctionName": "f",
        "FunctionArn": ARN,
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": len(CODE),
        "CodeSha256": base64.b64encode(hashlib.sha256(CODE).digest()).decode(),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
        "RuntimeVersionConfig": {"RuntimeVersionArn": "arn:aws:lambda:us-east-1::runtime:python3.12"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    assert found["Code"]["RepositoryType"] == "S3"
    assert found.keys() == {"Configuration", "Code"}


def test_a_function_exists_once(service: Direct, made: dict[str, Any]) -> None:
    request = {"FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "a.b", "Code": {"ZipFile": CODE}}
    assert service.error("create_function", **request) == (
        "ResourceConflictException",
        "Function already exist: f",
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"Code": {"ZipFile": b"PK"}},
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        ({"Code": {}}, "Please provide a source for function code."),
        ({"Code": {"S3Bucket": "b", "S3Key": "k"}}, "Error occurred while GetObject."),
        ({"Runtime": "python2.7"}, "The runtime parameter of python2.7 is no longer supported"),
        ({"Runtime": "cobol"}, "Value cobol at 'runtime' failed to satisfy constraint"),
        ({"Runtime": ""}, "Runtime is mandatory for functions created with deployment packages."),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "Lambda was unable to configure your environment variables",
        ),
        (
            {"Environment": {"Variables": {"A": "x" * 5000}}},
            "Lambda was unable to configure your environment variables",
        ),
        ({"Layers": [f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l:1"] * 6}, "Cannot reference more than 5 layers."),
    ],
)
def test_what_no_function_can_be_made_of_is_refused(service: Direct, change: dict[str, Any], text: str) -> None:
    request = {"FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "a.b", "Code": {"ZipFile": CODE}}
    code, message = service.error("create_function", **{**request, **change})
    assert (code, message[: len(text)]) == ("InvalidParameterValueException", text)
    assert service("list_functions") == {"Functions": []}


@pytest.mark.parametrize("name", ["f", f"{ACCOUNT}:function:f", ARN, f"{ARN}:$LATEST"])
def test_a_function_has_several_names(service: Direct, made: dict[str, Any], name: str) -> None:
    assert service("get_function_configuration", FunctionName=name)["FunctionName"] == "f"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"FunctionName": "f"}, NOT_FOUND),
        ({"FunctionName": "f", "Qualifier": "7"}, (NOT_FOUND[0], f"{NOT_FOUND[1]}:7")),
        (
            {"FunctionName": ARN.replace("us-east-1", "eu-west-1")},
            (NOT_FOUND[0], "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
        ),
        (
            {"FunctionName": "f:1", "Qualifier": "2"},
            (
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified qualifier.",
            ),
        ),
    ],
)
def test_what_is_not_there_is_not_found(service: Direct, request_: dict[str, Any], error: tuple[str, str]) -> None:
    assert service.error("get_function", **request_) == error


def test_an_update_changes_what_it_names_and_says_that_it_is_under_way(service: Direct, made: dict[str, Any]) -> None:
    answer = service(
        "update_function_configuration", FunctionName="f", Timeout=9, Environment={"Variables": {"A": "b"}}
    )
    assert (answer["LastUpdateStatus"], answer["Timeout"]) == ("InProgress", 9)
    found = service("get_function_configuration", FunctionName="f")
    assert (found["LastUpdateStatus"], found["Timeout"], found["MemorySize"]) == ("Successful", 9, 128)
    assert found["Environment"] == {"Variables": {"A": "b"}}
    service("update_function_configuration", FunctionName="f", Environment={"Variables": {}})
    assert "Environment" not in service("get_function_configuration", FunctionName="f")
    assert service.error("update_function_configuration", FunctionName="f", RevisionId="old")[0] == (
        "PreconditionFailedException"
    )


def test_code_that_no_version_has_any_more_is_dropped(service: Direct, made: dict[str, Any]) -> None:
    def blobs() -> int:
        digests = [hashlib.sha256(code).hexdigest() for code in (CODE, OTHER)]
        with service.store.read() as tx:
            return sum(tx.blobs.get(f"us-east-1/f/{digest}") is not None for digest in digests)

    service("publish_version", FunctionName="f")
    service("update_function_code", FunctionName="f", ZipFile=OTHER)
    assert blobs() == 2, "version 1 still has the first"
    service("update_function_code", FunctionName="f", ZipFile=CODE)
    assert blobs() == 1
    dry = service("update_function_code", FunctionName="f", ZipFile=OTHER, DryRun=True)
    assert dry["CodeSize"] == len(OTHER)
    assert blobs() == 1
    service("delete_function", FunctionName="f")
    assert blobs() == 0
    assert service.error("get_function", FunctionName="f") == NOT_FOUND


def test_a_version_stays_as_it_was_and_is_new_only_after_a_change(service: Direct, made: dict[str, Any]) -> None:
    first = service("publish_version", FunctionName="f", Description="one")
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", f"{ARN}:1", "one")
    assert service("publish_version", FunctionName="f")["Version"] == "1"
    service("update_function_configuration", FunctionName="f", MemorySize=256)
    assert service("publish_version", FunctionName="f")["Version"] == "2"
    assert service("get_function_configuration", FunctionName="f", Qualifier="1")["MemorySize"] == 128
    versions = service("list_versions_by_function", FunctionName="f")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"]
    service("delete_function", FunctionName="f", Qualifier="1")
    assert service.error("get_function", FunctionName="f", Qualifier="1")[0] == "ResourceNotFoundException"
    error = service.error("delete_function", FunctionName="f", Qualifier="$LATEST")
    assert error == (
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    )


def test_functions_are_listed_page_by_page(service: Direct) -> None:
    for name in ("b", "a", "c"):
        create(service, name)
    first = service("list_functions", MaxItems=2)
    rest = service("list_functions", MaxItems=2, Marker=first["NextMarker"])
    assert [f["FunctionName"] for f in (*first["Functions"], *rest["Functions"])] == ["a", "b", "c"]
    assert "NextMarker" not in rest
    assert service.error("list_functions", Marker="x!")[0] == "InvalidParameterValueException"


def test_an_alias_names_a_version_and_may_share_its_calls(service: Direct, made: dict[str, Any]) -> None:
    service("publish_version", FunctionName="f")
    alias = service("create_alias", FunctionName="f", Name="live", FunctionVersion="1")
    assert (alias["AliasArn"], alias["FunctionVersion"], alias["Description"]) == (f"{ARN}:live", "1", "")
    assert service("get_function", FunctionName="f:live")["Configuration"]["Version"] == "1"
    assert service.error("create_alias", FunctionName="f", Name="live", FunctionVersion="1") == (
        "ResourceConflictException",
        f"Alias already exists: {ARN}:live",
    )
    assert service.error("delete_function", FunctionName="f", Qualifier="1")[0] == "ResourceConflictException"
    assert service.error("update_alias", FunctionName="f", Name="live", FunctionVersion="3")[0] == (
        "ResourceNotFoundException"
    )
    weights = {"AdditionalVersionWeights": {"$LATEST": 0.5}}
    assert service.error("update_alias", FunctionName="f", Name="live", RoutingConfig=weights)[0] == (
        "InvalidParameterValueException"
    )
    assert service("list_aliases", FunctionName="f")["Aliases"] == [service("get_alias", FunctionName="f", Name="live")]
    service("delete_alias", FunctionName="f", Name="live")
    assert service.error("get_alias", FunctionName="f", Name="live") == (
        "ResourceNotFoundException",
        f"Cannot find alias arn: {ARN}:live",
    )


def test_a_layer_has_versions_and_functions_name_one(service: Direct) -> None:
    content = {"ZipFile": zipped({"python/helper.py": "x = 1\n"})}
    first = service("publish_layer_version", LayerName="l", Content=content, CompatibleRuntimes=["python3.12"])
    second = service("publish_layer_version", LayerName="l", Content=content)
    assert [first["Version"], second["Version"]] == [1, 2]
    listed = service("list_layer_versions", LayerName="l")["LayerVersions"]
    assert [version["Version"] for version in listed] == [2, 1]
    (layer,) = service("list_layers", CompatibleRuntime="python3.12")["Layers"]
    assert layer["LatestMatchingVersion"]["Version"] == 1
    made = create(service, Layers=[first["LayerVersionArn"]])
    assert made["Layers"] == [{"Arn": first["LayerVersionArn"], "CodeSize": len(content["ZipFile"])}]
    service("delete_layer_version", LayerName="l", VersionNumber=1)
    assert service.error("get_layer_version", LayerName="l", VersionNumber=1)[0] == "ResourceNotFoundException"
    assert [version["Version"] for version in service("list_layer_versions", LayerName="l")["LayerVersions"]] == [2]
    assert service("invoke", FunctionName="f", InvocationType="DryRun") == {"StatusCode": 204}, "it keeps its layer"
    refused = service.error("update_function_configuration", FunctionName="f", Layers=[first["LayerVersionArn"]])
    assert refused[0] == "InvalidParameterValueException"
    assert service("publish_layer_version", LayerName="l", Content=content)["Version"] == 3


def test_reserved_concurrency_and_tags_come_and_go(service: Direct, made: dict[str, Any]) -> None:
    assert service("get_function_concurrency", FunctionName="f") == {}
    service("put_function_concurrency", FunctionName="f", ReservedConcurrentExecutions=5)
    service("tag_resource", Resource=ARN, Tags={"team": "night"})
    found = service("get_function", FunctionName="f")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert found["Tags"] == service("list_tags", Resource=ARN)["Tags"] == {"team": "night"}
    assert service("get_account_settings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 995
    service("delete_function_concurrency", FunctionName="f")
    service("untag_resource", Resource=ARN, TagKeys=["team"])
    assert service("get_function", FunctionName="f").keys() == {"Configuration", "Code"}
