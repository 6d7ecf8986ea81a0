"""Pages of lists: by name; a token says where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.gateway.operation import Context
from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.services.scheduler_.documents import invalid
from batchd.store.store import Body


def page_of(ctx: Context, kind: str, params: Mapping[str, Any], prefix: str) -> tuple[list[tuple[str, Body]], Body]:
    """(name, document) of one page, and the answer's token."""
    limit, after = params.get("MaxResults", 100), _place(params.get("NextToken"))
    found = ctx.tx.resources.page(kind, ctx.region, prefix=prefix, after=after, limit=limit + 1)
    if len(found) <= limit:
        return found, {}
    return found[:limit], {"NextToken": encode_token([found[limit - 1][0]])}


def _place(token: str | None) -> str:
    try:
        return decode_name(token)
    except BadToken:
        raise invalid("Invalid NextToken.") from None
