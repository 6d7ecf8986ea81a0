"""What belongs to a function as a whole: reserved concurrency, tags, and what Terraform reads beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.documents import FUNCTION, find_function, function_key
from batchd.services.lambda_.faults import invalid
from batchd.services.lambda_.references import Reference, function_arn, reference_of
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

_CONCURRENCY = 1000  # an account's, on AWS


@writes
def put_function_concurrency(params: t.PutFunctionConcurrencyRequestTypeDef, ctx: Context) -> Body:
    """0 lets nothing run."""
    reference = reference_of(ctx, params)
    reserved = params["ReservedConcurrentExecutions"]
    ctx.tx.resources.put(
        function_key(ctx.region, reference.name), {**find_function(ctx, reference), "reserved": reserved}
    )
    return {"ReservedConcurrentExecutions": reserved}


@reads
def get_function_concurrency(params: t.GetFunctionConcurrencyRequestTypeDef, ctx: Context) -> Body:
    reserved = find_function(ctx, reference_of(ctx, params)).get("reserved")
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


@writes
def delete_function_concurrency(params: t.DeleteFunctionConcurrencyRequestTypeDef, ctx: Context) -> None:
    reference = reference_of(ctx, params)
    body = {**find_function(ctx, reference)}
    body.pop("reserved", None)
    ctx.tx.resources.put(function_key(ctx.region, reference.name), body)


@writes
def tag_resource(params: t.TagResourceRequestTypeDef, ctx: Context) -> None:
    reference = _tagged(ctx, params["Resource"])
    body = find_function(ctx, reference)
    tags = {**body["tags"], **params["Tags"]}
    if len(tags) > 50:
        raise invalid("The number of tags on a function must not be more than 50.")
    ctx.tx.resources.put(function_key(ctx.region, reference.name), {**body, "tags": tags})


@writes
def untag_resource(params: t.UntagResourceRequestTypeDef, ctx: Context) -> None:
    reference = _tagged(ctx, params["Resource"])
    body = find_function(ctx, reference)
    tags = {name: value for name, value in body["tags"].items() if name not in params["TagKeys"]}
    ctx.tx.resources.put(function_key(ctx.region, reference.name), {**body, "tags": tags})


@reads
def list_tags(params: t.ListTagsRequestTypeDef, ctx: Context) -> Body:
    return {"Tags": find_function(ctx, _tagged(ctx, params["Resource"]))["tags"]}


@reads
def get_function_code_signing_config(params: t.GetFunctionCodeSigningConfigRequestTypeDef, ctx: Context) -> Body:
    """Nothing is signed here: a function without a configuration."""
    reference = reference_of(ctx, params)
    find_function(ctx, reference)
    return {"FunctionName": reference.name}


@reads
def get_runtime_management_config(params: t.GetRuntimeManagementConfigRequestTypeDef, ctx: Context) -> Body:
    """Runtimes are the machine's own; there is nothing to choose."""
    reference = reference_of(ctx, params)
    find_function(ctx, reference)
    return {
        "UpdateRuntimeOn": "Auto",
        "FunctionArn": function_arn(ctx, reference.name, reference.qualifier),
    }


@reads
def get_function_recursion_config(params: t.GetFunctionRecursionConfigRequestTypeDef, ctx: Context) -> Body:
    """Nobody looks for loops."""
    find_function(ctx, reference_of(ctx, params))
    return {"RecursiveLoop": "Allow"}


@reads
def get_account_settings(params: object, ctx: Context) -> Body:
    functions = ctx.tx.resources.page(FUNCTION, ctx.region)
    reserved = sum(body.get("reserved", 0) for _, body in functions)
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": _CONCURRENCY,
            "UnreservedConcurrentExecutions": max(_CONCURRENCY - reserved, 0),
        },
        "AccountUsage": {
            "TotalCodeSize": sum(body["aws"].get("CodeSize", 0) for _, body in functions),
            "FunctionCount": len(functions),
        },
    }


def _tagged(ctx: Context, arn: str) -> Reference:
    reference = reference_of(ctx, {"FunctionName": arn})
    if reference.qualifier:
        raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return reference
