"""Subnets."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.inventory import (
    SUBNET,
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
from batchd.services.ec2.network import Names, subnet_document
from batchd.services.ec2.vpcs import network_of
from batchd.services.ec2.zones import zone_id, zone_names

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

# The second names are the older ones that Terraform still sends. [iam.md 13]
_FIELDS = {
    "subnet-id": "SubnetId",
    "subnet-arn": "SubnetArn",
    "vpc-id": "VpcId",
    "owner-id": "OwnerId",
    "state": "State",
    "availability-zone": "AvailabilityZone",
    "availabilityZone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "availabilityZoneId": "AvailabilityZoneId",
    "available-ip-address-count": "AvailableIpAddressCount",
    "cidr": "CidrBlock",
    "cidr-block": "CidrBlock",
    "cidrBlock": "CidrBlock",
    "default-for-az": "DefaultForAz",
    "defaultForAz": "DefaultForAz",
    "map-public-ip-on-launch": "MapPublicIpOnLaunch",
    "ipv6-native": "Ipv6Native",
    "enable-dns64": "EnableDns64",
    "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
    "ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId",
    "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State",
    "outpost-arn": "OutpostArn",
}
_SWITCHES = ("MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation", "EnableDns64")


@reads
def describe_subnets(params: t.DescribeSubnetsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By id."""
    found = select(chosen(ctx, SUBNET, params.get("SubnetIds")), params.get("Filters", ()), _FIELDS)
    return paged("Subnets", found, params)


@writes
def create_subnet(params: t.CreateSubnetRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """InvalidSubnet.Range outside the VPC's block, InvalidSubnet.Conflict where it overlaps another subnet."""
    vpc = find(ctx, VPC, params["VpcId"])
    cidr = network_of(params.get("CidrBlock"), smallest=28, largest=16, code="InvalidSubnet.Range")
    if not cidr.subnet_of(IPv4Network(vpc["CidrBlock"])):
        raise ApiError("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
    siblings = [subnet for subnet in everything(ctx, SUBNET) if subnet["VpcId"] == vpc["VpcId"]]
    if any(cidr.overlaps(IPv4Network(subnet["CidrBlock"])) for subnet in siblings):
        raise ApiError("InvalidSubnet.Conflict", f"The CIDR '{cidr}' conflicts with another subnet")
    place = (_zone(params, ctx.region), str(cidr))
    names = Names(ctx.account, ctx.region, vpc["VpcId"])
    subnet = subnet_document(names, place, identifier=new_identifier(ctx, "subnet"))
    subnet["Tags"] = tags_for(params, "subnet")
    save(ctx, SUBNET, subnet)
    return {"Subnet": subnet}


@writes
def modify_subnet_attribute(params: t.ModifySubnetAttributeRequestTypeDef, ctx: Context) -> None:
    """Remember the switches; they have no effect here."""
    subnet = find(ctx, SUBNET, params["SubnetId"])
    asked: dict[str, Any] = {**params}
    changed = {switch: asked[switch]["Value"] for switch in _SWITCHES if switch in asked}
    save(ctx, SUBNET, {**subnet, **changed})


@writes
def delete_subnet(params: t.DeleteSubnetRequestTypeDef, ctx: Context) -> None:
    find(ctx, SUBNET, params["SubnetId"])
    remove(ctx, SUBNET, params["SubnetId"])


def _zone(params: t.CreateSubnetRequestTypeDef, region: str) -> str:
    zones = zone_names(region)
    wanted = params.get("AvailabilityZone")
    if wanted_id := params.get("AvailabilityZoneId"):
        wanted = next((zone for zone in zones if zone_id(zone) == wanted_id), wanted_id)
    if wanted and wanted not in zones:
        raise ApiError(
            "InvalidParameterValue",
            f"Value ({wanted}) for parameter availabilityZone is invalid. "
            f"Subnets can currently only be created in the following availability zones: {', '.join(zones)}.",
        )
    return wanted or zones[0]
