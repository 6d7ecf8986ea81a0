"""The signing key and its certificate."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from batchd.errors import ConfigError
from batchd.gateway.signer import Signer


def test_what_is_signed_is_verified_by_the_certificate_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    signatures = [Signer(path).sign("text", version) for version in ("1", "2")]

    certificate = x509.load_pem_x509_certificate(Signer(path).certificate())
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    for signature, digest in zip(signatures, (SHA1(), SHA256()), strict=True):
        key.verify(base64.b64decode(signature), b"text", PKCS1v15(), digest)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in Signer(path).certificate()


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    Signer(tmp_path / "signing.pem")

    assert list(tmp_path.iterdir()) == []


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    Signer(path).certificate()
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="open to other users"):
        Signer(path).sign("x")
    path.write_bytes(b"nonsense")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not a signing key"):
        Signer(path).sign("x")
