"""Marker, IsTruncated and MaxItems: every list of IAM is cut the same way."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

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
    return items, {"IsTruncated": True, "Marker": _write_marker(found[limit - 1][0])}


def window(items: Iterable[tuple[str, T]], params: Params) -> tuple[list[T], dict[str, Any]]:
    """`cut` for a list that is in memory already, in any order."""
    after, limit = start_of(params)
    return cut(sorted((pair for pair in items if pair[0] > after), key=lambda pair: pair[0]), limit)


def _write_marker(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read_marker(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise validation("Invalid Marker.") from None
