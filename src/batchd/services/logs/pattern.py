"""CloudWatch Logs' filter patterns: text in, a test of one message out. [logs.md 5]

Three dialects, told apart by the first character: `{ … }` tests members of a JSON message, `[ … ]` tests the fields
of a space-delimited one, anything else is a list of terms. Case matters in all of them.
"""

from __future__ import annotations

from typing import Protocol

from batchd.errors import ApiError
from batchd.services.logs.pattern_columns import parse_columns
from batchd.services.logs.pattern_json import parse_json
from batchd.services.logs.pattern_terms import parse_terms
from batchd.services.logs.pattern_tokens import BadPattern


class Pattern(Protocol):
    """A parsed filter pattern."""

    def matches(self, message: str) -> bool: ...

    def extract(self, message: str) -> dict[str, str]:
        """What TestMetricFilter shows: the fields of a space-delimited message, nothing in the other dialects."""


def parse_pattern(text: str) -> Pattern:
    """The test a pattern describes; ApiError InvalidParameterException if it describes none."""
    text = text.strip()
    try:
        if text.startswith("{"):
            return parse_json(_inside(text, "{", "}"))
        if text.startswith("["):
            return parse_columns(_inside(text, "[", "]"))
        return parse_terms(text)
    except BadPattern as bad:
        raise ApiError("InvalidParameterException", str(bad)) from None


def _inside(text: str, left: str, right: str) -> str:
    if len(text) < 2 or not text.endswith(right):
        raise BadPattern(f"If a filter pattern starts with '{left}' it must end with '{right}'")
    return text[1:-1]
