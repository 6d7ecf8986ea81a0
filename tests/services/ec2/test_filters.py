from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.errors import ApiError
from batchd.services.ec2.filters import select, values_at, wildcard

FIELDS = {"vpc-id": "VpcId", "default": "IsDefault", "count": "Count", "link.vpc-id": "Links.VpcId"}
ITEMS = [
    {"VpcId": "vpc-1", "IsDefault": True, "Count": 4, "Tags": [{"Key": "Name", "Value": "night"}], "Links": []},
    {"VpcId": "vpc-2", "IsDefault": False, "Count": 5, "Tags": [{"Key": "team", "Value": "a*b"}]},
    {"VpcId": "vpc-3", "IsDefault": False, "Links": [{"VpcId": "vpc-1"}, {"VpcId": "vpc-9"}]},
]


def chosen(*filters: tuple[str, list[str]]) -> list[str]:
    named: list[dict[str, Any]] = [{"Name": name, "Values": values} for name, values in filters]
    return [item["VpcId"] for item in select(ITEMS, named, FIELDS)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], ["vpc-1", "vpc-2", "vpc-3"]),
        ([("vpc-id", ["vpc-1", "vpc-3"])], ["vpc-1", "vpc-3"]),
        ([("vpc-id", ["vpc-1", "vpc-3"]), ("default", ["false"])], ["vpc-3"]),
        ([("vpc-id", ["vpc-?"])], ["vpc-1", "vpc-2", "vpc-3"]),
        ([("vpc-id", ["*2"])], ["vpc-2"]),
        ([("count", ["5"])], ["vpc-2"]),
        ([("link.vpc-id", ["vpc-9"])], ["vpc-3"]),
        ([("tag:Name", ["n*t"])], ["vpc-1"]),
        ([("tag:Name", ["other"])], []),
        ([("tag-key", ["team", "owner"])], ["vpc-2"]),
        ([("tag:team", [r"a\*b"])], ["vpc-2"]),
        ([("tag:team", [r"a\*"])], []),
        ([("vpc-id", ["VPC-1"])], []),
    ],
)
def test_all_filters_hold_each_by_any_value(filters: list[tuple[str, list[str]]], expected: list[str]) -> None:
    assert chosen(*filters) == expected


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(ApiError, match="InvalidParameterValue: The filter 'colour' is invalid"):
        chosen(("colour", ["red"]))


def test_a_filter_without_values_is_refused() -> None:
    with pytest.raises(ApiError, match="InvalidParameterValue"):
        chosen(("vpc-id", []))


def test_a_filter_no_machine_could_hold_is_refused() -> None:
    with pytest.raises(ApiError, match="InvalidParameterValue"):
        chosen(("vpc-id", ["?" * 70_000]))


def test_values_are_found_through_lists_of_lists() -> None:
    assert values_at({"a": [{"b": [1, 2]}, {"b": True}, {"c": 0}]}, "a.b") == ["1", "2", "true"]


def test_a_wildcard_takes_linear_time() -> None:
    assert not wildcard("*a" * 30 + "b")("a" * 50_000)


@given(st.text(st.sampled_from("ab.[]+*?"), max_size=8), st.text(st.sampled_from("ab.[]+\n"), max_size=8))
def test_wildcards_mean_what_shells_mean(pattern: str, value: str) -> None:
    assert wildcard(pattern)(value) is fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


@given(st.text(max_size=12))
def test_any_text_matches_itself_once_its_marks_are_escaped(text: str) -> None:
    escaped = "".join("\\" + character if character in "*?\\" else character for character in text)

    assert wildcard(escaped)(text)
    assert wildcard("*")(text)
