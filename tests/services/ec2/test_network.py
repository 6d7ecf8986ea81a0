"""The default network, networks of one's own, and how they are looked up."""

from __future__ import annotations

from typing import Any

import pytest

from batchd.services.ec2.zones import zone_id
from tests.services.direct import Direct


def filters(**named: str) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": [value]} for name, value in named.items()]}


def ids(answer: dict[str, Any], member: str, identifier: str) -> list[str]:
    return [item[identifier] for item in answer[member]]


@pytest.fixture
def default_vpc(ec2: Direct) -> str:
    (vpc,) = ec2("describe_vpcs", **filters(isDefault="true"))["Vpcs"]
    return str(vpc["VpcId"])


def test_every_region_has_a_default_vpc_that_stays_the_same(ec2: Direct) -> None:
    first = ec2("describe_vpcs")
    ec2.region = "eu-west-1"
    other = ec2("describe_vpcs")
    ec2.region = "us-east-1"

    assert ec2("describe_vpcs") == first
    (vpc,) = first["Vpcs"]
    assert vpc["VpcId"] != other["Vpcs"][0]["VpcId"]
    assert (vpc["CidrBlock"], vpc["State"], vpc["IsDefault"]) == ("172.31.0.0/16", "available", True)
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlockState"] == {"State": "associated"}
    assert "Attributes" not in vpc


def test_the_default_vpc_has_a_subnet_in_every_zone(ec2: Direct, default_vpc: str) -> None:
    subnets = ec2("describe_subnets", **filters(**{"vpc-id": default_vpc, "defaultForAz": "true"}))["Subnets"]
    zones = ec2("describe_availability_zones")["AvailabilityZones"]

    assert {subnet["AvailabilityZone"] for subnet in subnets} == {zone["ZoneName"] for zone in zones}
    assert {subnet["CidrBlock"] for subnet in subnets} == {"172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"}
    assert {subnet["AvailableIpAddressCount"] for subnet in subnets} == {4091}
    assert len({subnet["SubnetId"] for subnet in subnets}) == 3


def test_one_subnet_is_found_as_terraform_looks_for_it(ec2: Direct) -> None:
    answer = ec2("describe_subnets", **filters(availabilityZone="us-east-1b", cidrBlock="172.31.16.0/20"))

    assert [subnet["AvailabilityZoneId"] for subnet in answer["Subnets"]] == ["use1-az2"]


def test_the_main_route_table_leads_to_the_internet(ec2: Direct, default_vpc: str) -> None:
    wanted = filters(**{"vpc-id": default_vpc, "association.main": "true"})
    (table,) = ec2("describe_route_tables", **wanted)["RouteTables"]
    (gateway,) = ec2("describe_internet_gateways", **filters(**{"attachment.vpc-id": default_vpc}))["InternetGateways"]

    assert [(route["DestinationCidrBlock"], route["GatewayId"]) for route in table["Routes"]] == [
        ("172.31.0.0/16", "local"),
        ("0.0.0.0/0", gateway["InternetGatewayId"]),
    ]


@pytest.mark.parametrize(
    ("attribute", "member", "value"),
    [
        ("enableDnsSupport", "EnableDnsSupport", True),
        ("enableDnsHostnames", "EnableDnsHostnames", True),
        ("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics", False),
    ],
)
def test_vpc_attributes_are_read_one_by_one(
    ec2: Direct, default_vpc: str, attribute: str, member: str, value: bool
) -> None:
    answer = ec2("describe_vpc_attribute", VpcId=default_vpc, Attribute=attribute)

    assert answer == {"VpcId": default_vpc, member: {"Value": value}}


@pytest.mark.parametrize(
    ("operation", "params", "code", "text"),
    [
        ("describe_vpcs", {"VpcIds": ["vpc-x"]}, "InvalidVpcID.NotFound", "The vpc ID 'vpc-x' does not exist"),
        ("describe_subnets", {"SubnetIds": ["s-x"]}, "InvalidSubnetID.NotFound", "The subnet ID 's-x' does not exist"),
        (
            "describe_subnets",
            {"SubnetIds": ["s-x", "s-y"]},
            "InvalidSubnetID.NotFound",
            "The subnet IDs 's-x, s-y' do not exist",
        ),
        (
            "describe_security_groups",
            {"GroupIds": ["sg-x"]},
            "InvalidGroup.NotFound",
            "The security group 'sg-x' does not exist",
        ),
        ("describe_images", {"ImageIds": ["ami-1"]}, "InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist"),
        ("describe_key_pairs", {"KeyNames": ["k"]}, "InvalidKeyPair.NotFound", "The key pair 'k' does not exist"),
        (
            "describe_instance_types",
            {"InstanceTypes": ["z9.huge"]},
            "InvalidInstanceType",
            "The following supplied instance types do not exist: [z9.huge]",
        ),
        (
            "describe_availability_zones",
            {"ZoneNames": ["x"]},
            "InvalidParameterValue",
            "Invalid availability zone: [x]",
        ),
    ],
)
def test_what_does_not_exist_is_refused_in_the_words_of_aws(
    ec2: Direct, operation: str, params: dict[str, Any], code: str, text: str
) -> None:
    assert ec2.error(operation, **params) == (code, text)


