"""What security groups allow: authorize, revoke, modify, describe. [iam.md 13]"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.groups import group_named, requested_group
from batchd.services.ec2.inventory import GROUP, everything, find, new_identifier, paged, save, tags_for
from batchd.services.ec2.rules import duplicate, identity, rule_of, rules_of
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_FIELDS = {"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"}
_MOST_RULES = 1000  # of a group, far above AWS's default of 60 each way


@writes
def authorize_security_group_ingress(
    params: t.AuthorizeSecurityGroupIngressRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    return _authorize(ctx, params, egress=False)


@writes
def authorize_security_group_egress(
    params: t.AuthorizeSecurityGroupEgressRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    return _authorize(ctx, params, egress=True)


@writes
def revoke_security_group_ingress(params: t.RevokeSecurityGroupIngressRequestTypeDef, ctx: Context) -> dict[str, Any]:
    return _revoke(ctx, params, egress=False)


@writes
def revoke_security_group_egress(params: t.RevokeSecurityGroupEgressRequestTypeDef, ctx: Context) -> dict[str, Any]:
    return _revoke(ctx, params, egress=True)


@reads
def describe_security_group_rules(params: t.DescribeSecurityGroupRulesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """One by one, by group and in the order they were made."""
    rules = [_shown(group, rule) for group in everything(ctx, GROUP) for rule in group["Rules"]]
    if wanted := params.get("SecurityGroupRuleIds"):
        _check_known(wanted, rules)
        rules = [rule for rule in rules if rule["SecurityGroupRuleId"] in wanted]
    return paged("SecurityGroupRules", select(rules, params.get("Filters", ()), _FIELDS), params)


@writes
def modify_security_group_rules(params: t.ModifySecurityGroupRulesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Replace rules under their ids."""
    group = find(ctx, GROUP, params["GroupId"])
    updates = {
        update["SecurityGroupRuleId"]: update.get("SecurityGroupRule", {}) for update in params["SecurityGroupRules"]
    }
    _check_known(updates, group["Rules"])

    def changed(rule: Body) -> Body:
        kept = {member: rule[member] for member in ("SecurityGroupRuleId", "Tags")}
        fresh = rule_of(updates[rule["SecurityGroupRuleId"]], ctx.account, egress=rule["IsEgress"])
        _check_peers(ctx, [fresh])
        return {**kept, **fresh}

    rules = [changed(rule) if rule["SecurityGroupRuleId"] in updates else rule for rule in group["Rules"]]
    _check_distinct(rules)
    save(ctx, GROUP, {**group, "Rules": rules})
    return {"Return": True}


