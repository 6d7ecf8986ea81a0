"""Staging labels, and the versions that have or had them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.services.secretsmanager.documents import CURRENT, existing, identity, save, usable, version_at
from batchd.services.secretsmanager.faults import invalid_parameter, no_value
from batchd.services.secretsmanager.listing import cut
from batchd.services.secretsmanager.versions import with_stages
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_PAGE = 100


@reads
def list_secret_version_ids(params: t.ListSecretVersionIdsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Oldest first; those without a label only when asked for."""
    name, body = existing(ctx, params["SecretId"])
    found = [
        ([one["created_at"], version], _version_entry(version, one))
        for version, one in body["versions"].items()
        if one["stages"] or params.get("IncludeDeprecated")
    ]
    page, token = cut(found, params, _PAGE)
    answer = {**identity(name, body), "Versions": page}
    return {**answer, "NextToken": token} if token else answer


@writes
def update_secret_version_stage(params: t.UpdateSecretVersionStageRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Move, attach or remove a label. AWSCURRENT is always attached to some version."""
    name, body = usable(ctx, params["SecretId"])
    stage, to, source = params["VersionStage"], params.get("MoveToVersionId"), params.get("RemoveFromVersionId")
    for version in (to, source):
        if version is not None and version not in body["versions"]:
            raise no_value(f"VersionId: {version}")
    _validate_move(body, stage, to, source)
    if to is not None:
        versions = with_stages(body["versions"], to, [stage])
    else:
        versions = {
            version: {**one, "stages": [s for s in one["stages"] if s != stage or version != source]}
            for version, one in body["versions"].items()
        }
    return identity(name, save(ctx, name, body, versions=versions))


def _validate_move(body: Body, stage: str, to: str | None, source: str | None) -> None:
    holder = version_at(body, stage)
    if source is not None and source != holder:
        raise invalid_parameter(f"Version stage {stage} not found in version {source}")
    if to is None and stage == CURRENT:
        raise invalid_parameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
        )
    if to is not None and holder not in (None, to) and source is None:
        raise invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version "
            f"{holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )


def _version_entry(version: str, one: Body) -> dict[str, Any]:
    entry = {"VersionId": version, "CreatedDate": one["created_at"] / 1000}
    return {**entry, "VersionStages": list(one["stages"])} if one["stages"] else entry
