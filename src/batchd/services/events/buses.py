"""Event buses: the default one, which is always there, and those of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.faults import already_exists, invalid, limit_exceeded, not_found
from batchd.services.events.paging import cut_page, read_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

BUS = "events.bus"
RULE = "events.rule"
DEFAULT = "default"
_MOST = 100
_SHOWN = ("Name", "Arn", "Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig", "Policy")


@writes
def create_event_bus(params: t.CreateEventBusRequestTypeDef, ctx: Context) -> Body:
    name = params["Name"]
    if "/" in name and not params.get("EventSourceName"):
        raise invalid("Event bus name must not contain '/'.")
    if params.get("EventSourceName"):
        raise not_found(f"Event source {params['EventSourceName']} does not exist.")
    if find_bus(ctx, name) is not None:
        raise already_exists(f"Event bus {name} already exists.")
    if len(ctx.tx.resources.page(BUS, ctx.region, limit=_MOST)) >= _MOST:
        raise limit_exceeded()
    told = {member: params[member] for member in _SHOWN[2:6] if params.get(member)}  # type: ignore[literal-required]
    body: Body = {
        "Name": name,
        "Arn": bus_arn(ctx, name),
        **told,
        "tags": {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())},
        "at": ctx.now_ms,
        "changed": ctx.now_ms,
    }
    ctx.tx.resources.insert(Key(BUS, ctx.region, name), body)
    return {"EventBusArn": body["Arn"], **told}


@writes
def update_event_bus(params: t.UpdateEventBusRequestTypeDef, ctx: Context) -> Body:
    """What is not named stays."""
    name = params.get("Name") or DEFAULT
    told = {member: params[member] for member in _SHOWN[2:6] if member in params}  # type: ignore[literal-required]
    body = {**existing_bus(ctx, name), **told, "changed": ctx.now_ms}
    ctx.tx.resources.put(Key(BUS, ctx.region, name), body)
    return {member: body[member] for member in ("Arn", "Name", *_SHOWN[2:6]) if member in body}


@writes
def delete_event_bus(params: t.DeleteEventBusRequestTypeDef, ctx: Context) -> None:
    """One that is not there is deleted already."""
    name = bus_name(ctx, params["Name"])
    if name == DEFAULT:
        raise invalid("Cannot delete event bus default.")
    if ctx.tx.resources.page(RULE, ctx.region, prefix=f"{name}/", limit=1):
        raise invalid("Event bus can't be deleted since it has rules.")
    ctx.tx.resources.delete(Key(BUS, ctx.region, name))


@reads
def describe_event_bus(params: t.DescribeEventBusRequestTypeDef, ctx: Context) -> Body:
    return _shape(existing_bus(ctx, bus_name(ctx, params.get("Name"))))


@reads
def list_event_buses(params: t.ListEventBusesRequestTypeDef, ctx: Context) -> Body:
    """By name; the default bus has its place among them."""
    buses = dict(ctx.tx.resources.page(BUS, ctx.region))
    buses.setdefault(DEFAULT, existing_bus(ctx, DEFAULT))
    prefix, after = params.get("NamePrefix") or "", read_token(params.get("NextToken"))
    names = sorted(name for name in buses if name.startswith(prefix) and name > after)
    page, more = cut_page(names, params.get("Limit"))
    return {"EventBuses": [_shape(buses[name]) for name in page], **more}


def bus_name(ctx: Context, text: str | None) -> str:
    """Of a name or an ARN; the default where there is none. ResourceNotFoundException for one of somewhere else."""
    if not text:
        return DEFAULT
    if not text.startswith("arn:"):
        return text
    arn = parse_arn(text)
    name = arn.name if arn is not None and arn.kind == "event-bus" else ""
    if not name or text != bus_arn(ctx, name):
        raise not_found(f"Event bus {text} does not exist.")
    return name


def bus_arn(ctx: Context, name: str) -> str:
    return ctx.arn("events", f"event-bus/{name}")


def find_bus(ctx: Context, name: str) -> Body | None:
    body = ctx.tx.resources.get(Key(BUS, ctx.region, name))
    if body is None and name == DEFAULT:
        return {"Name": name, "Arn": bus_arn(ctx, name), "tags": {}, "at": 0, "changed": 0}
    return body


def existing_bus(ctx: Context, name: str) -> Body:
    """ResourceNotFoundException."""
    body = find_bus(ctx, name)
    if body is None:
        raise not_found(f"Event bus {name} does not exist.")
    return body


def save_bus(ctx: Context, body: Body) -> None:
    ctx.tx.resources.put(Key(BUS, ctx.region, body["Name"]), body)


def _shape(body: Body) -> Body:
    shown = {member: body[member] for member in _SHOWN if member in body}
    if not body["at"]:
        return shown
    return {**shown, "CreationTime": body["at"] / 1000, "LastModifiedTime": body["changed"] / 1000}
