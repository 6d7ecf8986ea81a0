from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.errors import ApiError
from batchd.services.batch.substitute import has_reference, substitute

NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
WORDS = st.lists(st.text(max_size=12), max_size=5)


@given(WORDS, st.dictionaries(NAMES, st.text()))
def test_words_without_placeholders_stay(words: list[str], parameters: dict[str, str]) -> None:
    plain = [word for word in words if "Ref::" not in word]

    assert substitute(plain, parameters) == plain
    assert not has_reference(plain)


@given(NAMES, st.text(), st.text(":/=. ", max_size=3), st.text(":/=. ", max_size=3))
def test_a_placeholder_is_replaced_within_a_word_and_its_value_is_not_looked_into(
    name: str, value: str, before: str, after: str
) -> None:
    assert substitute([f"{before}Ref::{name}{after}"], {name: value}) == [before + value + after]


@given(st.dictionaries(NAMES, st.text(), min_size=1, max_size=4))
def test_many_placeholders_in_one_word_are_all_replaced(parameters: dict[str, str]) -> None:
    word = "/".join(f"Ref::{name}" for name in parameters)

    assert has_reference([word])
    assert substitute([word], parameters) == ["/".join(parameters.values())]


@given(NAMES, st.dictionaries(NAMES, st.text(), max_size=3))
def test_a_placeholder_without_a_value_is_refused_by_its_whole_name(name: str, parameters: dict[str, str]) -> None:
    parameters.pop(name, None)

    with pytest.raises(ApiError) as caught:
        substitute([f"x Ref::{name}"], parameters)

    assert caught.value.message == f"Unable to substitute value. No parameter found for reference {name}"


def test_the_longest_name_wins() -> None:
    assert substitute(["Ref::day-2"], {"day": "x", "day-2": "monday"}) == ["monday"]


def test_a_marker_without_a_name_is_no_placeholder() -> None:
    assert substitute(["Ref::", "Ref:: x", "ref::x"], {}) == ["Ref::", "Ref:: x", "ref::x"]


def test_references_to_results_wait_for_the_launch_where_no_parameter_has_the_name() -> None:
    words = ["Ref::extract.rows", "Ref::extract", "--x=Ref::day.y"]

    assert substitute([words[0], words[2]], {"day": "monday"}, {"extract": "j-1", "day": "j-2"}) == [
        "Ref::extract.rows",
        "--x=monday.y",
    ]
    for word in (words[1], "Ref::extract.", "Ref::extract. rows"):
        with pytest.raises(ApiError, match="No parameter found for reference extract"):
            substitute([word], {}, {"extract": "j-1"})
