"""Pages of named resources: what every Describe and List of Batch has in common. [batch.md 9.3]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchd.gateway.operation import Context
from batchd.gateway.tokens import BadToken, decode_position, encode_token
from batchd.services.batch.faults import client_exception, missing
from batchd.services.batch.names import CONSUMABLE, ENVIRONMENT, POLICY, QUEUE, SERVICE_ENVIRONMENT, key_of
from batchd.store.store import Body, Key

MOST_NAMES = 100
PAGE = 100
_NOUNS = {
    QUEUE: "JobQueue",
    ENVIRONMENT: "ComputeEnvironment",
    POLICY: "SchedulingPolicy",
    SERVICE_ENVIRONMENT: "ServiceEnvironment",
    CONSUMABLE: "ConsumableResource",
}


def existing(ctx: Context, kind: str, text: str) -> tuple[Key, Body]:
    """The key and AWS shape of what has this name or ARN. Raises ClientException: `<noun> <name> does not exist`."""
    key, body = existing_body(ctx, kind, text)
    return key, body["aws"]


def existing_body(ctx: Context, kind: str, text: str) -> tuple[Key, Body]:
    """The same with the whole document."""
    key = key_of(ctx, kind, text)
    body = ctx.tx.resources.get(key)
    if body is None:
        raise missing(_NOUNS[kind], key.name)
    return key, body


def described(
    ctx: Context, kind: str, names: Sequence[str], params: Mapping[str, Any]
) -> tuple[list[Body], str | None]:
    """The AWS shapes of the resources named, or of a page of all of them, and the token of the next page.

    Unknown names are left out. Raises ClientException for more than a hundred names or a bad token.
    """
    page, token = described_bodies(ctx, kind, names, params)
    return [body["aws"] for body in page], token


def described_bodies(
    ctx: Context, kind: str, names: Sequence[str], params: Mapping[str, Any]
) -> tuple[list[Body], str | None]:
    """The same with whole documents."""
    if not names:
        return _page(ctx, kind, params)
    validate_count(kind.partition(".")[2], names)
    found = (ctx.tx.resources.get(key_of(ctx, kind, name)) for name in names)
    return [body for body in found if body is not None], None


def listed(ctx: Context, kind: str, params: Mapping[str, Any]) -> tuple[list[Body], str | None]:
    """The AWS shapes of a page of all resources of a kind in order of name, and the token of the next page."""
    page, token = _page(ctx, kind, params)
    return [body["aws"] for body in page], token


def _page(ctx: Context, kind: str, params: Mapping[str, Any]) -> tuple[list[Body], str | None]:
    limit = page_limit(params)
    after = read_token(params, str)
    page = ctx.tx.resources.page(kind, ctx.region, after=after[0] if after else "", limit=limit + 1)
    token = encode_token([page[limit - 1][0]]) if len(page) > limit else None
    return [body for _, body in page[:limit]], token


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


def read_token(params: Mapping[str, Any], *shape: type) -> list[Any] | None:  # Any: of the types in `shape`
    """The position in nextToken, values of these types. Raises ClientException for anything else."""
    token = params.get("nextToken")
    if not token:
        return None
    try:
        return decode_position(token, *shape)
    except BadToken as fault:
        raise client_exception("The specified nextToken is invalid.") from fault
