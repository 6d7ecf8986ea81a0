"""Finding job definitions: a name means its latest ACTIVE revision. [batch.md 2.1]

Each revision is a document of its own, and each name has one that says which revisions are the newest. A revision's
document is `{"aws": <AWS shape>}`; all but its status and tags stays as registered.
"""

from __future__ import annotations

from collections.abc import Iterator

from batchd.gateway.operation import Context
from batchd.services.batch.names import DEFINITION, name_of, revision_key, revision_prefix, split_revision
from batchd.store.store import Body, Key

_LATEST = "batch.latest-job-definition"
_INACTIVE = "batch.inactive-job-definition"
_SCAN = 100


def next_revision(ctx: Context, name: str) -> int:
    """One more than any the name ever had."""
    latest = ctx.tx.resources.get(_latest_key(ctx, name))
    return 1 if latest is None else latest["newest"] + 1


def add_revision(ctx: Context, name: str, revision: int, aws: Body) -> None:
    """Store a new, ACTIVE revision: from now on the name means this one."""
    ctx.tx.resources.insert(revision_key(ctx.region, name, revision), {"aws": aws})
    ctx.tx.resources.put(_latest_key(ctx, name), {"newest": revision, "active": revision})


def deactivate(ctx: Context, body: Body) -> None:
    """Make a revision INACTIVE; the name then means the one before it, if any.

    When it became so is written down for controllers/housekeeping, which deletes it in the end.
    """
    aws = body["aws"]
    name, revision = aws["jobDefinitionName"], aws["revision"]
    since = f"{ctx.now_ms:015d}/{ctx.region}/{revision_key(ctx.region, name, revision).name}"
    ctx.tx.resources.put(Key(_INACTIVE, "", since), {})
    save_revision(ctx, {"aws": aws | {"status": "INACTIVE"}})
    latest = ctx.tx.resources.get(_latest_key(ctx, name))
    if latest is not None and latest["active"] == revision:
        active = next((b["aws"]["revision"] for b in revisions(ctx, name) if b["aws"]["status"] == "ACTIVE"), None)
        ctx.tx.resources.put(_latest_key(ctx, name), latest | {"active": active})


def save_revision(ctx: Context, body: Body) -> None:
    """Store a revision whose status or tags changed."""
    aws = body["aws"]
    ctx.tx.resources.put(revision_key(ctx.region, aws["jobDefinitionName"], aws["revision"]), body)


def find_active(ctx: Context, text: str) -> Body | None:
    """The ACTIVE revision that a name, `name:revision` or ARN with or without revision means, or None."""
    name, revision = split_revision(name_of(ctx, DEFINITION, text))
    if revision is None:
        latest = ctx.tx.resources.get(_latest_key(ctx, name))
        if latest is None or latest["active"] is None:
            return None
        revision = int(latest["active"])
    body = ctx.tx.resources.get(revision_key(ctx.region, name, revision))
    return body if body is not None and body["aws"]["status"] == "ACTIVE" else None


def find_revision(ctx: Context, text: str) -> Body | None:
    """The revision that `name:revision` or an ARN names, ACTIVE or not, or None."""
    name, revision = split_revision(name_of(ctx, DEFINITION, text))
    if revision is None:
        return None
    return ctx.tx.resources.get(revision_key(ctx.region, name, revision))


def revisions(ctx: Context, name: str = "", after: str = "") -> Iterator[Body]:
    """Revisions of one name, or of all: newest first within a name. `after` is `position` of the last one seen."""
    prefix = revision_prefix(name) if name else ""
    while page := ctx.tx.resources.page(DEFINITION, ctx.region, prefix=prefix, after=after, limit=_SCAN):
        yield from (body for _, body in page)
        after = page[-1][0]


def position(aws: Body) -> str:
    """Where a revision stands in `revisions`."""
    return revision_key("", aws["jobDefinitionName"], aws["revision"]).name


def _latest_key(ctx: Context, name: str) -> Key:
    return Key(_LATEST, ctx.region, name)
