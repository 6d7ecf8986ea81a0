"""Instance profiles: the name under which a machine carries a role. [iam.md 4, 14]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.entities import PROFILE, ROLE, change, check_unused, create, find, listed, look_up, remove
from batchd.services.iam.faults import missing, over_quota
from batchd.services.iam.paging import window
from batchd.services.iam.roles import find_own_role
from batchd.services.iam.shapes import Answer, profile_shape
from batchd.services.iam.tags import listed_tags, merged, new_tags, without

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t


@writes
def create_instance_profile(params: t.CreateInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    parts = {"roles": [], "tags": new_tags(params)}
    profile = create(ctx, PROFILE, params, params["InstanceProfileName"], parts)
    return {"InstanceProfile": profile_shape(ctx, profile)}


@reads
def get_instance_profile(params: t.GetInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    return {"InstanceProfile": profile_shape(ctx, find(ctx, PROFILE, params["InstanceProfileName"]))}


@reads
def list_instance_profiles(params: t.ListInstanceProfilesRequestTypeDef, ctx: Context) -> Answer:
    profiles, more = listed(ctx, PROFILE, params)
    return {"InstanceProfiles": [profile_shape(ctx, profile) for profile in profiles], **more}


@reads
def list_instance_profiles_for_role(params: t.ListInstanceProfilesForRoleRequestTypeDef, ctx: Context) -> Answer:
    names, more = window([(name, name) for name in find(ctx, ROLE, params["RoleName"])["profiles"]], params)
    profiles = [look_up(ctx, PROFILE, name) for name in names]
    return {"InstanceProfiles": [profile_shape(ctx, profile) for profile in profiles if profile is not None], **more}


@writes
def delete_instance_profile(params: t.DeleteInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    profile = find(ctx, PROFILE, params["InstanceProfileName"])
    check_unused(profile)
    remove(ctx, PROFILE, profile)
    return {}


@writes
def add_role_to_instance_profile(params: t.AddRoleToInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    profile = find(ctx, PROFILE, params["InstanceProfileName"])
    role = find_own_role(ctx, params["RoleName"])
    if profile["roles"]:
        raise over_quota("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    change(ctx, PROFILE, profile, roles=[role["name"]])
    change(ctx, ROLE, role, profiles=[*role["profiles"], profile["name"]])
    return {}


@writes
def remove_role_from_instance_profile(params: t.RemoveRoleFromInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    profile = find(ctx, PROFILE, params["InstanceProfileName"])
    role = find_own_role(ctx, params["RoleName"])
    if role["name"] not in profile["roles"]:
        raise missing(ROLE.missing.format(params["RoleName"]))
    change(ctx, PROFILE, profile, roles=[])
    change(ctx, ROLE, role, profiles=[name for name in role["profiles"] if name != profile["name"]])
    return {}


@writes
def tag_instance_profile(params: t.TagInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    profile = find(ctx, PROFILE, params["InstanceProfileName"])
    change(ctx, PROFILE, profile, tags=merged(profile["tags"], new_tags(params), "InstanceProfile"))
    return {}


@writes
def untag_instance_profile(params: t.UntagInstanceProfileRequestTypeDef, ctx: Context) -> Answer:
    profile = find(ctx, PROFILE, params["InstanceProfileName"])
    change(ctx, PROFILE, profile, tags=without(profile["tags"], params["TagKeys"]))
    return {}


@reads
def list_instance_profile_tags(params: t.ListInstanceProfileTagsRequestTypeDef, ctx: Context) -> Answer:
    return listed_tags(find(ctx, PROFILE, params["InstanceProfileName"])["tags"], params)
