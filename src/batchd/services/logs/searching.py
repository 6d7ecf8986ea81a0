"""FilterLogEvents: the events of a group, or of some of its streams, that match a pattern. [logs.md 5]

Here a `nextToken` means there may be more and its absence that there is none: the opposite of GetLogEvents.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.services.logs.groups import named_group
from batchd.services.logs.ingestion import EVENT_OVERHEAD, LARGEST_PAGE
from batchd.services.logs.pattern import parse_pattern
from batchd.services.logs.reading import MOST_EVENTS
from batchd.services.logs.streams import find_stream, stream_key
from batchd.services.logs.tokens import END_OF_TIME, bad_token, read_token, write_token
from batchd.store.store import LogEvent, TimeWindow

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t

_MOST_STREAMS = 100  # of a prefix, followed one by one; beyond, the whole group is read
_MOST_READ = 10_000  # events a call may look at, so that a rare match does not hold up everybody else
_CHUNK = 1000

Position = tuple[int | str, ...]
Found = Iterator[tuple[Position, LogEvent]]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a group's time, both ends included."""

    group: str
    start: int
    end: int


@reads
def filter_log_events(params: t.FilterLogEventsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Ascending by time. Equal times keep their order and every event its id, so that followers can tell them apart."""
    if params.get("logStreamNames") and params.get("logStreamNamePrefix"):
        raise _refusal("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    if params.get("startFromHead") is False:
        raise _refusal("Events can only be returned oldest first: startFromHead must be true.")
    window = Window(
        named_group(ctx, params),
        min(params.get("startTime", 0), END_OF_TIME),
        min(params.get("endTime", END_OF_TIME), END_OF_TIME),
    )
    pattern = parse_pattern(params.get("filterPattern", ""))
    page = _Page(params.get("limit", MOST_EVENTS))
    for position, event in _candidates(ctx, window, params):
        if page.is_full(event):
            return {"events": page.events, "searchedLogStreams": [], "nextToken": write_token(*page.last)}
        page.take(position, event, pattern.matches(event.message))
    return {"events": page.events, "searchedLogStreams": []}


class _Page:
    """What one answer holds, and how far it got."""

    def __init__(self, limit: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.last: Position = ()
        self._limit = limit
        self._room = LARGEST_PAGE
        self._read = 0

    def is_full(self, event: LogEvent) -> bool:
        """Whether the next event, should it match, has to wait for another page."""
        if len(self.events) >= self._limit or self._read >= _MOST_READ:
            return True
        return bool(self.events) and _size(event) > self._room

    def take(self, position: Position, event: LogEvent, matches: bool) -> None:
        self._read += 1
        self.last = position
        if matches:
            self._room -= _size(event)
            self.events.append(_shown(event))


def _candidates(ctx: Context, window: Window, params: t.FilterLogEventsRequestTypeDef) -> Found:
    token = params.get("nextToken")
    named = list(dict.fromkeys(params.get("logStreamNames", ())))
    prefix = params.get("logStreamNamePrefix", "")
    for name in named:
        find_stream(ctx, window.group, name)
    if not named and prefix:
        streams = ctx.tx.logs.streams(ctx.region, window.group, prefix=prefix, limit=_MOST_STREAMS + 1)
        named = [stream.name for stream in streams]
    if not named and prefix:
        return iter(())
    if named and len(named) <= _MOST_STREAMS:
        after = read_token(token, int, str, int)
        return _of_streams(ctx, window, named, tuple(after) if after else None)
    return _of_group(ctx, window, prefix, _group_position(token))


def _group_position(token: str | None) -> tuple[int, int, int]:
    position = read_token(token, int, int, int)
    if position is None:
        return 0, 0, 0
    if min(position) < 0:
        raise bad_token()
    return position[0], position[1], position[2]


def _of_group(ctx: Context, window: Window, prefix: str, after: tuple[int, int, int]) -> Found:
    """By time, ingestion time and number."""
    times = TimeWindow(window.start, window.end)
    while page := ctx.tx.logs.scan(ctx.region, window.group, after, times, _CHUNK):
        for position, event in page:
            if event.stream.startswith(prefix):
                yield position, event
        after = page[-1][0]


def _of_streams(ctx: Context, window: Window, names: Sequence[str], after: Position | None) -> Found:
    """By time, stream and number: streams are read side by side, so the size of the group does not matter."""
    start = max(window.start, int(after[0])) if after else window.start
    chunk = max(_CHUNK // len(names), 50)
    streams = [_of_stream(ctx, window, (name, start), chunk) for name in names]
    for position, event in heapq.merge(*streams, key=lambda found: found[0]):
        if after is None or position > after:
            yield position, event


def _of_stream(ctx: Context, window: Window, begin: tuple[str, int], chunk: int) -> Found:
    name, start = begin
    key, after = stream_key(ctx, window.group, name), (start, -1)
    while page := ctx.tx.logs.forward(key, after, window.end + 1, chunk):
        for event in page:
            yield (event.timestamp, name, event.seq), event
        after = (page[-1].timestamp, page[-1].seq)


def _shown(event: LogEvent) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested_at,
        "eventId": f"{event.timestamp:016}{_stream_number(event.stream):020}{event.seq:020}",
    }


@lru_cache(maxsize=4096)
def _stream_number(name: str) -> int:
    """Twenty digits that stay with a stream's name, to tell events of different streams apart."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def _size(event: LogEvent) -> int:
    return len(event.message.encode()) + EVENT_OVERHEAD


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
