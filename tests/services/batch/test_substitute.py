from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.errors import ApiError
from batchd.services.batch.substitute import Substitution, has_reference, is_open

NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
WORDS = st.lists(st.text(max_size=12), max_size=5)


@given(WORDS, st.dictionaries(NAMES, st.text()))
def test_words_without_placeholders_stay(words: list[str], parameters: dict[str, str]) -> None:
    plain = [word for word in words if "Ref::" not in word]

    assert Substitution(parameters)(plain) == plain
    assert not has_reference(plain)
    assert not any(is_open(word) for word in plain)


@given(NAMES, st.text(), st.text(":/=. ", max_size=3), st.text(":/=. ", max_size=3))
def test_a_placeholder_is_replaced_within_a_word_and_its_value_is_not_looked_into(
    name: str, value: str, before: str, after: str
) -> None:
    assert Substitution({name: value})([f"{before}Ref::{name}{after}"]) == [before + value + after]


@given(st.dictionaries(NAMES, st.text(), min_size=1, max_size=4))
def test_many_placeholders_in_one_word_are_all_replaced(parameters: dict[str, str]) -> None:
    word = "/".join(f"Ref::{name}" for name in parameters)

    assert has_reference([word])
    assert Substitution(parameters)([word]) == ["/".join(parameters.values())]


@given(NAMES, st.dictionaries(NAMES, st.text(), max_size=3))
def test_a_placeholder_without_a_value_is_refused_by_its_whole_name(name: str, parameters: dict[str, str]) -> None:
    parameters.pop(name, None)

    with pytest.raises(ApiError) as caught:
        Substitution(parameters)([f"x Ref::{name}"])

    assert caught.value.message == f"Unable to substitute value. No parameter found for reference {name}"


def test_the_longest_name_wins() -> None:
    assert Substitution({"day": "x", "day-2": "monday"})(["Ref::day-2"]) == ["monday"]


def test_a_marker_without_a_name_is_no_placeholder() -> None:
    assert Substitution({})(["Ref::", "Ref:: x", "ref::x"]) == ["Ref::", "Ref:: x", "ref::x"]


def command(*words: str) -> dict[str, list[str]]:
    return {"command": list(words)}


def test_references_to_results_wait_for_the_launch_where_no_parameter_has_the_name() -> None:
    fill = Substitution({"day": "monday"}, {"extract": "j-1", "day": "j-2"})
    assert fill(command("Ref::extract.rows", "--x=Ref::day.y")) == command("Ref::extract.rows", "--x=monday.y")
    for word in ("Ref::extract", "Ref::extract.", "Ref::extract. rows"):
        with pytest.raises(ApiError, match="No parameter found for reference extract"):
            fill(command(word))


def test_every_string_of_a_shape_is_looked_at_and_no_name_of_a_member() -> None:
    fill = Substitution({"a": "1"})
    shape = {"image": "x:Ref::a", "privileged": True, "Ref::a": 2, "volumes": [{"host": {"sourcePath": "/Ref::a"}}]}
    assert has_reference(shape)
    assert fill(shape) == {
        "image": "x:1",
        "privileged": True,
        "Ref::a": 2,
        "volumes": [{"host": {"sourcePath": "/1"}}],
    }


@pytest.mark.parametrize("member", ["environment", "env"])
def test_results_are_for_commands_and_values_of_the_environment_only(member: str) -> None:
    fill = Substitution({"rows": "Ref::extract.rows"}, {"extract": "j-1"})
    kept = {member: [{"name": "ROWS", "value": "Ref::extract.rows Ref::rows"}], "args": ["Ref::extract.x"]}
    assert fill(kept) == {
        member: [{"name": "ROWS", "value": "Ref::extract.rows Ref::extract.rows"}],
        "args": ["Ref::extract.x"],
    }
    for shape in ({"image": "Ref::extract.x"}, {"image": "Ref::rows"}, {member: [{"name": "Ref::extract.x"}]}):
        with pytest.raises(ApiError, match="No parameter found for reference extract"):
            fill(shape)


def test_what_has_no_parameter_may_be_left_as_it_is() -> None:
    fill = Substitution({"a": "1"}, tolerant=True)
    assert fill({"user": "Ref::user", "image": "Ref::a"}) == {"user": "Ref::user", "image": "1"}
    assert [is_open(text) for text in ("Ref::user", "x-Ref::", "user", None)] == [True, True, False, False]
