"""Pages of lists: by name, a marker says where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchd.gateway.operation import Context
from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.services.lambda_.faults import invalid
from batchd.store.store import Body

MOST = 50


def page_of(
    ctx: Context, kind: str, params: Mapping[str, Any], prefix: str = "", most: int = MOST
) -> tuple[list[tuple[str, Body]], Body]:
    """(name, document) of one page, and the answer's marker. Raises InvalidParameterValueException."""
    limit = min(params.get("MaxItems", most), most)
    found = ctx.tx.resources.page(kind, ctx.region, prefix=prefix, after=_place(params.get("Marker")), limit=limit + 1)
    if len(found) <= limit:
        return found, {}
    return found[:limit], {"NextMarker": encode_token([found[limit - 1][0]])}


def _place(marker: str | None) -> str:
    try:
        return decode_name(marker)
    except BadToken:
        raise invalid("Invalid Marker: not one that this server has given") from None
