"""Secrets: created, changed, described."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.secretsmanager.documents import (
    CURRENT,
    described,
    existing,
    find_secret,
    identity,
    save,
    staged,
    usable,
)
from batchd.services.secretsmanager.faults import exists, invalid_parameter, invalid_request
from batchd.services.secretsmanager.tags import new_tags
from batchd.services.secretsmanager.versions import add_version, given_value
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@writes
def create_secret(params: t.CreateSecretRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """With a first version where a value is given. A repeat with the same ClientRequestToken and value is the same."""
    name = params["Name"]
    if not _NAME.fullmatch(name):
        raise ApiError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    if params.get("AddReplicaRegions"):
        raise invalid_parameter("AddReplicaRegions: this server keeps a secret in one region.")
    if found := find_secret(ctx.tx, ctx.region, name, ctx.now_ms):
        return _created_before(ctx, found, params)
    body: Body = {
        "arn": ctx.arn("secretsmanager", f"secret:{name}-{_suffix(ctx.new_id())}"),
        "created_at": ctx.now_ms,
        "tags": new_tags(params.get("Tags", ())),
        "versions": {},
    }
    if params.get("Description"):
        body["description"] = params["Description"]
    if params.get("KmsKeyId"):
        body["kms_key_id"] = params["KmsKeyId"]
    if given_value(params) is None:
        return identity(name, save(ctx, name, body))
    version, versions = add_version(ctx, name, body, params, [CURRENT])
    return {**identity(name, save(ctx, name, body, versions=versions)), "VersionId": version}


@writes
def update_secret(params: t.UpdateSecretRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Description and key; a value becomes the current version."""
    name, body = usable(ctx, params["SecretId"])
    changes: dict[str, Any] = {}
    if "Description" in params:
        changes["description"] = params["Description"] or None
    if "KmsKeyId" in params:
        changes["kms_key_id"] = params["KmsKeyId"] or None
    if given_value(params) is None:
        return identity(name, save(ctx, name, body, **changes))
    version, versions = add_version(ctx, name, body, params, [CURRENT])
    return {**identity(name, save(ctx, name, body, versions=versions, **changes)), "VersionId": version}


@reads
def describe_secret(params: t.DescribeSecretRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Also of one that is marked for deletion."""
    name, body = existing(ctx, params["SecretId"])
    shown = described(name, body)
    return {**shown, "VersionIdsToStages": staged(body)} if body["versions"] else shown


def _created_before(ctx: Context, found: tuple[str, Body], params: t.CreateSecretRequestTypeDef) -> dict[str, Any]:
    name, body = found
    if "deleted_at" in body:
        raise invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    if params.get("ClientRequestToken") not in body["versions"] or given_value(params) is None:
        raise exists(f"The operation failed because the secret {name} already exists.")
    version, _ = add_version(ctx, name, body, params, [CURRENT])
    return {**identity(name, body), "VersionId": version}


def _suffix(uuid: str) -> str:
    """Six characters that nobody had for this name before."""
    number = UUID(uuid).int
    return "".join(_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(6))
