"""How events are invoked: how often, for how long, and who hears what became of them. [lambda.md 6, Async queue]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.documents import find_function, find_version
from batchd.services.lambda_.faults import invalid, missing
from batchd.services.lambda_.pages import page_of
from batchd.services.lambda_.references import LATEST, Reference, function_arn, reference_of
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

KIND = "lambda.event-invoke"
_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


@writes
def put_function_event_invoke_config(params: t.PutFunctionEventInvokeConfigRequestTypeDef, ctx: Context) -> Body:
    """Replaces what there was."""
    return _save(ctx, params, {})


@writes
def update_function_event_invoke_config(params: t.UpdateFunctionEventInvokeConfigRequestTypeDef, ctx: Context) -> Body:
    reference = _reference(ctx, params)
    return _save(ctx, params, _found(ctx, reference))


@reads
def get_function_event_invoke_config(params: t.GetFunctionEventInvokeConfigRequestTypeDef, ctx: Context) -> Body:
    return _found(ctx, _reference(ctx, params))


@writes
def delete_function_event_invoke_config(params: t.DeleteFunctionEventInvokeConfigRequestTypeDef, ctx: Context) -> None:
    reference = _reference(ctx, params)
    _found(ctx, reference)
    ctx.tx.resources.delete(_key(ctx, reference))


@reads
def list_function_event_invoke_configs(params: t.ListFunctionEventInvokeConfigsRequestTypeDef, ctx: Context) -> Body:
    name = reference_of(ctx, params).name
    find_function(ctx, Reference(name))
    page, marker = page_of(ctx, KIND, params, f"{name}/")
    return {"FunctionEventInvokeConfigs": [body for _, body in page], **marker}


def event_invoke_config(ctx: Context, reference: Reference) -> Body:
    """What holds for events of this function and qualifier; empty if nobody has said anything."""
    return ctx.tx.resources.get(_key(ctx, reference)) or {}


def _reference(ctx: Context, params: Mapping[str, Any]) -> Reference:
    reference = reference_of(ctx, params)
    if ctx.tx.resources.get(Key("lambda.function", ctx.region, reference.name)) is None:
        raise missing("The function doesn't exist.")
    find_version(ctx, reference)
    return reference


def _key(ctx: Context, reference: Reference) -> Key:
    return Key(KIND, ctx.region, f"{reference.name}/{reference.qualifier or LATEST}")


def _found(ctx: Context, reference: Reference) -> Body:
    body = ctx.tx.resources.get(_key(ctx, reference))
    if body is None:
        arn = function_arn(ctx, reference.name, reference.qualifier or LATEST)
        raise missing(f"The function {arn} doesn't have an EventInvokeConfig")
    return body


def _save(ctx: Context, params: Mapping[str, Any], before: Body) -> Body:
    reference = _reference(ctx, params)
    if not any(member in params for member in _MEMBERS):
        raise invalid("You must specify at least one of error handling or destination setting.")
    given = {member: params[member] for member in _MEMBERS if member in params}
    body: Body = {
        **before,
        **given,
        "LastModified": ctx.now_ms / 1000,
        "FunctionArn": function_arn(ctx, reference.name, reference.qualifier or LATEST),
    }
    body["DestinationConfig"] = {"OnSuccess": {}, "OnFailure": {}, **body.get("DestinationConfig", {})}
    ctx.tx.resources.put(_key(ctx, reference), body)
    return body
