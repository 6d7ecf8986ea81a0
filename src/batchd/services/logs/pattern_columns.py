"""The space-delimited dialect: `[ip, user, ..., status = 4*, bytes > 1000]`. [logs.md 5]"""

from __future__ import annotations

import re
from dataclasses import dataclass

from batchd.services.logs.pattern_tokens import BadPattern, Check, Reader, tokens_of
from batchd.services.logs.pattern_values import value_test

_FIELD = re.compile(r'\s*(?:\[(?P<bracket>[^\]]*)\](?=\s|$)|"(?P<quote>[^"]*)"(?=\s|$)|(?P<plain>\S+))')
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the pattern; without a name it is known by its place. `check` None accepts any text."""

    name: str | None = None
    check: Check[str] | None = None


@dataclass(frozen=True, slots=True)
class ColumnPattern:
    """`head` stands before the ellipsis, `tail` behind it; None: there is no ellipsis, the count is exact."""

    head: tuple[Column, ...]
    tail: tuple[Column, ...] | None

    def matches(self, message: str) -> bool:
        return self._assign(message) is not None

    def extract(self, message: str) -> dict[str, str]:
        return {f"${name}": text for name, text in (self._assign(message) or {}).items()}

    def _assign(self, message: str) -> dict[str, str] | None:
        fields = _fields(message)
        columns = self._columns_for(len(fields))
        if columns is None or not all(c.check is None or c.check(f) for c, f in zip(columns, fields, strict=True)):
            return None
        return {c.name or str(place): f for place, (c, f) in enumerate(zip(columns, fields, strict=True), 1)}

    def _columns_for(self, count: int) -> tuple[Column, ...] | None:
        if self.tail is None:
            return self.head if count == len(self.head) else None
        between = count - len(self.head) - len(self.tail)
        return None if between < 0 else (*self.head, *(Column(),) * between, *self.tail)


def parse_columns(text: str) -> ColumnPattern:
    """`text` is what stands between the brackets."""
    columns = _ColumnReader(text).columns()
    gaps = [place for place, column in enumerate(columns) if column.name == _ELLIPSIS]
    if not gaps:
        return ColumnPattern(tuple(columns), None)
    if len(gaps) > 1:
        raise BadPattern
    return ColumnPattern(tuple(columns[: gaps[0]]), tuple(columns[gaps[0] + 1 :]))


class _ColumnReader:
    """Reads columns: nothing, a bare name, or conditions that all speak of one name."""

    def __init__(self, text: str) -> None:
        self._names: set[str] = set()
        self._reader: Reader[str] = Reader(tokens_of(text), self._condition)

    def columns(self) -> list[Column]:
        found = [self._column()]
        while self._reader.skip("mark", ","):
            found.append(self._column())
        self._reader.take("end")
        return found

    def _column(self) -> Column:
        if self._at_end(0):
            return Column()
        if self._at_end(1):
            return Column(self._name())
        self._names.clear()
        check = self._reader.either()
        if len(self._names) != 1:
            raise BadPattern
        return Column(self._names.pop(), check)

    def _at_end(self, ahead: int) -> bool:
        return self._reader.peek(ahead).kind == "end" or self._reader.peek(ahead).text == ","

    def _name(self) -> str:
        name = self._reader.take("word").text
        if name != _ELLIPSIS and not _NAME.fullmatch(name):
            raise BadPattern
        return name

    def _condition(self, reader: Reader[str]) -> Check[str]:
        self._names.add(self._name())
        return value_test(reader.take("compare").text, reader.operand())


def _fields(message: str) -> list[str]:
    """Words; what stands in brackets or double quotes is one field, without them."""
    return [next(g for g in field.groups() if g is not None) for field in _FIELD.finditer(message)]
