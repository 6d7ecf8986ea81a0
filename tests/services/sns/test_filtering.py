"""Filter policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.services.sns.filtering import OF_ATTRIBUTES, OF_BODY, filter_problem, is_empty, wants

LATE = {"kind": {"DataType": "String", "StringValue": "late"}}
SIZE = {"size": {"DataType": "Number", "StringValue": "12.50"}}
TAGS = {"tags": {"DataType": "String.Array", "StringValue": '["a", 3, true, null]'}}


def by_attributes(policy: Any, given: dict[str, dict[str, str]]) -> bool:
    return wants({"FilterPolicy": json.dumps(policy)}, "text", given)


def by_body(policy: Any, text: str) -> bool:
    return wants({"FilterPolicy": json.dumps(policy), "FilterPolicyScope": OF_BODY}, text, {})


@pytest.mark.parametrize(
    ("policy", "attributes", "fits"),
    [
        ({"kind": ["late", "early"]}, LATE, True),
        ({"kind": ["early"]}, LATE, False),
        ({"kind": ["late"], "size": [12.5]}, LATE, False),
        ({"kind": ["late"], "size": [12.5]}, LATE | SIZE, True),
        ({"size": ["12.50"]}, SIZE, False),
        ({"size": [{"numeric": [">", 12, "<=", 12.5]}]}, SIZE, True),
        ({"size": [{"numeric": ["=", 12.5]}]}, {"size": {"DataType": "String", "StringValue": "12.5"}}, False),
        ({"tags": ["a"]}, TAGS, True),
        ({"tags": [3]}, TAGS, True),
        ({"tags": [True]}, TAGS, True),
        ({"tags": [None]}, TAGS, True),
        ({"tags": ["b"]}, TAGS, False),
        ({"tags": [{"anything-but": ["a"]}]}, TAGS, True),
        ({"tags": ["x"]}, {"tags": {"DataType": "String.Array", "StringValue": "x"}}, True),
        ({"kind": [{"exists": True}]}, LATE, True),
        ({"kind": [{"exists": False}]}, LATE, False),
        ({"other": [{"exists": False}]}, LATE, True),
        ({"kind": [{"anything-but": {"prefix": "ear"}}]}, LATE, True),
        ({"kind": [{"prefix": "la"}, {"suffix": "ly"}]}, LATE, True),
        ({"raw": [{"exists": True}]}, {"raw": {"DataType": "Binary", "BinaryValue": "AA=="}}, False),
        ({"$or": [{"kind": ["early"]}, {"size": [12.5]}]}, SIZE, True),
    ],
)
def test_attributes_are_compared_by_their_type(policy: Any, attributes: dict[str, Any], fits: bool) -> None:
    assert filter_problem(json.dumps(policy), OF_ATTRIBUTES) is None
    assert by_attributes(policy, attributes) is fits


@pytest.mark.parametrize(
    ("policy", "text", "fits"),
    [
        ({"a": {"b": ["c"]}}, '{"a": {"b": "c"}}', True),
        ({"a": {"b": ["c"]}}, '{"a": {"b": ["x", "c"]}}', True),
        ({"a": [3]}, '{"a": 3.0}', True),
        ({"a": ["3"]}, '{"a": 3}', False),
        ({"a": [{"exists": False}]}, "{}", True),
        ({"a": [{"exists": False}]}, "not JSON", False),
        ({"a": [{"exists": False}]}, '["a"]', False),
        ({"a": [{"exists": False}]}, '"a"', False),
    ],
)
def test_a_body_is_compared_where_it_is_a_json_object(policy: Any, text: str, fits: bool) -> None:
    assert by_body(policy, text) is fits


def test_without_a_policy_everything_is_wanted() -> None:
    assert wants({}, "text", {})
    assert [is_empty(text) for text in ("", "{}", "{ }", '{"a": ["b"]}')] == [True, True, True, False]


@pytest.mark.parametrize(
    ("policy", "scope", "problem"),
    [
        (
            {f"k{n}": ["x"] for n in range(6)},
            OF_ATTRIBUTES,
            "FilterPolicy: Filter policy can not have more than 5 keys",
        ),
        ({f"k{n}": ["x"] * 3 for n in range(5)}, OF_ATTRIBUTES, "FilterPolicy: Filter policy is too complex"),
        ({"a": {"b": {"c": ["x"] * 51}}}, OF_BODY, "FilterPolicy: Filter policy is too complex"),
        ({"a": {"b": {"c": ["x"] * 50}}}, OF_BODY, None),
        ({"a": []}, OF_ATTRIBUTES, "FilterPolicy: Empty arrays are not allowed"),
        ({"a": [{"like": "x"}]}, OF_ATTRIBUTES, "FilterPolicy: Unrecognized match type like"),
        ([], OF_ATTRIBUTES, "FilterPolicy: Filter is not an object"),
    ],
)
def test_a_policy_that_cannot_be_says_why(policy: Any, scope: str, problem: str | None) -> None:
    assert filter_problem(json.dumps(policy), scope) == problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("abc", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "$or", "exists"]), inner),
    max_leaves=12,
)


@given(JSON, JSON)
@settings(max_examples=150, deadline=None)
def test_whatever_is_given_as_a_policy_is_refused_or_answers(policy: Any, body: Any) -> None:
    text = json.dumps(policy)
    if filter_problem(text, OF_BODY) is None and not is_empty(text):
        assert by_body(policy, json.dumps(body)) in (True, False)


@given(st.dictionaries(st.sampled_from("abcde"), st.text("xy", min_size=1, max_size=3), min_size=1, max_size=5))
def test_a_policy_made_of_a_messages_own_values_fits_it_in_both_scopes(values: dict[str, str]) -> None:
    policy = {name: ["no", value] for name, value in values.items()}
    given_ = {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
    spoiled = {**given_, next(iter(values)): {"DataType": "String", "StringValue": "other"}}

    assert by_attributes(policy, given_)
    assert by_body(policy, json.dumps(values))
    assert not by_attributes(policy, spoiled)
