"""What the account is allowed, and the kinds of resources it never has any of here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.services.ec2.inventory import VPC, everything

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t


@reads
def describe_account_attributes(params: t.DescribeAccountAttributesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    vpcs = [vpc["VpcId"] for vpc in everything(ctx, VPC) if vpc["IsDefault"]]
    attributes = {
        "supported-platforms": "VPC",
        "default-vpc": vpcs[0] if vpcs else "none",
        "max-instances": "20",
        "vpc-max-security-groups-per-interface": "5",
        "max-elastic-ips": "5",
        "vpc-max-elastic-ips": "5",
    }
    wanted: set[str] = set(params.get("AttributeNames") or attributes)
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}
            for name, value in attributes.items()
            if name in wanted
        ]
    }


@reads
def describe_network_interfaces(params: t.DescribeNetworkInterfacesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """None: tasks use the network of the machine they run on."""
    return _none(
        "NetworkInterfaces",
        params.get("NetworkInterfaceIds"),
        "InvalidNetworkInterfaceID.NotFound",
        "networkInterface ID",
    )


@reads
def describe_instances(params: t.DescribeInstancesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """None: the machines are the operator's."""
    return _none("Reservations", params.get("InstanceIds"), "InvalidInstanceID.NotFound", "instance ID")


@reads
def describe_key_pairs(params: t.DescribeKeyPairsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    names = params.get("KeyNames") or params.get("KeyPairIds")
    return _none("KeyPairs", names, "InvalidKeyPair.NotFound", "key pair")


@reads
def describe_placement_groups(params: t.DescribePlacementGroupsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    if names := params.get("GroupNames") or params.get("GroupIds"):
        raise ApiError("InvalidPlacementGroup.Unknown", f"The Placement Group '{names[0]}' is unknown.")
    return {"PlacementGroups": []}


@reads
def describe_images(params: t.DescribeImagesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """None: tasks run in container images."""
    if ids := params.get("ImageIds"):
        raise ApiError("InvalidAMIID.NotFound", f"The image id '[{', '.join(ids)}]' does not exist")
    return {"Images": []}


def _none(member: str, ids: Sequence[str] | None, code: str, word: str) -> dict[str, Any]:
    if ids:
        raise ApiError(code, f"The {word} '{ids[0]}' does not exist")
    return {member: []}
