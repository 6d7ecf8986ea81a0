"""Versions of a secret: a new one is written, and staging labels move to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from batchd.gateway.operation import Context
from batchd.gateway.vault import Vault
from batchd.services.secretsmanager.documents import CURRENT, PREVIOUS, value_key, version_at
from batchd.services.secretsmanager.faults import exists, invalid_parameter
from batchd.store.store import Body, Key, Tx

_MOST_UNLABELED = 100  # older ones without a label are dropped
Params = Mapping[str, Any]  # Any: the members of one operation's input, each of its own type


def given_value(params: Params) -> Body | None:
    """The value in a request, as it will be sealed; None if it has none. InvalidParameterException for two."""
    if "SecretString" in params and "SecretBinary" in params:
        raise invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret."
        )
    if "SecretString" in params:
        return {"string": params["SecretString"]}
    if "SecretBinary" in params:
        return {"binary": base64.b64encode(params["SecretBinary"]).decode()}
    return None


def read_value(tx: Tx, vault: Vault, key: Key) -> dict[str, Any]:
    """SecretString or SecretBinary, as answers have it."""
    row = tx.resources.get(key)
    assert row is not None, f"the version of {key.name} has no value"
    value = vault.unseal(key, row["sealed"])
    return {"SecretBinary": value} if row["binary"] else {"SecretString": value.decode()}


def add_version(ctx: Context, name: str, body: Body, params: Params, stages: Sequence[str]) -> tuple[str, Body]:
    """The version's id, and the versions as they are with it; unchanged where a repeated request made it already.

    ResourceExistsException where the id is another value's.
    """
    value = given_value(params)
    assert value is not None, "the caller has looked"
    version = params.get("ClientRequestToken") or ctx.new_id()
    key = value_key(ctx.region, name, version)
    if version in body["versions"]:
        if read_value(ctx.tx, ctx.deployment.vault, key) != _answered(value):
            raise exists(
                f"You can't use ClientRequestToken {version} because that value is already in use for a version of "
                f"secret {body['arn']}."
            )
        return version, body["versions"]
    plain = base64.b64decode(value["binary"]) if "binary" in value else value["string"].encode()
    sealed = {"sealed": ctx.deployment.vault.seal(key, plain), "binary": "binary" in value}
    ctx.tx.resources.put(key, sealed)
    versions = {**body["versions"], version: {"created_at": ctx.now_ms, "stages": []}}
    wanted = stages if version_at(body, CURRENT) else [*stages, CURRENT]
    versions = with_stages(versions, version, wanted)
    return version, _without_oldest(ctx, name, versions)


def with_stages(versions: Body, version: str, stages: Sequence[str]) -> Body:
    """The labels moved to this version; the version that loses AWSCURRENT gets AWSPREVIOUS."""
    moved = {other: {**one, "stages": [s for s in one["stages"] if s not in stages]} for other, one in versions.items()}
    moved[version]["stages"] = list(dict.fromkeys([*moved[version]["stages"], *stages]))
    former = next((other for other, one in versions.items() if CURRENT in one["stages"]), None)
    if CURRENT in stages and former is not None and former != version:
        for one in moved.values():
            one["stages"] = [stage for stage in one["stages"] if stage != PREVIOUS]
        moved[former]["stages"].append(PREVIOUS)
    return moved


def _without_oldest(ctx: Context, name: str, versions: Body) -> Body:
    unlabeled = [version for version, one in versions.items() if not one["stages"]]
    gone = set(unlabeled[:-_MOST_UNLABELED])
    for version in gone:
        ctx.tx.resources.delete(value_key(ctx.region, name, version))
    return {version: one for version, one in versions.items() if version not in gone}


def _answered(value: Body) -> dict[str, Any]:
    if "binary" in value:
        return {"SecretBinary": base64.b64decode(value["binary"])}
    return {"SecretString": value["string"]}
