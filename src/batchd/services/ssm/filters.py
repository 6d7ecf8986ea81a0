"""Filters of parameters, and the tokens of their pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from batchd.errors import ApiError
from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.store.store import Body

Filter = Mapping[str, Any]  # Any: Key and Option are texts, Values a list of them
_MEMBERS = {"Type": "type", "KeyId": "key_id", "Tier": "tier", "DataType": "data_type"}
_OPTIONS = {"Path": ("Recursive", "OneLevel"), "Name": ("Equals", "BeginsWith", "Contains")}


def validate_filters(filters: Iterable[Filter], keys: Sequence[str]) -> None:
    """InvalidFilterKey, InvalidFilterOption, InvalidFilterValue. `keys` are those the operation knows."""
    seen = set()
    for one in filters:
        key = one["Key"]
        if key not in keys and not (key.startswith("tag:") and "tag:" in keys):
            raise ApiError(
                "InvalidFilterKey",
                f"The following filter key is not valid: {key}. Valid filter keys include: [{', '.join(keys)}].",
            )
        if key in seen:
            raise ApiError(
                "InvalidFilterKey",
                f"The following filter is duplicated in the request: {key}. A request can contain only one occurrence "
                "of a specific filter.",
            )
        seen.add(key)
        _validate_option(one)
        if not one.get("Values") and not key.startswith("tag:"):
            raise ApiError(
                "InvalidFilterValue", f"The following filter values are missing : null for filter key {key}."
            )


def _validate_option(one: Filter) -> None:
    allowed = _OPTIONS.get(one["Key"], ("Equals", "BeginsWith"))
    if "Option" in one and one["Option"] not in allowed:
        raise ApiError(
            "InvalidFilterOption",
            f"The following filter option is not valid: {one['Option']}. Valid options include: "
            f"[{', '.join(sorted(allowed))}].",
        )


def passes_filters(name: str, body: Body, filters: Iterable[Filter]) -> bool:
    """All filters must agree, each with one of its values."""
    return all(_passes(name, body, one) for one in filters)


def read_token(token: str | None) -> str:
    """The name a page starts after. InvalidNextToken."""
    try:
        return decode_name(token)
    except BadToken:
        raise ApiError("InvalidNextToken", "The specified token isn't valid.") from None


def write_token(name: str) -> str:
    return encode_token([name])


def _passes(name: str, body: Body, one: Filter) -> bool:
    key, values = one["Key"], one.get("Values") or ()
    option = one.get("Option") or ("OneLevel" if key == "Path" else "Equals")
    if key == "Path":
        return any(_is_below(name, value, option == "Recursive") for value in values)
    if key == "Label":
        return any(body["labels"].get(value) == body["version"] for value in values)
    if key.startswith("tag:"):
        tag = body["tags"].get(key.removeprefix("tag:"))
        return tag is not None and (not values or _agrees(tag, values, option))
    text = name if key == "Name" else body.get(_MEMBERS[key])
    return text is not None and _agrees(text, values, option)


def _agrees(text: str, values: Iterable[str], option: str) -> bool:
    match option:
        case "BeginsWith":
            return text.startswith(tuple(values))
        case "Contains":
            return any(value in text for value in values)
        case _:
            return text in values


def _is_below(name: str, path: str, recursive: bool) -> bool:
    base = path.rstrip("/") + "/"
    rooted = name if name.startswith("/") else f"/{name}"
    return rooted.startswith(base) and (recursive or "/" not in rooted.removeprefix(base))
