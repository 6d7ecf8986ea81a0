from __future__ import annotations

from typing import Any

import pytest

from tests.contexts import ACCOUNT
from tests.services.direct import Direct

SSH: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
EVERYTHING: dict[str, Any] = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.fixture
def group(ec2: Direct) -> str:
    return str(ec2("create_security_group", GroupName="batch", Description="for jobs")["GroupId"])


def described(ec2: Direct, group: str) -> dict[str, Any]:
    (found,) = ec2("describe_security_groups", GroupIds=[group])["SecurityGroups"]
    return dict(found)


def rules(ec2: Direct, group: str) -> list[dict[str, Any]]:
    named = [{"Name": "group-id", "Values": [group]}]
    return list(ec2("describe_security_group_rules", Filters=named)["SecurityGroupRules"])


def test_a_new_group_lets_everything_out(ec2: Direct, group: str) -> None:
    found = described(ec2, group)

    assert found["IpPermissions"] == []
    assert found["IpPermissionsEgress"] == [
        {
            "IpProtocol": "-1",
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            "Ipv6Ranges": [],
            "PrefixListIds": [],
            "UserIdGroupPairs": [],
        }
    ]
    assert found["SecurityGroupArn"] == f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{group}"
    assert (found["GroupName"], found["Description"], found["OwnerId"]) == ("batch", "for jobs", ACCOUNT)


def test_terraform_can_take_away_what_a_new_group_lets_out(ec2: Direct, group: str) -> None:
    everything_6 = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}

    ec2("revoke_security_group_egress", GroupId=group, IpPermissions=[EVERYTHING])

    assert described(ec2, group)["IpPermissionsEgress"] == []
    assert ec2.error("revoke_security_group_egress", GroupId=group, IpPermissions=[everything_6]) == (
        "InvalidPermission.NotFound",
        "The specified rule does not exist in this security group.",
    )


def test_an_authorized_rule_has_an_id_and_is_shown_both_ways(ec2: Direct, group: str) -> None:
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "why", "Value": "admin"}]}]
    answer = ec2("authorize_security_group_ingress", GroupId=group, IpPermissions=[SSH], TagSpecifications=tags)

    (made,) = answer["SecurityGroupRules"]
    assert made["SecurityGroupRuleId"].startswith("sgr-")
    assert made in rules(ec2, group)
    assert (made["CidrIpv4"], made["FromPort"], made["IsEgress"], made["Tags"]) == (
        "10.0.0.0/8",
        22,
        False,
        [{"Key": "why", "Value": "admin"}],
    )
    (permission,) = described(ec2, group)["IpPermissions"]
    assert (permission["FromPort"], permission["IpRanges"]) == (22, [{"CidrIp": "10.0.0.0/8"}])


def test_peers_of_the_same_traffic_are_gathered(ec2: Direct, group: str) -> None:
    tcp = {"IpProtocol": "6", "FromPort": 80, "ToPort": 81}
    peers = {
        "IpRanges": [{"CidrIp": "10.0.0.1/24", "Description": "lan"}],
        "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
        "UserIdGroupPairs": [{"GroupName": "batch"}],
    }

    made = ec2("authorize_security_group_ingress", GroupId=group, IpPermissions=[{**tcp, **peers}])

    assert len(made["SecurityGroupRules"]) == 4
    assert described(ec2, group)["IpPermissions"] == [
        {
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 81,
            "IpRanges": [{"CidrIp": "10.0.0.0/24", "Description": "lan"}],
            "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}],
            "PrefixListIds": [{"PrefixListId": "pl-1"}],
            "UserIdGroupPairs": [{"GroupId": group, "UserId": ACCOUNT}],
        }
    ]


def test_a_rule_exists_once(ec2: Direct, group: str) -> None:
    ec2("authorize_security_group_ingress", GroupId=group, IpPermissions=[SSH])

    assert ec2.error("authorize_security_group_ingress", GroupId=group, IpPermissions=[SSH]) == (
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 10.0.0.0/8, TCP, from port: 22, to port: 22, ALLOW" already exists',
    )
    assert ec2.error("authorize_security_group_egress", GroupId=group, IpPermissions=[EVERYTHING]) == (
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 0.0.0.0/0, ALL, ALLOW" already exists',
    )
    twice = ec2.error("authorize_security_group_egress", GroupId=group, IpPermissions=[SSH, SSH])
    assert twice == ("InvalidParameterValue", "The same permission must not appear multiple times")


def test_the_older_flat_members_still_work(ec2: Direct, group: str) -> None:
    flat = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"}

    ec2("authorize_security_group_ingress", GroupName="batch", **flat)
    ec2("revoke_security_group_ingress", GroupId=group, IpPermissions=[SSH])

    assert described(ec2, group)["IpPermissions"] == []


def test_rules_are_revoked_by_id(ec2: Direct, group: str) -> None:
    (out,) = rules(ec2, group)

    answer = ec2("revoke_security_group_egress", GroupId=group, SecurityGroupRuleIds=[out["SecurityGroupRuleId"]])

    assert answer["RevokedSecurityGroupRules"][0]["CidrIpv4"] == "0.0.0.0/0"
    assert rules(ec2, group) == []
    gone = ec2.error("revoke_security_group_ingress", GroupId=group, SecurityGroupRuleIds=["sgr-1"])
    assert gone == ("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID 'sgr-1' does not exist")


