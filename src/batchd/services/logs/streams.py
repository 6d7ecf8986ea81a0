"""Log streams. [logs.md 2]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError, DuplicateKey
from batchd.gateway.operation import Context, reads, writes
from batchd.services.logs.groups import PAGE, find_group, group_arn, named_group
from batchd.services.logs.task_streams import bury_stream, silent_stream
from batchd.services.logs.tokens import read_token, write_token
from batchd.store.store import LogStream, StreamKey

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t


@writes
def create_log_stream(params: t.CreateLogStreamRequestTypeDef, ctx: Context) -> None:
    find_group(ctx, params["logGroupName"])
    key = stream_key(ctx, params["logGroupName"], params["logStreamName"])
    exists = ApiError("ResourceAlreadyExistsException", "The specified log stream already exists")
    if silent_stream(ctx, key):
        raise exists
    try:
        ctx.tx.logs.create_stream(key, ctx.now_ms)
    except DuplicateKey:
        raise exists from None


@writes
def delete_log_stream(params: t.DeleteLogStreamRequestTypeDef, ctx: Context) -> None:
    """Its events go with it."""
    find_group(ctx, params["logGroupName"])
    key = stream_key(ctx, params["logGroupName"], params["logStreamName"])
    was_of_task = bury_stream(ctx, key)
    if not ctx.tx.logs.delete_stream(key) and not was_of_task:
        raise missing_stream()


@reads
def describe_log_streams(params: t.DescribeLogStreamsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name or by last event, either way round. Of the streams of tasks that have written nothing only the one whose
    whole name is the prefix: all of them would have to be searched for."""
    group = named_group(ctx, params)
    by_time = params.get("orderBy") == "LastEventTime"
    if by_time and params.get("logStreamNamePrefix"):
        raise ApiError("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    limit = params.get("limit", PAGE)
    found = _streams_by_time(ctx, group, params) if by_time else _streams_by_name(ctx, group, params)
    answer: dict[str, Any] = {"logStreams": [_describe(ctx, group, stream) for stream in found[:limit]]}
    if len(found) > limit:
        answer["nextToken"] = write_token(*_place(found[limit - 1], by_time))
    return answer


def find_stream(ctx: Context, group: str, name: str) -> LogStream:
    """The stream of an existing group; ResourceNotFoundException."""
    key = stream_key(ctx, group, name)
    stream = ctx.tx.logs.stream(key) or silent_stream(ctx, key)
    if stream is None:
        raise missing_stream()
    return stream


def stream_key(ctx: Context, group: str, name: str) -> StreamKey:
    """In the caller's region."""
    return StreamKey(ctx.region, group, name)


def missing_stream() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified log stream does not exist.")


def sequence_token(ingested_at: int) -> str:
    """Nobody checks it any more, but clients still read it. [logs.md 3]"""
    return f"49{ingested_at:054}"


def _place(stream: LogStream, by_time: bool) -> tuple[int, str]:
    return (stream.last_event_at or 0) if by_time else 0, stream.name


def _streams_by_name(ctx: Context, group: str, params: t.DescribeLogStreamsRequestTypeDef) -> list[LogStream]:
    """A page and one more."""
    start = read_token(params.get("nextToken"), int, str)
    prefix, last, most = params.get("logStreamNamePrefix", ""), start[1] if start else "", params.get("limit", PAGE) + 1
    if params.get("descending"):
        found = ctx.tx.logs.streams_backward(ctx.region, group, prefix=prefix, before=last, limit=most)
        return [*found, *(_silent(ctx, group, prefix) if last != prefix else ())][:most]
    found = ctx.tx.logs.streams(ctx.region, group, prefix=prefix, after=last, limit=most)
    return [*(_silent(ctx, group, prefix) if not last else ()), *found][:most]


def _silent(ctx: Context, group: str, name: str) -> list[LogStream]:
    """A task's stream of this name, if the table has none: of names that begin with it, it is the first."""
    key = stream_key(ctx, group, name)
    stream = silent_stream(ctx, key) if name and ctx.tx.logs.stream(key) is None else None
    return [stream] if stream else []


def _streams_by_time(ctx: Context, group: str, params: t.DescribeLogStreamsRequestTypeDef) -> list[LogStream]:
    """A page and one more."""
    start = read_token(params.get("nextToken"), int, str)
    after = (start[0], start[1]) if start else None
    newest_first, most = params.get("descending", False), params.get("limit", PAGE) + 1
    return ctx.tx.logs.streams_by_time(ctx.region, group, after, newest_first=newest_first, limit=most)


def _describe(ctx: Context, group: str, stream: LogStream) -> dict[str, Any]:
    shown = {
        "logStreamName": stream.name,
        "creationTime": stream.created_at,
        "arn": f"{group_arn(ctx, group)}:log-stream:{stream.name}",
        "storedBytes": 0,
    }
    if stream.last_ingested_at is None:
        return shown
    return {
        **shown,
        "firstEventTimestamp": stream.first_event_at,
        "lastEventTimestamp": stream.last_event_at,
        "lastIngestionTime": stream.last_ingested_at,
        "uploadSequenceToken": sequence_token(stream.last_ingested_at),
    }
