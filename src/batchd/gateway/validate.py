"""The constraints of a service model, compiled once per operation: required members, enums, lengths, patterns, ranges.

A checker takes a value that has the right type (readers see to that) and gives what it violates, with paths relative
to the value; so nothing is paid for paths when all is well. Texts are those of AWS's own framework:
`2 validation errors detected: Value 'x' at 'targets.1.member.id' failed to satisfy constraint: …; …`. Violations
inside lists and maps of scalars are told of the whole: `Member must satisfy constraint: […]`. [events.md 1]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from batchd.gateway.patterns import matcher
from batchd.gateway.shapes import SCALARS, Shape

REQUIRED = "Member must not be null"
_TOLD = 100  # violations of one request
_SHOWN = 1000  # characters of a value


@dataclass(frozen=True, slots=True)
class Violation:
    """`path` is dotted, member names start in lower case; `value` is None for values that must not be shown."""

    path: str
    value: str | None
    constraint: str

    @property
    def is_missing(self) -> bool:
        return self.constraint == REQUIRED

    def __str__(self) -> str:
        shown = "" if self.value is None else f" {self.value}"
        return f"Value{shown} at '{self.path}' failed to satisfy constraint: {self.constraint}"


Check = Callable[[Any], list[Violation] | None]
Test = tuple[Callable[[Any], bool], str]  # does it hold, and its text
_NULL = Violation("", "null", REQUIRED)


def violations_text(violations: list[Violation]) -> str:
    """The message AWS gives for these violations."""
    noun = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {noun} detected: {'; '.join(str(v) for v in violations)}"


def compile_check(shape: Shape) -> Check | None:
    """The checker of a shape, None if nothing can be wrong with a value of its type."""
    return _Compiler().check_of(shape)


class _Compiler:
    """Compiles each use of a shape once; recursive shapes meet themselves through a late-bound checker."""

    def __init__(self) -> None:
        self._checks: dict[Shape, Check | None] = {}
        self._open: set[Shape] = set()

    def check_of(self, shape: Shape) -> Check | None:
        if shape in self._open:
            return lambda value: again(value) if (again := self._checks[shape]) else None
        if shape not in self._checks:
            self._open.add(shape)
            self._checks[shape] = self._compile(shape)
            self._open.discard(shape)
        return self._checks[shape]

    def _compile(self, shape: Shape) -> Check | None:
        if shape.type == "structure":
            return None if shape.is_document else self._structure(shape)
        if shape.type == "list":
            return _both(_own(shape), self._list(shape))
        if shape.type == "map":
            return _both(_own(shape), self._map(shape))
        return _own(shape)

    def _structure(self, shape: Shape) -> Check | None:
        checks = {name: check for name, member in shape.members.items() if (check := self.check_of(member))}
        required = shape.required
        paths = {name: name[0].lower() + name[1:] for name in (*shape.members, *required)}
        if shape.has("union"):
            return _both(_union(shape), _structure_check(checks, required, paths))
        if not checks and not required:
            return None
        return _structure_check(checks, required, paths)

    def _list(self, shape: Shape) -> Check | None:
        element = shape.element
        is_sparse = shape.has("sparse")
        if element.type in SCALARS:
            tests = _tests(element)
            return _elements_check(shape, "Member", tests, is_sparse, lambda value: value)
        check = self.check_of(element)

        def check_list(value: list[Any]) -> list[Violation] | None:
            found: list[Violation] = []
            for index, item in enumerate(value, 1):
                if bad := _item(item, check, is_sparse):
                    _nest(found, f"{index}.member", bad)
            return found or None

        return check_list

    def _map(self, shape: Shape) -> Check | None:
        is_sparse = shape.has("sparse")
        tests = _tests(shape.key)
        keys = _elements_check(shape, "Map keys", tests, False, lambda value: value.keys()) if tests else None
        if shape.value.type in SCALARS:
            tests = _tests(shape.value)
            return _both(keys, _elements_check(shape, "Map value", tests, is_sparse, lambda value: value.values()))
        check = self.check_of(shape.value)

        def check_values(value: dict[str, Any]) -> list[Violation] | None:
            found: list[Violation] = []
            for key, item in value.items():
                if bad := _item(item, check, is_sparse):
                    _nest(found, f"{key}.member", bad)
            return found or None

        return _both(keys, check_values)


def _structure_check(checks: dict[str, Check], required: tuple[str, ...], paths: dict[str, str]) -> Check:
    find = checks.get

    def check_structure(value: dict[str, Any]) -> list[Violation] | None:
        found: list[Violation] = []
        for name in required:
            if value.get(name) is None:
                found.append(Violation(paths[name], "null", REQUIRED))
        for name, item in value.items():
            check = find(name)
            if check is not None and item is not None and (bad := check(item)):
                _nest(found, paths[name], bad)
        return found or None

    return check_structure


def _union(shape: Shape) -> Check:
    members = shape.members.keys()

    def check_union(value: dict[str, Any]) -> list[Violation] | None:
        if len(members & value.keys()) <= 1:
            return None
        return [Violation("", _shown(shape, value), "Exactly one member of the union must be set")]

    return check_union


def _elements_check(
    shape: Shape, subject: str, tests: list[Test], is_sparse: bool, items: Callable[[Any], Iterable[Any]]
) -> Check | None:
    """A checker of a list's elements or a map's keys or values, all scalars: one violation tells of all."""
    if not tests and is_sparse:
        return None
    texts = [text for _, text in tests] + ([] if is_sparse else [REQUIRED])
    constraint = f"{subject} must satisfy constraint: [{', '.join(texts)}]"
    holds = [test for test, _ in tests]

    def told(value: Any) -> list[Violation]:
        return [Violation("", _shown(shape, value), constraint)]

    def check_nulls(value: Any) -> list[Violation] | None:
        return told(value) if None in items(value) else None

    def check_elements(value: Any) -> list[Violation] | None:
        for item in items(value):
            if item is None:
                if not is_sparse:
                    return told(value)
                continue
            for test in holds:
                if not test(item):
                    return told(value)
        return None

    return check_elements if holds else check_nulls


def _item(item: Any, check: Check | None, is_sparse: bool) -> list[Violation] | None:
    if item is None:
        return None if is_sparse else [_NULL]
    return check(item) if check else None


def _nest(found: list[Violation], path: str, bad: list[Violation]) -> None:
    """Add what a part violates, seen from the whole; no more than a reader would read."""
    for violation in bad[: _TOLD - len(found)]:
        whole = f"{path}.{violation.path}" if violation.path else path
        found.append(Violation(whole, violation.value, violation.constraint))


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any) -> list[Violation] | None:
        one, other = first(value), second(value)
        return one + other if one and other else one or other

    return check


def _own(shape: Shape) -> Check | None:
    """The checker of a value's own constraints, its parts aside."""
    tests = _tests(shape)
    if not tests:
        return None
    if len(tests) == 1:
        holds, text = tests[0]
        return lambda value: None if holds(value) else [Violation("", _shown(shape, value), text)]

    def check(value: Any) -> list[Violation] | None:
        found: list[Violation] | None = None
        for holds, text in tests:
            if not holds(value):
                found = found or []
                found.append(Violation("", _shown(shape, value), text))
        return found

    return check


