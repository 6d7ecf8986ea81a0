"""The operators of event patterns: from JSON to a test of one value. [events.md 6.3]"""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from batchd.errors import BatchdError

Test = Callable[[Any], bool]  # of a JSON scalar

_ONE_KEY = "Only one key allowed in match expression"
_TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)
_MOST_REPEATS = 4  # AWS does not say where the line is; five wildcards that are all followed by `:` are too many


class BadPattern(BatchdError):
    """A pattern cannot be compiled; the text is AWS's reason."""


def compile_operator(expression: dict[str, Any]) -> Test:
    """Of `{"prefix": "a"}` and the like. Raises BadPattern."""
    if not expression:
        raise BadPattern("Match expression name not found")
    name = next(iter(expression))
    compiler = _OPERATORS.get(name)
    if compiler is None:
        raise BadPattern(f"Unrecognized match type {name}")
    test = compiler(expression[name])
    if len(expression) > 1:
        raise BadPattern(_ONE_KEY)
    return test


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equals_address(text: str) -> Test | None:
    """Any spelling of this IP address; None if it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return partial(_is_address, address)


def _exactly(value: Any) -> Test:
    text = _string(value, "exact match pattern must be a string")
    return lambda found: bool(found == text)


def _prefix(value: Any) -> Test:
    if isinstance(value, dict):
        folded = _ignoring_case(value, "Prefix", "prefix").casefold()
        return lambda found: isinstance(found, str) and found.casefold().startswith(folded)
    text = _string(value, "prefix match pattern must be a string")
    return lambda found: isinstance(found, str) and found.startswith(text)


def _suffix(value: Any) -> Test:
    if isinstance(value, dict):
        folded = _ignoring_case(value, "Suffix", "suffix").casefold()
        return lambda found: isinstance(found, str) and found.casefold().endswith(folded)
    text = _string(value, "suffix match pattern must be a string")
    return lambda found: isinstance(found, str) and found.endswith(text)


def _ignoring_case(value: dict[str, Any], capital: str, name: str) -> str:
    """The text in `{"equals-ignore-case": text}` below a prefix or suffix."""
    if not value:
        raise BadPattern(f"{capital} expression name not found")
    inner = next(iter(value))
    if inner != "equals-ignore-case":
        raise BadPattern(f"Unsupported {name} pattern: {inner}")
    text = _string(value[inner], "equals-ignore-case match pattern must be a string")
    if len(value) > 1:
        raise BadPattern(_ONE_KEY)
    return text


def _equals_ignore_case(value: Any) -> Test:
    folded = _string(value, "equals-ignore-case match pattern must be a string").casefold()
    return lambda found: isinstance(found, str) and found.casefold() == folded


def _exists(value: Any) -> Test:
    """Of a value that is there; that it may be missing is the field's business."""
    if not isinstance(value, bool):
        raise BadPattern("exists match pattern must be either true or false.")
    return lambda found: value


def _cidr(value: Any) -> Test:
    text = _string(value, "prefix match pattern must be a string")  # so says AWS
    address, slash, bits = text.partition("/")
    if not slash or "/" in bits:
        raise BadPattern("Malformed CIDR, one '/' required")
    try:
        mask = int(bits)
    except ValueError:
        raise BadPattern("Malformed CIDR, mask bits must be an integer") from None
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        raise BadPattern(f"Nonstandard IP address: {address}") from None
    width = 32 if version == 4 else 128
    if mask >= width:
        raise BadPattern(f"IPv{version} mask bits must be < {width}")
    if mask < 0:
        raise BadPattern("Malformed CIDR, mask bits must not be negative")
    return partial(_is_in_network, ipaddress.ip_network(f"{address}/{mask}", strict=False))


def _is_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, found: Any) -> bool:
    try:
        return isinstance(found, str) and ipaddress.ip_address(found) == address
    except ValueError:
        return False


def _is_in_network(network: ipaddress.IPv4Network | ipaddress.IPv6Network, found: Any) -> bool:
    try:
        return isinstance(found, str) and ipaddress.ip_address(found) in network
    except ValueError:
        return False


def _wildcard(value: Any) -> Test:
    pieces = _wildcard_pieces(_string(value, "wildcard match pattern must be a string"))
    return lambda found: isinstance(found, str) and fits_wildcard(pieces, found)


