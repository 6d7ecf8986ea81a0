"""Pages of named resources: what every Describe and List of Batch has in common. [batch.md 9.3]"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from batchd.gateway.operation import Context
from batchd.services.batch.faults import client_exception, missing
from batchd.services.batch.names import ENVIRONMENT, POLICY, QUEUE, key_of
from batchd.store.store import Body, Key

MOST_NAMES = 100
PAGE = 100
_NOUNS = {QUEUE: "JobQueue", ENVIRONMENT: "ComputeEnvironment", POLICY: "SchedulingPolicy"}


def existing(ctx: Context, kind: str, text: str) -> tuple[Key, Body]:
    """The key and AWS shape of what has this name or ARN. Raises ClientException: `<noun> <name> does not exist`."""
    key = key_of(ctx, kind, text)
    body = ctx.tx.resources.get(key)
    if body is None:
        raise missing(_NOUNS[kind], key.name)
    return key, body["aws"]


def described(
    ctx: Context, kind: str, names: Sequence[str], params: Mapping[str, Any]
) -> tuple[list[Body], str | None]:
    """The AWS shapes of the resources named, or of a page of all of them, and the token of the next page.

    Unknown names are left out. Raises ClientException for more than a hundred names or a bad token.
    """
    if not names:
        return listed(ctx, kind, params)
    validate_count(kind.partition(".")[2], names)
    found = (ctx.tx.resources.get(key_of(ctx, kind, name)) for name in names)
    return [body["aws"] for body in found if body is not None], None


def listed(ctx: Context, kind: str, params: Mapping[str, Any]) -> tuple[list[Body], str | None]:
    """A page of all resources of a kind in order of name, and the token of the next page."""
    limit = page_limit(params)
    after = read_token(params, str)
    page = ctx.tx.resources.page(kind, ctx.region, after=after[0] if after else "", limit=limit + 1)
    token = make_token(page[limit - 1][0]) if len(page) > limit else None
    return [body["aws"] for _, body in page[:limit]], token


def with_token(answer: dict[str, Any], token: str | None) -> dict[str, Any]:
    """nextToken is absent on the last page."""
    return answer if token is None else {**answer, "nextToken": token}


def page_limit(params: Mapping[str, Any], most: int = PAGE) -> int:
    """`maxResults` within 1..most; without one, `most`. Too many are clamped. Raises ClientException below 1."""
    limit: int = params.get("maxResults", most)
    if limit < 1:
        raise client_exception("maxResults must be at least 1")
    return min(limit, most)


def validate_count(noun: str, names: Sequence[str]) -> None:
    if len(names) > MOST_NAMES:
        raise client_exception(f"At most {MOST_NAMES} {noun} names can be described at once")


def make_token(*position: str | int) -> str:
    """An opaque token for the position after which the next page starts."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode()


def read_token(params: Mapping[str, Any], *shape: type) -> list[Any] | None:  # Any: of the types in `shape`
    """The position that `make_token` was given, values of these types. Raises ClientException for anything else."""
    token = params.get("nextToken")
    if not token:
        return None
    try:
        position = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except ValueError as fault:
        raise client_exception("The specified nextToken is invalid.") from fault
    if not isinstance(position, list) or [type(part) for part in position] != list(shape):
        raise client_exception("The specified nextToken is invalid.")
    return position
