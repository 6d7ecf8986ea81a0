"""Security group rules as EC2 writes them twice: one by one with an id, or gathered into IpPermissions.

A rule is a document of the first form without `GroupId` and `GroupOwnerId`, which its group adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from batchd.errors import ApiError
from batchd.store.store import Body

_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
_PORTED = ("tcp", "udp", "icmp", "icmpv6")
# (list of IpPermission, member of its elements, member of the rule)
_PEERS = (
    ("IpRanges", "CidrIp", "CidrIpv4"),
    ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId", "PrefixListId"),
)


def rules_of(permissions: Sequence[Mapping[str, Any]], owner: str, *, egress: bool) -> list[Body]:
    """One rule, yet without an id, for each peer of each permission. Groups are named by `GroupId`."""
    found: list[Body] = []
    for permission in permissions:
        head = {"IsEgress": egress, **_traffic(permission)}
        found += [_described({**head, **peer}, element) for peer, element in _peers(permission, owner)]
    return found


def permissions_of(rules: Sequence[Body]) -> list[Body]:
    """Rules of equal protocol and ports gathered, in order of first appearance."""
    gathered: dict[tuple[Any, ...], Body] = {}
    for rule in rules:
        key = (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
        permission = gathered.setdefault(key, _empty_permission(rule))
        _add_peer(permission, rule)
    return list(gathered.values())


def identity(rule: Body) -> tuple[Any, ...]:
    """What makes two rules of one group the same; the description does not."""
    peer = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    target = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or peer
    return (rule["IsEgress"], rule["IpProtocol"], rule.get("FromPort", -1), rule.get("ToPort", -1), target)


def duplicate(rule: Body) -> ApiError:
    """`the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists`."""
    _, protocol, first, last, peer = identity(rule)
    traffic = "ALL" if protocol == "-1" else f"{protocol.upper()}, from port: {first}, to port: {last}"
    return ApiError(
        "InvalidPermission.Duplicate", f'the specified rule "peer: {peer}, {traffic}, ALLOW" already exists'
    )


def rule_of(request: Mapping[str, Any], owner: str, *, egress: bool) -> Body:
    """The rule that ModifySecurityGroupRules describes."""
    rule: Body = {"IsEgress": egress, **_traffic(request)}
    for member in ("CidrIpv4", "CidrIpv6"):
        if request.get(member):
            rule[member] = _cidr(request[member])
    if request.get("PrefixListId"):
        rule["PrefixListId"] = request["PrefixListId"]
    if request.get("ReferencedGroupId"):
        rule["ReferencedGroupInfo"] = {"GroupId": request["ReferencedGroupId"], "UserId": owner}
    return _described(rule, request)


def _traffic(request: Mapping[str, Any]) -> Body:
    protocol = request.get("IpProtocol")
    if not protocol:
        raise ApiError("MissingParameter", "The request must contain the parameter ipProtocol")
    name = _PROTOCOLS.get(protocol, str(protocol).lower())
    if name not in _PORTED:
        _check_number(name)
        return {"IpProtocol": name}
    first, last = request.get("FromPort"), request.get("ToPort")
    if first is None or last is None:
        if name in ("tcp", "udp"):
            raise _invalid("Must specify both from and to ports with TCP/UDP.", "portRange")
        return {"IpProtocol": name, "FromPort": -1, "ToPort": -1}
    if name in ("tcp", "udp") and not -1 <= first <= last <= 65535:
        raise _invalid(f"{first}-{last}", "portRange")
    return {"IpProtocol": name, "FromPort": first, "ToPort": last}


def _check_number(protocol: str) -> None:
    is_number = protocol.isascii() and protocol.isdigit() and len(protocol) <= 3
    if protocol != "-1" and not (is_number and int(protocol) < 256):
        raise _invalid(protocol, "IP protocol")


def _peers(permission: Mapping[str, Any], owner: str) -> Iterator[tuple[Body, Mapping[str, Any]]]:
    for listed, source, target in _PEERS:
        for element in permission.get(listed) or ():
            text = element.get(source, "")
            yield {target: text if target == "PrefixListId" else _cidr(text)}, element
    for pair in permission.get("UserIdGroupPairs") or ():
        yield {"ReferencedGroupInfo": {"GroupId": pair["GroupId"], "UserId": pair.get("UserId", owner)}}, pair


def _described(rule: Body, source: Mapping[str, Any]) -> Body:
    return {**rule, "Description": source["Description"]} if source.get("Description") else rule


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ApiError("InvalidParameterValue", f"CIDR block {text} is malformed") from None


def _empty_permission(rule: Body) -> Body:
    ports: Body = {member: rule[member] for member in ("FromPort", "ToPort") if member in rule}
    lists: Body = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    return {"IpProtocol": rule["IpProtocol"], **ports, **lists}


def _add_peer(permission: Body, rule: Body) -> None:
    for listed, source, target in _PEERS:
        if target in rule:
            permission[listed].append(_described({source: rule[target]}, rule))
    if "ReferencedGroupInfo" in rule:
        permission["UserIdGroupPairs"].append(_described(dict(rule["ReferencedGroupInfo"]), rule))


def _invalid(value: str, parameter: str) -> ApiError:
    return ApiError("InvalidParameterValue", f"Invalid value '{value}' for {parameter}.")
