"""Filters of EC2's Describe operations: all of them must hold, each by any of its values. [iam.md 13]"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import re2  # type: ignore[import-untyped]  # the package ships no types

from batchd.errors import ApiError
from batchd.store.store import Body

# Filter name to where its values are: member names joined by dots; lists on the way stand for each of their elements.
Fields = Mapping[str, str]
Test = Callable[[Body], bool]


def select(items: Iterable[Body], filters: Sequence[Mapping[str, Any]], fields: Fields) -> list[Body]:
    """The items that satisfy every filter. `tag:KEY` and `tag-key` work everywhere; unknown names are refused."""
    tests = [_test(named, fields) for named in filters]
    return [item for item in items if all(test(item) for test in tests)]


def values_at(item: Any, path: str) -> list[str]:
    """The values at a dotted path, as filters write them: `true`, `false`, digits, text."""
    found = [item]
    for step in path.split("."):
        found = [part[step] for part in _each(found) if isinstance(part, dict) and part.get(step) is not None]
    return [str(leaf).lower() if isinstance(leaf, bool) else str(leaf) for leaf in _each(found)]


def wildcard(text: str) -> Callable[[str], bool]:
    """`*` stands for any text, `?` for one character, a backslash takes away the meaning of what follows.

    InvalidParameterValue for one that is too long."""
    if not any(mark in text for mark in "*?\\"):
        return lambda value: value == text
    parts: list[str] = []
    characters = iter(text)
    for character in characters:
        if character in "*?":
            parts.append("(?s:.*)" if character == "*" else "(?s:.)")
        else:
            parts.append(re2.escape(next(characters, "\\") if character == "\\" else character))
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    try:
        fullmatch = re2.compile("".join(parts), options).fullmatch
    except re2.error:
        raise ApiError("InvalidParameterValue", "The value of a filter is too long") from None
    return lambda value: fullmatch(value) is not None


def _each(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, list):
            yield from _each(part)
        else:
            yield part


def _test(named: Mapping[str, Any], fields: Fields) -> Test:
    name, values = named.get("Name", ""), named.get("Values") or []
    if not values:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' has no values")
    wanted = [wildcard(value) for value in values]

    def any_wanted(found: Iterable[str]) -> bool:
        return any(matches(value) for value in found for matches in wanted)

    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda item: any_wanted(tag["Value"] for tag in item.get("Tags", ()) if tag["Key"] == key)
    path = "Tags.Key" if name == "tag-key" else fields.get(name)
    if path is None:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    found_path = path
    return lambda item: any_wanted(values_at(item, found_path))
