from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.names import safe_name


@given(st.text())
def test_any_name_becomes_one_that_a_file_can_have(name: str) -> None:
    safe = safe_name(name)
    assert "/" not in safe
    assert safe.isascii()
    assert len(safe) <= 200


def test_a_good_name_stays_and_long_ones_stay_apart() -> None:
    assert safe_name("my_job-1.b") == "my_job-1.b"
    assert safe_name("x" * 255) != safe_name("x" * 254)
