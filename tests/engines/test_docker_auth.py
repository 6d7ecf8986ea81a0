from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.docker_auth import auth_header, login_file, registry_auth
from batchd.engines.docker_images import parse_reference

LOGIN = {"auth": base64.b64encode(b"ann:s3cret:x").decode()}


def decoded(header: str | None) -> dict[str, Any]:
    assert header is not None
    login: dict[str, Any] = json.loads(base64.urlsafe_b64decode(header))
    return login


def test_a_login_of_the_images_registry_is_shown_to_it() -> None:
    header = auth_header({"auths": {"registry.local:5000": LOGIN}}, "registry.local:5000")
    assert decoded(header) == {"username": "ann", "password": "s3cret:x", "serveraddress": "registry.local:5000"}


def test_docker_hubs_login_is_found_under_its_old_name() -> None:
    header = auth_header({"auths": {"https://index.docker.io/v1/": LOGIN}}, "docker.io")
    assert decoded(header)["username"] == "ann"


def test_a_login_may_stand_under_an_https_address() -> None:
    assert decoded(auth_header({"auths": {"https://quay.io": LOGIN}}, "quay.io"))["username"] == "ann"


def test_an_identity_token_wins_over_a_password() -> None:
    header = auth_header({"auths": {"quay.io": {**LOGIN, "identitytoken": "t"}}}, "quay.io")
    assert decoded(header) == {"identitytoken": "t", "serveraddress": "quay.io"}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"auths": {}},
        {"auths": []},
        {"auths": {"quay.io": {}}},
        {"auths": {"quay.io": "x"}},
        {"auths": {"quay.io": {"auth": "!"}}},
        {"auths": {"quay.io": {"auth": base64.b64encode(b"nocolon").decode()}}},
        {"auths": {"quay.io": {"auth": base64.b64encode(b"\xff:\xff").decode()}}},
        {"auths": {"other.io": LOGIN}},
    ],
)
def test_without_a_usable_login_the_registry_is_asked_anonymously(config: dict[str, Any]) -> None:
    assert auth_header(config, "quay.io") is None


@given(st.dictionaries(st.sampled_from(["auths", "credsStore"]), st.recursive(st.text() | st.none(), st.lists)))
def test_no_config_breaks_a_pull(config: dict[str, Any]) -> None:
    assert auth_header(config, "quay.io") is None


@pytest.mark.parametrize("text", [None, "", "not json", "[]"])
def test_a_login_file_that_cannot_be_read_is_no_login(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    assert registry_auth(file, parse_reference("quay.io/a")) is None


def test_logins_are_read_from_the_clients_file(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {"quay.io": LOGIN}}))
    assert decoded(registry_auth(file, parse_reference("quay.io/team/app:1")))["username"] == "ann"


def test_the_clients_directory_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "/elsewhere")
    assert login_file() == Path("/elsewhere/config.json")
    monkeypatch.delenv("DOCKER_CONFIG")
    assert login_file() == Path.home() / ".docker/config.json"
