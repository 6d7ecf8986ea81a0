"""Pages of a hundred, by name."""

from __future__ import annotations

from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.services.sns.faults import invalid
from batchd.store.store import Body

Named = tuple[str, Body]

SIZE = 100


def page_of(found: list[Named]) -> tuple[list[Named], dict[str, str]]:
    """The page, and NextToken where one more was found than it holds."""
    if len(found) <= SIZE:
        return found, {}
    return found[:SIZE], {"NextToken": encode_token([found[SIZE - 1][0]])}


def after_token(token: str | None) -> str:
    """The name to go on behind. InvalidParameter for what was never a token."""
    try:
        return decode_name(token)
    except BadToken:
        raise invalid("NextToken") from None
