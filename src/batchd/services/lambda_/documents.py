"""Functions as they are stored: a document for `$LATEST`, one for each version and each alias.

A document's `aws` is the FunctionConfiguration as it was asked for, with AWS's defaults; `code` names the blob.
"""

from __future__ import annotations

from typing import Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context
from batchd.invocation import FunctionSpec, ImageSpec
from batchd.services.lambda_.faults import function_missing, missing
from batchd.services.lambda_.references import LATEST, Reference, function_arn
from batchd.store.store import Body, Key

FUNCTION, VERSION, ALIAS = "lambda.function", "lambda.version", "lambda.alias"
_DIGITS = 10  # so that versions sort as numbers


def function_key(region: str, name: str) -> Key:
    return Key(FUNCTION, region, name)


def version_key(region: str, name: str, version: str) -> Key:
    return Key(VERSION, region, f"{name}/{int(version):0{_DIGITS}d}")


def alias_key(region: str, name: str, alias: str) -> Key:
    return Key(ALIAS, region, f"{name}/{alias}")


def find_function(ctx: Context, reference: Reference) -> Body:
    """The document of `$LATEST`; ResourceNotFoundException names what was asked for."""
    body = ctx.tx.resources.get(function_key(ctx.region, reference.name))
    if body is None:
        raise function_missing(function_arn(ctx, reference.name, reference.qualifier))
    return body


def find_alias(ctx: Context, name: str, alias: str) -> Body | None:
    return ctx.tx.resources.get(alias_key(ctx.region, name, alias))


def find_version(ctx: Context, reference: Reference) -> tuple[Body, str]:
    """The document of the version that a qualifier means, and that version."""
    latest, qualifier = find_function(ctx, reference), reference.qualifier
    if qualifier in ("", LATEST):
        return latest, LATEST
    alias = find_alias(ctx, reference.name, qualifier)
    version = alias["FunctionVersion"] if alias else qualifier
    if version == LATEST:
        return latest, LATEST
    key = version_key(ctx.region, reference.name, version) if version.isdigit() and len(version) <= _DIGITS else None
    body = ctx.tx.resources.get(key) if key else None
    if body is None:
        raise function_missing(function_arn(ctx, reference.name, qualifier))
    return body, version


def versions_of(ctx: Context, name: str) -> list[Body]:
    """Oldest first, without `$LATEST`."""
    return [body for _, body in ctx.tx.resources.page(VERSION, ctx.region, prefix=f"{name}/")]


def aliases_of(ctx: Context, name: str) -> list[Body]:
    return [body for _, body in ctx.tx.resources.page(ALIAS, ctx.region, prefix=f"{name}/")]


def find_layer(ctx: Context, arn: str) -> Body | None:
    """The document of a layer version; None if it was deleted, whoever still runs with it."""
    body = ctx.tx.resources.get(layer_key(arn))
    return None if body is None or body.get("is_deleted") else body


def _layer_blob(ctx: Context, arn: str) -> str:
    """Of a layer version that a function was given, also once that is deleted."""
    body = ctx.tx.resources.get(layer_key(arn))
    if body is None:
        raise missing(f"Layer version {arn} does not exist.")
    blob: str = body["code"]
    return blob


LAYER = "lambda.layer"


def layer_key(version_arn: str) -> Key:
    """`arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION`."""
    arn = parse_arn(version_arn)
    name, _, version = (arn.resource.removeprefix("layer:") if arn else version_arn).rpartition(":")
    number = int(version) if version.isdigit() and len(version) <= _DIGITS else 0
    return Key(LAYER, arn.region if arn else "", f"{name}/{number:0{_DIGITS}d}")


def spec_of(ctx: Context, latest: Body, body: Body, version: str) -> FunctionSpec:
    """What sandboxes of this version are made from. `latest` has what all versions share."""
    aws = body["aws"]
    return FunctionSpec(
        arn=function_arn(ctx, aws["FunctionName"]),
        name=aws["FunctionName"],
        region=ctx.region,
        version=version,
        revision=aws["RevisionId"],
        runtime=aws.get("Runtime", ""),
        handler=aws.get("Handler", ""),
        code=body.get("code", ""),
        role=aws["Role"],
        log_group=aws["LoggingConfig"]["LogGroup"],
        memory_mib=aws["MemorySize"],
        timeout_s=aws["Timeout"],
        layers=tuple(_layer_blob(ctx, layer["Arn"]) for layer in aws.get("Layers", ())),
        environment=dict(aws.get("Environment", {}).get("Variables", {})),
        reserved=latest.get("reserved"),
        image=_image(body),
    )


def _image(body: Body) -> ImageSpec | None:
    uri = body.get("image")
    if not uri:
        return None
    config: dict[str, Any] = body["aws"].get("ImageConfigResponse", {}).get("ImageConfig", {})
    return ImageSpec(uri, tuple(config.get("EntryPoint", ())), tuple(config.get("Command", ())))
