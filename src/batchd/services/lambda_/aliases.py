"""Aliases: names for versions, with a second version that gets a share of the calls. [lambda.md 1]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import DuplicateKey
from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.documents import ALIAS, alias_key, find_alias, find_function, find_version
from batchd.services.lambda_.faults import conflict, invalid, missing
from batchd.services.lambda_.pages import page_of
from batchd.services.lambda_.references import Reference, function_arn, reference_of
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t


@writes
def create_alias(params: t.CreateAliasRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    _check_versions(ctx, reference, params)
    if params["Name"].isdigit():
        raise invalid("Alias name must not be a number.")
    alias: Body = {
        "Name": params["Name"],
        "AliasArn": function_arn(ctx, reference.name, params["Name"]),
        "FunctionVersion": params["FunctionVersion"],
        "Description": params.get("Description", ""),
        "RevisionId": ctx.new_id(),
    }
    if _weights(params):
        alias["RoutingConfig"] = params["RoutingConfig"]
    try:
        ctx.tx.resources.insert(alias_key(ctx.region, reference.name, params["Name"]), alias)
    except DuplicateKey:
        raise conflict(f"Alias already exists: {alias['AliasArn']}") from None
    return alias


@reads
def get_alias(params: t.GetAliasRequestTypeDef, ctx: Context) -> Body:
    return _alias(ctx, reference_of(ctx, params), params["Name"])


@writes
def update_alias(params: t.UpdateAliasRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    alias = {**_alias(ctx, reference, params["Name"]), "RevisionId": ctx.new_id()}
    for member in ("FunctionVersion", "Description", "RoutingConfig"):
        if member in params:
            alias[member] = params[member]
    _check_versions(ctx, reference, alias)
    if not _weights(alias):
        alias.pop("RoutingConfig", None)
    ctx.tx.resources.put(alias_key(ctx.region, reference.name, params["Name"]), alias)
    return alias


@writes
def delete_alias(params: t.DeleteAliasRequestTypeDef, ctx: Context) -> None:
    """One that is not there is no error."""
    name = reference_of(ctx, params).name
    ctx.tx.resources.delete(Key(ALIAS, ctx.region, f"{name}/{params['Name']}"))


@reads
def list_aliases(params: t.ListAliasesRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    find_function(ctx, reference)
    page, marker = page_of(ctx, ALIAS, params, f"{reference.name}/")
    wanted = params.get("FunctionVersion")
    return {"Aliases": [body for _, body in page if wanted in (None, body["FunctionVersion"])], **marker}


def routed(alias: Body, chance: float) -> str:
    """The version that a call of the alias gets; `chance` is from 0 to 1."""
    for version, weight in sorted(_weights(alias).items()):
        if chance < weight:
            return str(version)
        chance -= weight
    return str(alias["FunctionVersion"])


def _weights(alias: Mapping[str, Any]) -> Mapping[str, float]:
    """Of the other versions, from 0 to 1."""
    weights: Mapping[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {}
    return weights


def _alias(ctx: Context, reference: Reference, name: str) -> Body:
    find_function(ctx, reference)
    alias = find_alias(ctx, reference.name, name)
    if alias is None:
        raise missing(f"Cannot find alias arn: {function_arn(ctx, reference.name, name)}")
    return alias


def _check_versions(ctx: Context, reference: Reference, params: Mapping[str, Any]) -> None:
    weights = _weights(params)
    for version in (params["FunctionVersion"], *weights):
        find_version(ctx, Reference(reference.name, version))
    if weights and "$LATEST" in (params["FunctionVersion"], *weights):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if sum(weights.values()) > 1:
        raise invalid("The weights of an alias must not be more than 1 together")
