"""Security groups: created, found, deleted. Their rules change in `permissions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.inventory import (
    GROUP,
    VPC,
    chosen,
    everything,
    find,
    new_identifier,
    paged,
    remove,
    save,
    tags_for,
)
from batchd.services.ec2.network import Names, group_document
from batchd.services.ec2.rules import permissions_of
from batchd.services.ec2.vpcs import default_vpc
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_FIELDS = {
    "group-id": "GroupId",
    "group-name": "GroupName",
    "vpc-id": "VpcId",
    "owner-id": "OwnerId",
    "description": "Description",
    **{
        f"{prefix}ip-permission.{name}": f"{member}.{path}"
        for prefix, member in (("", "IpPermissions"), ("egress.", "IpPermissionsEgress"))
        for name, path in {
            "cidr": "IpRanges.CidrIp",
            "ipv6-cidr": "Ipv6Ranges.CidrIpv6",
            "from-port": "FromPort",
            "to-port": "ToPort",
            "protocol": "IpProtocol",
            "group-id": "UserIdGroupPairs.GroupId",
            "user-id": "UserIdGroupPairs.UserId",
            "prefix-list-id": "PrefixListIds.PrefixListId",
        }.items()
    },
}


@reads
def describe_security_groups(params: t.DescribeSecurityGroupsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By id. Names are looked up in the default VPC."""
    groups = chosen(ctx, GROUP, params.get("GroupIds"))
    if names := params.get("GroupNames"):
        wanted = {group_named(ctx, name)["GroupId"] for name in names}
        groups = [group for group in groups if group["GroupId"] in wanted]
    shown = [_shown(group) for group in groups]
    return paged("SecurityGroups", select(shown, params.get("Filters", ()), _FIELDS), params)


@writes
def create_security_group(params: t.CreateSecurityGroupRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """In the default VPC unless another is named. InvalidGroup.Duplicate."""
    name = params["GroupName"]
    vpc = find(ctx, VPC, params["VpcId"]) if params.get("VpcId") else default_vpc(ctx)
    _check_name(ctx, vpc["VpcId"], name)
    names = Names(ctx.account, ctx.region, vpc["VpcId"])
    group = group_document(names, new_identifier(ctx, "sg"), (name, params["Description"]))
    group["Tags"] = tags_for(params, "security-group")
    save(ctx, GROUP, group)
    answer = {"GroupId": group["GroupId"], "SecurityGroupArn": group["SecurityGroupArn"]}
    return {**answer, "Tags": group["Tags"]} if group["Tags"] else answer


@writes
def delete_security_group(params: t.DeleteSecurityGroupRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """DependencyViolation while a rule of another group speaks of it."""
    group = requested_group(ctx, params)
    group_id = group["GroupId"]
    if group["GroupName"] == "default":
        raise ApiError("CannotDelete", f'the specified group: "{group_id}" name: "default" cannot be deleted by a user')
    others = (other for other in everything(ctx, GROUP) if other["GroupId"] != group_id)
    if any(
        rule.get("ReferencedGroupInfo", {}).get("GroupId") == group_id for other in others for rule in other["Rules"]
    ):
        raise ApiError("DependencyViolation", f"resource {group_id} has a dependent object")
    remove(ctx, GROUP, group_id)
    return {"Return": True, "GroupId": group_id}


def requested_group(ctx: Context, params: Mapping[str, Any]) -> Body:
    """The group a request means by GroupId or GroupName; InvalidGroup.NotFound."""
    if params.get("GroupId"):
        return find(ctx, GROUP, params["GroupId"])
    if params.get("GroupName"):
        return group_named(ctx, params["GroupName"])
    raise ApiError("MissingParameter", "The request must contain the parameter groupName or groupId")


def group_named(ctx: Context, name: str) -> Body:
    """The group of this name in the default VPC."""
    vpc_id = default_vpc(ctx)["VpcId"]
    for group in everything(ctx, GROUP):
        if group["VpcId"] == vpc_id and group["GroupName"] == name:
            return group
    raise ApiError("InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC '{vpc_id}'")


def _check_name(ctx: Context, vpc_id: str, name: str) -> None:
    if name == "default":
        raise ApiError("InvalidParameterValue", "Cannot use reserved security group name: default")
    if name.startswith("sg-"):
        raise ApiError("InvalidParameterValue", "Group names may not be in the format sg-*.")
    if any(group["VpcId"] == vpc_id and group["GroupName"] == name for group in everything(ctx, GROUP)):
        raise ApiError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc_id}'")


def _shown(group: Body) -> Body:
    rules = group["Rules"]
    shown = {member: value for member, value in group.items() if member != "Rules"}
    shown["IpPermissions"] = permissions_of([rule for rule in rules if not rule["IsEgress"]])
    shown["IpPermissionsEgress"] = permissions_of([rule for rule in rules if rule["IsEgress"]])
    return shown
