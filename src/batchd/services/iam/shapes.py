"""Our nouns as AWS's shapes. Documents travel percent-encoded in every answer. [iam.md 4]"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from batchd.gateway.operation import Context
from batchd.services.iam.entities import GROUP, POLICY, PROFILE, ROLE, USER, arn_of, look_up
from batchd.services.iam.links import ATTACHMENT, BOUNDARY, count_of
from batchd.services.iam.principals import shown_trust
from batchd.store.store import Body

Answer = dict[str, Any]  # Any: members of AWS's shapes


def time_of(ms: int) -> datetime:
    """IAM's times are whole seconds."""
    return datetime.fromtimestamp(ms // 1000, UTC)


def encoded(document: str) -> str:
    """RFC 3986: `+` is `%2B` and space is `%20`; what was encoded already is encoded again."""
    return quote(document, safe="")


def role_summary(ctx: Context, role: Body) -> Answer:
    """The members that every operation answers with, as CreateRole does."""
    return {
        "Path": role["path"],
        "RoleName": role["name"],
        "RoleId": role["id"],
        "Arn": arn_of(ctx, ROLE, role),
        "CreateDate": time_of(role["created_at"]),
        "AssumeRolePolicyDocument": encoded(shown_trust(ctx, role)),
    }


def role_listed(ctx: Context, role: Body) -> Answer:
    """As ListRoles: no tags, no boundary, no last use."""
    shape = {**role_summary(ctx, role), "MaxSessionDuration": role["max_session_s"]}
    return {**shape, **_if("Description", role["description"])}


def role_detail(ctx: Context, role: Body) -> Answer:
    """As GetRole."""
    return {**role_listed(ctx, role), **_boundary(role), **_if("Tags", role["tags"]), "RoleLastUsed": {}}


def role_created(ctx: Context, role: Body) -> Answer:
    return {**role_summary(ctx, role), **_boundary(role), **_if("Tags", role["tags"])}


def policy_listed(ctx: Context, arn: str, policy: Body) -> Answer:
    """As ListPolicies and CreatePolicy: no description."""
    return {
        "PolicyName": policy["name"],
        "PolicyId": policy["id"],
        "Arn": arn,
        "Path": policy["path"],
        "DefaultVersionId": policy["default"],
        "AttachmentCount": count_of(ctx, ATTACHMENT, arn),
        "PermissionsBoundaryUsageCount": count_of(ctx, BOUNDARY, arn),
        "IsAttachable": True,
        "CreateDate": time_of(policy["created_at"]),
        "UpdateDate": time_of(policy["updated_at"]),
    }


def policy_detail(ctx: Context, arn: str, policy: Body) -> Answer:
    """As GetPolicy."""
    return {
        **policy_listed(ctx, arn, policy),
        **_if("Description", policy["description"]),
        "Tags": policy["tags"],
    }


def policy_created(ctx: Context, policy: Body) -> Answer:
    return {**policy_listed(ctx, arn_of(ctx, POLICY, policy), policy), **_if("Tags", policy["tags"])}


def version_listed(policy: Body, version_id: str) -> Answer:
    """As ListPolicyVersions and CreatePolicyVersion: no document."""
    return {
        "VersionId": version_id,
        "IsDefaultVersion": policy["default"] == version_id,
        "CreateDate": time_of(policy["versions"][version_id]["created_at"]),
    }


def version_detail(policy: Body, version_id: str) -> Answer:
    """As GetPolicyVersion."""
    document = encoded(policy["versions"][version_id]["document"])
    return {"Document": document, **version_listed(policy, version_id)}


def profile_shape(ctx: Context, profile: Body) -> Answer:
    roles = [look_up(ctx, ROLE, name) for name in profile["roles"]]
    return {
        "Path": profile["path"],
        "InstanceProfileName": profile["name"],
        "InstanceProfileId": profile["id"],
        "Arn": arn_of(ctx, PROFILE, profile),
        "CreateDate": time_of(profile["created_at"]),
        "Roles": [role_summary(ctx, role) for role in roles if role is not None],
        **_if("Tags", profile["tags"]),
    }


def user_listed(ctx: Context, user: Body) -> Answer:
    """As ListUsers: no tags, no boundary."""
    return {
        "Path": user["path"],
        "UserName": user["name"],
        "UserId": user["id"],
        "Arn": arn_of(ctx, USER, user),
        "CreateDate": time_of(user["created_at"]),
    }


def user_detail(ctx: Context, user: Body) -> Answer:
    """As CreateUser and GetUser."""
    return {**user_listed(ctx, user), **_boundary(user), **_if("Tags", user["tags"])}


def group_shape(ctx: Context, group: Body) -> Answer:
    return {
        "Path": group["path"],
        "GroupName": group["name"],
        "GroupId": group["id"],
        "Arn": arn_of(ctx, GROUP, group),
        "CreateDate": time_of(group["created_at"]),
    }


def _boundary(entity: Body) -> Answer:
    arn = entity["boundary"]
    if arn is None:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


def _if(member: str, value: object) -> Answer:
    return {member: value} if value else {}
