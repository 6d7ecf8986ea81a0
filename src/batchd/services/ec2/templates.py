"""Launch templates and their versions. [iam.md 13]

A template's document holds all its versions. What they say of machines is kept for those who read it: jobs run on the
machines batchd has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.inventory import (
    TEMPLATE,
    everything,
    new_identifier,
    paged,
    remove,
    save,
    tags_for,
)
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_FIELDS = {"launch-template-name": "LaunchTemplateName", "create-time": "CreateTime"}
_VERSION_FIELDS = {
    "is-default-version": "DefaultVersion",
    "image-id": "LaunchTemplateData.ImageId",
    "instance-type": "LaunchTemplateData.InstanceType",
    "iam-instance-profile": "LaunchTemplateData.IamInstanceProfile.Arn",
    "ebs-optimized": "LaunchTemplateData.EbsOptimized",
    "kernel-id": "LaunchTemplateData.KernelId",
    "ram-disk-id": "LaunchTemplateData.RamDiskId",
}
_MOST_VERSIONS = 200  # a call of DescribeLaunchTemplateVersions may name


@writes
def create_launch_template(params: t.CreateLaunchTemplateRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """With version 1. The same client token gives the same template; another, AlreadyExistsException."""
    name = params["LaunchTemplateName"]
    known = next((body for body in everything(ctx, TEMPLATE) if body["LaunchTemplateName"] == name), None)
    if known is not None:
        if params.get("ClientToken") and params.get("ClientToken") == known["ClientToken"]:
            return {"LaunchTemplate": _shown(known)}
        raise ApiError("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    template: Body = {
        "LaunchTemplateId": new_identifier(ctx, "lt"),
        "LaunchTemplateName": name,
        "CreateTime": ctx.now_ms / 1000,
        "CreatedBy": ctx.caller.arn,
        "DefaultVersionNumber": 1,
        "LatestVersionNumber": 1,
        "Versions": [_version(ctx, 1, params.get("VersionDescription"), dict(params["LaunchTemplateData"]))],
        "ClientToken": params.get("ClientToken", ""),
        "Tags": tags_for(params, "launch-template"),
    }
    save(ctx, TEMPLATE, template)
    return {"LaunchTemplate": _shown(template)}


@writes
def create_launch_template_version(params: t.CreateLaunchTemplateVersionRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The next number. With a source version, what the request leaves out is taken from there."""
    template = _requested(ctx, params)
    data = dict(params["LaunchTemplateData"])
    if source := params.get("SourceVersion"):
        data = {**_numbered(template, source)["LaunchTemplateData"], **data}
    number = template["LatestVersionNumber"] + 1
    version = _version(ctx, number, params.get("VersionDescription"), data)
    template = {**template, "LatestVersionNumber": number, "Versions": [*template["Versions"], version]}
    save(ctx, TEMPLATE, template)
    return {"LaunchTemplateVersion": _shown_version(template, version)}