def fits_wildcard(pieces: Sequence[str], text: str) -> bool:
    """Whether the text is the pieces with anything between them; in linear time, since the first fit is the best."""
    first, *rest = pieces
    if not rest:
        return text == first
    last = rest.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in rest:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _wildcard_pieces(text: str) -> list[str]:
    """The literal runs between the `*`s. A backslash takes `*` and itself literally."""
    pieces, position, was_star = [""], 0, False
    while position < len(text):
        sign = text[position]
        if sign == "\\":
            if text[position + 1 : position + 2] not in ("*", "\\"):
                raise BadPattern(f"Invalid escape character at pos {position + 1}")
            position += 1
            pieces[-1] += text[position]
        elif sign == "*":
            if was_star:
                raise BadPattern(f"Consecutive wildcard characters at pos {position}")
            pieces.append("")
        else:
            pieces[-1] += sign
        was_star = sign == "*"
        position += 1
    repeats = Counter(piece[0] for piece in pieces[1:] if piece)
    if repeats and max(repeats.values()) > _MOST_REPEATS:
        raise BadPattern(_TOO_COMPLEX)
    return pieces


def _numeric(value: Any) -> Test:
    """`[operator, number]`, or a range that begins with its lower bound."""
    if not isinstance(value, list):
        raise BadPattern("Value of numeric must be an array.")
    operator = value[0] if value else None
    if not isinstance(operator, str):
        raise BadPattern(f"Invalid member in numeric match: {_written(operator) if value else ']'}")
    if operator not in _COMPARISONS:
        raise BadPattern(f"Unrecognized numeric range operator: {operator}")
    bound = _bound(value, 1, "equals" if operator == "=" else operator)
    first = partial(_compare, operator, bound)
    if len(value) == 2:
        return first
    if operator not in (">", ">="):
        raise BadPattern("Too many elements in numeric expression")
    upper = value[2]
    if not isinstance(upper, str):
        raise BadPattern(f"Bad value in numeric range: {_written(upper)}")
    if upper not in ("<", "<="):
        raise BadPattern(f"Bad numeric range operator: {upper}")
    top = _bound(value, 3, upper)
    if len(value) > 4:
        raise BadPattern("Too many terms in numeric range expression")
    if bound > top or (bound == top and not (operator == ">=" and upper == "<=")):
        raise BadPattern("Bottom must be less than top")
    return lambda found: first(found) and _compare(upper, top, found)


def _bound(value: list[Any], position: int, name: str) -> float:
    bound: Any = value[position] if len(value) > position else None
    if not is_number(bound):
        raise BadPattern(f"Value of {name} must be numeric")
    return bound  # type: ignore[no-any-return]  # a number of JSON, which may be whole


def _written(value: Any) -> str:
    """As it stands in JSON; of something larger, how it begins."""
    return json.dumps(value)[0] if isinstance(value, (list, dict)) else json.dumps(value).strip('"')


def _compare(operator: str, bound: float, found: Any) -> bool:
    return is_number(found) and _COMPARISONS[operator](found, bound)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda found, bound: found == bound,
    "<": lambda found, bound: found < bound,
    "<=": lambda found, bound: found <= bound,
    ">": lambda found, bound: found > bound,
    ">=": lambda found, bound: found >= bound,
}


def _anything_but(value: Any) -> Test:
    """What is there and is not this: another type is something else too."""
    if isinstance(value, dict):
        return _anything_but_operator(value)
    values = value if isinstance(value, list) else [value]
    if not isinstance(value, list) and not (isinstance(value, str) or is_number(value)):
        raise BadPattern("Value of anything-but must be an array or single string/number value.")
    for one in values:
        if not (isinstance(one, str) or is_number(one)):
            raise BadPattern("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(one, str) for one in values}) != 1:
        raise BadPattern(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )
    excluded = frozenset(values)
    return lambda found: isinstance(found, bool) or found not in excluded  # for True equals 1


def _anything_but_operator(value: dict[str, Any]) -> Test:
    if not value:
        raise BadPattern("Anything-But expression name not found")
    name = next(iter(value))
    if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        raise BadPattern(f"Unsupported anything-but pattern: {name}")
    operand = value[name]
    if not (isinstance(operand, (str, list)) or is_number(operand)):
        raise BadPattern("Value of anything-but must be an array or single string/number value.")
    texts = operand if isinstance(operand, list) else [operand]
    if any(not isinstance(text, str) for text in texts):
        raise BadPattern(_NOT_STRINGS.get(name, "prefix/suffix match pattern must be a string"))
    if name in ("prefix", "suffix") and "" in texts:
        raise BadPattern("Null prefix/suffix not allowed")
    if len(value) > 1:
        raise BadPattern("Too many elements in numeric expression")  # so says AWS
    if not texts:
        raise BadPattern("Empty arrays are not allowed")
    excluded = [_OPERATORS[name](text) for text in texts]
    return lambda found: not any(test(found) for test in excluded)


_NOT_STRINGS = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    "wildcard": "wildcard match pattern must be a string",
}


def _string(value: Any, complaint: str) -> str:
    if not isinstance(value, str):
        raise BadPattern(complaint)
    return value


_OPERATORS: dict[str, Callable[[Any], Test]] = {
    "exactly": _exactly,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
OPERATOR_NAMES = frozenset(_OPERATORS)
