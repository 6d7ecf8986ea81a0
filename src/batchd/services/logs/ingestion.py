"""PutLogEvents: what is accepted into a stream, and what is told to be late, early or gone. [logs.md 3]"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.services.logs.groups import find_group
from batchd.services.logs.streams import find_stream, sequence_token, stream_key

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t

EVENT_OVERHEAD = 26  # bytes AWS counts for an event beside its message
LARGEST_PAGE = 1_048_576
_HOUR = 3_600_000
_DAY = 24 * _HOUR


@writes
def put_log_events(params: t.PutLogEventsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Append events to an existing stream. Events outside the time window are left out, and counted in the answer."""
    group, stream = params["logGroupName"], params["logStreamName"]
    retention = find_group(ctx, group).get("retentionInDays")
    find_stream(ctx, group, stream)
    events = [(event["timestamp"], event["message"]) for event in params["logEvents"]]
    check_sizes([message for _, message in events])
    times = [timestamp for timestamp, _ in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise _refusal("Log events in a single PutLogEvents request must be in chronological order.")
    rejected = rejections(times, ctx.now_ms, retention)
    first = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
    accepted = events[first : rejected.get("tooNewLogEventStartIndex")]
    if accepted:
        if accepted[-1][0] - accepted[0][0] > _DAY:
            raise _refusal("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        ctx.tx.logs.append(stream_key(ctx, group, stream), accepted, ctx.now_ms)
    answer: dict[str, Any] = {"nextSequenceToken": sequence_token(ctx.now_ms)}
    return {**answer, "rejectedLogEventsInfo": rejected} if rejected else answer


def check_sizes(messages: Sequence[str]) -> None:
    """UTF-8 bytes and 26 more an event, against 1 MiB for the request and so for one event too."""
    total = sum(len(message.encode()) + EVENT_OVERHEAD for message in messages)
    if total <= LARGEST_PAGE:
        return
    if len(messages) == 1:
        raise _refusal(f"Log event too large: {total} bytes exceeds limit of {LARGEST_PAGE}")
    raise _refusal(f"Upload too large: {total} bytes exceeds limit of {LARGEST_PAGE}")


def rejections(times: Sequence[int], now_ms: int, retention_days: int | None) -> dict[str, int]:
    """`rejectedLogEventsInfo` of ascending times: 14 days back, two hours ahead, and the group's retention."""
    found: dict[str, int] = {}
    if too_old := bisect_left(times, now_ms - 14 * _DAY):
        found["tooOldLogEventEndIndex"] = too_old
    if retention_days is not None and (expired := bisect_left(times, now_ms - retention_days * _DAY)) > too_old:
        found["expiredLogEventEndIndex"] = expired
    if (too_new := bisect_right(times, now_ms + 2 * _HOUR)) < len(times):
        found["tooNewLogEventStartIndex"] = too_new
    return found


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
