"""API destinations: HTTP endpoints that targets may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.connections import connection_of
from batchd.services.events.destination_rules import check_endpoint
from batchd.services.events.faults import already_exists, not_found
from batchd.services.events.paging import cut_page, read_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

DESTINATION = "events.api-destination"
_RATE = 300  # a second, if nothing else is said
_GIVEN = ("Description", "ConnectionArn", "InvocationEndpoint", "HttpMethod", "InvocationRateLimitPerSecond")
_LISTED = (
    *("ApiDestinationArn", "Name", "ApiDestinationState", "ConnectionArn"),
    *("InvocationEndpoint", "HttpMethod", "InvocationRateLimitPerSecond"),
)


@writes
def create_api_destination(params: t.CreateApiDestinationRequestTypeDef, ctx: Context) -> Body:
    name = params["Name"]
    if ctx.tx.resources.get(Key(DESTINATION, ctx.region, name)) is not None:
        raise already_exists(f"An api-destination '{name}' already exists.")
    body: Body = {
        "Name": name,
        "ApiDestinationArn": ctx.arn("events", f"api-destination/{name}/{ctx.new_id()}"),
        "ApiDestinationState": "ACTIVE",
        "InvocationRateLimitPerSecond": _RATE,
        **{member: value for member, value in params.items() if member in _GIVEN},
        "at": ctx.now_ms,
    }
    return _save(ctx, body)


@writes
def update_api_destination(params: t.UpdateApiDestinationRequestTypeDef, ctx: Context) -> Body:
    """What is not named stays."""
    body = _existing(ctx, params["Name"])
    return _save(ctx, {**body, **{member: value for member, value in params.items() if member in _GIVEN}})


@writes
def delete_api_destination(params: t.DeleteApiDestinationRequestTypeDef, ctx: Context) -> None:
    body = _existing(ctx, params["Name"])
    ctx.tx.resources.delete(Key(DESTINATION, ctx.region, body["Name"]))


@reads
def describe_api_destination(params: t.DescribeApiDestinationRequestTypeDef, ctx: Context) -> Body:
    body = _existing(ctx, params["Name"])
    description = {"Description": body["Description"]} if "Description" in body else {}
    return {**_listed(body), **description}


@reads
def list_api_destinations(params: t.ListApiDestinationsRequestTypeDef, ctx: Context) -> Body:
    """By name."""
    found = dict(ctx.tx.resources.page(DESTINATION, ctx.region, prefix=params.get("NamePrefix") or ""))
    after, connection = read_token(params.get("NextToken")), params.get("ConnectionArn")
    names = [name for name, body in found.items() if name > after and connection in (None, body["ConnectionArn"])]
    page, more = cut_page(names, params.get("Limit"))
    return {"ApiDestinations": [_listed(found[name]) for name in page], **more}


def destination_of(ctx: Context, text: str) -> Body:
    """Of an ARN. ResourceNotFoundException."""
    arn = parse_arn(text)
    name = arn.name.partition("/")[0] if arn is not None else ""
    body = ctx.tx.resources.get(Key(DESTINATION, ctx.region, name))
    if body is None or body["ApiDestinationArn"] != text:
        raise _missing(name)
    return body


def _existing(ctx: Context, name: str) -> Body:
    body = ctx.tx.resources.get(Key(DESTINATION, ctx.region, name))
    if body is None:
        raise _missing(name)
    return body


def _missing(name: str) -> Exception:
    return not_found(f"Failed to describe the api-destination(s). Api-destination '{name}' does not exist.")


def _save(ctx: Context, body: Body) -> Body:
    check_endpoint(body["InvocationEndpoint"], "InvocationEndpoint")
    connection_of(ctx, body["ConnectionArn"])
    body = {**body, "changed": ctx.now_ms}
    ctx.tx.resources.put(Key(DESTINATION, ctx.region, body["Name"]), body)
    shown = {member: body[member] for member in ("ApiDestinationArn", "ApiDestinationState")}
    return {**shown, **_times(body)}


def _listed(body: Body) -> Body:
    return {member: body[member] for member in _LISTED} | _times(body)


def _times(body: Body) -> Body:
    return {"CreationTime": body["at"] / 1000, "LastModifiedTime": body["changed"] / 1000}
