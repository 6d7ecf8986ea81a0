"""Inline policies: documents that are part of one role, user or group. [iam.md 4]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.documents import check_identity_policy, size_of
from batchd.services.iam.entities import GROUP, ROLE, USER, Noun, change, find
from batchd.services.iam.faults import missing, over_quota
from batchd.services.iam.paging import Params, window
from batchd.services.iam.roles import find_own_role
from batchd.services.iam.shapes import Answer, encoded
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t

# White space apart, all inline policies of one entity together. [iam.md 3]
MAX_TOTAL = {ROLE: 10_240, USER: 2_048, GROUP: 5_120}


@writes
def put_role_policy(params: t.PutRolePolicyRequestTypeDef, ctx: Context) -> Answer:
    return _put(ctx, ROLE, find_own_role(ctx, params["RoleName"]), params)


@reads
def get_role_policy(params: t.GetRolePolicyRequestTypeDef, ctx: Context) -> Answer:
    role = find(ctx, ROLE, params["RoleName"])
    return {"RoleName": role["name"], **_get(ROLE, role, params["PolicyName"])}


@writes
def delete_role_policy(params: t.DeleteRolePolicyRequestTypeDef, ctx: Context) -> Answer:
    return _delete(ctx, ROLE, find_own_role(ctx, params["RoleName"]), params["PolicyName"])


@reads
def list_role_policies(params: t.ListRolePoliciesRequestTypeDef, ctx: Context) -> Answer:
    return _list(find(ctx, ROLE, params["RoleName"]), params)


@writes
def put_user_policy(params: t.PutUserPolicyRequestTypeDef, ctx: Context) -> Answer:
    return _put(ctx, USER, find(ctx, USER, params["UserName"]), params)


@reads
def get_user_policy(params: t.GetUserPolicyRequestTypeDef, ctx: Context) -> Answer:
    user = find(ctx, USER, params["UserName"])
    return {"UserName": user["name"], **_get(USER, user, params["PolicyName"])}


@writes
def delete_user_policy(params: t.DeleteUserPolicyRequestTypeDef, ctx: Context) -> Answer:
    return _delete(ctx, USER, find(ctx, USER, params["UserName"]), params["PolicyName"])


@reads
def list_user_policies(params: t.ListUserPoliciesRequestTypeDef, ctx: Context) -> Answer:
    return _list(find(ctx, USER, params["UserName"]), params)


@writes
def put_group_policy(params: t.PutGroupPolicyRequestTypeDef, ctx: Context) -> Answer:
    return _put(ctx, GROUP, find(ctx, GROUP, params["GroupName"]), params)


@reads
def get_group_policy(params: t.GetGroupPolicyRequestTypeDef, ctx: Context) -> Answer:
    group = find(ctx, GROUP, params["GroupName"])
    return {"GroupName": group["name"], **_get(GROUP, group, params["PolicyName"])}


@writes
def delete_group_policy(params: t.DeleteGroupPolicyRequestTypeDef, ctx: Context) -> Answer:
    return _delete(ctx, GROUP, find(ctx, GROUP, params["GroupName"]), params["PolicyName"])


@reads
def list_group_policies(params: t.ListGroupPoliciesRequestTypeDef, ctx: Context) -> Answer:
    return _list(find(ctx, GROUP, params["GroupName"]), params)


def _put(ctx: Context, noun: Noun, entity: Body, params: Mapping[str, Any]) -> Answer:
    """A policy of the same name is overwritten."""
    document = params["PolicyDocument"]
    check_identity_policy(document)
    inline = {**entity["inline"], params["PolicyName"]: document}
    limit = MAX_TOTAL[noun]
    if sum(map(size_of, inline.values())) > limit:
        raise over_quota(f"Maximum policy size of {limit} bytes exceeded for {noun.word} {entity['name']}")
    change(ctx, noun, entity, inline=inline)
    return {}


def _get(noun: Noun, entity: Body, name: str) -> Answer:
    if name not in entity["inline"]:
        raise missing(f"The {noun.word} policy with name {name} cannot be found.")
    return {"PolicyName": name, "PolicyDocument": encoded(entity["inline"][name])}


def _delete(ctx: Context, noun: Noun, entity: Body, name: str) -> Answer:
    if name not in entity["inline"]:
        raise missing(f"The {noun.word} policy with name {name} cannot be found.")
    change(ctx, noun, entity, inline={key: text for key, text in entity["inline"].items() if key != name})
    return {}


def _list(entity: Body, params: Params) -> Answer:
    names, more = window([(name, name) for name in entity["inline"]], params)
    return {"PolicyNames": names, **more}
