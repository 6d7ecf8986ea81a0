"""The JSON dialect: `{ $.user.id = 1 && ($.path[0] = "a*" || $.gone NOT EXISTS) }`. [logs.md 5]"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from batchd.services.logs.pattern_tokens import BadPattern, Check, Reader, tokens_of
from batchd.services.logs.pattern_values import value_test

_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_MISSING = object()
_STATES: dict[str, Any] = {"NULL": None, "TRUE": True, "FALSE": False}


@dataclass(frozen=True, slots=True)
class JsonPattern:
    """Matches messages that are JSON and satisfy the check."""

    check: Check[Any]  # any JSON value

    def matches(self, message: str) -> bool:
        try:
            return self.check(orjson.loads(message))
        except orjson.JSONDecodeError:
            return False

    def extract(self, message: str) -> dict[str, str]:
        return {}


def parse_json(text: str) -> JsonPattern:
    """`text` is what stands between the braces."""
    reader: Reader[Any] = Reader(tokens_of(text), _condition)
    check = reader.either()
    reader.take("end")
    return JsonPattern(check)


def _condition(reader: Reader[Any]) -> Check[Any]:
    find = _finder(reader.take("selector").text)
    if reader.skip("word", "IS"):
        state = _STATES.get(reader.take("word").text, _MISSING)
        if state is _MISSING:
            raise BadPattern
        return lambda document: find(document) is state
    if reader.skip("word", "NOT"):
        reader.take("word", "EXISTS")
        return lambda document: find(document) is _MISSING
    if reader.skip("word", "EXISTS"):
        return lambda document: find(document) is not _MISSING
    return _comparison(find, reader)


def _comparison(find: Callable[[Any], Any], reader: Reader[Any]) -> Check[Any]:
    comparison = reader.take("compare").text
    test = value_test(comparison, reader.operand())

    def check(document: Any) -> bool:
        # Only strings and numbers compare: elsewhere even `!=` does not hold, the pattern is not applied.
        value = find(document)
        return isinstance(value, str | int | float) and not isinstance(value, bool) and test(value)

    return check


def _finder(selector: str) -> Callable[[Any], Any]:
    steps = [name if name else int(index) for name, index in _STEP.findall(selector)]

    def find(document: Any) -> Any:
        for step in steps:
            if isinstance(step, str):
                document = document.get(step, _MISSING) if isinstance(document, dict) else _MISSING
            else:
                inside = isinstance(document, list) and step < len(document)
                document = document[step] if inside else _MISSING
        return document

    return find
