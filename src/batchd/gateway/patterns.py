"""Regular expressions of service models: written for Java, matched here in linear time.

Simple patterns (at most one repetition, of a character class) run in `re`, which cannot blow up on them. All others
run in RE2, which never can. What RE2 does not know (look-around, back references) runs in `re` on short values if
its repetitions are few and not nested; otherwise it is not checked.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache

Matches = Callable[[str], bool]

_CLASS = r"\[(?:\\.|[^\]\\])*\]"
_ATOM = rf"(?:{_CLASS}|\\[^pPbBAzZ0-9]|[^\\\[\](){{}}*+?|^$])"
_REPEAT = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
_SIMPLE = re.compile(rf"\^?{_ATOM}*(?:{_ATOM}{_REPEAT}{_ATOM}*)?\$?", re.DOTALL)
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_WIDE = re.compile(rf"{_CLASS}|\\.|([*+]|\{{\d+,\d*\}})", re.DOTALL)
_LONG_REPEAT = re.compile(r"\{(\d+),(\d*)\}")
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_ASTRAL = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}")
_JAVA_CLASSES = {
    r"\p{ASCII}": r"\x00-\x7F",
    r"\p{Alnum}": r"A-Za-z0-9",
    r"\p{Alpha}": r"A-Za-z",
    r"\p{Digit}": r"0-9",
    r"\p{Graph}": r"!-~",
    r"\p{Print}": r" -~",
    r"\p{Punct}": r"!-/:-@\[-`{-~",
    r"\p{Lower}": r"a-z",
    r"\p{Upper}": r"A-Z",
    r"\p{Space}": r"\s",
    r"\p{IsAlphabetic}": r"\p{L}",
    r"\p{IsDigit}": r"\p{Nd}",
}
_RE2_MAX_REPEAT = 1000
_BACKTRACK_REPEATS = 3
_BACKTRACK_LENGTH = 256  # 256^3 / 6 steps at worst: some 50 ms


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Matches | None:
    """Whether a whole text matches, as Java's `matches()` says; None if the pattern cannot be checked safely."""
    simple = _backtracking(pattern) if _SIMPLE.fullmatch(pattern) else None
    return simple or _linear(pattern) or _bounded(pattern)


def _backtracking(pattern: str) -> Matches | None:
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # doubled signs in sets mean themselves
        try:
            match = re.compile(pattern, re.ASCII).fullmatch
        except re.error:
            return None
    return lambda text: match(text) is not None


def _linear(pattern: str) -> Matches | None:
    # Late: 3 MB that many servers never need.
    import re2  # type: ignore[import-untyped]  # no stubs

    options = re2.Options()
    options.log_errors = False
    try:
        match = re2.compile(_to_re2(pattern), options).fullmatch
    except re2.error:
        return None
    return lambda text: match(_encodable(text)) is not None


def _bounded(pattern: str) -> Matches | None:
    repeats = sum(1 for found in _WIDE.finditer(pattern) if found.group(1))
    if _REPEATED_GROUP.search(pattern) or repeats > _BACKTRACK_REPEATS:
        return None
    matches = _backtracking(pattern)
    return matches and (lambda text: len(text) > _BACKTRACK_LENGTH or matches(text))


def _to_re2(pattern: str) -> str:
    """Java's spelling in RE2's; repetitions that RE2 finds too long become endless (lengths are checked apart)."""
    pattern = pattern.replace(*_ASTRAL)
    for java, re2 in _JAVA_CLASSES.items():
        pattern = _replace_class(pattern, java, re2)
    pattern = _UNICODE.sub(lambda m: rf"\x{{{m.group(1)}}}", pattern)
    return _LONG_REPEAT.sub(_shorten, pattern)


def _replace_class(pattern: str, java: str, re2: str) -> str:
    """Inside brackets the members alone, outside with brackets of their own."""
    parts = re.split(f"({_CLASS})", pattern, flags=re.DOTALL)
    return "".join(part.replace(java, re2 if part.startswith("[") else f"[{re2}]") if part else "" for part in parts)


def _shorten(repeat: re.Match[str]) -> str:
    least, most = int(repeat.group(1)), repeat.group(2)
    if least <= _RE2_MAX_REPEAT and (not most or int(most) <= _RE2_MAX_REPEAT):
        return repeat.group(0)
    return f"{{{min(least, _RE2_MAX_REPEAT)},}}"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
