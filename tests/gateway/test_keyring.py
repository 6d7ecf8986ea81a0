from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from batchd.errors import ConfigError
from batchd.gateway.keyring import load_or_create, new_keyring


def test_first_start_makes_keys_that_look_like_awss(tmp_path: Path) -> None:
    keyring = load_or_create(tmp_path / "keyring.json")
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", keyring.access_key)
    assert re.fullmatch(r"[A-Za-z0-9]{40}", keyring.secret_key)
    assert len(keyring.master_key) == 32


def test_the_next_start_finds_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    assert load_or_create(path) == load_or_create(path)


def test_the_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keyring.json"
    load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [child.name for child in path.parent.iterdir()] == ["keyring.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o610])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring.json"
    load_or_create(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_create(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"x"',
        '{"accessKeyId": 1, "secretAccessKey": "s", "masterKey": "' + "A" * 44 + '"}',
        '{"accessKeyId": "a", "secretAccessKey": "", "masterKey": "' + "A" * 44 + '"}',
        '{"accessKeyId": "a", "secretAccessKey": "s", "masterKey": "AAAA"}',
        '{"accessKeyId": "a", "secretAccessKey": "s", "masterKey": "not base64!"}',
        '{"accessKeyId": "a", "secretAccessKey": "s", "masterKey": 7}',
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError):
        load_or_create(path)
    assert path.read_text() == text


def test_of_two_first_starts_one_wins_and_both_use_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keyring.json"
    other = []

    def start_meanwhile() -> object:
        monkeypatch.undo()
        other.append(load_or_create(path))
        return new_keyring()

    monkeypatch.setattr("batchd.gateway.keyring.new_keyring", start_meanwhile)
    assert load_or_create(path) == other[0]
    assert [child.name for child in tmp_path.iterdir()] == ["keyring.json"]


def test_a_folder_that_cannot_be_made_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        load_or_create(tmp_path / "file" / "keyring.json")


def test_a_folder_in_the_files_place_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_or_create(tmp_path)


def test_secrets_do_not_show_when_a_keyring_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    shown = repr(load_or_create(path))
    written = json.loads(path.read_text())
    assert written["secretAccessKey"] not in shown
    assert "master" not in shown
