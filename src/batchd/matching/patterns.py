"""Event patterns: compiled once, then asked of events. [events.md 6]

A pattern is one or more conjunctions (`$or` makes several); each wants every one of its fields to have a value that
fits. Fields are known by their path, names joined by dots, in pattern and event alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from batchd.matching.operators import (
    OPERATOR_NAMES,
    BadPattern,
    Test,
    compile_operator,
    equals_address,
    is_number,
)

_MOST_COMBINATIONS = 1000
_OR = "$or"

Trail = tuple[tuple[int, int], ...]  # through which elements of which arrays a value is reached, outermost first
Fields = Mapping[str, Sequence[tuple[Any, Trail]]]  # the scalars of an event by path


@dataclass(frozen=True, slots=True)
class Field:
    """What a pattern wants of one path: one of `literals`, or a value that passes a test, or none at all."""

    literals: frozenset[Any]
    tests: tuple[Test, ...]
    may_be_missing: bool

    @property
    def is_literal(self) -> bool:
        """Whether only the literals fit."""
        return not self.tests and not self.may_be_missing

    def fits(self, value: Any) -> bool:
        return literal_key(value) in self.literals or any(test(value) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Fields that must all fit."""

    fields: tuple[tuple[str, Field], ...]

    def matches(self, event: Fields) -> bool:
        """Where values lie in arrays of objects, those of one array must be of one element."""
        bound: list[list[Trail]] = []
        for path, field in self.fields:
            found = event.get(path)
            if not found:
                if not field.may_be_missing:
                    return False
                continue
            trails = [trail for value, trail in found if field.fits(value)]
            if not trails:
                return False
            bound.append(trails)
        return _agree(bound)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Matches where any of its conjunctions does."""

    conjunctions: tuple[Conjunction, ...]

    def matches(self, event: Fields) -> bool:
        return any(one.matches(event) for one in self.conjunctions)


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern:
    """Raises BadPattern with AWS's reason."""
    document = _parse(text)
    if not isinstance(document, dict):
        raise BadPattern("Filter is not an object")
    try:
        rules = _conjunctions(document, "", [{}], False)
    except RecursionError:
        raise BadPattern("Rule is too complex - its objects are nested too deeply") from None
    return Pattern(tuple(Conjunction(tuple(rule.items())) for rule in rules))


def flatten(event: Any) -> Fields:
    """Every scalar of the event; an empty array or object is not there at all."""
    found: dict[str, list[tuple[Any, Trail]]] = {}
    waiting: list[tuple[str, Any, Trail]] = [("", event, ())]
    arrays = 0
    while waiting:
        path, value, trail = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}" if path else name, inner, trail) for name, inner in value.items()]
        elif isinstance(value, list):
            arrays += 1
            for index, inner in enumerate(value):
                is_place = isinstance(inner, (dict, list))
                waiting.append((path, inner, (*trail, (arrays, index)) if is_place else trail))
        else:
            found.setdefault(path, []).append((value, trail))
    return found


def literal_key(value: Any) -> Any:
    """What to look a value up by: types differ, but numbers that are equal are one."""
    return (value,) if value is None or isinstance(value, bool) else value


def _agree(bound: list[list[Trail]]) -> bool:
    """Whether a trail of each list can be chosen so that no array is passed through two elements.

    Arrays nest, so that one of them stands at the same place of every trail that has it: it is enough to split the
    trails by the element of the first one's outermost array, and look below each."""
    bound = [trails for trails in bound if () not in trails]
    if len(bound) < 2:
        return True
    array = bound[0][0][0][0]
    inside, outside = _split(bound[0], array)
    rest = [_split(trails, array) for trails in bound[1:]]
    for index, below in inside.items():
        others = [parts.get(index, []) + free for parts, free in rest]
        if all(others) and _agree([below, *others]):
            return True
    return bool(outside) and _agree([outside, *bound[1:]])


def _split(trails: list[Trail], array: int) -> tuple[dict[int, list[Trail]], list[Trail]]:
    """What is left of the trails by their element of the array, and those that do not pass through it."""
    inside: dict[int, list[Trail]] = {}
    outside: list[Trail] = []
    for trail in trails:
        if trail[0][0] == array:
            inside.setdefault(trail[0][1], []).append(trail[1:])
        else:
            outside.append(trail)
    return inside, outside


def _parse(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadPattern(_complaint(text)) from None


def _complaint(text: str) -> str:
    """In the words of AWS's parser, as far as they are known."""
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        rest = text[error.pos :].lstrip()
        token = rest[: next((i for i, sign in enumerate(rest) if not sign.isalnum()), len(rest))]
        where = f'\n at [Source: (String)"{text}"; line: {error.lineno}, column: {error.colno}]'
        if not rest:
            return f"Unexpected end-of-input{where}"
        if token and not token[0].isdigit():
            expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            return f"Unrecognized token '{token}': was expecting {expected}{where}"
        return f"Unexpected character ('{rest[0]}' (code {ord(rest[0])})){where}"
    except (ValueError, RecursionError):
        pass
    return "Event pattern is not valid JSON"


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


Rule = dict[str, Field]


def _conjunctions(document: dict[str, Any], path: str, rules: list[Rule], in_or: bool) -> list[Rule]:
    """Each of the rules with the fields of the document added; `$or` multiplies them. A path named twice means what
    it says last."""
    if not document:
        raise BadPattern("Empty objects are not allowed")
    for name, value in document.items():
        if name == _OR:
            rules = _alternatives(value, path, rules)
            continue
        if in_or and name in OPERATOR_NAMES:
            raise BadPattern(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
        inner = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            rules = _conjunctions(value, inner, rules, in_or)
        elif isinstance(value, list):
            field = _field(value)
            rules = [{**rule, inner: field} for rule in rules]
        else:
            raise BadPattern(f'"{name}" must be an object or an array')
    return rules


def _alternatives(value: Any, path: str, rules: list[Rule]) -> list[Rule]:
    if not isinstance(value, list):
        raise BadPattern("It must be an Array followed with $or.")
    made: list[Rule] = []
    for branch in value:
        if not isinstance(branch, dict):
            raise BadPattern("Only JSON object is allowed in array of $or relationship.")
        made += _conjunctions(branch, path, rules, True)
        if len(made) > _MOST_COMBINATIONS:
            raise BadPattern(f"Rule is too complex - $or makes more than {_MOST_COMBINATIONS} combinations")
    if len(value) < 2:
        raise BadPattern("There must have at least 2 Objects in $or relationship.")
    return made


def _field(values: list[Any]) -> Field:
    if not values:
        raise BadPattern("Empty arrays are not allowed")
    literals = frozenset(_literals(values))
    tests = [compile_operator(value) for value in values if isinstance(value, dict)]
    tests += [test for value in values if isinstance(value, str) and (test := equals_address(value))]
    is_optional = any(isinstance(value, dict) and value.get("exists") is False for value in values)
    return Field(literals, tuple(tests), is_optional)


def _literals(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            raise BadPattern("Match value must be String, number, true, false, or null")
        if isinstance(value, str) or is_number(value) or value is None or isinstance(value, bool):
            yield literal_key(value)