def _tests(shape: Shape) -> list[Test]:
    """A shape's own constraints, in the order AWS tells them."""
    traits = shape.traits
    if shape.type in ("structure", "boolean", "timestamp"):
        return []
    tests: list[Test] = []
    if values := traits.get("enum"):
        tests.append((frozenset(values).__contains__, f"Member must satisfy enum value set: [{', '.join(values)}]"))
    tests.extend(_bounds(shape, traits.get("max"), traits.get("min")))
    if (pattern := traits.get("pattern")) and (matches := matcher(pattern)):
        tests.append((matches, f"Member must satisfy regular expression pattern: {pattern}"))
    return tests


def _bounds(shape: Shape, most: float | None, least: float | None) -> list[Test]:
    if shape.type in ("string", "blob", "list", "map"):
        return [
            *([_at_most(most, "length", len)] if most is not None else []),
            *([_at_least(least, "length", len)] if least else []),
        ]
    return [
        *([_at_most(most, "value", _itself)] if most is not None else []),
        *([_at_least(least, "value", _itself)] if least is not None else []),
    ]


def _itself(value: Any) -> Any:
    return value


def _at_most(most: float, what: str, measure: Callable[[Any], float]) -> Test:
    return lambda value: measure(value) <= most, f"Member must have {what} less than or equal to {most}"


def _at_least(least: float, what: str, measure: Callable[[Any], float]) -> Test:
    return lambda value: measure(value) >= least, f"Member must have {what} greater than or equal to {least}"


def _shown(shape: Shape, value: Any) -> str | None:
    if shape.has("sensitive"):
        return None
    text = _text(shape, value)
    return f"'{text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}'"


def _text(shape: Shape, value: Any) -> str:
    """A value as Java prints it: `[a, b]`, `{k=v}`, `Shape(member=value, other=null)`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and shape.type == "list":
        return f"[{', '.join(_text(shape.element, item) for item in value[:_TOLD])}]"
    if isinstance(value, dict) and shape.type == "map":
        pairs = list(value.items())[:_TOLD]
        return f"{{{', '.join(f'{key}={_text(shape.value, item)}' for key, item in pairs)}}}"
    if isinstance(value, dict) and shape.type == "structure":
        members = (f"{name[0].lower()}{name[1:]}={_text(m, value.get(name))}" for name, m in shape.members.items())
        return f"{shape.name}({', '.join(members)})"
    return str(value)