@writes
def modify_launch_template(params: t.ModifyLaunchTemplateRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Choose the default version."""
    template = _requested(ctx, params)
    if version := params.get("DefaultVersion"):
        template = {**template, "DefaultVersionNumber": _numbered(template, version)["VersionNumber"]}
        save(ctx, TEMPLATE, template)
    return {"LaunchTemplate": _shown(template)}


@writes
def delete_launch_template(params: t.DeleteLaunchTemplateRequestTypeDef, ctx: Context) -> dict[str, Any]:
    template = _requested(ctx, params)
    remove(ctx, TEMPLATE, template["LaunchTemplateId"])
    return {"LaunchTemplate": _shown(template)}


@writes
def delete_launch_template_versions(
    params: t.DeleteLaunchTemplateVersionsRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    """Each version on its own: the default one and unknown ones are told to have stayed."""
    template = _requested(ctx, params)
    deleted: list[Body] = []
    kept: list[Body] = []
    for wanted in params["Versions"]:
        identity = {member: template[member] for member in ("LaunchTemplateId", "LaunchTemplateName")}
        entry = {**identity, "VersionNumber": _number(wanted) or 0}
        if problem := _undeletable(template, entry["VersionNumber"]):
            kept.append({**entry, "ResponseError": problem})
        else:
            deleted.append(entry)
    gone = {entry["VersionNumber"] for entry in deleted}
    versions = [version for version in template["Versions"] if version["VersionNumber"] not in gone]
    save(ctx, TEMPLATE, {**template, "Versions": versions})
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": deleted,
        "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
    }


@reads
def describe_launch_templates(params: t.DescribeLaunchTemplatesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By id."""
    templates = everything(ctx, TEMPLATE)
    if ids := params.get("LaunchTemplateIds"):
        templates = [_with_id(ctx, identifier) for identifier in ids]
    if names := params.get("LaunchTemplateNames"):
        named = [_with_name(ctx, name)["LaunchTemplateId"] for name in names]
        templates = [template for template in templates if template["LaunchTemplateId"] in named]
    shown = [_shown(template) for template in templates]
    return paged("LaunchTemplates", select(shown, params.get("Filters", ()), _FIELDS), params)


@reads
def describe_launch_template_versions(
    params: t.DescribeLaunchTemplateVersionsRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    """Of one template, newest first; or of all, where only `$Latest` or `$Default` is asked for."""
    wanted = params.get("Versions") or ()
    if len(wanted) > _MOST_VERSIONS:
        raise ApiError("InvalidParameterValue", f"You can specify at most {_MOST_VERSIONS} versions.")
    if params.get("LaunchTemplateId") or params.get("LaunchTemplateName"):
        template = _requested(ctx, params)
        found = _versions(template, wanted, params)
    elif wanted and not set(wanted) - {"$Latest", "$Default"}:
        found = [version for template in everything(ctx, TEMPLATE) for version in _versions(template, wanted, params)]
    else:
        raise _missing_template()
    return paged("LaunchTemplateVersions", select(found, params.get("Filters", ()), _VERSION_FIELDS), params)


def _versions(template: Body, wanted: Sequence[str], params: Mapping[str, Any]) -> list[Body]:
    if wanted:
        chosen = {version["VersionNumber"]: version for version in (_numbered(template, name) for name in wanted)}
        return [_shown_version(template, version) for version in chosen.values()]
    first = _bound(params.get("MinVersion", "1"))
    last = _bound(params.get("MaxVersion", str(template["LatestVersionNumber"])))
    within = [version for version in template["Versions"] if first <= version["VersionNumber"] <= last]
    return [_shown_version(template, version) for version in reversed(within)]


def _requested(ctx: Context, params: Mapping[str, Any]) -> Body:
    if params.get("LaunchTemplateId"):
        return _with_id(ctx, params["LaunchTemplateId"])
    if params.get("LaunchTemplateName"):
        return _with_name(ctx, params["LaunchTemplateName"])
    raise _missing_template()


def _with_id(ctx: Context, identifier: str) -> Body:
    if not identifier.startswith("lt-"):
        raise ApiError("InvalidLaunchTemplateId.Malformed", f'Invalid id: "{identifier}" (expecting "lt-...")')
    for template in everything(ctx, TEMPLATE):
        if template["LaunchTemplateId"] == identifier:
            return template
    raise ApiError(
        "InvalidLaunchTemplateId.NotFound",
        f"The specified launch template, with template ID {identifier}, does not exist.",
    )


def _with_name(ctx: Context, name: str) -> Body:
    for template in everything(ctx, TEMPLATE):
        if template["LaunchTemplateName"] == name:
            return template
    raise ApiError(
        "InvalidLaunchTemplateName.NotFoundException",
        f"The specified launch template, with template name {name}, does not exist.",
    )


def _numbered(template: Body, name: str) -> Body:
    """The version of this number, or `$Latest`, or `$Default`."""
    special = {"$Latest": template["LatestVersionNumber"], "$Default": template["DefaultVersionNumber"]}
    number = special.get(name, name)
    for version in template["Versions"]:
        if str(version["VersionNumber"]) == str(number):
            return dict(version)
    raise ApiError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version {name} for the launch template with ID {template['LaunchTemplateId']}.",
    )


def _bound(text: str) -> int:
    number = _number(text)
    if number is None:
        raise ApiError("InvalidParameterValue", f"Value ({text}) is not a valid version number.")
    return number


def _number(text: str) -> int | None:
    """The version number a text is, if it is one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _undeletable(template: Body, number: int) -> Body | None:
    if number == template["DefaultVersionNumber"]:
        return {"Code": "unexpectedError", "Message": "The default version of a launch template cannot be deleted."}
    if number not in [version["VersionNumber"] for version in template["Versions"]]:
        return {
            "Code": "launchTemplateVersionDoesNotExist",
            "Message": f"Could not find the specified version {number}.",
        }
    return None


def _missing_template() -> ApiError:
    return ApiError("MissingParameter", "The request must contain the parameter LaunchTemplateId or LaunchTemplateName")


def _version(ctx: Context, number: int, description: str | None, data: Body) -> Body:
    version: Body = {
        "VersionNumber": number,
        "CreateTime": ctx.now_ms / 1000,
        "CreatedBy": ctx.caller.arn,
        "LaunchTemplateData": data,
    }
    return {**version, "VersionDescription": description} if description else version


def _shown(template: Body) -> Body:
    return {member: value for member, value in template.items() if member not in ("Versions", "ClientToken")}


def _shown_version(template: Body, version: Body) -> Body:
    identity = {member: template[member] for member in ("LaunchTemplateId", "LaunchTemplateName")}
    is_default = version["VersionNumber"] == template["DefaultVersionNumber"]
    return {**identity, **version, "DefaultVersion": is_default}
