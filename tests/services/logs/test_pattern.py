"""The examples of the user guide, the edges between the dialects, and texts nobody would write."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.errors import ApiError
from batchd.services.logs.pattern import parse_pattern

APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "latency": 500.5,
        "status": 404,
        "code": "404",
        "phrase": 'say "hi"',
    }
)


def matches(pattern: str, message: str) -> bool:
    return parse_pattern(pattern).matches(message)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "anything"),
        ("   ", ""),
        ("ERROR", "Exiting with ERRORCODE: -1"),
        ("ERROR Exception", "[ERROR] Unhandled Exception"),
        ('"ERROR 401"', "an ERROR 401 happened"),
        (r'"say \"hi\""', 'they say "hi"'),
        ("?ERROR ?WARN", "WARN message"),
        ("ERROR -WARN", "ERROR message"),
        ('"ERROR" - "Exiting"', "[ERROR] A fatal exception has occurred"),
        ("ERROR ?nowhere", "ERROR message"),
        (r"%\d{3}-\d+%", "call 555-0100"),
        ("%colou?r% ERROR", "ERROR in color"),
        ("%gray|grey%", "a grey line"),
    ],
)
def test_terms_match(pattern: str, message: str) -> None:
    assert matches(pattern, message)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("error", "ERROR"),
        ("ERROR Exception", "only an Exception"),
        ('"ERROR 401"', "ERROR with 401"),
        ("?ERROR ?WARN", "INFO"),
        ("ERROR -WARN", "ERROR WARN message"),
        ("-WARN", "WARN"),
        (r"%^\d+$%", "12a"),
    ],
)
def test_terms_do_not_match(pattern: str, message: str) -> None:
    assert not matches(pattern, message)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{$.eventType=UpdateTrail}",
        "{ $.eventType = *Trail }",
        "{ $.eventType = Update* }",
        "{ $.eventType = *date* }",
        "{ $.eventType = * }",
        "{ $.latency = * }",
        "{ $.sourceIPAddress != 123.123.* }",
        '{ $.arrayKey[0] = "value" }',
        "{ $.objectList[1].id = 2 }",
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.ThisFlag IS TRUE }",
        "{ $.latency > 5e2 && $.latency <= 500.5 }",
        "{ $.status = 404 }",
        "{ $.status = 4* }",
        "{ $.code = 404 }",
        r'{ $.phrase = "say \"hi\"" }',
        "{ $.eventType = %^Update% && $.status = %^4\\d+$% }",
        "{ $.eventType = a || $.eventType = b && $.status = 1 || $.status = 404 }",
        "{ ($.eventType = a || $.status = 404) && ($.latency > 1) }",
    ],
)
def test_json_conditions_match(pattern: str) -> None:
    assert matches(pattern, TRAIL)


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.eventType = updatetrail }",
        "{ $.eventType = Up*Trail }",
        "{ $.arrayKey = 1 }",
        "{ $.arrayKey != 1 }",
        "{ $.missing != 1 }",
        "{ $.arrayKey[2] = * }",
        "{ $.objectList[0].id = 2 }",
        "{ $.SomeObject NOT EXISTS }",
        "{ $.SomeOtherObject IS NULL }",
        "{ $.ThisFlag IS FALSE }",
        "{ $.eventType > 3 }",
        "{ ($.eventType = a || $.status = 404) && $.latency < 1 }",
    ],
)
def test_json_conditions_do_not_match(pattern: str) -> None:
    assert not matches(pattern, TRAIL)


def test_a_json_pattern_does_not_match_text_that_is_not_json() -> None:
    assert not matches("{ $.a NOT EXISTS }", "plain text")


@pytest.mark.parametrize(
    "pattern",
    [
        "[ip, user, username, timestamp, request, status_code, bytes]",
        "[ip, user, username, timestamp, request, status_code = 404, bytes]",
        "[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes > 1000]",
        "[..., status_code=4*, bytes]",
        "[ip, ..., bytes]",
        "[ip=127.0.0.1, ...]",
        "[...]",
        "[..., request=*.html*, status_code=4*,]",
        "[..., s = 403 || s = 404, b]",
        "[ip, user, username = %^fr[a-z]+$%, ...]",
        '[ip, user, username, timestamp, request="GET *", ...]',
    ],
)
def test_columns_match(pattern: str) -> None:
    assert matches(pattern, APACHE)


@pytest.mark.parametrize(
    "pattern", ["[w1, w2]", "[..., bytes > 2000]", "[ip != 127.0.0.1, ...]", "[a,b,c,d,e,f,g,h,...]"]
)
def test_columns_do_not_match(pattern: str) -> None:
    assert not matches(pattern, APACHE)


def test_the_number_of_columns_is_exact_without_an_ellipsis() -> None:
    lines = ["ERROR WARN message", "ERROR message", "WARN message"]

    assert [matches("[w1=ERROR, w2]", line) for line in lines] == [False, True, False]
    assert [matches("[w1=ERROR || w1=WARN, w2]", line) for line in lines] == [False, True, True]


def test_extracted_fields_bear_their_name_or_their_place() -> None:
    pattern = parse_pattern("[..., request=*.html*, status_code=4*,]")

    assert pattern.extract(APACHE) == {
        "$1": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("email@domain.com", "Invalid filter pattern"),
        ("time-out", "Invalid filter pattern"),
        ('"open', "Invalid filter pattern"),
        ("%(group)%", "Invalid filter pattern"),
        ("%something!%", "Invalid filter pattern"),
        ("%[%", "Invalid filter pattern"),
        ("{ $.a = }", "Invalid filter pattern"),
        ("{ $.a > b }", "Invalid filter pattern"),
        ("{ a = 1 }", "Invalid filter pattern"),
        ("{ $.a = 1 || }", "Invalid filter pattern"),
        ("{}", "Invalid filter pattern"),
        ("{ $.a = %a% || $.a = %b% || $.a = %c% }", "Invalid filter pattern"),
        ("[a = 4* && b > 1000]", "Invalid filter pattern"),
        ("[..., a, ...]", "Invalid filter pattern"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("{", "If a filter pattern starts with '{' it must end with '}'"),
        ("{ " + "(" * 500 + "$.a = 1" + ")" * 500 + " }", "Invalid filter pattern"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_words_of_aws(pattern: str, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_pattern(pattern)

    assert (refused.value.code, refused.value.message) == ("InvalidParameterException", message)


def test_a_regular_expression_takes_linear_time() -> None:
    assert not matches("%a*a*a*a*a*a*b%", "a" * 200_000)


SYNTAX = st.text(st.sampled_from('{}[]()"\\%?-$.*=!<>&|, \t1aENOT'), max_size=60)


ANY_TEXT = st.one_of(st.text(max_size=60), SYNTAX, SYNTAX.map(lambda t: f"{{{t}}}"), SYNTAX.map(lambda t: f"[{t}]"))


@given(ANY_TEXT, st.text())
def test_any_text_is_a_pattern_or_the_error_of_aws(pattern: str, message: str) -> None:
    try:
        parsed = parse_pattern(pattern)
    except ApiError as refused:
        assert refused.code == "InvalidParameterException"
    else:
        assert isinstance(parsed.matches(message), bool)
        assert parsed.extract(message) == {} or parsed.matches(message)


WORD = st.text(st.sampled_from(string.ascii_uppercase[:4]), min_size=1, max_size=3)
TERMS = st.lists(st.tuples(st.sampled_from(["", "-", "?"]), WORD, st.booleans()), max_size=5)


@given(TERMS, st.lists(WORD, max_size=6))
def test_simple_terms_mean_what_a_naive_reading_says(terms: list[tuple[str, str, bool]], words: list[str]) -> None:
    message = " ".join(words)
    pattern = " ".join(sign + (f'"{word}"' if quoted else word) for sign, word, quoted in terms)

    wanted = [word in message for sign, word, _ in terms if sign == ""]
    unwanted = [word in message for sign, word, _ in terms if sign == "-"]
    either = [word in message for sign, word, _ in terms if sign == "?"]
    expected = any(either) if either and not wanted and not unwanted else all(wanted) and not any(unwanted)

    assert matches(pattern, message) is expected


JSON_SCALARS = st.one_of(st.integers(-5, 5), st.sampled_from(["a", "ab", "b", "3"]), st.booleans(), st.none())


@given(st.dictionaries(st.sampled_from("xyz"), JSON_SCALARS), st.sampled_from("xyz"), st.integers(-5, 5))
def test_a_number_compares_with_a_json_number_as_numbers_do(document: dict[str, object], name: str, limit: int) -> None:
    value = document.get(name)
    number = value if isinstance(value, int) and not isinstance(value, bool) else 3 if value == "3" else None

    assert matches(f"{{ $.{name} >= {limit} }}", json.dumps(document)) is (number is not None and number >= limit)
