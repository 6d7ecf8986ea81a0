"""Pages of names, in order, with an opaque token for the rest."""

from __future__ import annotations

from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.services.events.faults import invalid

PAGE = 100


def cut_page(names: list[str], limit: int | None) -> tuple[list[str], dict[str, str]]:
    """The first names, and the NextToken member if there are more."""
    page = names[: limit or PAGE]
    return page, ({"NextToken": encode_token([page[-1]])} if len(names) > len(page) else {})


def read_token(token: str | None) -> str:
    """The name after which the next page begins."""
    try:
        return decode_name(token)
    except BadToken:
        raise invalid("Parameter NextToken is not valid.") from None
