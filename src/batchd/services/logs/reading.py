"""GetLogEvents: pages of one stream, forward and backward. [logs.md 4]

A token names a place between events. Clients know the end only by getting back the token they sent, so a page is
empty exactly when nothing lies beyond the place, and then the place stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads
from batchd.services.logs.groups import named_group
from batchd.services.logs.ingestion import EVENT_OVERHEAD, LARGEST_PAGE
from batchd.services.logs.streams import find_stream, stream_key
from batchd.services.logs.tokens import END_OF_TIME, Gap, read_stream_token
from batchd.store.store import LogEvent

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t

MOST_EVENTS = 10_000
_CHUNK = 500  # events read at a time: a page may be full of bytes long before it is full of events

Fetch = Callable[[Gap, int], list[LogEvent]]


@reads
def get_log_events(params: t.GetLogEventsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """A page of at most `limit` events and 1 MiB, ascending; the newest page unless told to start from the head."""
    group, stream = named_group(ctx, params), params["logStreamName"]
    find_stream(ctx, group, stream)
    start, end = min(params.get("startTime", 0), END_OF_TIME), min(params.get("endTime", END_OF_TIME), END_OF_TIME)
    limit = params.get("limit", MOST_EVENTS)
    table, key = ctx.tx.logs, stream_key(ctx, group, stream)

    def after(gap: Gap, count: int) -> list[LogEvent]:
        return table.forward(key, (gap.timestamp, gap.seq - 1), end, count)

    def before(gap: Gap, count: int) -> list[LogEvent]:
        return table.backward(key, (gap.timestamp, gap.seq), start, count)

    first, last = Gap(start, 0), Gap(end, 0)
    if params.get("nextToken"):
        direction, gap = read_stream_token(params["nextToken"])
    else:
        direction, gap = ("f", first) if params.get("startFromHead") else ("b", last)
    if direction == "f":
        events = _page_forward(after, max(gap, first), limit)
    else:
        events = _page_backward(before, min(gap, last), limit)
    return _answer(events, gap if params.get("nextToken") else first)


def _page_forward(fetch: Fetch, gap: Gap, limit: int) -> list[LogEvent]:
    page: list[LogEvent] = []
    room = LARGEST_PAGE
    while len(page) < limit:
        chunk = fetch(gap, min(_CHUNK, limit - len(page)))
        fitting = _fitting(chunk, room, at_least=0 if page else 1)
        page += fitting
        if not chunk or len(fitting) < len(chunk):
            break
        room -= sum(map(_size, fitting))
        gap = _behind(chunk[-1])
    return page


def _page_backward(fetch: Fetch, gap: Gap, limit: int) -> list[LogEvent]:
    page: list[LogEvent] = []  # newest first until it is done
    room = LARGEST_PAGE
    while len(page) < limit:
        chunk = fetch(gap, min(_CHUNK, limit - len(page)))[::-1]
        fitting = _fitting(chunk, room, at_least=0 if page else 1)
        page += fitting
        if not chunk or len(fitting) < len(chunk):
            break
        room -= sum(map(_size, fitting))
        gap = _in_front_of(chunk[-1])
    return page[::-1]


def _fitting(events: Iterable[LogEvent], room: int, at_least: int) -> list[LogEvent]:
    """The first events that fit, and `at_least` so many however large."""
    taken: list[LogEvent] = []
    for event in events:
        room -= _size(event)
        if room < 0 and len(taken) >= at_least:
            break
        taken.append(event)
    return taken


def _size(event: LogEvent) -> int:
    return len(event.message.encode()) + EVENT_OVERHEAD


def _behind(event: LogEvent) -> Gap:
    return Gap(event.timestamp, event.seq + 1)


def _in_front_of(event: LogEvent) -> Gap:
    return Gap(event.timestamp, event.seq)


def _answer(events: list[LogEvent], place: Gap) -> dict[str, Any]:
    """`place` is where an empty page stands."""
    return {
        "events": [
            {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested_at}
            for event in events
        ],
        "nextForwardToken": (_behind(events[-1]) if events else place).token("f"),
        "nextBackwardToken": (_in_front_of(events[0]) if events else place).token("b"),
    }
