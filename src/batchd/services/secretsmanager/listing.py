"""ListSecrets: which secrets, in which order, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.gateway.tokens import BadToken, decode_token, encode_token
from batchd.services.secretsmanager.documents import KIND, described, staged
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_PAGE = 100
_ORDERS = {"created-date": "created_at", "last-changed-date": "changed_at", "last-accessed-date": "changed_at"}
Params = Mapping[str, Any]  # Any: the members of one operation's input, each of its own type
T = TypeVar("T")


@reads
def list_secrets(params: t.ListSecretsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Newest first, unless sorted otherwise; those marked for deletion only when asked for."""
    page, token = matching(ctx, params, _PAGE)
    entries = [_entry(name, body) for name, body in page]
    return {"SecretList": entries, "NextToken": token} if token else {"SecretList": entries}


def matching(ctx: Context, params: Params, most: int) -> tuple[list[tuple[str, Body]], str | None]:
    """A page of the secrets that pass the filters, and the token of the next."""
    filters: Sequence[Params] = params.get("Filters", ())
    if any(not one.get("Key") or not one.get("Values") for one in filters):
        raise ApiError("InvalidParameterException", "You must specify a key and values for every filter.")
    wanted = [_filter(one["Key"], one["Values"], ctx.region) for one in filters]
    order = _ORDERS.get(params.get("SortBy", "created-date"))
    found = [
        ([body[order] if order else 0, name], (name, body))
        for name, body in ctx.tx.resources.page(KIND, ctx.region)
        if _is_there(body, ctx.now_ms, params) and all(passes(name, body) for passes in wanted)
    ]
    found.sort(key=lambda pair: pair[0], reverse=params.get("SortOrder", "desc") == "desc")
    return cut(found, params, most)


def cut(found: Sequence[tuple[list[Any], T]], params: Params, most: int) -> tuple[list[T], str | None]:
    """The page after NextToken of (position, item) in their order, and the next token. InvalidNextTokenException."""
    start = 0
    if token := params.get("NextToken"):
        try:
            position = decode_token(token)
        except BadToken:
            position = []
        places = [number for number, (place, _) in enumerate(found) if place == position]
        if not places:
            raise ApiError("InvalidNextTokenException", "The NextToken value is invalid.")
        start = places[0] + 1
    limit = params.get("MaxResults", most)
    page = found[start : start + limit]
    more = start + limit < len(found)
    return [item for _, item in page], encode_token(page[-1][0]) if more else None


def _is_there(body: Body, now: int, params: Params) -> bool:
    if "purge_at" not in body:
        return True
    return bool(params.get("IncludePlannedDeletion")) and body["purge_at"] > now


def _entry(name: str, body: Body) -> dict[str, Any]:
    shown = described(name, body)
    return {**shown, "SecretVersionsToStages": staged(body)} if body["versions"] else shown


def _filter(key: str, values: Iterable[str], region: str) -> Callable[[str, Body], bool]:
    """Any of the values passes; `!` before a value turns its meaning round. Names and tags heed case."""
    begins = [value.removeprefix("!") for value in values if not value.startswith("!")]
    never = [value.removeprefix("!") for value in values if value.startswith("!")]

    def passes(name: str, body: Body) -> bool:
        texts = _texts(key, name, body, region)
        if key in ("description", "all"):
            texts = [text.lower() for text in texts]
        return (not begins or _any_begins(texts, begins, key)) and not (never and _any_begins(texts, never, key))

    return passes


def _any_begins(texts: Iterable[str], prefixes: Iterable[str], key: str) -> bool:
    words = [word for prefix in prefixes for word in prefix.lower().split()] if key == "all" else list(prefixes)
    if key == "description":
        words = [word.lower() for word in words]
    return any(text.startswith(word) for text in texts for word in words)


def _texts(key: str, name: str, body: Body, region: str) -> list[str]:
    match key:
        case "name":
            return [name]
        case "description":
            return [body.get("description", "")]
        case "tag-key":
            return list(body["tags"])
        case "tag-value":
            return list(body["tags"].values())
        case "all":
            return [name, *body.get("description", "").split(), *body["tags"], *body["tags"].values()]
        case "primary-region":
            return [region]
        case _:  # owning-service: no service owns a secret here
            return []
