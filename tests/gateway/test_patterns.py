"""Patterns of service models: Java's meaning, never Java's blow-ups."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import botocore
import orjson
import pytest

from batchd.gateway.patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"[\w+=,.@-]*", "some.session-name", True),
        (r"[\w+=,.@-]*", "a:b", False),
        (r"[\w+=,.@-]*", "", True),
        (r"\w+", "é", False),
        (r"[a-z]+", "abc\n", False),
        (r"^[a-z]+$", "abc\n", False),
        (r"^[a-z]+", "abc1", False),
        (r"(/)|(/[!-~]+/)", "/a/b/", True),
        (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a/b/", True),
        (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a/b", False),
        (r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", "Grüße 1", True),
        (r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", "a#b", False),
        (r"\p{ASCII}*", "plain", True),
        (r"\p{ASCII}*", "é", False),
        (r"[\p{Graph}\x20]*", "a b", True),
        (r"[\P{M}\p{M}]{1,5000}", "x" * 2000, True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "\U0001f638", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "\n", False),
        (r"^(?!aws:).+$", "aws:x", False),
        (r"^(?!aws:).+$", "x", True),
        (r"(?![0-9]+$)([a-zA-Z0-9-_]+)", "123", False),
        (r"[^:*$]*", "a", True),
        (r"[^:*$]*", "a:b", False),
        (r"[\p{L}||\p{N}]+", "a|1", True),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern: str, text: str, matches: bool) -> None:
    check = matcher(pattern)

    assert check is not None
    assert check(text) is matches


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(a|a)*b", r"(.*)(.*)(.*)(.*)(.*)b", r"arn:(.*:)*.*:.*:.*x"])
def test_a_pattern_that_would_blow_up_answers_at_once(pattern: str) -> None:
    check = matcher(pattern)
    assert check is not None
    assert check("arn:" + "a:" * 20_000) is False  # backtracking would take centuries


def test_look_around_is_checked_on_short_values_only() -> None:
    check = matcher(r"(?!x)[a-z]+")

    assert check is not None
    assert check("xa") is False
    assert check("x" * 1000) is True


@pytest.mark.parametrize("pattern", [r"(?!x)(a+)+", r"(a+)\1(?=b)(a*)*", "[", r"(?=.*a)(?=.*b)(?=.*c)(?=.*d).*"])
def test_a_pattern_that_cannot_be_checked_safely_is_not_checked(pattern: str) -> None:
    assert matcher(pattern) is None


def test_surrogates_in_a_value_do_not_break_a_pattern() -> None:
    check = matcher(r"^[\p{L}]*$")

    assert check is not None
    assert check("\ud800") is False


def test_nearly_every_pattern_of_aws_can_be_checked() -> None:
    patterns = {pattern for model in _models("s") for pattern in _patterns(model)}

    unchecked = {pattern for pattern in patterns if matcher(pattern) is None}

    assert len(patterns) > 500
    assert len(unchecked) < len(patterns) * 0.05
    assert all(re.search(r"\(\?[=!<]", pattern) for pattern in unchecked)


def _models(letter: str) -> list[Path]:
    return sorted((Path(botocore.__file__).parent / "data").glob(f"{letter}*/*/service-2.json.gz"))


def _patterns(model: Path) -> list[str]:
    shapes = orjson.loads(gzip.decompress(model.read_bytes()))["shapes"].values()
    return [shape["pattern"] for shape in shapes if "pattern" in shape]
