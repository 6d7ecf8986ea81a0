"""The default VPC every region is born with. A pure function of account and region, so that nothing need be written
for it to be the same tomorrow."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from batchd.services.ec2.zones import zone_id, zone_names
from batchd.store.store import Body

EVERYWHERE = "0.0.0.0/0"
_CIDR = "172.31.0.0/16"
_SUBNET_CIDRS = ("172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20")

Network = dict[str, dict[str, Body]]  # by kind and id


@lru_cache(maxsize=64)
def default_network(account: str, region: str) -> Network:
    """VPC, a subnet in each zone, main route table, internet gateway, security group, network ACL. Read only."""
    names = Names(account, region)
    vpc = vpc_document(names, _CIDR, is_default=True)
    gateway = names.id("igw")
    subnets = [
        subnet_document(names, (zone, cidr), is_default=True)
        for zone, cidr in zip(zone_names(region), _SUBNET_CIDRS, strict=True)
    ]
    table = route_table_document(names, _CIDR)
    table["Routes"].append(
        {"DestinationCidrBlock": EVERYWHERE, "GatewayId": gateway, "Origin": "CreateRoute", "State": "active"}
    )
    return {
        "vpc": {vpc["VpcId"]: vpc},
        "subnet": {subnet["SubnetId"]: subnet for subnet in subnets},
        "route-table": {table["RouteTableId"]: table},
        "internet-gateway": {gateway: gateway_document(account, gateway, vpc["VpcId"])},
        "security-group": {names.id("sg"): default_group_document(names)},
        "network-acl": {names.id("acl"): acl_document(names)},
    }


class Names:
    """The ids of everything that comes with a VPC, derived from where it is and from its own id, once it has one."""

    def __init__(self, account: str, region: str, vpc_id: str = "") -> None:
        self.account = account
        self.region = region
        self._seed = f"{account}/{region}/{vpc_id}"
        self.vpc = vpc_id or self.id("vpc")

    def id(self, prefix: str, salt: str = "") -> str:
        """Always the same for the same arguments."""
        digest = hashlib.sha256(f"{self._seed}/{prefix}/{salt}".encode()).hexdigest()
        return f"{prefix}-{digest[:17]}"

    def arn(self, resource: str) -> str:
        return f"arn:aws:ec2:{self.region}:{self.account}:{resource}"


def vpc_document(names: Names, cidr: str, *, is_default: bool = False) -> Body:
    association = {"AssociationId": names.id("vpc-cidr-assoc"), "CidrBlock": cidr}
    return {
        "VpcId": names.vpc,
        "OwnerId": names.account,
        "CidrBlock": cidr,
        "CidrBlockAssociationSet": [{**association, "CidrBlockState": {"State": "associated"}}],
        "DhcpOptionsId": Names(names.account, names.region).id("dopt"),
        "InstanceTenancy": "default",
        "IsDefault": is_default,
        "State": "available",
        "Tags": [],
        "Attributes": {
            "EnableDnsSupport": True,
            "EnableDnsHostnames": is_default,
            "EnableNetworkAddressUsageMetrics": False,
        },
    }


def subnet_document(names: Names, place: tuple[str, str], *, is_default: bool = False, identifier: str = "") -> Body:
    """`place` is (zone name, CIDR block). AWS keeps five addresses of each subnet for itself."""
    zone, cidr = place
    subnet_id = identifier or names.id("subnet", zone)
    addresses = 2 ** (32 - int(cidr.rpartition("/")[2]))
    return {
        "SubnetId": subnet_id,
        "SubnetArn": names.arn(f"subnet/{subnet_id}"),
        "VpcId": names.vpc,
        "OwnerId": names.account,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zone_id(zone),
        "CidrBlock": cidr,
        "State": "available",
        "AvailableIpAddressCount": addresses - 5,
        "DefaultForAz": is_default,
        "MapPublicIpOnLaunch": is_default,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": False,
        "EnableDns64": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "Tags": [],
    }


def route_table_document(names: Names, cidr: str, identifier: str = "") -> Body:
    """The main table of a VPC, or with an identifier one more."""
    table_id = identifier or names.id("rtb")
    main = {
        "Main": True,
        "RouteTableAssociationId": names.id("rtbassoc"),
        "RouteTableId": table_id,
        "AssociationState": {"State": "associated"},
    }
    return {
        "RouteTableId": table_id,
        "VpcId": names.vpc,
        "OwnerId": names.account,
        "Associations": [] if identifier else [main],
        "PropagatingVgws": [],
        "Routes": [
            {"DestinationCidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
        ],
        "Tags": [],
    }


def gateway_document(account: str, identifier: str, vpc_id: str = "") -> Body:
    attachments = [{"State": "available", "VpcId": vpc_id}] if vpc_id else []
    return {"InternetGatewayId": identifier, "OwnerId": account, "Attachments": attachments, "Tags": []}


def group_document(names: Names, identifier: str, label: tuple[str, str]) -> Body:
    """`label` is (name, description). A new group lets everything out, under a rule that can be revoked."""
    name, description = label
    way_out = {"SecurityGroupRuleId": names.id("sgr", f"{identifier}/out"), "IsEgress": True, "IpProtocol": "-1"}
    return {
        "GroupId": identifier,
        "SecurityGroupArn": names.arn(f"security-group/{identifier}"),
        "GroupName": name,
        "Description": description,
        "VpcId": names.vpc,
        "OwnerId": names.account,
        "Rules": [{**way_out, "CidrIpv4": EVERYWHERE, "Tags": []}],
        "Tags": [],
    }


def default_group_document(names: Names) -> Body:
    """The group of those who name none: its members reach each other."""
    group_id = names.id("sg")
    group = group_document(names, group_id, ("default", "default VPC security group"))
    way_in = {"SecurityGroupRuleId": names.id("sgr", f"{group_id}/in"), "IsEgress": False, "IpProtocol": "-1"}
    peer = {"GroupId": group_id, "UserId": names.account}
    group["Rules"].insert(0, {**way_in, "ReferencedGroupInfo": peer, "Tags": []})
    return group


def acl_document(names: Names) -> Body:
    """The network ACL of a VPC that lets everything pass."""
    rules = [(number, egress) for egress in (True, False) for number in (100, 32767)]
    return {
        "NetworkAclId": names.id("acl"),
        "VpcId": names.vpc,
        "OwnerId": names.account,
        "IsDefault": True,
        "Entries": [
            {
                "CidrBlock": EVERYWHERE,
                "Egress": egress,
                "Protocol": "-1",
                "RuleAction": "allow" if number == 100 else "deny",
                "RuleNumber": number,
            }
            for number, egress in rules
        ],
        "Associations": [],
        "Tags": [],
    }
