"""Event patterns: AWS's examples of every operator, its refusals, and a second reading of random ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.matching.operators import BadPattern, fits_wildcard
from batchd.matching.patterns import compile_pattern, flatten
from batchd.services.events.index import PatternIndex
from tests.matching import naive

EC2_EVENT = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "111122223333",
    "time": "2017-12-22T18:43:48Z",
    "region": "us-west-1",
    "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
    "detail": {"instance-id": "i-1234567890abcdef0", "state": "terminated"},
}


def matches(pattern: Any, event: Any) -> bool:
    """As the service does it, and as the second reading has it."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    found = compile_pattern(text).matches(flatten(event))
    assert found is naive.matches(json.loads(text), event)
    return found


def leaf(*values: Any) -> dict[str, Any]:
    return {"detail": {"x": list(values)}}


def having(value: Any) -> dict[str, Any]:
    return {"detail": {"x": value}}


def refusal(pattern: Any) -> str:
    with pytest.raises(BadPattern) as refused:
        compile_pattern(pattern if isinstance(pattern, str) else json.dumps(pattern))
    return str(refused.value).partition("\n at ")[0]


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.ec2"]},
        {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]},
        {"source": ["aws.ec2"], "detail": {"state": ["terminated", "running"]}},
        {"resources": [{"suffix": "i-1234567890abcdef0"}]},
        {"account": [{"anything-but": "999999999999"}], "region": [{"prefix": "us-"}]},
        {"detail.state": ["terminated"]},
        {"time": [{"prefix": "2017-12-22"}]},
    ],
)
def test_a_pattern_matches_where_all_its_fields_do(pattern: Any) -> None:
    assert matches(pattern, EC2_EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.ec2"], "detail": {"state": ["running"]}},
        {"Source": ["aws.ec2"]},
        {"detail": {"STATE": ["terminated"]}},
        {"detail": {"state": ["TERMINATED"]}},
        {"detail": {"missing": ["x"]}},
        {"detail": ["terminated"]},
    ],
)
def test_a_pattern_does_not_match_where_a_field_does_not(pattern: Any) -> None:
    assert not matches(pattern, EC2_EVENT)


