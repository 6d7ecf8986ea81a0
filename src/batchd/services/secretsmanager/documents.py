"""Secrets as they are stored.

A secret is one document by its name: arn, created_at, changed_at (ms), tags, versions, and where they are set
description, kms_key_id, policy, deleted_at and purge_at (ms). `versions` maps a version's id to its created_at and
stages (staging labels). Each version's value is a document of its own, sealed.
"""

from __future__ import annotations

from typing import Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.services.secretsmanager.faults import marked_for_deletion, not_found
from batchd.store.store import Body, Key, Tx

KIND = "secretsmanager.secret"
VALUE = "secretsmanager.value"
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_SUFFIX = 7  # `-` and six characters that AWS adds to the name in an ARN


def find_secret(tx: Tx, region: str, secret_id: str, now: int) -> tuple[str, Body] | None:
    """Name and document of what has this name, ARN, or ARN without its suffix; None: there is none (any more)."""
    arn = parse_arn(secret_id)
    if arn is None or not arn.resource.startswith("secret:"):
        names = [secret_id]
    else:
        text = arn.resource.removeprefix("secret:")
        names = [text[:-_SUFFIX], text]
    for name in names:
        body = tx.resources.get(Key(KIND, region, name))
        if body is not None and body.get("purge_at", now + 1) > now and _is_meant(body, secret_id, arn is not None):
            return name, body
    return None


def _is_meant(body: Body, secret_id: str, is_arn: bool) -> bool:
    """An ARN must be the secret's own, whole or without the suffix."""
    return not is_arn or secret_id in (body["arn"], body["arn"][:-_SUFFIX])


def existing(ctx: Context, secret_id: str) -> tuple[str, Body]:
    """Marked for deletion or not. ResourceNotFoundException."""
    found = find_secret(ctx.tx, ctx.region, secret_id, ctx.now_ms)
    if found is None:
        raise not_found()
    return found


def usable(ctx: Context, secret_id: str) -> tuple[str, Body]:
    """ResourceNotFoundException, or InvalidRequestException for one that is marked for deletion."""
    name, body = existing(ctx, secret_id)
    if "deleted_at" in body:
        raise marked_for_deletion()
    return name, body


def save(ctx: Context, name: str, body: Body, **changes: Any) -> Body:
    """Set members of the document; None removes one. Returns the new document."""
    merged = {**body, **changes, "changed_at": ctx.now_ms}
    kept = {member: value for member, value in merged.items() if value is not None}
    ctx.tx.resources.put(Key(KIND, ctx.region, name), kept)
    return kept


def value_key(region: str, name: str, version: str) -> Key:
    """`#` is in no secret's name."""
    return Key(VALUE, region, f"{name}#{version}")


def erase(tx: Tx, region: str, name: str) -> None:
    """The secret and all its values."""
    for value_name, _ in tx.resources.page(VALUE, region, prefix=f"{name}#"):
        tx.resources.delete(Key(VALUE, region, value_name))
    tx.resources.delete(Key(KIND, region, name))


def version_at(body: Body, stage: str) -> str | None:
    """The version that has this staging label."""
    return next((version for version, one in body["versions"].items() if stage in one["stages"]), None)


def staged(body: Body) -> dict[str, list[str]]:
    """Versions that have staging labels, and which."""
    return {version: list(one["stages"]) for version, one in body["versions"].items() if one["stages"]}


def identity(name: str, body: Body) -> dict[str, Any]:
    """What every answer begins with."""
    return {"ARN": body["arn"], "Name": name}


def described(name: str, body: Body) -> dict[str, Any]:
    """What DescribeSecret and ListSecrets have in common."""
    shown: dict[str, Any] = {**identity(name, body), "CreatedDate": body["created_at"] / 1000}
    shown["LastChangedDate"] = body["changed_at"] / 1000
    for member, shape in (("description", "Description"), ("kms_key_id", "KmsKeyId")):
        if member in body:
            shown[shape] = body[member]
    if "purge_at" in body:
        shown["DeletedDate"] = body["purge_at"] / 1000
    if body["tags"]:
        shown["Tags"] = tag_list(body["tags"])
    return shown


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
