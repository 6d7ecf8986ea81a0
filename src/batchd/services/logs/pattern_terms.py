"""The dialect of terms: `ERROR`, `"exact phrase"`, `?either ?or`, `-without`, `%regex%`. [logs.md 5]"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from batchd.services.logs.pattern_tokens import BadPattern, unescape
from batchd.services.logs.pattern_values import regex_test

# A term ends at white space: `a@b` and `a-b` need quotes, as AWS refuses them without.
_TERM = re.compile(
    r"""\s*(?:(?P<sign>[?-])\s*)?
        (?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>\w+))
        (?=\s|$)""",
    re.VERBOSE | re.DOTALL,
)

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class TermPattern:
    """All of `every`, none of `none`, and one of `some` where there is any."""

    every: tuple[Test, ...]
    none: tuple[Test, ...]
    some: tuple[Test, ...]

    def matches(self, message: str) -> bool:
        if not all(test(message) for test in self.every) or any(test(message) for test in self.none):
            return False
        return not self.some or any(test(message) for test in self.some)

    def extract(self, message: str) -> dict[str, str]:
        return {}


def parse_terms(text: str) -> TermPattern:
    """Empty text matches everything. `?` terms beside plain or excluded ones have no say, as AWS documents."""
    found: dict[str, list[Test]] = {"": [], "-": [], "?": []}
    text = text.rstrip()
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise BadPattern
        found[term["sign"] or ""].append(_test(term))
        position = term.end()
    mixed = found[""] or found["-"]
    return TermPattern(tuple(found[""]), tuple(found["-"]), () if mixed else tuple(found["?"]))


def _test(term: re.Match[str]) -> Test:
    if term["regex"] is not None:
        return regex_test(term["regex"])
    wanted = term["word"] if term["phrase"] is None else unescape(term["phrase"])
    return lambda message: wanted in message
