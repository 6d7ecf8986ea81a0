"""Marker, IsTruncated and MaxItems: every list of IAM is cut the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.services.iam.faults import validation

DEFAULT_ITEMS = 100

T = TypeVar("T")
Params = Mapping[str, Any]  # Any: the members of one operation's input, each of its own type


def start_of(params: Params) -> tuple[str, int]:
    """The key to go on after, and how many items are wanted."""
    return _read_marker(params.get("Marker", "")), params.get("MaxItems", DEFAULT_ITEMS)


def cut(found: Sequence[tuple[str, T]], limit: int) -> tuple[list[T], dict[str, Any]]:
    """The first `limit` of the items, which come by key, and the members that say whether there are more."""
    items = [item for _, item in found[:limit]]
    if len(found) <= limit:
        return items, {"IsTruncated": False}
    return items, {"IsTruncated": True, "Marker": encode_token([found[limit - 1][0]])}


def window(items: Iterable[tuple[str, T]], params: Params) -> tuple[list[T], dict[str, Any]]:
    """`cut` for a list that is in memory already, in any order. Keys are short: a marker has 320 characters."""
    after, limit = start_of(params)
    return cut(sorted((pair for pair in items if pair[0] > after), key=lambda pair: pair[0]), limit)


def _read_marker(marker: str) -> str:
    try:
        return decode_name(marker)
    except BadToken:
        raise validation("Invalid Marker.") from None
