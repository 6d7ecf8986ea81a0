"""What the structured dialects compare with: words with wildcards, quoted strings, numbers, `%regex%`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

import re2  # type: ignore[import-untyped]  # the package ships no types

from batchd.services.logs.pattern_tokens import BadPattern, Token

# The characters AWS allows between the percent signs; parentheses are not among them.
_REGEX = re.compile(r"[A-Za-z0-9 :_#=@/;,\-^$?\[\]{}|\\*+.]+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}

Value = str | float
ValueTest = Callable[[Value], bool]


def value_test(comparison: str, operand: Token) -> ValueTest:
    """`= != < > <= >=` against an operand. Only numbers have an order."""
    if comparison in _ORDER:
        return _order_test(_ORDER[comparison], operand)
    test = _equality_test(operand)
    if comparison == "=":
        return test
    return lambda value: not test(value)


def regex_test(text: str) -> Callable[[str], bool]:
    """A search for AWS's small regular expressions, in time linear in the message whatever the expression."""
    if not _REGEX.fullmatch(text):
        raise BadPattern
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        search = re2.compile(text, options).search
    except re2.error:
        raise BadPattern from None
    return lambda message: search(message) is not None


def number_of(value: Value) -> float | None:
    """The number a value or a field's text stands for."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    return value


def _order_test(order: Callable[[float, float], bool], operand: Token) -> ValueTest:
    limit = number_of(operand.text) if operand.kind == "word" else None
    if limit is None:
        raise BadPattern
    wanted = limit

    def test(value: Value) -> bool:
        number = number_of(value)
        return number is not None and order(number, wanted)

    return test


def _equality_test(operand: Token) -> ValueTest:
    if operand.kind == "regex":
        search = regex_test(operand.text)
        return lambda value: search(_text(value))
    if operand.kind not in ("word", "string"):
        raise BadPattern
    number = number_of(operand.text) if operand.kind == "word" else None
    if number is None:
        return _wildcard_test(operand.text)
    return lambda value: number_of(value) == number


def _wildcard_test(wanted: str) -> ValueTest:
    """`*` is a wildcard at either end; inside a word it is itself."""
    opens, closes = wanted.startswith("*"), wanted.endswith("*")
    core = wanted[opens : len(wanted) - closes] if wanted != "*" else ""

    def test(value: Value) -> bool:
        text = _text(value)
        if opens and closes:
            return core in text
        if opens:
            return text.endswith(core)
        return text.startswith(core) if closes else text == core

    return test


def _text(value: Value) -> str:
    return value if isinstance(value, str) else repr(value)
