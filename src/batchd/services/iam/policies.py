"""Managed policies and their versions. [iam.md 4, 11, 14]"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.iam.catalogue import aws_policies
from batchd.services.iam.documents import check_identity_policy, size_of
from batchd.services.iam.entities import POLICY, arn_of, change, create, remove
from batchd.services.iam.faults import conflict, missing, over_quota
from batchd.services.iam.links import ATTACHMENT, BOUNDARY, count_of, uses_of
from batchd.services.iam.managed import find_own_policy, find_policy, sort_key
from batchd.services.iam.paging import window
from batchd.services.iam.shapes import (
    Answer,
    policy_created,
    policy_detail,
    policy_listed,
    version_detail,
    version_listed,
)
from batchd.services.iam.tags import listed_tags, merged, new_tags, without
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t

MAX_POLICY = 6144
MAX_VERSIONS = 5


@writes
def create_policy(params: t.CreatePolicyRequestTypeDef, ctx: Context) -> Answer:
    parts = {
        "updated_at": ctx.now_ms,
        "description": params.get("Description", ""),
        "default": "v1",
        "last_version": 1,
        "versions": {"v1": _version(params["PolicyDocument"], ctx)},
        "tags": new_tags(params),
    }
    policy = create(ctx, POLICY, params, params["PolicyName"], parts)
    return {"Policy": policy_created(ctx, policy)}


@reads
def get_policy(params: t.GetPolicyRequestTypeDef, ctx: Context) -> Answer:
    return {"Policy": policy_detail(ctx, params["PolicyArn"], find_policy(ctx, params["PolicyArn"]))}


@reads
def list_policies(params: t.ListPoliciesRequestTypeDef, ctx: Context) -> Answer:
    """Ours and those of the catalogue, by name."""
    counted = uses_of(params.get("PolicyUsageFilter"))
    only_attached = params.get("OnlyAttached", False) or "PolicyUsageFilter" in params
    prefix = params.get("PathPrefix", "/")
    found = [
        (sort_key(arn, policy), (arn, policy))
        for arn, policy in _policies(ctx, params.get("Scope", "All"))
        if policy["path"].startswith(prefix) and (not only_attached or any(count_of(ctx, use, arn) for use in counted))
    ]
    policies, more = window(found, params)
    return {"Policies": [policy_listed(ctx, arn, policy) for arn, policy in policies], **more}


@writes
def delete_policy(params: t.DeletePolicyRequestTypeDef, ctx: Context) -> Answer:
    arn = params["PolicyArn"]
    policy = find_own_policy(ctx, arn, "DeletePolicy")
    if count_of(ctx, ATTACHMENT, arn) or count_of(ctx, BOUNDARY, arn):
        raise conflict("Cannot delete a policy attached to entities.")
    if len(policy["versions"]) > 1:
        raise conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
    remove(ctx, POLICY, policy)
    return {}


@writes
def create_policy_version(params: t.CreatePolicyVersionRequestTypeDef, ctx: Context) -> Answer:
    """Version ids are never used again."""
    policy = find_own_policy(ctx, params["PolicyArn"], "CreatePolicyVersion")
    version = _version(params["PolicyDocument"], ctx)
    if len(policy["versions"]) >= MAX_VERSIONS:
        raise over_quota(
            "A managed policy can have up to 5 versions. Before you create a new version, "
            "you must delete an existing version."
        )
    number = policy["last_version"] + 1
    version_id = f"v{number}"
    policy = change(
        ctx,
        POLICY,
        policy,
        versions={**policy["versions"], version_id: version},
        last_version=number,
        default=version_id if params.get("SetAsDefault", False) else policy["default"],
        updated_at=ctx.now_ms,
    )
    return {"PolicyVersion": version_listed(policy, version_id)}


@reads
def get_policy_version(params: t.GetPolicyVersionRequestTypeDef, ctx: Context) -> Answer:
    policy = find_policy(ctx, params["PolicyArn"])
    _require_version(policy, params["PolicyArn"], params["VersionId"])
    return {"PolicyVersion": version_detail(policy, params["VersionId"])}


@reads
def list_policy_versions(params: t.ListPolicyVersionsRequestTypeDef, ctx: Context) -> Answer:
    """Newest first."""
    policy = find_policy(ctx, params["PolicyArn"])
    newest_first = [(f"{10**9 - int(version_id[1:]):010}", version_id) for version_id in policy["versions"]]
    versions, more = window(newest_first, params)
    return {"Versions": [version_listed(policy, version_id) for version_id in versions], **more}


@writes
def delete_policy_version(params: t.DeletePolicyVersionRequestTypeDef, ctx: Context) -> Answer:
    arn, version_id = params["PolicyArn"], params["VersionId"]
    policy = find_own_policy(ctx, arn, "DeletePolicyVersion")
    _require_version(policy, arn, version_id)
    if version_id == policy["default"]:
        raise conflict("Cannot delete the default version of a policy.")
    kept = {key: version for key, version in policy["versions"].items() if key != version_id}
    change(ctx, POLICY, policy, versions=kept, updated_at=ctx.now_ms)
    return {}


@writes
def set_default_policy_version(params: t.SetDefaultPolicyVersionRequestTypeDef, ctx: Context) -> Answer:
    arn, version_id = params["PolicyArn"], params["VersionId"]
    policy = find_own_policy(ctx, arn, "SetDefaultPolicyVersion")
    _require_version(policy, arn, version_id)
    change(ctx, POLICY, policy, default=version_id, updated_at=ctx.now_ms)
    return {}


@writes
def tag_policy(params: t.TagPolicyRequestTypeDef, ctx: Context) -> Answer:
    policy = find_own_policy(ctx, params["PolicyArn"], "TagPolicy")
    change(ctx, POLICY, policy, tags=merged(policy["tags"], new_tags(params), "Policy"))
    return {}


@writes
def untag_policy(params: t.UntagPolicyRequestTypeDef, ctx: Context) -> Answer:
    policy = find_own_policy(ctx, params["PolicyArn"], "UntagPolicy")
    change(ctx, POLICY, policy, tags=without(policy["tags"], params["TagKeys"]))
    return {}


@reads
def list_policy_tags(params: t.ListPolicyTagsRequestTypeDef, ctx: Context) -> Answer:
    return listed_tags(find_policy(ctx, params["PolicyArn"])["tags"], params)


def _policies(ctx: Context, scope: str) -> Iterator[tuple[str, Body]]:
    if scope in ("All", "Local"):
        for _, policy in ctx.tx.resources.page(POLICY.kind, ""):
            yield arn_of(ctx, POLICY, policy), policy
    if scope in ("All", "AWS"):
        yield from aws_policies()


def _version(document: str, ctx: Context) -> Body:
    check_identity_policy(document)
    if size_of(document) > MAX_POLICY:
        raise over_quota(f"Cannot exceed quota for PolicySize: {MAX_POLICY}")
    return {"document": document, "created_at": ctx.now_ms}


def _require_version(policy: Body, arn: str, version_id: str) -> None:
    if version_id not in policy["versions"]:
        raise missing(f"Policy {arn} version {version_id} does not exist or is not attachable.")