@pytest.mark.parametrize(
    ("operator", "fitting", "others"),
    [
        ({"prefix": "2017-10-02"}, ["2017-10-02T18:43:48Z", "2017-10-02"], ["2017-10-03", "", 2017, None]),
        ({"prefix": ""}, ["", "a"], [1, None, True]),
        ({"prefix": {"equals-ignore-case": "EventB"}}, ["EVENTBridge", "eventb"], ["event", 1]),
        ({"suffix": ".png"}, ["a.png", ".png"], ["a.PNG", "png", None]),
        ({"suffix": {"equals-ignore-case": ".png"}}, ["a.PNG", "b.png"], ["a.jpg"]),
        ({"exactly": "a"}, ["a"], ["A", "ab", None]),
        ({"equals-ignore-case": "Volume"}, ["VOLUME", "volume"], ["volumes", None, 1]),
        ({"equals-ignore-case": ""}, [""], ["a"]),
        ({"anything-but": "initializing"}, ["running", 1, None, True, ""], ["initializing"]),
        ({"anything-but": 0}, [1, "0", None, False, 0.5], [0, 0.0]),
        ({"anything-but": ["stopped", "overloaded"]}, ["running", 7], ["stopped", "overloaded"]),
        ({"anything-but": [100, 200, 255]}, [101, "100"], [100, 200.0]),
        ({"anything-but": {"prefix": "init"}}, ["running", 5, None], ["init", "initial"]),
        ({"anything-but": {"prefix": ["a", "b"]}}, ["c"], ["ab", "b"]),
        ({"anything-but": {"suffix": ".txt"}}, ["a.png", 1], ["a.txt"]),
        ({"anything-but": {"suffix": [".txt", ".rtf"]}}, ["a.png"], ["a.rtf"]),
        ({"anything-but": {"equals-ignore-case": "init"}}, ["initial", None], ["INIT"]),
        ({"anything-but": {"equals-ignore-case": ["a", "B"]}}, ["c"], ["A", "b"]),
        ({"anything-but": {"wildcard": "*/lib/*"}}, ["/bin/x", 1], ["/usr/lib/x"]),
        ({"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}, ["/etc/x"], ["/usr/bin/x"]),
        ({"numeric": ["=", 3.018e2]}, [301.8], [301, "301.8", None, True]),
        ({"numeric": [">", 0, "<=", 5]}, [1, 5, 0.1, 5.0], [0, 5.1, "3"]),
        ({"numeric": ["<", 10]}, [9.9, -1], [10]),
        ({"numeric": [">=", -2.5]}, [-2.5, 0], [-3]),
        ({"exists": True}, ["a", "", None, 0, False], []),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.0", "10.0.0.255"], ["10.0.1.0", "ten", 10, None, "2001:db8::1"]),
        ({"cidr": "2001:db8::/32"}, ["2001:db8::1", "2001:0db8:ffff::"], ["2001:db9::1", "10.0.0.1"]),
        ({"cidr": "0.0.0.0/0"}, ["255.1.1.1"], []),
        ({"wildcard": "dir/*.png"}, ["dir/a.png", "dir/.png", "dir/b/c.png"], ["dir/a.jpg", "xdir/a.png"]),
        ({"wildcard": "*"}, ["", "a"], [1, None]),
        ({"wildcard": ""}, [""], ["a"]),
        ({"wildcard": r"a\*b\\*"}, ["a*b\\", "a*b\\c"], ["axb\\", "a*bc"]),
        ({"wildcard": "a*a"}, ["aa", "aba"], ["a"]),
    ],
)
def test_an_operator_fits_some_values_and_not_others(operator: Any, fitting: list[Any], others: list[Any]) -> None:
    assert [value for value in fitting if not matches(leaf(operator), having(value))] == []
    assert [value for value in others if matches(leaf(operator), having(value))] == []


@pytest.mark.parametrize(
    ("value", "fitting", "others"),
    [
        ("123", ["123"], [123]),
        (300, [300, 300.0, 3.0e2], ["300", 301]),
        (1, [1, 1.0], [True, "1"]),
        (0, [0, -0.0], [False, None, ""]),
        (True, [True], ["true", 1, False]),
        (None, [None], ["null", "", 0]),
        ("", [""], [None]),
        (123456789012345678, [123456789012345678], [123456789012345679]),
        ("2001:db8::1", ["2001:0db8:0:0::1"], ["2001:db8::2"]),
        ("10.0.0.1", ["10.0.0.1"], ["10.0.0.10"]),
    ],
)
def test_a_literal_fits_what_is_equal_and_of_its_type(value: Any, fitting: list[Any], others: list[Any]) -> None:
    assert all(matches(leaf(value), having(one)) for one in fitting)
    assert not any(matches(leaf(value), having(one)) for one in others)


def test_a_field_that_must_be_missing_is_a_scalar_that_is_not_there() -> None:
    absent, present = leaf({"exists": False}), leaf({"exists": True})
    for event in ({"detail": {}}, having([]), having({}), having({"y": 1}), {}):
        assert matches(absent, event)
        assert not matches(present, event)
    assert not matches(absent, having([{"y": 1}, 2]))
    assert matches({"detail": {"x": [{"exists": False}, "a"]}}, having("a"))
    assert not matches({"detail": {"x": [{"exists": False}, "a"]}}, having("b"))


def test_something_must_be_there_to_be_anything_but() -> None:
    assert not matches(leaf({"anything-but": "a"}), {"detail": {}})
    assert not matches(leaf(None), having([]))


def test_values_of_an_array_are_alternatives() -> None:
    assert matches(leaf("b"), having(["a", "b"]))
    assert matches(leaf("a", "z"), having([["a"], "b"]))
    assert matches(leaf({"anything-but": "a"}), having(["a", "b"]))
    assert not matches(leaf({"anything-but": "a"}), having(["a", "a"]))


def test_fields_of_one_array_must_be_of_one_element() -> None:
    people = {"detail": {"p": [{"first": "Ann", "last": "Lee"}, {"first": "Bob", "last": "Ray"}]}}
    assert matches({"detail": {"p": {"first": ["Ann"], "last": ["Lee"]}}}, people)
    assert not matches({"detail": {"p": {"first": ["Ann"], "last": ["Ray"]}}}, people)


def test_that_holds_for_arrays_in_arrays_and_not_for_arrays_side_by_side() -> None:
    inner = {"a": [{"b": [{"c": 1, "d": 2}, {"c": 3, "d": 4}]}, {"b": [{"c": 5, "d": 6}]}], "z": [{"c": 1}, {"d": 6}]}
    assert matches({"a": {"b": {"c": [1], "d": [2]}}}, inner)
    assert not matches({"a": {"b": {"c": [1], "d": [4]}}}, inner)
    assert not matches({"a": {"b": {"c": [1], "d": [6]}}}, inner)
    assert matches({"a": {"b": {"c": [5]}}, "z": {"c": [1]}}, inner)
    assert not matches({"z": {"c": [1], "d": [6]}}, inner)


def test_large_arrays_are_joined_in_no_time() -> None:
    crowd = {"a": [{"b": [{"c": n, "d": n}]} for n in range(5_000)]}
    wanted = {"a": {"b": {"c": [{"numeric": [">=", 0]}], "d": [{"numeric": ["<", 0]}, 4_999]}}}
    assert compile_pattern(json.dumps(wanted)).matches(flatten(crowd))
    wanted["a"]["b"]["c"] = [{"numeric": ["<", 4_999]}]
    assert not compile_pattern(json.dumps(wanted)).matches(flatten(crowd))


def test_dots_join_names_in_patterns_and_in_events() -> None:
    for pattern in ({"detail": {"a.b": ["x"]}}, {"detail": {"a": {"b": ["x"]}}}, {"detail.a.b": ["x"]}):
        for event in ({"detail": {"a": {"b": "x"}}}, {"detail": {"a.b": "x"}}, {"detail.a": {"b": "x"}}):
            assert matches(pattern, event)


def test_json_in_a_text_is_text() -> None:
    assert not matches({"detail": {"x": ["y"]}}, {"detail": json.dumps({"x": "y"})})


def test_one_branch_of_an_or_is_enough() -> None:
    pattern = {
        "source": ["my.app"],
        "detail": {
            "$or": [
                {"c-count": [{"numeric": [">", 0, "<=", 5]}]},
                {"d-count": [{"numeric": ["<", 10]}], "e": ["yes"]},
                {"$or": [{"x-limit": [{"numeric": ["=", 3.018e2]}]}, {"y": [True]}]},
            ]
        },
    }
    for detail in ({"c-count": 3}, {"d-count": 1, "e": "yes"}, {"x-limit": 301.8}, {"y": True}):
        assert matches(pattern, {"source": "my.app", "detail": detail})
    for detail in ({"c-count": 9}, {"d-count": 1}, {"y": False}, {}):
        assert not matches(pattern, {"source": "my.app", "detail": detail})
    assert not matches(pattern, {"source": "other", "detail": {"y": True}})


def test_a_key_that_comes_twice_means_what_it_says_last() -> None:
    assert compile_pattern('{"a": ["x"], "a": ["y"]}').matches(flatten({"a": "y"}))
    assert not compile_pattern('{"a": ["x"], "a": ["y"]}').matches(flatten({"a": "x"}))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[]", "Filter is not an object"),
        ({"a": 42}, '"a" must be an object or an array'),
        ({"a": "b"}, '"a" must be an object or an array'),
        ({"a": None}, '"a" must be an object or an array'),
        ({"a": []}, "Empty arrays are not allowed"),
        ({}, "Empty objects are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({"a": [["b"]]}, "Match value must be String, number, true, false, or null"),
        ({"a": [{"EXISTS": True}]}, "Unrecognized match type EXISTS"),
        ({"a": [{"NUMERIC": ["=", 5]}]}, "Unrecognized match type NUMERIC"),
        ({"a": [{}]}, "Match expression name not found"),
        ({"a": [{"prefix": "b", "suffix": "c"}]}, "Only one key allowed in match expression"),
        ({"a": [{"prefix": ["b"]}]}, "prefix match pattern must be a string"),
        ({"a": [{"prefix": {}}]}, "Prefix expression name not found"),
        ({"a": [{"prefix": {"wildcard": "b"}}]}, "Unsupported prefix pattern: wildcard"),
        ({"a": [{"suffix": 1}]}, "suffix match pattern must be a string"),
        ({"a": [{"suffix": {"x": "b"}}]}, "Unsupported suffix pattern: x"),
        ({"a": [{"exactly": 1}]}, "exact match pattern must be a string"),
        ({"a": [{"equals-ignore-case": ["b"]}]}, "equals-ignore-case match pattern must be a string"),
        ({"a": [{"exists": "true"}]}, "exists match pattern must be either true or false."),
        ({"a": [{"wildcard": 1}]}, "wildcard match pattern must be a string"),
        ({"a": [{"wildcard": "a**"}]}, "Consecutive wildcard characters at pos 2"),
        ({"a": [{"wildcard": "a\\b"}]}, "Invalid escape character at pos 2"),
        ({"a": [{"anything-but": True}]}, "Value of anything-but must be an array or single string/number value."),
        ({"a": [{"anything-but": [None]}]}, "Inside anything but list, start|null|boolean is not supported."),
        (
            {"a": [{"anything-but": ["b", 1]}]},
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        ),
        ({"a": [{"anything-but": {"prefix": ""}}]}, "Null prefix/suffix not allowed"),
        ({"a": [{"anything-but": {"suffix": ["b", ""]}}]}, "Null prefix/suffix not allowed"),
        ({"a": [{"anything-but": {"prefix": 1}}]}, "prefix/suffix match pattern must be a string"),
        ({"a": [{"anything-but": {"wildcard": [1]}}]}, "wildcard match pattern must be a string"),
        (
            {"a": [{"anything-but": {"equals-ignore-case": [1]}}]},
            "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
        ),
        (
            {"a": [{"anything-but": {"prefix": {"equals-ignore-case": "b"}}}]},
            "Value of anything-but must be an array or single string/number value.",
        ),
        ({"a": [{"anything-but": {"numeric": ["=", 1]}}]}, "Unsupported anything-but pattern: numeric"),
        ({"a": [{"anything-but": {}}]}, "Anything-But expression name not found"),
        ({"a": [{"numeric": 5}]}, "Value of numeric must be an array."),
        ({"a": [{"numeric": []}]}, "Invalid member in numeric match: ]"),
        ({"a": [{"numeric": [[1]]}]}, "Invalid member in numeric match: ["),
        ({"a": [{"numeric": [5]}]}, "Invalid member in numeric match: 5"),
        ({"a": [{"numeric": ["x", 5]}]}, "Unrecognized numeric range operator: x"),
        ({"a": [{"numeric": ["<", "5"]}]}, "Value of < must be numeric"),
        ({"a": [{"numeric": ["="]}]}, "Value of equals must be numeric"),
        ({"a": [{"numeric": [">", 0, ">", 0]}]}, "Bad numeric range operator: >"),
        ({"a": [{"numeric": [">", 0, "<", 5, "<", 9]}]}, "Too many terms in numeric range expression"),
        ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "Too many elements in numeric expression"),
        ({"a": [{"cidr": "10.0.0.0"}]}, "Malformed CIDR, one '/' required"),
        ({"a": [{"cidr": "10.0.0.0/x"}]}, "Malformed CIDR, mask bits must be an integer"),
        ({"a": [{"cidr": "10.0.0/8"}]}, "Nonstandard IP address: 10.0.0"),
        ({"a": [{"cidr": "10.0.0.0/32"}]}, "IPv4 mask bits must be < 32"),
        ({"a": [{"cidr": "::/128"}]}, "IPv6 mask bits must be < 128"),
        ({"a": [{"cidr": ["10.0.0.0/8"]}]}, "prefix match pattern must be a string"),
        ({"$or": {"a": ["b"]}}, "It must be an Array followed with $or."),
        ({"$or": [{"a": ["b"]}]}, "There must have at least 2 Objects in $or relationship."),
        ({"$or": [{"a": ["b"]}, 1]}, "Only JSON object is allowed in array of $or relationship."),
        (
            {"$or": [{"prefix": ["b"]}, {"a": ["b"]}]},
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
        (
            "this is not json",
            "Unrecognized token 'this': was expecting "
            "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        ),
        ('{"a": ["b"]', "Unexpected end-of-input"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused_in_awss_words(pattern: Any, reason: str) -> None:
    assert refusal(pattern) == reason


def test_a_pattern_that_would_be_too_large_is_refused() -> None:
    branches = [{name: ["x"]} for name in "abcdefghij"]
    assert "too complex" in refusal({f"p{n}": {"$or": branches} for n in range(4)})
    assert "too complex" in refusal({"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]})
    compile_pattern(json.dumps({"a": [{"wildcard": "*event-bus/*"}]}))
    assert refusal('{"a":' * 2000 + '["x"]' + "}" * 2000)


@given(st.lists(st.text("ab", max_size=3), min_size=1, max_size=4), st.text("ab", max_size=8))
def test_a_wildcard_fits_as_a_regular_expression_would(pieces: list[str], text: str) -> None:
    assert fits_wildcard(pieces, text) is naive.fits({"wildcard": "*".join(pieces)}, text)


TEXTS = st.sampled_from(["", "a", "A", "ab", "b", "ba", "10.0.0.1", "10.0.0.2", "a*b"])
NUMBERS = st.sampled_from([0, 1, 1.0, 2.5, -1, 10**18])
SCALARS = st.one_of(TEXTS, NUMBERS, st.sampled_from([True, False, None]))
NAMES = st.sampled_from(["a", "b", "c"])
SOME_TEXT = st.sampled_from(["a", "b", "ab"])
OPERATORS = st.one_of(
    st.builds(lambda text: {"prefix": text}, TEXTS),
    st.builds(lambda text: {"suffix": text}, TEXTS),
    st.builds(lambda text: {"prefix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"suffix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"equals-ignore-case": text}, TEXTS),
    st.builds(lambda text: {"wildcard": text}, st.sampled_from(["*", "a*", "*b", "a*b", r"a\*b", ""])),
    st.builds(lambda one: {"anything-but": one}, st.one_of(TEXTS, NUMBERS)),
    st.builds(
        lambda some: {"anything-but": some}, st.one_of(st.lists(TEXTS, min_size=1), st.lists(NUMBERS, min_size=1))
    ),
    st.builds(
        lambda name, some: {"anything-but": {name: some}},
        st.sampled_from(["prefix", "suffix", "equals-ignore-case", "wildcard"]),
        st.one_of(SOME_TEXT, st.lists(SOME_TEXT, min_size=1, max_size=2)),
    ),
    st.builds(lambda sign, n: {"numeric": [sign, n]}, st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS),
    st.builds(lambda width: {"numeric": [">", 0, "<=", width]}, st.sampled_from([1, 2.5])),
    st.builds(lambda there: {"exists": there}, st.booleans()),
    st.builds(lambda bits: {"cidr": f"10.0.0.0/{bits}"}, st.sampled_from([0, 8, 30, 31])),
)
LEAVES = st.lists(st.one_of(SCALARS, OPERATORS), min_size=1, max_size=2)
FIELDS = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=2), max_leaves=4)
FLAT = st.dictionaries(NAMES, FIELDS, min_size=1, max_size=3)
PATTERNS = st.one_of(
    FLAT,
    st.builds(lambda rest, branches: {**rest, "$or": branches}, FLAT, st.lists(FLAT, min_size=2, max_size=2)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
EVENTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=3)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, EVENTS)
def test_random_patterns_match_as_the_second_reading_has_it(pattern: Any, event: Any) -> None:
    matches(pattern, event)


@settings(max_examples=150, deadline=None)
@given(st.lists(PATTERNS, max_size=6), EVENTS)
def test_an_index_finds_the_patterns_that_match_one_by_one(patterns: list[Any], event: Any) -> None:
    compiled = [compile_pattern(json.dumps(pattern)) for pattern in patterns]
    index = PatternIndex(compiled)
    fields = flatten(event)

    found = index.matching(fields)

    assert found == [place for place, pattern in enumerate(compiled) if pattern.matches(fields)]
    if found:
        known = {path: values[0][0] for path, values in fields.items() if len(values) == 1}
        assert index.may_match(known)


def test_an_index_looks_at_few_of_many_rules() -> None:
    patterns = [
        compile_pattern(
            json.dumps({"source": ["my.app"], "detail": {"customer": [f"c-{n}"], "n": [{"numeric": [">", 0]}]}})
        )
        for n in range(1_000)
    ]
    looked_at = 0

    class Counted(dict):  # type: ignore[type-arg]  # an event that counts who asks for its fields
        def get(self, path: str, default: Any = None) -> Any:
            nonlocal looked_at
            looked_at += path == "detail.n"
            return super().get(path, default)

    event = Counted(flatten({"source": "my.app", "detail": {"customer": "c-7", "n": 1}}))
    assert PatternIndex(patterns).matching(event) == [7]
    assert looked_at == 1


def test_what_is_known_of_events_to_come_rules_patterns_out() -> None:
    index = PatternIndex([compile_pattern('{"source":["aws.batch"],"detail":{"status":["FAILED"]}}')])
    assert index.may_match({"source": "aws.batch", "detail-type": "Batch Job State Change"})
    assert not index.may_match({"source": "aws.ecs"})
    assert not PatternIndex([]).may_match({"source": "aws.batch"})
