"""Invoke: at once, with the answer, or queued, to be tried until it is over. [lambda.md 6]"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, Later, writes
from batchd.invocation import FunctionSpec, Invocation, Outcome, Throttled
from batchd.services.lambda_.events import queue_event
from batchd.services.lambda_.invocations import called
from batchd.services.lambda_.references import function_arn, reference_of
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

_MOST_SYNC = 6_291_456
_MOST_ASYNC = 1_048_576


@writes
def invoke(params: t.InvocationRequestTypeDef, ctx: Context) -> Body | Later:
    """`Event` is durable once it is answered. A dry run checks the function and runs nothing."""
    reference = reference_of(ctx, params)
    function = called(ctx, reference)
    payload = checked_payload(params.get("Payload") or b"")
    kind = params.get("InvocationType", "RequestResponse")
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        _check_size(payload, _MOST_ASYNC)
        queue_event(ctx, reference, payload)
        return {"StatusCode": 202}
    _check_size(payload, _MOST_SYNC)
    invoked = function_arn(ctx, reference.name, reference.qualifier)
    invocation = Invocation(function, ctx.request_id, payload, invoked, _client_context(params))
    wants_tail = params.get("LogType") == "Tail"

    async def answer() -> Body:
        try:
            outcome = await ctx.deployment.invoke(invocation)
        except Throttled as error:
            raise ApiError("TooManyRequestsException", str(error), 429) from None
        return _answered(outcome, function, wants_tail=wants_tail)

    return Later(answer)


@writes
def invoke_async(params: t.InvokeAsyncRequestTypeDef, ctx: Context) -> Body:
    """As it was before Invoke; still in the SDKs."""
    reference = reference_of(ctx, params)
    called(ctx, reference)
    queue_event(ctx, reference, checked_payload(params["InvokeArgs"]))
    return {"Status": 202}


def checked_payload(payload: Any) -> bytes:
    """JSON; nothing is an empty object."""
    data: bytes = payload if isinstance(payload, bytes) else bytes(payload.read())
    if not data.strip():
        return b"{}"
    try:
        orjson.loads(data)
    except ValueError as error:
        text = f"Could not parse request body into json: Could not parse payload into json: {error}"
        raise _unreadable(text) from None
    return data


def _unreadable(text: str) -> ApiError:
    return ApiError("InvalidRequestContentException", text, 400)


def _check_size(payload: bytes, most: int) -> None:
    if len(payload) > most:
        raise ApiError(
            "RequestTooLargeException",
            f"Request must be smaller than {most} bytes for the InvokeFunction operation",
            413,
        )


def _client_context(params: Mapping[str, Any]) -> str:
    text = params.get("ClientContext", "")
    try:
        context = base64.b64decode(text, validate=True)
        if context:
            orjson.loads(context)
    except (binascii.Error, ValueError):
        raise ApiError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.", 400
        ) from None
    return context.decode()


def _answered(outcome: Outcome, function: FunctionSpec, *, wants_tail: bool) -> Body:
    answer: Body = {"StatusCode": 200, "ExecutedVersion": function.version, "Payload": outcome.payload}
    if outcome.error:
        answer["FunctionError"] = outcome.error
    if wants_tail:
        answer["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    return answer