def test_a_rule_is_replaced_under_its_id(ec2: Direct, group: str) -> None:
    (out,) = rules(ec2, group)
    wanted = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0", "Description": "https"}
    update = {"SecurityGroupRuleId": out["SecurityGroupRuleId"], "SecurityGroupRule": wanted}

    ec2("modify_security_group_rules", GroupId=group, SecurityGroupRules=[update])

    (changed,) = rules(ec2, group)
    assert changed["SecurityGroupRuleId"] == out["SecurityGroupRuleId"]
    assert (changed["IsEgress"], changed["FromPort"], changed["Description"]) == (True, 443, "https")


def test_descriptions_change_by_rule_or_by_id(ec2: Direct, group: str) -> None:
    described_rule = {**EVERYTHING, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all out"}]}
    ec2("update_security_group_rule_descriptions_egress", GroupId=group, IpPermissions=[described_rule])
    (out,) = rules(ec2, group)
    assert out["Description"] == "all out"

    by_id = [{"SecurityGroupRuleId": out["SecurityGroupRuleId"]}]
    ec2("update_security_group_rule_descriptions_egress", GroupId=group, SecurityGroupRuleDescriptions=by_id)
    assert "Description" not in rules(ec2, group)[0]
    unknown = ec2.error("update_security_group_rule_descriptions_ingress", GroupId=group, IpPermissions=[SSH])
    assert unknown[0] == "InvalidPermission.NotFound"


@pytest.mark.parametrize(
    ("permission", "code", "text"),
    [
        ({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "InvalidParameterValue", "portRange"),
        ({**SSH, "FromPort": 23}, "InvalidParameterValue", "portRange"),
        (
            {**SSH, "IpRanges": [{"CidrIp": "10.0.0.0/99"}]},
            "InvalidParameterValue",
            "CIDR block 10.0.0.0/99 is malformed",
        ),
        ({**SSH, "IpProtocol": "carrier-pigeon"}, "InvalidParameterValue", "IP protocol"),
        ({**SSH, "IpProtocol": "9" * 5000}, "InvalidParameterValue", "IP protocol"),
        ({**SSH, "IpRanges": []}, "MissingParameter", "ipPermissions"),
        ({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-none"}]}, "InvalidGroup.NotFound", "sg-none"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(
    ec2: Direct, group: str, permission: dict[str, Any], code: str, text: str
) -> None:
    refused = ec2.error("authorize_security_group_ingress", GroupId=group, IpPermissions=[permission])

    assert refused[0] == code
    assert text in refused[1]
    assert described(ec2, group)["IpPermissions"] == []


def test_names_are_unique_within_a_vpc(ec2: Direct, group: str) -> None:
    vpc = described(ec2, group)["VpcId"]
    other = ec2("create_vpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    assert ec2.error("create_security_group", GroupName="batch", Description="again") == (
        "InvalidGroup.Duplicate",
        f"The security group 'batch' already exists for VPC '{vpc}'",
    )
    assert ec2.error("create_security_group", GroupName="default", Description="d")[0] == "InvalidParameterValue"
    ec2("create_security_group", GroupName="batch", Description="elsewhere", VpcId=other)


def test_groups_are_found_by_name_and_by_their_rules(ec2: Direct, group: str) -> None:
    ec2("authorize_security_group_ingress", GroupId=group, IpPermissions=[SSH])
    by_rule = [{"Name": "ip-permission.from-port", "Values": ["22"]}]

    assert [g["GroupId"] for g in ec2("describe_security_groups", GroupNames=["batch"])["SecurityGroups"]] == [group]
    assert [g["GroupId"] for g in ec2("describe_security_groups", Filters=by_rule)["SecurityGroups"]] == [group]
    assert ec2.error("describe_security_groups", GroupNames=["gone"])[0] == "InvalidGroup.NotFound"


def test_a_group_in_use_by_another_is_not_deleted(ec2: Direct, group: str) -> None:
    other = ec2("create_security_group", GroupName="other", Description="o")["GroupId"]
    peer = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2("authorize_security_group_ingress", GroupId=other, IpPermissions=[peer])

    assert ec2.error("delete_security_group", GroupId=group) == (
        "DependencyViolation",
        f"resource {group} has a dependent object",
    )
    ec2("delete_security_group", GroupId=other)
    ec2("delete_security_group", GroupId=group)
    assert ec2.error("delete_security_group", GroupId=group) == (
        "InvalidGroup.NotFound",
        f"The security group '{group}' does not exist",
    )


def test_the_default_group_stays(ec2: Direct) -> None:
    (default,) = ec2("describe_security_groups")["SecurityGroups"]

    assert default["IpPermissions"][0]["UserIdGroupPairs"] == [{"GroupId": default["GroupId"], "UserId": ACCOUNT}]
    assert ec2.error("delete_security_group", GroupId=default["GroupId"])[0] == "CannotDelete"


def test_rules_have_tags_of_their_own(ec2: Direct, group: str) -> None:
    (out,) = rules(ec2, group)

    ec2("create_tags", Resources=[out["SecurityGroupRuleId"]], Tags=[{"Key": "a", "Value": "1"}])

    found = ec2("describe_security_group_rules", Filters=[{"Name": "tag:a", "Values": ["1"]}])["SecurityGroupRules"]
    assert [rule["SecurityGroupRuleId"] for rule in found] == [out["SecurityGroupRuleId"]]
    types = [{"Name": "resource-type", "Values": ["security-group-rule"]}]
    assert len(ec2("describe_tags", Filters=types)["Tags"]) == 1
