"""Layers: zips that functions have in common. [lambda.md 1, 2]"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.code import code_link, take_code
from batchd.services.lambda_.documents import LAYER, find_layer, layer_key
from batchd.services.lambda_.faults import invalid, missing
from batchd.services.lambda_.pages import page_of
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

_LAST = "lambda.layer-number"  # the last version's number, of every layer that ever was


@writes
def publish_layer_version(params: t.PublishLayerVersionRequestTypeDef, ctx: Context) -> Body:
    name = _name(ctx, params["LayerName"])
    counter = Key(_LAST, ctx.region, name)
    number = (ctx.tx.resources.get(counter) or {"last": 0})["last"] + 1
    ctx.tx.resources.put(counter, {"last": number})
    code = take_code(ctx, params["Content"], f"{ctx.region}/layer/{name}/{number}")
    at = datetime.fromtimestamp(ctx.now_ms / 1000, UTC)
    arn = ctx.arn("lambda", f"layer:{name}")
    aws: Body = {
        "LayerArn": arn,
        "LayerVersionArn": f"{arn}:{number}",
        "Description": params.get("Description", ""),
        "CreatedDate": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000",
        "Version": number,
    }
    for member in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"):
        if params.get(member):
            aws[member] = params[member]
    body = {"aws": aws, "code": code.blob, "content": {"CodeSize": code.size, "CodeSha256": code.sha256}}
    ctx.tx.resources.put(layer_key(aws["LayerVersionArn"]), body)
    return _with_content(ctx, body)


@reads
def get_layer_version(params: t.GetLayerVersionRequestTypeDef, ctx: Context) -> Body:
    arn = ctx.arn("lambda", f"layer:{_name(ctx, params['LayerName'])}:{params['VersionNumber']}")
    return _with_content(ctx, _layer(ctx, arn))


@reads
def get_layer_version_by_arn(params: t.GetLayerVersionByArnRequestTypeDef, ctx: Context) -> Body:
    return _with_content(ctx, _layer(ctx, params["Arn"]))


@writes
def delete_layer_version(params: t.DeleteLayerVersionRequestTypeDef, ctx: Context) -> None:
    """No function can be given it any more; those that have it keep it. One that is not there is no error."""
    arn = ctx.arn("lambda", f"layer:{_name(ctx, params['LayerName'])}:{params['VersionNumber']}")
    body = find_layer(ctx, arn)
    if body is not None:
        ctx.tx.resources.put(layer_key(arn), {**body, "is_deleted": True})


@reads
def list_layer_versions(params: t.ListLayerVersionsRequestTypeDef, ctx: Context) -> Body:
    """The newest first."""
    name = _name(ctx, params["LayerName"])
    wanted = [aws for aws in reversed(_versions(ctx, name)) if _suits(aws, params.get("CompatibleRuntime"))]
    start = int(params["Marker"]) if params.get("Marker", "").isdigit() else 0
    limit = params.get("MaxItems", 50)
    more = {"NextMarker": str(start + limit)} if len(wanted) > start + limit else {}
    return {"LayerVersions": wanted[start : start + limit], **more}


@reads
def list_layers(params: t.ListLayersRequestTypeDef, ctx: Context) -> Body:
    """Each with its newest version."""
    page, marker = page_of(ctx, _LAST, params)
    layers = []
    for name, _ in page:
        suited = [aws for aws in _versions(ctx, name) if _suits(aws, params.get("CompatibleRuntime"))]
        if suited:
            latest = suited[-1]
            layers.append({"LayerName": name, "LayerArn": latest["LayerArn"], "LatestMatchingVersion": latest})
    return {"Layers": layers, **marker}


def _name(ctx: Context, text: str) -> str:
    """Of a layer's name or ARN."""
    name = text.removeprefix(ctx.arn("lambda", "layer:"))
    if ":" in name:
        raise invalid(f"Invalid Layer name: {text}")
    return name


def _layer(ctx: Context, arn: str) -> Body:
    body = find_layer(ctx, arn)
    if body is None:
        raise missing("The resource you requested does not exist.")
    return body


def _versions(ctx: Context, name: str) -> list[Body]:
    """Oldest first, without those that were deleted."""
    found = ctx.tx.resources.page(LAYER, ctx.region, prefix=f"{name}/")
    return [body["aws"] for _, body in found if not body.get("is_deleted")]


def _with_content(ctx: Context, body: Body) -> Body:
    return {**body["aws"], "Content": {"Location": code_link(ctx, body["code"]), **body["content"]}}


def _suits(aws: Body, runtime: str | None) -> bool:
    return runtime is None or runtime in aws.get("CompatibleRuntimes", ())
