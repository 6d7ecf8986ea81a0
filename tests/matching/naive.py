"""A second reading of event patterns, as plain as can be: it shares no line with the first."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator
from typing import Any


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether some choice of an element in every array makes all fields fit."""
    everywhere = {path for world in worlds(event) for path, _ in scalars("", world)}
    return any(holds_in(wanted, event, everywhere) for wanted in alternatives("", pattern))


def holds_in(wanted: dict[str, list[Any]], event: Any, everywhere: set[str]) -> bool:
    for world in worlds(event):
        here: dict[str, list[Any]] = {}
        for path, value in scalars("", world):
            here.setdefault(path, []).append(value)
        if all(fits_field(values, path, here, everywhere) for path, values in wanted.items()):
            return True
    return False


def fits_field(values: list[Any], path: str, here: dict[str, list[Any]], everywhere: set[str]) -> bool:
    if path not in everywhere:
        return any(value == {"exists": False} for value in values)
    return any(fits(value, found) for value in values for found in here.get(path, ()))


def alternatives(path: str, pattern: dict[str, Any]) -> list[dict[str, list[Any]]]:
    """Every way to choose a branch of each $or, as fields."""
    rules: list[dict[str, list[Any]]] = [{}]
    for name, value in pattern.items():
        inner = ".".join(filter(None, (path, name)))
        if name == "$or":
            more = [rule for branch in value for rule in alternatives(path, branch)]
        elif isinstance(value, dict):
            more = alternatives(inner, value)
        else:
            more = [{inner: value}]
        rules = [{**rule, **other} for rule in rules for other in more]
    return rules


def worlds(value: Any) -> Iterator[Any]:
    """The value with each array cut down to its scalars and at most one of the rest."""
    if isinstance(value, dict):
        for choice in itertools.product(*(list(worlds(inner)) for inner in value.values())):
            yield dict(zip(value, choice, strict=True))
    elif isinstance(value, list):
        plain = [inner for inner in value if not isinstance(inner, (dict, list))]
        yield plain
        for inner in value:
            if isinstance(inner, (dict, list)):
                for world in worlds(inner):
                    yield [*plain, world]
    else:
        yield value


def scalars(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from scalars(".".join(filter(None, (path, name))), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from scalars(path, inner)
    else:
        yield path, value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (address(one) is not None and address(one) == address(other))
    return not isinstance(one, str) and not isinstance(other, str) and one == other


def address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def fits(wanted: Any, found: Any) -> bool:
    if not isinstance(wanted, dict):
        return same(wanted, found)
    ((name, operand),) = wanted.items()
    if name == "exists":
        return bool(operand)
    if name == "anything-but":
        if isinstance(operand, dict):
            ((inner, values),) = operand.items()
            return not any(fits({inner: one}, found) for one in (values if isinstance(values, list) else [values]))
        return not any(
            (type(one) is type(found) is str and one == found) or (type(one) is not str and same(one, found))
            for one in (operand if isinstance(operand, list) else [operand])
        )
    if name == "numeric":
        return is_number(found) and all(
            {"=": found == n, "<": found < n, "<=": found <= n, ">": found > n, ">=": found >= n}[op]
            for op, n in zip(operand[::2], operand[1::2], strict=True)
        )
    if not isinstance(found, str):
        return False
    if name == "cidr":
        return address(found) is not None and address(found) in ipaddress.ip_network(operand, strict=False)
    if isinstance(operand, dict):
        (operand,), found = operand.values(), found.lower()
        operand = operand.lower()
    if name == "wildcard":
        return re.fullmatch(_regex(operand), found) is not None
    return {
        "prefix": found.startswith(operand),
        "suffix": found.endswith(operand),
        "equals-ignore-case": found.lower() == operand.lower(),
        "exactly": found == operand,
    }[name]


def _regex(wildcard: str) -> str:
    parts = re.split(r"(\\.|\*)", wildcard)
    return "(?s)" + "".join(
        ".*" if part == "*" else re.escape(part[1:] if part[:1] == "\\" else part) for part in parts
    )


def is_number(value: Any) -> bool:
    return type(value) in (int, float)
