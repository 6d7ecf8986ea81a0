"""Pages of a hundred, by name."""

from __future__ import annotations

import base64
import binascii

from batchd.services.sns.faults import invalid
from batchd.store.store import Body

Named = tuple[str, Body]

SIZE = 100


def page_of(found: list[Named]) -> tuple[list[Named], dict[str, str]]:
    """The page, and NextToken where one more was found than it holds."""
    if len(found) <= SIZE:
        return found, {}
    token = base64.urlsafe_b64encode(found[SIZE - 1][0].encode()).decode()
    return found[:SIZE], {"NextToken": token}


def after_token(token: str | None) -> str:
    """The name to go on behind. InvalidParameter for what was never a token."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode() if token else ""
    except (binascii.Error, ValueError):
        raise invalid("NextToken") from None