@pytest.mark.parametrize(
    ("zone", "identifier"),
    [
        ("us-east-1a", "use1-az1"),
        ("eu-central-1b", "euc1-az2"),
        ("ap-southeast-2c", "apse2-az3"),
        ("us-gov-west-1a", "usgw1-az1"),
        ("locala", "local-az1"),
    ],
)
def test_zone_ids_are_made_of_initials(zone: str, identifier: str) -> None:
    assert zone_id(zone) == identifier


def test_the_callers_region_is_always_among_the_regions(ec2: Direct) -> None:
    ec2.region = "home"

    assert "home" in ids(ec2("describe_regions"), "Regions", "RegionName")
    assert ec2("describe_regions", RegionNames=["home"])["Regions"][0]["OptInStatus"] == "opt-in-not-required"


def test_pages_of_subnets_together_are_all_subnets(ec2: Direct) -> None:
    first = ec2("describe_subnets", MaxResults=2)
    second = ec2("describe_subnets", MaxResults=2, NextToken=first["NextToken"])

    assert first["Subnets"] + second["Subnets"] == ec2("describe_subnets")["Subnets"]
    assert "NextToken" not in second
    assert ec2.error("describe_subnets", NextToken="!")[0] == "InvalidNextToken"


def test_a_vpc_of_ones_own_comes_with_table_group_and_acl(ec2: Direct) -> None:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "lab"}]}]
    vpc = ec2("create_vpc", CidrBlock="10.0.0.0/16", TagSpecifications=tags)["Vpc"]
    of_it = filters(**{"vpc-id": vpc["VpcId"]})

    assert ids(ec2("describe_vpcs", **filters(**{"tag:Name": "lab"})), "Vpcs", "VpcId") == [vpc["VpcId"]]
    assert ids(ec2("describe_security_groups", **of_it), "SecurityGroups", "GroupName") == ["default"]
    assert len(ec2("describe_route_tables", **of_it)["RouteTables"]) == 1
    assert len(ec2("describe_network_acls", **of_it)["NetworkAcls"]) == 1

    ec2("delete_vpc", VpcId=vpc["VpcId"])
    assert ec2("describe_security_groups", **of_it)["SecurityGroups"] == []
    assert ec2.error("delete_vpc", VpcId=vpc["VpcId"])[0] == "InvalidVpcID.NotFound"


