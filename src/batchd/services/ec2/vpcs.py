"""VPCs and the network ACL each of them comes with."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.inventory import (
    ACL,
    GATEWAY,
    GROUP,
    ROUTE_TABLE,
    SUBNET,
    VPC,
    Noun,
    chosen,
    everything,
    find,
    new_identifier,
    paged,
    remove,
    save,
    tags_for,
)
from batchd.services.ec2.network import (
    Names,
    acl_document,
    default_group_document,
    route_table_document,
    vpc_document,
)
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_FIELDS = {
    "vpc-id": "VpcId",
    "cidr": "CidrBlock",
    "cidr-block": "CidrBlock",
    "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
    "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
    "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
    "dhcp-options-id": "DhcpOptionsId",
    "dhcpOptionsId": "DhcpOptionsId",
    "is-default": "IsDefault",
    "isDefault": "IsDefault",
    "owner-id": "OwnerId",
    "state": "State",
}
_ACL_FIELDS = {
    "network-acl-id": "NetworkAclId",
    "vpc-id": "VpcId",
    "default": "IsDefault",
    "owner-id": "OwnerId",
    "association.subnet-id": "Associations.SubnetId",
    "association.association-id": "Associations.NetworkAclAssociationId",
}
_ATTRIBUTES = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


@reads
def describe_vpcs(params: t.DescribeVpcsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By id."""
    found = select(chosen(ctx, VPC, params.get("VpcIds")), params.get("Filters", ()), _FIELDS)
    return paged("Vpcs", [_shown(vpc) for vpc in found], params)


@reads
def describe_vpc_attribute(params: t.DescribeVpcAttributeRequestTypeDef, ctx: Context) -> dict[str, Any]:
    vpc = find(ctx, VPC, params["VpcId"])
    member = _ATTRIBUTES[params["Attribute"]]
    return {"VpcId": params["VpcId"], member: {"Value": vpc["Attributes"][member]}}


@writes
def modify_vpc_attribute(params: t.ModifyVpcAttributeRequestTypeDef, ctx: Context) -> None:
    """Remember the attributes; they have no effect here."""
    vpc = find(ctx, VPC, params["VpcId"])
    asked: dict[str, Any] = {**params}
    changed = {member: asked[member].get("Value") for member in _ATTRIBUTES.values() if member in asked}
    if None in changed.values():
        raise ApiError("MissingParameter", "The request must contain the parameter Value")
    save(ctx, VPC, {**vpc, "Attributes": {**vpc["Attributes"], **changed}})


@writes
def create_vpc(params: t.CreateVpcRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """With a main route table, a default security group and a network ACL, as AWS makes it."""
    cidr = network_of(params.get("CidrBlock"), smallest=28, largest=16, code="InvalidVpc.Range")
    names = Names(ctx.account, ctx.region, new_identifier(ctx, "vpc"))
    vpc = {**vpc_document(names, str(cidr)), "Tags": tags_for(params, "vpc")}
    vpc["InstanceTenancy"] = params.get("InstanceTenancy", "default")
    save(ctx, VPC, vpc)
    save(ctx, ROUTE_TABLE, route_table_document(names, str(cidr)))
    save(ctx, GROUP, default_group_document(names))
    save(ctx, ACL, acl_document(names))
    return {"Vpc": {**_shown(vpc), "State": "pending"}}


@writes
def delete_vpc(params: t.DeleteVpcRequestTypeDef, ctx: Context) -> None:
    """Refused with DependencyViolation while the VPC has more than it was born with."""
    vpc_id = params["VpcId"]
    find(ctx, VPC, vpc_id)
    own = {noun: _of_vpc(ctx, noun, vpc_id) for noun in (SUBNET, GROUP, ROUTE_TABLE, ACL)}
    extra = [*own[SUBNET], *(group for group in own[GROUP] if group["GroupName"] != "default")]
    extra += [table for table in own[ROUTE_TABLE] if not any(link["Main"] for link in table["Associations"])]
    attached = [link["VpcId"] for gateway in everything(ctx, GATEWAY) for link in gateway["Attachments"]]
    if extra or vpc_id in attached:
        raise dependency_violation("vpc", vpc_id)
    for noun, bodies in own.items():
        for body in bodies:
            remove(ctx, noun, body[noun.id_member])
    remove(ctx, VPC, vpc_id)


@reads
def describe_network_acls(params: t.DescribeNetworkAclsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The one ACL of each VPC, which lets everything pass; every subnet is associated with its VPC's."""
    subnets = everything(ctx, SUBNET)
    acls = [
        {**acl, "Associations": _associations(acl, subnets)} for acl in chosen(ctx, ACL, params.get("NetworkAclIds"))
    ]
    return paged("NetworkAcls", select(acls, params.get("Filters", ()), _ACL_FIELDS), params)


def default_vpc(ctx: Context) -> Body:
    """The region's default VPC; VPCIdNotSpecified if it was deleted."""
    for vpc in everything(ctx, VPC):
        if vpc["IsDefault"]:
            return vpc
    raise ApiError("VPCIdNotSpecified", "No default VPC for this user")


def network_of(cidr: str | None, *, smallest: int, largest: int, code: str) -> IPv4Network:
    """The block of a create request, in its canonical form; InvalidParameterValue or the range error."""
    if not cidr:
        raise ApiError("MissingParameter", "The request must contain the parameter cidrBlock")
    try:
        network = IPv4Network(cidr, strict=False)
    except ValueError:
        raise ApiError("InvalidParameterValue", f"Value ({cidr}) for parameter cidrBlock is invalid.") from None
    if not largest <= network.prefixlen <= smallest:
        raise ApiError(code, f"The CIDR '{cidr}' is invalid.")
    return network


def dependency_violation(word: str, identifier: str) -> ApiError:
    return ApiError("DependencyViolation", f"The {word} '{identifier}' has dependencies and cannot be deleted.")


def _shown(vpc: Body) -> Body:
    return {member: value for member, value in vpc.items() if member != "Attributes"}


def _of_vpc(ctx: Context, noun: Noun, vpc_id: str) -> list[Body]:
    return [body for body in everything(ctx, noun) if body["VpcId"] == vpc_id]


def _associations(acl: Body, subnets: list[Body]) -> list[Body]:
    return [
        {
            "NetworkAclAssociationId": "aclassoc-" + subnet["SubnetId"].partition("-")[2],
            "NetworkAclId": acl["NetworkAclId"],
            "SubnetId": subnet["SubnetId"],
        }
        for subnet in subnets
        if subnet["VpcId"] == acl["VpcId"]
    ]
