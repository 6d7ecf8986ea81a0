"""Replays: an archive's events, given to the rules of its bus once more. [events.md 11]

A replay is a delivery that does a stretch of the archive and comes again for the next, so it goes on where it was after
a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.archives import ARCHIVE, bus_of_arn
from batchd.services.events.bus import publish
from batchd.services.events.faults import already_exists, invalid, limit_exceeded, not_found
from batchd.services.events.paging import cut_page, read_token
from batchd.store.store import Body, Delivery, Key

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

REPLAY = "events.replay"  # the kind of resources, and of deliveries
_MOST = 10
_AT_ONCE = 100  # events a unit of work gives to the bus
_ALIVE = ("STARTING", "RUNNING", "CANCELLING")
_TIMES = ("EventStartTime", "EventEndTime", "EventLastReplayedTime", "ReplayStartTime", "ReplayEndTime")
_SHOWN = ("ReplayName", "ReplayArn", "Description", "State", "StateReason", "EventSourceArn", "Destination")


@writes
def start_replay(params: t.StartReplayRequestTypeDef, ctx: Context) -> Body:
    name, key = params["ReplayName"], Key(REPLAY, ctx.region, params["ReplayName"])
    if ctx.tx.resources.get(key) is not None:
        raise already_exists(f"Replay {name} already exists.")
    archive = _archive(ctx, params["EventSourceArn"])
    if bus_of_arn(ctx, params["Destination"]["Arn"]) != archive["bus"]:
        raise invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
    start, end = _ms(params["EventStartTime"]), _ms(params["EventEndTime"])
    if start >= end:
        raise invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
    if sum(body["State"] in _ALIVE for _, body in ctx.tx.resources.page(REPLAY, ctx.region)) >= _MOST:
        raise limit_exceeded()
    body: Body = {
        "ReplayName": name,
        "ReplayArn": ctx.arn("events", f"replay/{name}"),
        **({"Description": params["Description"]} if "Description" in params else {}),
        "State": "STARTING",
        "EventSourceArn": params["EventSourceArn"],
        "Destination": dict(params["Destination"]),
        "EventStartTime": start,
        "EventEndTime": end,
        "ReplayStartTime": ctx.now_ms,
        "bus": archive["bus"],
        "events": archive["events"],
    }
    ctx.tx.resources.insert(key, body)
    _come_again(ctx, body, (start, 0))
    return {**_state(body), "ReplayStartTime": ctx.now_ms / 1000}


@writes
def cancel_replay(params: t.CancelReplayRequestTypeDef, ctx: Context) -> Body:
    """Only one that is under way. IllegalStatusException."""
    body = _existing(ctx, params["ReplayName"])
    if body["State"] not in ("STARTING", "RUNNING"):
        text = f"Replay {body['ReplayName']} is not in a valid state for this operation."
        raise ApiError("IllegalStatusException", text)
    body = {**body, "State": "CANCELLING"}
    ctx.tx.resources.put(Key(REPLAY, ctx.region, body["ReplayName"]), body)
    return _state(body)


@reads
def describe_replay(params: t.DescribeReplayRequestTypeDef, ctx: Context) -> Body:
    return _shape(_existing(ctx, params["ReplayName"]))


@reads
def list_replays(params: t.ListReplaysRequestTypeDef, ctx: Context) -> Body:
    """By name."""
    replays = dict(ctx.tx.resources.page(REPLAY, ctx.region, prefix=params.get("NamePrefix") or ""))
    after, state, source = read_token(params.get("NextToken")), params.get("State"), params.get("EventSourceArn")
    names = [
        name
        for name, body in replays.items()
        if name > after and state in (None, body["State"]) and source in (None, body["EventSourceArn"])
    ]
    page, more = cut_page(names, params.get("Limit"))
    return {"Replays": [_shape(replays[name]) for name in page], **more}


def replay_some(ctx: Context, delivery: Delivery) -> None:
    """The next stretch."""
    key = Key(REPLAY, ctx.region, delivery.body["name"])
    body = ctx.tx.resources.get(key)
    if body is None or body["State"] not in _ALIVE:
        return
    if body["State"] == "CANCELLING":
        ctx.tx.resources.put(key, {**body, "State": "CANCELLED", "ReplayEndTime": ctx.now_ms})
        return
    at, number = delivery.body["after"]
    found = ctx.tx.archives.read(body["events"], (at, number), body["EventEndTime"], _AT_ONCE)
    for event_at, place, event in found:
        replayed = {**event, "id": ctx.new_id(), "replay-name": body["ReplayName"]}
        publish(ctx, body["bus"], replayed, only=body["Destination"].get("FilterArns"))
        at, number = event_at, place
    progress = {"EventLastReplayedTime": at} if found else {}
    if len(found) < _AT_ONCE:
        ctx.tx.resources.put(key, {**body, **progress, "State": "COMPLETED", "ReplayEndTime": ctx.now_ms})
        return
    ctx.tx.resources.put(key, {**body, **progress, "State": "RUNNING"})
    _come_again(ctx, body, (at, number))


def _come_again(ctx: Context, body: Body, after: tuple[int, int]) -> None:
    work = {"kind": REPLAY, "region": ctx.region, "name": body["ReplayName"], "after": after}
    ctx.tx.deliveries.add(body["ReplayArn"], ctx.now_ms, work)


def _archive(ctx: Context, text: str) -> Body:
    arn = parse_arn(text)
    name = arn.name if arn is not None and arn.kind == "archive" and text == ctx.arn("events", arn.resource) else ""
    body = ctx.tx.resources.get(Key(ARCHIVE, ctx.region, name))
    if body is None:
        raise not_found(f"Archive {name or text} does not exist.")
    return body


def _existing(ctx: Context, name: str) -> Body:
    body = ctx.tx.resources.get(Key(REPLAY, ctx.region, name))
    if body is None:
        raise not_found(f"Replay {name} does not exist.")
    return body


def _ms(time: Any) -> int:  # Any: the stubs have what callers may pass, the gateway gives a datetime
    ms: int = round(time.timestamp() * 1000)
    return ms


def _state(body: Body) -> Body:
    return {"ReplayArn": body["ReplayArn"], "State": body["State"]}


def _shape(body: Body) -> Body:
    shown = {member: body[member] for member in _SHOWN if member in body}
    return shown | {member: body[member] / 1000 for member in _TIMES if member in body}
