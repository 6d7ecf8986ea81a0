"""Signs what the server sends to others, so that they can tell it is from here: a key, and a certificate for it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from batchd.errors import ConfigError
from batchd.gateway.private_file import create_private, read_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BITS = 2048
_YEARS = 30
_NOUN = "signing key"


class Signer:
    """Key and certificate are made when first needed and kept in `path`, mode 0600; without a path they go with the
    process. `url_path` is where the certificate is shown."""

    def __init__(self, path: Path | None = None, url_path: str = "/certificate.pem") -> None:
        self._path = path
        self.url_path = url_path

    def sign(self, text: str, version: str = "1") -> str:
        """RSA with PKCS #1 v1.5, as base64; version 1 is over SHA-1, as AWS's, version 2 over SHA-256."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        digest = hashes.SHA256() if version == "2" else hashes.SHA1()
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), digest)).decode()

    def certificate(self) -> bytes:
        """In PEM."""
        return self._pem[self._pem.index(b"-----BEGIN CERTIFICATE-----") :]

    @cached_property
    def _key(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(self._pem, password=None)
        except ValueError as error:
            raise ConfigError(f"{self._path} is not a signing key; remove it to get a new one") from error
        if not isinstance(key, RSAPrivateKey):
            raise ConfigError(f"{self._path} is not an RSA key; remove it to get a new one")
        return key

    @cached_property
    def _pem(self) -> bytes:
        """The key, and behind it the certificate."""
        if self._path is None:
            return _new_pem()
        try:
            return read_private(self._path, _NOUN)
        except FileNotFoundError:
            create_private(self._path, _new_pem(), _NOUN)
        return read_private(self._path, _NOUN)


def _new_pem() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "batchd")])
    made_at = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made_at - timedelta(days=1))
        .not_valid_after(made_at + timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
