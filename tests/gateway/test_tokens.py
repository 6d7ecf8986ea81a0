"""Pagination tokens come back as they went out, and nothing else passes for one."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.gateway.tokens import BadToken, decode_token, encode_token

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