@writes
def update_security_group_rule_descriptions_ingress(
    params: t.UpdateSecurityGroupRuleDescriptionsIngressRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    return _describe(ctx, params, egress=False)


@writes
def update_security_group_rule_descriptions_egress(
    params: t.UpdateSecurityGroupRuleDescriptionsEgressRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    return _describe(ctx, params, egress=True)


def _authorize(ctx: Context, params: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    group = requested_group(ctx, params)
    rules = _asked_rules(ctx, params, egress=egress)
    _check_peers(ctx, rules)
    known = {identity(rule) for rule in group["Rules"]}
    for rule in rules:
        if identity(rule) in known:
            raise duplicate(rule)
    _check_distinct(rules)
    if len(known) + len(rules) > _MOST_RULES:
        raise ApiError(
            "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
        )
    tags = tags_for(params, "security-group-rule")
    named = [{**rule, "SecurityGroupRuleId": new_identifier(ctx, "sgr"), "Tags": tags} for rule in rules]
    save(ctx, GROUP, {**group, "Rules": [*group["Rules"], *named]})
    return {"Return": True, "SecurityGroupRules": [_shown(group, rule) for rule in named]}


def _revoke(ctx: Context, params: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    group = requested_group(ctx, params)
    wanted = _selector(ctx, params, group, egress=egress)
    gone = [rule for rule in group["Rules"] if wanted(rule)]
    save(ctx, GROUP, {**group, "Rules": [rule for rule in group["Rules"] if not wanted(rule)]})
    return {"Return": True, "RevokedSecurityGroupRules": [_revoked(group, rule) for rule in gone]}


def _selector(ctx: Context, params: Mapping[str, Any], group: Body, *, egress: bool) -> Callable[[Body], bool]:
    """Whether a rule of the group is one the request speaks of; NotFound where it speaks of a rule the group lacks."""
    if ids := params.get("SecurityGroupRuleIds"):
        _check_known(ids, [rule for rule in group["Rules"] if rule["IsEgress"] == egress])
        return lambda rule: rule["SecurityGroupRuleId"] in ids
    asked = {identity(rule) for rule in _asked_rules(ctx, params, egress=egress)}
    if asked - {identity(rule) for rule in group["Rules"]}:
        raise ApiError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    return lambda rule: identity(rule) in asked


def _describe(ctx: Context, params: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    group = requested_group(ctx, params)
    texts: dict[Any, str | None]
    if by_id := params.get("SecurityGroupRuleDescriptions"):
        texts = {named.get("SecurityGroupRuleId"): named.get("Description") for named in by_id}
        _check_known(texts, group["Rules"])
        key: Callable[[Body], Any] = _id
    else:
        texts = {identity(rule): rule.get("Description") for rule in _asked_rules(ctx, params, egress=egress)}
        if texts.keys() - {identity(rule) for rule in group["Rules"]}:
            raise ApiError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        key = identity
    rules = [_with_description(rule, texts[key(rule)]) if key(rule) in texts else rule for rule in group["Rules"]]
    save(ctx, GROUP, {**group, "Rules": rules})
    return {"Return": True}


def _asked_rules(ctx: Context, params: Mapping[str, Any], *, egress: bool) -> list[Body]:
    """The rules of `IpPermissions`, or of the older flat members."""
    permissions = list(params.get("IpPermissions") or [_flat_permission(params)])
    named = [{**permission, "UserIdGroupPairs": _pairs(ctx, permission)} for permission in permissions]
    rules = rules_of(named, ctx.account, egress=egress)
    if not rules:
        raise ApiError("MissingParameter", "The request must contain the parameter ipPermissions")
    return rules


def _flat_permission(params: Mapping[str, Any]) -> Body:
    permission = {member: params[member] for member in ("IpProtocol", "FromPort", "ToPort") if member in params}
    if params.get("CidrIp"):
        permission["IpRanges"] = [{"CidrIp": params["CidrIp"]}]
    if params.get("SourceSecurityGroupName"):
        permission.setdefault("IpProtocol", "-1")
        permission["UserIdGroupPairs"] = [{"GroupName": params["SourceSecurityGroupName"]}]
    return permission


def _pairs(ctx: Context, permission: Mapping[str, Any]) -> list[Body]:
    return [
        pair if pair.get("GroupId") else {**pair, "GroupId": group_named(ctx, pair.get("GroupName", ""))["GroupId"]}
        for pair in permission.get("UserIdGroupPairs") or ()
    ]


def _check_peers(ctx: Context, rules: Sequence[Body]) -> None:
    for rule in rules:
        if "ReferencedGroupInfo" in rule:
            find(ctx, GROUP, rule["ReferencedGroupInfo"]["GroupId"])


def _check_distinct(rules: Sequence[Body]) -> None:
    if len({identity(rule) for rule in rules}) < len(rules):
        raise ApiError("InvalidParameterValue", "The same permission must not appear multiple times")


def _check_known(ids: Iterable[Any], rules: Sequence[Body]) -> None:
    known = {rule["SecurityGroupRuleId"] for rule in rules}
    for identifier in ids:
        if identifier not in known:
            raise ApiError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{identifier}' does not exist"
            )


def _id(rule: Body) -> str:
    return str(rule["SecurityGroupRuleId"])


def _with_description(rule: Body, text: str | None) -> Body:
    bare = {member: value for member, value in rule.items() if member != "Description"}
    return {**bare, "Description": text} if text else bare


def _shown(group: Body, rule: Body) -> Body:
    arn = group["SecurityGroupArn"].rpartition(":")[0] + f":security-group-rule/{rule['SecurityGroupRuleId']}"
    ports = {"FromPort": rule.get("FromPort", -1), "ToPort": rule.get("ToPort", -1)}
    owned = {"GroupId": group["GroupId"], "GroupOwnerId": group["OwnerId"], "SecurityGroupRuleArn": arn}
    return {**rule, **ports, **owned}


def _revoked(group: Body, rule: Body) -> Body:
    shown = _shown(group, rule)
    peer = shown.pop("ReferencedGroupInfo", None)
    kept = {
        member: value
        for member, value in shown.items()
        if member not in ("Tags", "GroupOwnerId", "SecurityGroupRuleArn")
    }
    return {**kept, "ReferencedGroupId": peer["GroupId"]} if peer else kept
