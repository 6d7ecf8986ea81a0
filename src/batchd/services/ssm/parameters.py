"""Deletion of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, writes
from batchd.services.ssm.documents import KIND, VERSION, existing, find_parameter
from batchd.store.store import Key

if TYPE_CHECKING:
    from types_boto3_ssm import type_defs as t


@writes
def delete_parameter(params: t.DeleteParameterRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """With all its versions. ParameterNotFound."""
    name, _ = existing(ctx, params["Name"])
    _erase(ctx, name)
    return {}


@writes
def delete_parameters(params: t.DeleteParametersRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Those there are; the others are invalid."""
    deleted: list[str] = []
    unknown: list[str] = []
    for text in dict.fromkeys(params["Names"]):
        found = find_parameter(ctx.tx, ctx.region, text)
        if found is None:
            unknown.append(text)
        else:
            _erase(ctx, found[0])
            deleted.append(text)
    return {"DeletedParameters": deleted, "InvalidParameters": unknown}


def _erase(ctx: Context, name: str) -> None:
    for version, _ in ctx.tx.resources.page(VERSION, ctx.region, prefix=f"{name}:"):
        ctx.tx.resources.delete(Key(VERSION, ctx.region, version))
    ctx.tx.resources.delete(Key(KIND, ctx.region, name))
