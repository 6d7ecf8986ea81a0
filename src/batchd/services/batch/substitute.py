"""`Ref::name` placeholders. AWS has them in commands; here any string of a container may have them. [batch.md 2.7]"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from batchd.services.batch.faults import client_exception

_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)")
_FIELD = re.compile(r"\.[A-Za-z0-9_-]")
_FILLED_AT_START = ("command", "args", "environment", "env")  # members in which a result may be referred to


def has_reference(*shapes: object) -> bool:
    """Whether a placeholder may be anywhere in these."""
    return b"Ref::" in orjson.dumps(shapes)


def is_open(text: str | None) -> bool:
    """Whether a string of a definition is known only when a job is submitted: until then it breaks no rule."""
    return text is not None and "Ref::" in text


@dataclass(frozen=True, slots=True)
class Substitution:
    """What placeholders stand for. `results` are names of jobs whose results commands and values of the environment may
    refer to; a `tolerant` one leaves placeholders that have no parameter."""

    parameters: Mapping[str, str]
    results: Collection[str] = ()
    tolerant: bool = False

    def __call__(self, shape: Any, at_start: bool = False) -> Any:  # Any: a string, or a shape with strings in it
        """The shape with every placeholder replaced, also inside longer words; values are not looked into again.

        A placeholder's name is as long as its characters allow. What may be filled in `at_start` keeps
        `Ref::NAME.FIELD` for the launch where NAME is no parameter and among the results. Raises ClientException for a
        placeholder without a value.
        """
        if isinstance(shape, str):
            return self._text(shape, at_start) if "Ref::" in shape else shape
        if isinstance(shape, dict):
            return {
                member: self(value, member != "name" and (at_start or member in _FILLED_AT_START))
                for member, value in shape.items()
            }
        return [self(value, at_start) for value in shape] if isinstance(shape, list) else shape

    def _text(self, text: str, at_start: bool) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in self.parameters:
                return self.parameters[name]
            is_result = at_start and name in self.results and _FIELD.match(match.string, match.end())
            if is_result or self.tolerant:
                return match[0]
            raise _unknown(name)

        filled = _REFERENCE.sub(value, text)
        if not at_start and not self.tolerant and (left := _REFERENCE.search(filled)):
            raise _unknown(left[1])  # a parameter that hands on a result, where nobody would fill it in
        return filled


def _unknown(name: str) -> Exception:
    return client_exception(f"Unable to substitute value. No parameter found for reference {name}")
