"""Secret values at rest: sealed with AES-GCM before they are stored, bound to the row they are stored in."""

from __future__ import annotations

import base64
import binascii
import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from batchd.errors import BatchdError
from batchd.gateway.credentials import subkey
from batchd.store.store import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE_BYTES = 12


class BrokenSeal(BatchdError):
    """A sealed value was not made with this master key, or not for this row."""


class Vault:
    """Seals and opens values. The key is derived from the installation's master key, and from nothing that is stored.

    Nonces are random: 2^32 values may be sealed before two are likely enough to meet.
    """

    def __init__(self, master_key: bytes) -> None:
        self._key = subkey(master_key, "secret values")

    @cached_property
    def _cipher(self) -> AESGCM:
        # Late: 9 MB that many servers never need.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def seal(self, key: Key, value: bytes) -> str:
        """Text that only `unseal` with the same row's key turns back."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, value, _row(key))
        return base64.b64encode(_VERSION + nonce + sealed).decode()

    def unseal(self, key: Key, sealed: str) -> bytes:
        """Raises BrokenSeal."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(sealed, validate=True)
            if raw[:1] != _VERSION:
                raise ValueError
            return self._cipher.decrypt(raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :], _row(key))
        except (binascii.Error, ValueError, InvalidTag):
            raise BrokenSeal(f"the stored value of {key.kind} {key.name} cannot be opened with this keyring") from None


def _row(key: Key) -> bytes:
    """The associated data: a value copied into another row does not open."""
    return "\0".join((key.kind, key.region, key.name)).encode()
