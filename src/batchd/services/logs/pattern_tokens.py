"""The words of the structured dialects, and the grammar of conditions they share.

either    = both { "||" both }
both      = single { "&&" single }
single    = "(" either ")" | condition
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<logic>&&|\|\|)
      | (?P<compare>!=|<=|>=|=|<|>)
      | (?P<mark>[(),])
      | "(?P<string>(?:[^"\\]|\\.)*)"
      | %(?P<regex>[^%]+)%
      | (?P<selector>\$(?:\.[A-Za-z0-9_-]+|\[\d{1,9}\])+)
      | (?P<word>[A-Za-z0-9_.*+:/@\#-]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_DEPTH = 64  # of parentheses: far beyond use, far below the interpreter's limit
_MOST_REGEXES = 2

Subject = TypeVar("Subject")
Check = Callable[[Subject], bool]


class BadPattern(Exception):
    """The text is not a filter pattern; the message is AWS's."""

    def __init__(self, message: str = "Invalid filter pattern") -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is logic, compare, mark, string, regex, selector, word or end; `text` is without quotes or percents."""

    kind: str
    text: str


_END = Token("end", "")


def unescape(text: str) -> str:
    """The inside of a quoted string: a backslash keeps the next character as it is."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def tokens_of(text: str) -> list[Token]:
    """All tokens of the text; BadPattern where there is none to read, or more than two regular expressions."""
    found: list[Token] = []
    text = text.rstrip()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise BadPattern
        kind, value = match.lastgroup, match[match.lastgroup]
        found.append(Token(kind, unescape(value) if kind == "string" else value))
        position = match.end()
    if sum(token.kind == "regex" for token in found) > _MOST_REGEXES:
        raise BadPattern
    return found


class Reader(Generic[Subject]):
    """Walks over tokens. `condition` reads one comparison and gives the check it means."""

    def __init__(self, tokens: list[Token], condition: Callable[[Reader[Subject]], Check[Subject]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._condition = condition

    def peek(self, ahead: int = 0) -> Token:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else _END

    def take(self, kind: str, text: str | None = None) -> Token:
        """The next token, which must be of this kind (and text)."""
        token = self.peek()
        if token.kind != kind or (text is not None and token.text != text):
            raise BadPattern
        self._next += 1
        return token

    def skip(self, kind: str, text: str) -> bool:
        """Step over the next token if it is this one."""
        if self.peek() != Token(kind, text):
            return False
        self._next += 1
        return True

    def operand(self) -> Token:
        """What stands right of a comparison."""
        return self.take(self.peek().kind if self.peek().kind in ("string", "regex") else "word")

    def either(self) -> Check[Subject]:
        checks = [self._both()]
        while self.skip("logic", "||"):
            checks.append(self._both())
        return checks[0] if len(checks) == 1 else lambda subject: any(check(subject) for check in checks)

    def _both(self) -> Check[Subject]:
        checks = [self._single()]
        while self.skip("logic", "&&"):
            checks.append(self._single())
        return checks[0] if len(checks) == 1 else lambda subject: all(check(subject) for check in checks)

    def _single(self) -> Check[Subject]:
        if not self.skip("mark", "("):
            return self._condition(self)
        self._depth += 1
        if self._depth > _DEPTH:
            raise BadPattern
        inner = self.either()
        self.take("mark", ")")
        self._depth -= 1
        return inner
