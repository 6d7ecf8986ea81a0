"""PutEvents, and TestEventPattern. [events.md 5]"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.matching.operators import BadPattern
from batchd.matching.patterns import compile_pattern, flatten
from batchd.services.events.bus import publish
from batchd.services.events.buses import bus_name, find_bus
from batchd.services.events.faults import bad_pattern, invalid
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

_LARGEST = 262_144  # bytes of a request
_OF_TIME = 14  # bytes that a Time counts
_REQUIRED = ("Source", "DetailType", "Detail")
_EVENT_KEYS = ("id", "account", "source", "time", "region", "resources", "detail-type")


@writes
def put_events(params: t.PutEventsRequestTypeDef, ctx: Context) -> Body:
    """Each entry by itself: what is wrong with one is told in its place of the answer."""
    entries: list[Body] = [dict(entry) for entry in params["Entries"]]
    if sum(map(_size, entries)) > _LARGEST:
        raise invalid("Total size of the entries in the request is over the limit.")
    answers = [_put(ctx, entry) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


@reads
def test_event_pattern(params: t.TestEventPatternRequestTypeDef, ctx: Context) -> dict[str, bool]:
    """Whether the pattern matches. InvalidEventPatternException, ValidationException."""
    try:
        event = orjson.loads(params["Event"])
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        raise invalid("Parameter Event is not valid.")
    for key in _EVENT_KEYS:
        if key not in event:
            raise invalid(f"Parameter Event is not valid. Reason: {key} is a required field.")
    try:
        return {"Result": compile_pattern(params["EventPattern"]).matches(flatten(event))}
    except BadPattern as error:
        raise bad_pattern(error) from None


def aws_time(ms: int) -> str:
    """As an event has it: whole seconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _put(ctx: Context, entry: Body) -> dict[str, str]:
    for member in _REQUIRED:
        if not entry.get(member):
            return _refused(
                "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
            )
    if entry["Source"].startswith("aws."):
        return _refused("NotAuthorizedForSourceException", "Not authorized for the source.")
    detail = _detail(entry["Detail"])
    if detail is None:
        return _refused("MalformedDetail", "Detail is malformed.")
    event = {
        "version": "0",
        "id": ctx.new_id(),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": ctx.account,
        "time": aws_time(_time_ms(entry.get("Time"), ctx.now_ms)),
        "region": ctx.region,
        "resources": list(entry.get("Resources", ())),
        "detail": detail,
    }
    if (bus := _bus(ctx, entry)) is not None:
        publish(ctx, bus, event)
    return {"EventId": event["id"]}


def _bus(ctx: Context, entry: Body) -> str | None:
    """None: there is no such bus, and nobody is told."""
    try:
        name = bus_name(ctx, entry.get("EventBusName"))
    except ApiError:
        return None
    return name if find_bus(ctx, name) is not None else None


def _detail(text: str) -> dict[str, Any] | None:
    try:
        detail = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return detail if isinstance(detail, dict) else None


def _time_ms(time: datetime | None, now_ms: int) -> int:
    return now_ms if time is None else round(time.timestamp() * 1000)


def _size(entry: Body) -> int:
    texts = [entry.get(member) or "" for member in _REQUIRED] + list(entry.get("Resources", ()))
    return sum(len(text.encode()) for text in texts) + (_OF_TIME if entry.get("Time") else 0)


def _refused(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
