"""The installation's own keys, made at first start and kept in one file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from batchd.errors import ConfigError
from batchd.gateway.credentials import random_access_key
from batchd.gateway.private_file import create_private, read_private

_NOUN = "keyring"
_SECRET_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Keyring:
    """The root access key, and the 32-byte master key from which every other secret is derived."""

    access_key: str
    secret_key: str = field(repr=False)
    master_key: bytes = field(repr=False)


def load_or_create(path: Path) -> Keyring:
    """The keyring in this file; at first start the file is made, mode 0600, whole or not at all.

    Raises ConfigError if others can read the file, or if it is not a keyring.
    """
    try:
        return _load(path)
    except FileNotFoundError:
        create_private(path, _text(new_keyring()), _NOUN)
    return _load(path)


def new_keyring() -> Keyring:
    """Fresh random keys. The secret has no character that a shell or a URL would need quoted."""
    secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))
    return Keyring(random_access_key("AKIA"), secret, secrets.token_bytes(32))


def _load(path: Path) -> Keyring:
    return _parse(path, read_private(path, _NOUN))


def _parse(path: Path, text: bytes) -> Keyring:
    try:
        raw = orjson.loads(text)
        master_key = base64.b64decode(raw["masterKey"], validate=True)
        keyring = Keyring(raw["accessKeyId"], raw["secretAccessKey"], master_key)
    except (orjson.JSONDecodeError, binascii.Error, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is not a keyring; restore it from a backup, or remove it to get new keys") from error
    for value in (keyring.access_key, keyring.secret_key):
        if not isinstance(value, str) or not value:
            raise ConfigError(f"the keyring {path} holds an empty or malformed key")
    if len(master_key) < 32:
        raise ConfigError(f"the master key in {path} is shorter than 32 bytes")
    return keyring


def _text(keyring: Keyring) -> bytes:
    body = {
        "accessKeyId": keyring.access_key,
        "secretAccessKey": keyring.secret_key,
        "masterKey": base64.b64encode(keyring.master_key).decode(),
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
