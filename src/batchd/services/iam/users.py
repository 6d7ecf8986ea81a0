"""Users and the groups they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.boundaries import find_boundary, replace_boundary
from batchd.services.iam.entities import USER, change, check_unused, create, find, listed, look_up, remove
from batchd.services.iam.faults import validation
from batchd.services.iam.links import BOUNDARY, tie
from batchd.services.iam.shapes import Answer, time_of, user_detail, user_listed
from batchd.services.iam.tags import listed_tags, merged, new_tags, without
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t


@writes
def create_user(params: t.CreateUserRequestTypeDef, ctx: Context) -> Answer:
    boundary = find_boundary(ctx, params.get("PermissionsBoundary"))
    empty: Body = {"inline": {}, "attached": [], "groups": [], "keys": []}
    parts = {**empty, "boundary": boundary, "tags": new_tags(params)}
    user = create(ctx, USER, params, params["UserName"], parts)
    if boundary is not None:
        tie(ctx, BOUNDARY, boundary, USER, user)
    return {"User": user_detail(ctx, user)}


@reads
def get_user(params: t.GetUserRequestTypeDef, ctx: Context) -> Answer:
    """Without a name: who asks, the account itself included."""
    if "UserName" not in params and ctx.caller.arn.endswith(":root"):
        root = {"Path": "/", "UserId": ctx.account, "Arn": ctx.caller.arn, "CreateDate": time_of(0)}
        return {"User": root}
    return {"User": user_detail(ctx, find_user(ctx, params.get("UserName")))}


@reads
def list_users(params: t.ListUsersRequestTypeDef, ctx: Context) -> Answer:
    users, more = listed(ctx, USER, params)
    return {"Users": [user_listed(ctx, user) for user in users], **more}


@writes
def delete_user(params: t.DeleteUserRequestTypeDef, ctx: Context) -> Answer:
    user = find(ctx, USER, params["UserName"])
    check_unused(user)
    replace_boundary(ctx, USER, user, None)
    remove(ctx, USER, user)
    return {}


@writes
def tag_user(params: t.TagUserRequestTypeDef, ctx: Context) -> Answer:
    user = find(ctx, USER, params["UserName"])
    change(ctx, USER, user, tags=merged(user["tags"], new_tags(params), "User"))
    return {}


@writes
def untag_user(params: t.UntagUserRequestTypeDef, ctx: Context) -> Answer:
    user = find(ctx, USER, params["UserName"])
    change(ctx, USER, user, tags=without(user["tags"], params["TagKeys"]))
    return {}


@reads
def list_user_tags(params: t.ListUserTagsRequestTypeDef, ctx: Context) -> Answer:
    return listed_tags(find(ctx, USER, params["UserName"])["tags"], params)


@writes
def put_user_permissions_boundary(params: t.PutUserPermissionsBoundaryRequestTypeDef, ctx: Context) -> Answer:
    user = find(ctx, USER, params["UserName"])
    replace_boundary(ctx, USER, user, find_boundary(ctx, params["PermissionsBoundary"]))
    return {}


@writes
def delete_user_permissions_boundary(params: t.DeleteUserPermissionsBoundaryRequestTypeDef, ctx: Context) -> Answer:
    replace_boundary(ctx, USER, find(ctx, USER, params["UserName"]), None)
    return {}


def find_user(ctx: Context, name: str | None) -> Body:
    """The user of this name, or (None) the user who asks. Raises NoSuchEntity, or ValidationError if none asks."""
    if name is not None:
        return find(ctx, USER, name)
    user = look_up(ctx, USER, ctx.caller.arn.rpartition("/")[2])
    if user is None or user["id"] != ctx.caller.user_id:
        raise validation("Must specify userName when calling with non-User credentials")
    return user
