"""Groups of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.entities import GROUP, USER, change, check_unused, create, find, listed, look_up, remove
from batchd.services.iam.paging import window
from batchd.services.iam.shapes import Answer, group_shape, user_listed

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t


@writes
def create_group(params: t.CreateGroupRequestTypeDef, ctx: Context) -> Answer:
    group = create(ctx, GROUP, params, params["GroupName"], {"inline": {}, "attached": [], "members": []})
    return {"Group": group_shape(ctx, group)}


@reads
def get_group(params: t.GetGroupRequestTypeDef, ctx: Context) -> Answer:
    group = find(ctx, GROUP, params["GroupName"])
    names, more = window([(name, name) for name in group["members"]], params)
    users = [look_up(ctx, USER, name) for name in names]
    members = [user_listed(ctx, user) for user in users if user is not None]
    return {"Group": group_shape(ctx, group), "Users": members, **more}


@reads
def list_groups(params: t.ListGroupsRequestTypeDef, ctx: Context) -> Answer:
    groups, more = listed(ctx, GROUP, params)
    return {"Groups": [group_shape(ctx, group) for group in groups], **more}


@reads
def list_groups_for_user(params: t.ListGroupsForUserRequestTypeDef, ctx: Context) -> Answer:
    names, more = window([(name, name) for name in find(ctx, USER, params["UserName"])["groups"]], params)
    groups = [look_up(ctx, GROUP, name) for name in names]
    return {"Groups": [group_shape(ctx, group) for group in groups if group is not None], **more}


@writes
def delete_group(params: t.DeleteGroupRequestTypeDef, ctx: Context) -> Answer:
    group = find(ctx, GROUP, params["GroupName"])
    check_unused(group)
    remove(ctx, GROUP, group)
    return {}


@writes
def add_user_to_group(params: t.AddUserToGroupRequestTypeDef, ctx: Context) -> Answer:
    """Adding twice is adding once."""
    group, user = find(ctx, GROUP, params["GroupName"]), find(ctx, USER, params["UserName"])
    if user["name"] not in group["members"]:
        change(ctx, GROUP, group, members=[*group["members"], user["name"]])
        change(ctx, USER, user, groups=[*user["groups"], group["name"]])
    return {}


@writes
def remove_user_from_group(params: t.RemoveUserFromGroupRequestTypeDef, ctx: Context) -> Answer:
    group, user = find(ctx, GROUP, params["GroupName"]), find(ctx, USER, params["UserName"])
    change(ctx, GROUP, group, members=[name for name in group["members"] if name != user["name"]])
    change(ctx, USER, user, groups=[name for name in user["groups"] if name != group["name"]])
    return {}
