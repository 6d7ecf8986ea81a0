"""The installation's own keys, made at first start and kept in one file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
import string
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from batchd.errors import ConfigError
from batchd.gateway.credentials import random_access_key

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
        _create(path, new_keyring())
    return _load(path)


def new_keyring() -> Keyring:
    """Fresh random keys. The secret has no character that a shell or a URL would need quoted."""
    secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))
    return Keyring(random_access_key("AKIA"), secret, secrets.token_bytes(32))


def _load(path: Path) -> Keyring:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot read the keyring {path}: {error.strerror}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"the keyring {path} is open to other users: run `chmod 600 {path}`")
    return _parse(path, text)


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


def _create(path: Path, keyring: Keyring) -> None:
    """Write beside, then link into place: a crash leaves no half file, and of two first starts one wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write(draft, keyring)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write the keyring {path}: {error.strerror}") from error


def _write(path: Path, keyring: Keyring) -> None:
    body = {
        "accessKeyId": keyring.access_key,
        "secretAccessKey": keyring.secret_key,
        "masterKey": base64.b64encode(keyring.master_key).decode(),
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