def test_a_whole_network_is_built_and_taken_down(ec2: Direct) -> None:
    vpc = ec2("create_vpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2("create_subnet", VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1c")["Subnet"]
    gateway = ec2("create_internet_gateway")["InternetGateway"]["InternetGatewayId"]
    ec2("attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
    table = ec2("create_route_table", VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2("create_route", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    link = ec2("associate_route_table", RouteTableId=table, SubnetId=subnet["SubnetId"])["AssociationId"]

    assert subnet["AvailableIpAddressCount"] == 251
    assert ec2.error("delete_vpc", VpcId=vpc)[0] == "DependencyViolation"
    assert ec2.error("delete_route_table", RouteTableId=table)[0] == "DependencyViolation"
    assert ec2.error("delete_internet_gateway", InternetGatewayId=gateway)[0] == "DependencyViolation"
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert ec2.error("create_route", **route, GatewayId=gateway)[0] == "RouteAlreadyExists"
    ec2("replace_route", **route, NatGatewayId="nat-1")
    assert (
        ec2("describe_route_tables", RouteTableIds=[table])["RouteTables"][0]["Routes"][-1]["NatGatewayId"] == "nat-1"
    )

    ec2("disassociate_route_table", AssociationId=link)
    ec2("delete_route", **route)
    assert ec2.error("delete_route", **route)[0] == "InvalidRoute.NotFound"
    ec2("delete_route_table", RouteTableId=table)
    ec2("detach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
    ec2("delete_internet_gateway", InternetGatewayId=gateway)
    ec2("delete_subnet", SubnetId=subnet["SubnetId"])
    ec2("delete_vpc", VpcId=vpc)
    assert len(ec2("describe_vpcs")["Vpcs"]) == 1


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.0.0.0/24", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/30", "InvalidSubnet.Range"),
        ("ten", "InvalidParameterValue"),
        (None, "MissingParameter"),
    ],
)
def test_a_subnet_must_fit(ec2: Direct, cidr: str | None, code: str) -> None:
    vpc = ec2("create_vpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2("create_subnet", VpcId=vpc, CidrBlock="10.0.0.0/20")

    assert ec2.error("create_subnet", VpcId=vpc, CidrBlock=cidr)[0] == code


def test_a_deleted_default_subnet_does_not_come_back(ec2: Direct) -> None:
    subnet = ec2("describe_subnets")["Subnets"][0]["SubnetId"]

    ec2("delete_subnet", SubnetId=subnet)

    assert subnet not in ids(ec2("describe_subnets"), "Subnets", "SubnetId")
    assert ec2.error("describe_subnets", SubnetIds=[subnet])[0] == "InvalidSubnetID.NotFound"


def test_tags_of_default_resources_are_kept(ec2: Direct, default_vpc: str) -> None:
    ec2("create_tags", Resources=[default_vpc], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ec2("create_tags", Resources=[default_vpc], Tags=[{"Key": "a", "Value": "3"}])
    ec2("delete_tags", Resources=[default_vpc], Tags=[{"Key": "b", "Value": "other"}])

    tags = ec2("describe_tags", **filters(**{"resource-id": default_vpc}))["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "3", "b": "2"}
    assert {tag["ResourceType"] for tag in tags} == {"vpc"}
    ec2("delete_tags", Resources=[default_vpc])
    assert ec2("describe_vpcs")["Vpcs"][0]["Tags"] == []


@pytest.mark.parametrize(
    ("identifier", "code"),
    [("vpc-0", "InvalidVpcID.NotFound"), ("x", "InvalidID"), ("sgr-0", "InvalidSecurityGroupRuleId.NotFound")],
)
def test_tags_need_a_resource(ec2: Direct, identifier: str, code: str) -> None:
    assert ec2.error("create_tags", Resources=[identifier], Tags=[{"Key": "a", "Value": "1"}])[0] == code


def test_a_rehearsal_says_it_would_succeed_and_changes_nothing(ec2: Direct) -> None:
    before = ec2("describe_vpcs")

    assert ec2.error("create_vpc", CidrBlock="10.0.0.0/16", DryRun=True) == (
        "DryRunOperation",
        "Request would have succeeded, but DryRun flag is set.",
    )
    assert ec2("describe_vpcs") == before
    assert ec2.error("describe_vpcs", VpcIds=["vpc-x"], DryRun=True)[0] == "InvalidVpcID.NotFound"


def test_machine_types_are_found_by_name_wildcard_and_filter(ec2: Direct) -> None:
    answer = ec2("describe_instance_types", InstanceTypes=["c5.2xlarge"])["InstanceTypes"]
    assert [(t["VCpuInfo"]["DefaultVCpus"], t["MemoryInfo"]["SizeInMiB"]) for t in answer] == [(8, 16384)]
    arm = filters(**{"processor-info.supported-architecture": "arm64"})
    assert set(ids(ec2("describe_instance_types", **arm), "InstanceTypes", "InstanceType")) >= {
        "c6g.large",
        "m7g.xlarge",
    }
    offered = ec2("describe_instance_type_offerings", LocationType="availability-zone", **filters(location="*-1a"))
    assert {offer["Location"] for offer in offered["InstanceTypeOfferings"]} == {"us-east-1a"}


def test_there_are_no_machines_but_the_operators(ec2: Direct) -> None:
    assert ec2("describe_instances") == {"Reservations": []}
    assert ec2("describe_images") == {"Images": []}
    assert ec2("describe_key_pairs") == {"KeyPairs": []}
    assert ec2("describe_placement_groups") == {"PlacementGroups": []}
    assert ec2("describe_network_interfaces", **filters(**{"group-id": "sg-1"})) == {"NetworkInterfaces": []}


def test_account_attributes_name_the_default_vpc(ec2: Direct, default_vpc: str) -> None:
    answer = ec2("describe_account_attributes", AttributeNames=["default-vpc"])

    assert answer["AccountAttributes"] == [
        {"AttributeName": "default-vpc", "AttributeValues": [{"AttributeValue": default_vpc}]}
    ]


def test_an_attribute_needs_a_value(ec2: Direct, default_vpc: str) -> None:
    code, _ = ec2.error("modify_vpc_attribute", VpcId=default_vpc, EnableDnsSupport={})

    assert code == "MissingParameter"


@pytest.mark.parametrize("token", ["LTU=", "5", "\u00e9", "Wy01XQ", "WyJhIl0", "WzEsMl0"])
def test_a_token_that_nobody_was_given_is_refused(ec2: Direct, token: str) -> None:
    assert ec2.error("describe_subnets", NextToken=token)[0] == "InvalidNextToken"
