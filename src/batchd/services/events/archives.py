"""Archives: the events of a bus that are kept to be replayed. [events.md 11]"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.buses import bus_name, existing_bus
from batchd.services.events.faults import already_exists, invalid, not_found
from batchd.services.events.paging import cut_page, read_token
from batchd.services.events.rules import check_pattern, touch
from batchd.store.store import Body, Key, Tx

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

ARCHIVE = "events.archive"
_GONE = "events.deleted-archive"
_GIVEN = ("Description", "EventPattern", "RetentionDays", "KmsKeyIdentifier")
_DAY_MS = 86_400_000
_AT_ONCE = 5_000  # events a chore deletes: it must not hold up anybody's answer


@writes
def create_archive(params: t.CreateArchiveRequestTypeDef, ctx: Context) -> Body:
    name = params["ArchiveName"]
    if ctx.tx.resources.get(Key(ARCHIVE, ctx.region, name)) is not None:
        raise already_exists(f"Archive {name} already exists.")
    bus = bus_of_arn(ctx, params["EventSourceArn"])
    if params.get("EventPattern"):
        check_pattern(params["EventPattern"])
    body: Body = {
        "ArchiveName": name,
        "ArchiveArn": ctx.arn("events", f"archive/{name}"),
        "EventSourceArn": params["EventSourceArn"],
        **_given(params),
        "bus": bus,
        "at": ctx.now_ms,
        "events": ctx.new_id(),  # under which they are kept: those of an archive of this name that was deleted stay its
    }
    _save(ctx, body)
    return _answer(body)


@writes
def update_archive(params: t.UpdateArchiveRequestTypeDef, ctx: Context) -> Body:
    """What is not named stays."""
    body = existing_archive(ctx, params["ArchiveName"])
    given = _given(params)
    if not given:
        raise invalid("At least one of EventPattern, RetentionDays or Description must be provided.")
    if given.get("EventPattern"):
        check_pattern(given["EventPattern"])
    _save(ctx, {**body, **given})
    return _answer(body)


@writes
def delete_archive(params: t.DeleteArchiveRequestTypeDef, ctx: Context) -> None:
    """Its events go bit by bit."""
    body = existing_archive(ctx, params["ArchiveName"])
    ctx.tx.resources.delete(Key(ARCHIVE, ctx.region, body["ArchiveName"]))
    ctx.tx.resources.put(Key(_GONE, "", body["events"]), {})
    touch(ctx, body["bus"])


@reads
def describe_archive(params: t.DescribeArchiveRequestTypeDef, ctx: Context) -> Body:
    body = existing_archive(ctx, params["ArchiveName"])
    more: Body = {member: body[member] for member in ("ArchiveArn", "Description", "EventPattern") if member in body}
    return {**_listed(ctx, body), **more}


@reads
def list_archives(params: t.ListArchivesRequestTypeDef, ctx: Context) -> Body:
    """By name."""
    archives = dict(ctx.tx.resources.page(ARCHIVE, ctx.region, prefix=params.get("NamePrefix") or ""))
    source, after = params.get("EventSourceArn"), read_token(params.get("NextToken"))
    names = [name for name, body in archives.items() if name > after and source in (None, body["EventSourceArn"])]
    page, more = cut_page(names, params.get("Limit"))
    return {"Archives": [_listed(ctx, archives[name]) for name in page], **more}


def keep_event(tx: Tx, archive: Body, event: Body) -> None:
    """In an archive, at the event's own time; what was replayed is there already."""
    if "replay-name" not in event:
        at = datetime.fromisoformat(event["time"]).timestamp()
        tx.archives.add(archive["events"], round(at * 1000), event)


def expire_archives(tx: Tx, now: int) -> int:
    """Delete some of the events beyond their archives' RetentionDays, and of archives that were deleted."""
    gone = 0
    for _, body in tx.resources.every(ARCHIVE):
        if days := body.get("RetentionDays"):
            gone += tx.archives.trim(body["events"], now - days * _DAY_MS, _AT_ONCE)
    for key, _ in tx.resources.every(_GONE):
        trimmed = tx.archives.trim(key.name, 2**62, _AT_ONCE)
        gone += trimmed
        if trimmed < _AT_ONCE:
            tx.resources.delete(key)
    return gone


def existing_archive(ctx: Context, name: str) -> Body:
    """ResourceNotFoundException."""
    body = ctx.tx.resources.get(Key(ARCHIVE, ctx.region, name))
    if body is None:
        raise not_found(f"Archive {name} does not exist.")
    return body


def bus_of_arn(ctx: Context, text: str) -> str:
    """The name of a bus that exists."""
    arn = parse_arn(text)
    if arn is None or arn.kind != "event-bus":
        raise invalid(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    name = bus_name(ctx, text)
    existing_bus(ctx, name)
    return name


def _given(params: Mapping[str, Any]) -> Body:
    return {member: params[member] for member in _GIVEN if member in params}


def _save(ctx: Context, body: Body) -> None:
    ctx.tx.resources.put(Key(ARCHIVE, ctx.region, body["ArchiveName"]), body)
    touch(ctx, body["bus"])


def _answer(body: Body) -> Body:
    return {"ArchiveArn": body["ArchiveArn"], "State": "ENABLED", "CreationTime": body["at"] / 1000}


def _listed(ctx: Context, body: Body) -> Body:
    count, size = ctx.tx.archives.measure(body["events"])
    return {
        "ArchiveName": body["ArchiveName"],
        "EventSourceArn": body["EventSourceArn"],
        "State": "ENABLED",
        "RetentionDays": body.get("RetentionDays", 0),
        "SizeBytes": size,
        "EventCount": count,
        "CreationTime": body["at"] / 1000,
    }
