"""Sealed values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.gateway.vault import BrokenSeal, Vault
from batchd.store.store import Key

VAULT = Vault(b"m" * 32)
ROW = Key("secretsmanager.value", "us-east-1", "a#1")


@given(st.binary(max_size=200))
def test_what_is_sealed_is_opened_with_the_same_keyring_and_row(value: bytes) -> None:
    assert VAULT.unseal(ROW, VAULT.seal(ROW, value)) == value


def test_the_same_value_is_never_sealed_twice_alike() -> None:
    assert VAULT.seal(ROW, b"x") != VAULT.seal(ROW, b"x")


@pytest.mark.parametrize("row", [Key(ROW.kind, ROW.region, "b#1"), Key(ROW.kind, "eu-west-1", "a#1")])
def test_a_value_moved_to_another_row_does_not_open(row: Key) -> None:
    with pytest.raises(BrokenSeal):
        VAULT.unseal(row, VAULT.seal(ROW, b"x"))


def test_another_master_key_does_not_open_it() -> None:
    with pytest.raises(BrokenSeal, match="cannot be opened with this keyring"):
        Vault(b"n" * 32).unseal(ROW, VAULT.seal(ROW, b"x"))


@pytest.mark.parametrize(
    "spoil", [lambda s: "", lambda s: "AA==", lambda s: "!", lambda s: s[:-4], lambda s: "B" + s[1:]]
)
def test_a_spoiled_seal_does_not_open(spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BrokenSeal):
        VAULT.unseal(ROW, spoil(VAULT.seal(ROW, b"x")))
