"""Deletion of secrets: after a recovery window, in which they can be restored, or at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, writes
from batchd.services.secretsmanager.documents import KIND, erase, existing, find_secret, identity, save
from batchd.services.secretsmanager.faults import invalid_parameter, invalid_request, not_found
from batchd.store.store import Tx

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_DAY_MS = 86_400_000
_WINDOW_DAYS = 30


@writes
def delete_secret(params: t.DeleteSecretRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Marked and unusable from now on; with ForceDeleteWithoutRecovery gone, even if it never was."""
    days, force = params.get("RecoveryWindowInDays"), params.get("ForceDeleteWithoutRecovery", False)
    if days is not None and force:
        raise invalid_parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    if days is not None and not 7 <= days <= _WINDOW_DAYS:
        raise invalid_parameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    found = find_secret(ctx.tx, ctx.region, params["SecretId"], ctx.now_ms)
    if force:
        return _force(ctx, params["SecretId"])
    if found is None:
        raise not_found()
    name, body = found
    if "deleted_at" in body:
        raise invalid_request(
            "You can't perform this operation on the secret because it was already scheduled for deletion."
        )
    purge_at = ctx.now_ms + (days or _WINDOW_DAYS) * _DAY_MS
    save(ctx, name, body, deleted_at=ctx.now_ms, purge_at=purge_at)
    return {**identity(name, body), "DeletionDate": purge_at / 1000}


@writes
def restore_secret(params: t.RestoreSecretRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Usable again, as it was."""
    name, body = existing(ctx, params["SecretId"])
    return identity(name, save(ctx, name, body, deleted_at=None, purge_at=None))


def purge_deleted(tx: Tx, now: int) -> int:
    """A chore: forget the secrets whose recovery window is over; how many."""
    over = [key for key, body in tx.resources.every(KIND) if body.get("purge_at", now + 1) <= now]
    for key in over:
        erase(tx, key.region, key.name)
    return len(over)


def _force(ctx: Context, secret_id: str) -> dict[str, Any]:
    found = find_secret(ctx.tx, ctx.region, secret_id, ctx.now_ms)
    if found is None:
        arn = ctx.arn("secretsmanager", f"secret:{secret_id}")
        return {"ARN": arn, "Name": secret_id, "DeletionDate": ctx.now_ms / 1000}
    name, body = found
    erase(ctx.tx, ctx.region, name)
    return {**identity(name, body), "DeletionDate": ctx.now_ms / 1000}
