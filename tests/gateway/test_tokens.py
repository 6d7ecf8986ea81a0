"""Pagination tokens come back as they went out, and nothing else passes for one."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.gateway.tokens import BadToken, decode_name, decode_position, decode_token, encode_token

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=50)


@given(st.lists(SCALARS, max_size=6))
def test_a_token_gives_its_position_back(position: list[bool | int | str | None]) -> None:
    assert decode_token(encode_token(position)) == position


@given(st.lists(SCALARS, max_size=6))
def test_a_token_is_safe_in_a_url(position: list[bool | int | str | None]) -> None:
    assert set(encode_token(position)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text())
def test_any_text_is_a_token_or_refused(text: str) -> None:
    with suppress(BadToken):
        assert isinstance(decode_token(text), list)


@pytest.mark.parametrize("content", [b"{}", b"[[1]]", b"1", b"[", b"\xff"])
def test_what_is_not_a_list_of_scalars_is_refused(content: bytes) -> None:
    with pytest.raises(BadToken):
        decode_token(base64.urlsafe_b64encode(content).decode())


def test_a_token_of_absurd_length_is_refused() -> None:
    with pytest.raises(BadToken):
        decode_token("A" * 10_000)


@given(st.lists(SCALARS, max_size=3))
def test_a_position_has_the_types_that_are_asked_for_or_is_refused(position: list[bool | int | str | None]) -> None:
    token = encode_token(position)

    assert decode_position(token, *map(type, position)) == position
    with pytest.raises(BadToken):
        decode_position(token, *map(type, position), str)


def test_a_number_that_no_store_can_compare_with_is_refused() -> None:
    assert decode_position(encode_token([2**63 - 1]), int) == [2**63 - 1]
    with pytest.raises(BadToken):
        decode_position(encode_token([2**63]), int)


def test_a_name_begins_at_the_front_without_a_token() -> None:
    assert [decode_name(token) for token in (None, "", encode_token(["q"]))] == ["", "", "q"]


@pytest.mark.parametrize("position", [[], [1], [None], ["a", "b"]])
def test_what_is_not_one_name_is_refused(position: list[bool | int | str | None]) -> None:
    with pytest.raises(BadToken):
        decode_name(encode_token(position))
