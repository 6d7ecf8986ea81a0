"""Ids of what operations create."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from batchd.gateway.invoke import new_id

TIMES = st.integers(0, 2**48 - 1)


@given(TIMES)
def test_an_id_has_the_form_of_a_uuid_of_version_4(now_ms: int) -> None:
    text = new_id(now_ms)
    found = uuid.UUID(text)

    assert str(found) == text
    assert (found.version, found.variant) == (4, uuid.RFC_4122)
    assert found.int >> 80 == now_ms


@given(TIMES, TIMES)
def test_a_later_id_is_greater(one: int, other: int) -> None:
    if one != other:
        assert (new_id(one) < new_id(other)) == (one < other)


def test_ids_of_one_moment_differ_in_every_random_bit() -> None:
    ids = {new_id(1_700_000_000_000) for _ in range(10_000)}
    numbers = [uuid.UUID(found).int for found in ids]

    assert len(ids) == 10_000
    varying = 0
    for number in numbers:
        varying |= number ^ numbers[0]
    assert varying.bit_count() == 74


@given(st.integers(-(2**60), 2**60))
def test_a_clock_far_off_still_makes_ids(now_ms: int) -> None:
    assert len(new_id(now_ms)) == 36
