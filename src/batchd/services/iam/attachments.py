"""Managed policies attached to roles, users and groups. [iam.md 4, 14]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.entities import GROUP, ROLE, USER, Noun, change, find
from batchd.services.iam.faults import missing, over_quota
from batchd.services.iam.links import ATTACHMENT, tie, untie, users_of, uses_of
from batchd.services.iam.managed import find_attachable, find_policy, look_up_policy, sort_key
from batchd.services.iam.paging import Params, window
from batchd.services.iam.roles import find_own_role
from batchd.services.iam.shapes import Answer
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t

MAX_ATTACHED = 20  # AWS's raised quota: what runs there runs here

_FILTERS = {"Role": ROLE, "User": USER, "Group": GROUP}


@writes
def attach_role_policy(params: t.AttachRolePolicyRequestTypeDef, ctx: Context) -> Answer:
    return attach(ctx, ROLE, find_own_role(ctx, params["RoleName"]), params["PolicyArn"])


@writes
def detach_role_policy(params: t.DetachRolePolicyRequestTypeDef, ctx: Context) -> Answer:
    return detach(ctx, ROLE, find_own_role(ctx, params["RoleName"]), params["PolicyArn"])


@reads
def list_attached_role_policies(params: t.ListAttachedRolePoliciesRequestTypeDef, ctx: Context) -> Answer:
    return _list(ctx, find(ctx, ROLE, params["RoleName"]), params)


@writes
def attach_user_policy(params: t.AttachUserPolicyRequestTypeDef, ctx: Context) -> Answer:
    return attach(ctx, USER, find(ctx, USER, params["UserName"]), params["PolicyArn"])


@writes
def detach_user_policy(params: t.DetachUserPolicyRequestTypeDef, ctx: Context) -> Answer:
    return detach(ctx, USER, find(ctx, USER, params["UserName"]), params["PolicyArn"])


@reads
def list_attached_user_policies(params: t.ListAttachedUserPoliciesRequestTypeDef, ctx: Context) -> Answer:
    return _list(ctx, find(ctx, USER, params["UserName"]), params)


@writes
def attach_group_policy(params: t.AttachGroupPolicyRequestTypeDef, ctx: Context) -> Answer:
    return attach(ctx, GROUP, find(ctx, GROUP, params["GroupName"]), params["PolicyArn"])


@writes
def detach_group_policy(params: t.DetachGroupPolicyRequestTypeDef, ctx: Context) -> Answer:
    return detach(ctx, GROUP, find(ctx, GROUP, params["GroupName"]), params["PolicyArn"])


@reads
def list_attached_group_policies(params: t.ListAttachedGroupPoliciesRequestTypeDef, ctx: Context) -> Answer:
    return _list(ctx, find(ctx, GROUP, params["GroupName"]), params)


@reads
def list_entities_for_policy(params: t.ListEntitiesForPolicyRequestTypeDef, ctx: Context) -> Answer:
    arn = params["PolicyArn"]
    find_policy(ctx, arn)
    wanted = _FILTERS.get(params.get("EntityFilter", ""))
    prefix = params.get("PathPrefix", "/")
    found = {
        f"{noun.word} {entity['name'].lower()}": (noun, entity)
        for use in uses_of(params.get("PolicyUsageFilter"))
        for noun, entity in users_of(ctx, use, arn)
        if wanted in (None, noun) and entity["path"].startswith(prefix)
    }
    users, more = window(found.items(), params)
    return {
        "PolicyRoles": [{"RoleName": e["name"], "RoleId": e["id"]} for noun, e in users if noun is ROLE],
        "PolicyUsers": [{"UserName": e["name"], "UserId": e["id"]} for noun, e in users if noun is USER],
        "PolicyGroups": [{"GroupName": e["name"], "GroupId": e["id"]} for noun, e in users if noun is GROUP],
        **more,
    }


def attach(ctx: Context, noun: Noun, entity: Body, arn: str) -> Answer:
    """Attaching twice is attaching once."""
    find_attachable(ctx, arn)
    if arn in entity["attached"]:
        return {}
    if len(entity["attached"]) >= MAX_ATTACHED:
        raise over_quota(f"Cannot exceed quota for PoliciesPer{noun.word.capitalize()}: {MAX_ATTACHED}")
    change(ctx, noun, entity, attached=[*entity["attached"], arn])
    tie(ctx, ATTACHMENT, arn, noun, entity)
    return {}


def detach(ctx: Context, noun: Noun, entity: Body, arn: str) -> Answer:
    """Raises NoSuchEntity if it is not attached."""
    look_up_policy(ctx, arn)  # refuses what is no policy's ARN
    if arn not in entity["attached"]:
        raise missing(f"Policy {arn} was not found.")
    change(ctx, noun, entity, attached=[attached for attached in entity["attached"] if attached != arn])
    untie(ctx, ATTACHMENT, arn, noun, entity)
    return {}


def _list(ctx: Context, entity: Body, params: Params) -> Answer:
    prefix = params.get("PathPrefix", "/")
    found: list[tuple[str, dict[str, str]]] = []
    for arn in entity["attached"]:
        policy = look_up_policy(ctx, arn)
        if policy is not None and policy["path"].startswith(prefix):
            found.append((sort_key(arn, policy), {"PolicyName": policy["name"], "PolicyArn": arn}))
    attached, more = window(found, params)
    return {"AttachedPolicies": attached, **more}
