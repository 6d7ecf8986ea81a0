from __future__ import annotations

from typing import Any

import pytest

from tests.contexts import NOW_MS, ROOT
from tests.services.direct import Direct

DATA = {"InstanceType": "c5.large", "UserData": "IyEvYmluL3NoCg=="}


@pytest.fixture
def template(ec2: Direct) -> str:
    made = ec2("create_launch_template", LaunchTemplateName="jobs", LaunchTemplateData=DATA, ClientToken="t")
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def versions(ec2: Direct, **params: Any) -> list[int]:
    found = ec2("describe_launch_template_versions", **params)["LaunchTemplateVersions"]
    return [version["VersionNumber"] for version in found]


def test_a_template_starts_with_version_one(ec2: Direct, template: str) -> None:
    (shown,) = ec2("describe_launch_templates", LaunchTemplateIds=[template])["LaunchTemplates"]
    (version,) = ec2("describe_launch_template_versions", LaunchTemplateId=template)["LaunchTemplateVersions"]

    assert shown == {
        "LaunchTemplateId": template,
        "LaunchTemplateName": "jobs",
        "CreateTime": NOW_MS / 1000,
        "CreatedBy": ROOT.arn,
        "DefaultVersionNumber": 1,
        "LatestVersionNumber": 1,
        "Tags": [],
    }
    assert (version["VersionNumber"], version["DefaultVersion"], version["LaunchTemplateData"]) == (1, True, DATA)


def test_versions_are_named_by_number_and_by_role(ec2: Direct, template: str) -> None:
    for size in ("c5.xlarge", "c5.2xlarge"):
        data = {"InstanceType": size}
        ec2("create_launch_template_version", LaunchTemplateId=template, LaunchTemplateData=data, SourceVersion="1")
    ec2("modify_launch_template", LaunchTemplateName="jobs", DefaultVersion="2")

    assert versions(ec2, LaunchTemplateId=template) == [3, 2, 1]
    assert versions(ec2, LaunchTemplateName="jobs", Versions=["$Latest", "$Default", "1"]) == [3, 2, 1]
    assert versions(ec2, LaunchTemplateId=template, MinVersion="2", MaxVersion="2") == [2]
    assert versions(ec2, Versions=["$Default"]) == [2]
    (latest,) = ec2("describe_launch_template_versions", LaunchTemplateId=template, Versions=["$Latest"])[
        "LaunchTemplateVersions"
    ]
    assert latest["LaunchTemplateData"] == {**DATA, "InstanceType": "c5.2xlarge"}


def test_a_name_is_used_once_but_a_repeated_request_is_the_same(ec2: Direct, template: str) -> None:
    again = ec2("create_launch_template", LaunchTemplateName="jobs", LaunchTemplateData=DATA, ClientToken="t")

    assert again["LaunchTemplate"]["LaunchTemplateId"] == template
    assert ec2.error("create_launch_template", LaunchTemplateName="jobs", LaunchTemplateData=DATA) == (
        "InvalidLaunchTemplateName.AlreadyExistsException",
        "Launch template name already in use.",
    )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"LaunchTemplateId": "lt-0"}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplateId": "x"}, "InvalidLaunchTemplateId.Malformed"),
        ({"LaunchTemplateName": "x"}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"LaunchTemplateName": "jobs", "Versions": ["9"]}, "InvalidLaunchTemplateId.VersionNotFound"),
        ({"LaunchTemplateName": "jobs", "MinVersion": "first"}, "InvalidParameterValue"),
        ({"LaunchTemplateName": "jobs", "MaxVersion": "9" * 5000}, "InvalidParameterValue"),
        ({}, "MissingParameter"),
    ],
)
def test_what_is_missing_is_refused(ec2: Direct, template: str, params: dict[str, Any], code: str) -> None:
    assert ec2.error("describe_launch_template_versions", **params)[0] == code


def test_versions_are_deleted_one_by_one_but_never_the_default(ec2: Direct, template: str) -> None:
    ec2("create_launch_template_version", LaunchTemplateId=template, LaunchTemplateData=DATA)

    answer = ec2("delete_launch_template_versions", LaunchTemplateId=template, Versions=["1", "2", "3"])

    assert [v["VersionNumber"] for v in answer["SuccessfullyDeletedLaunchTemplateVersions"]] == [2]
    stayed = answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    assert [v["VersionNumber"] for v in stayed] == [1, 3]
    assert stayed[1]["ResponseError"]["Code"] == "launchTemplateVersionDoesNotExist"
    assert versions(ec2, LaunchTemplateId=template) == [1]


def test_a_deleted_template_is_gone(ec2: Direct, template: str) -> None:
    ec2("delete_launch_template", LaunchTemplateId=template)

    assert ec2("describe_launch_templates") == {"LaunchTemplates": []}
    assert ec2.error("delete_launch_template", LaunchTemplateId=template) == (
        "InvalidLaunchTemplateId.NotFound",
        f"The specified launch template, with template ID {template}, does not exist.",
    )


@pytest.mark.parametrize("version", ["\u00b2", "9" * 5000, "-1", ""])
def test_what_is_no_number_is_no_version(ec2: Direct, template: str, version: str) -> None:
    answer = ec2("delete_launch_template_versions", LaunchTemplateId=template, Versions=[version])

    (kept,) = answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    assert kept["ResponseError"]["Code"] == "launchTemplateVersionDoesNotExist"
