"""Roles: who may become what. [iam.md 3, 4, 14]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.boundaries import find_boundary, replace_boundary
from batchd.services.iam.documents import size_of
from batchd.services.iam.entities import ROLE, change, check_unused, create, find, listed, remove
from batchd.services.iam.faults import over_quota, unmodifiable
from batchd.services.iam.links import BOUNDARY, tie
from batchd.services.iam.principals import trusted_ids
from batchd.services.iam.shapes import Answer, role_created, role_detail, role_listed
from batchd.services.iam.tags import listed_tags, merged, new_tags, without
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t

MAX_TRUST = 4096  # AWS's raised quota: what runs there runs here
SERVICE_LINKED_PATH = "/aws-service-role/"


@writes
def create_role(params: t.CreateRoleRequestTypeDef, ctx: Context) -> Answer:
    boundary = find_boundary(ctx, params.get("PermissionsBoundary"))
    parts = {
        **_trust(ctx, params["AssumeRolePolicyDocument"]),
        "description": params.get("Description", ""),
        "max_session_s": params.get("MaxSessionDuration", 3600),
        "boundary": boundary,
        "tags": new_tags(params),
    }
    role = create(ctx, ROLE, params, params["RoleName"], {**new_role(), **parts})
    if boundary is not None:
        tie(ctx, BOUNDARY, boundary, ROLE, role)
    return {"Role": role_created(ctx, role)}


@reads
def get_role(params: t.GetRoleRequestTypeDef, ctx: Context) -> Answer:
    return {"Role": role_detail(ctx, find(ctx, ROLE, params["RoleName"]))}


@reads
def list_roles(params: t.ListRolesRequestTypeDef, ctx: Context) -> Answer:
    roles, more = listed(ctx, ROLE, params)
    return {"Roles": [role_listed(ctx, role) for role in roles], **more}


@writes
def update_role(params: t.UpdateRoleRequestTypeDef, ctx: Context) -> Answer:
    role = find(ctx, ROLE, params["RoleName"])
    description = params.get("Description", role["description"])
    max_session_s = params.get("MaxSessionDuration", role["max_session_s"])
    change(ctx, ROLE, role, description=description, max_session_s=max_session_s)
    return {}


@writes
def update_role_description(params: t.UpdateRoleDescriptionRequestTypeDef, ctx: Context) -> Answer:
    role = find(ctx, ROLE, params["RoleName"])
    return {"Role": role_detail(ctx, change(ctx, ROLE, role, description=params["Description"]))}


@writes
def update_assume_role_policy(params: t.UpdateAssumeRolePolicyRequestTypeDef, ctx: Context) -> Answer:
    role = find_own_role(ctx, params["RoleName"])
    change(ctx, ROLE, role, **_trust(ctx, params["PolicyDocument"]))
    return {}


@writes
def delete_role(params: t.DeleteRoleRequestTypeDef, ctx: Context) -> Answer:
    role = find_own_role(ctx, params["RoleName"])
    check_unused(role)
    replace_boundary(ctx, ROLE, role, None)
    remove(ctx, ROLE, role)
    return {}


@writes
def tag_role(params: t.TagRoleRequestTypeDef, ctx: Context) -> Answer:
    role = find(ctx, ROLE, params["RoleName"])
    change(ctx, ROLE, role, tags=merged(role["tags"], new_tags(params), "Role"))
    return {}


@writes
def untag_role(params: t.UntagRoleRequestTypeDef, ctx: Context) -> Answer:
    role = find(ctx, ROLE, params["RoleName"])
    change(ctx, ROLE, role, tags=without(role["tags"], params["TagKeys"]))
    return {}


@reads
def list_role_tags(params: t.ListRoleTagsRequestTypeDef, ctx: Context) -> Answer:
    return listed_tags(find(ctx, ROLE, params["RoleName"])["tags"], params)


@writes
def put_role_permissions_boundary(params: t.PutRolePermissionsBoundaryRequestTypeDef, ctx: Context) -> Answer:
    role = find_own_role(ctx, params["RoleName"])
    replace_boundary(ctx, ROLE, role, find_boundary(ctx, params["PermissionsBoundary"]))
    return {}


@writes
def delete_role_permissions_boundary(params: t.DeleteRolePermissionsBoundaryRequestTypeDef, ctx: Context) -> Answer:
    replace_boundary(ctx, ROLE, find_own_role(ctx, params["RoleName"]), None)
    return {}


def new_role() -> Body:
    """What a role starts with, besides what it is asked to be."""
    return {"inline": {}, "attached": [], "profiles": [], "service": None}


def find_own_role(ctx: Context, name: str) -> Body:
    """A role that its owner may change. Raises UnmodifiableEntity for one that belongs to a service."""
    role = find(ctx, ROLE, name)
    if role["service"] is not None:
        raise unmodifiable(
            f"Cannot perform the operation on the protected role '{role['name']}' - this role is only modifiable by AWS"
        )
    return role


def _trust(ctx: Context, document: str) -> Body:
    """The part of a role that says who may assume it."""
    principals = trusted_ids(ctx, document)
    if size_of(document) > MAX_TRUST:
        raise over_quota(f"Cannot exceed quota for ACLSizePerRole: {MAX_TRUST}")
    return {"trust": document, "principals": principals}
