from __future__ import annotations

import json
import re

import pytest
from botocore.credentials import ContainerProvider
from hypothesis import given
from hypothesis import strategies as st

from batchd.clock import SystemClock
from batchd.gateway.credentials import (
    ExpiredToken,
    InvalidToken,
    SessionIssuer,
    TaskClaims,
    container_credentials,
    issue_task_token,
    read_task_token,
)

NOW_MS = 1_700_000_000_000
KEY = b"k" * 32
ROLE = "arn:aws:iam::123456789012:role/team/Worker"
TASK = TaskClaims("job-1", "ab" * 16, ROLE, "AROAEXAMPLE")


def test_a_session_verifies_as_the_assumed_role_without_its_path() -> None:
    issuer = SessionIssuer(KEY)
    made = issuer.issue(ROLE, "AROAEXAMPLE", "nightly", 900, NOW_MS)
    claims = issuer.verify(made.access_key, made.token, NOW_MS)
    assert claims.arn == "arn:aws:sts::123456789012:assumed-role/Worker/nightly"
    assert claims.user_id == "AROAEXAMPLE:nightly"
    assert claims.role_arn == ROLE
    assert claims.expiration_ms == made.expiration_ms == NOW_MS + 900_000


def test_a_session_of_the_root_keeps_its_identity() -> None:
    issuer = SessionIssuer(KEY)
    made = issuer.issue("arn:aws:iam::123456789012:root", "123456789012", "", 900, NOW_MS)
    claims = issuer.verify(made.access_key, made.token, NOW_MS)
    assert (claims.arn, claims.user_id) == ("arn:aws:iam::123456789012:root", "123456789012")


def test_session_keys_look_like_awss() -> None:
    made = SessionIssuer(KEY).issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", made.access_key)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", made.secret_key)
    assert len(made.token) < 4096


def test_another_server_with_the_same_master_key_verifies_the_session() -> None:
    made = SessionIssuer(KEY).issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    other = SessionIssuer(KEY)
    assert other.verify(made.access_key, made.token, NOW_MS).session_name == "s"
    assert other.secret_of(made.access_key) == made.secret_key


def test_a_session_ends_at_its_expiration() -> None:
    issuer = SessionIssuer(KEY)
    made = issuer.issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    issuer.verify(made.access_key, made.token, made.expiration_ms - 1)
    with pytest.raises(ExpiredToken):
        issuer.verify(made.access_key, made.token, made.expiration_ms)


def test_a_token_with_another_access_key_is_invalid() -> None:
    issuer = SessionIssuer(KEY)
    made = issuer.issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    with pytest.raises(InvalidToken):
        issuer.verify("ASIA" + "A" * 16, made.token, NOW_MS)


def test_a_token_of_another_installation_is_invalid() -> None:
    made = SessionIssuer(b"x" * 32).issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    with pytest.raises(InvalidToken):
        SessionIssuer(KEY).verify(made.access_key, made.token, NOW_MS)


@given(st.data())
def test_a_token_with_any_character_changed_is_invalid(data: st.DataObject) -> None:
    issuer = SessionIssuer(KEY)
    made = issuer.issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    at = data.draw(st.integers(0, len(made.token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != made.token[at]))
    with pytest.raises(InvalidToken):
        issuer.verify(made.access_key, made.token[:at] + other + made.token[at + 1 :], NOW_MS)


@given(st.text())
def test_no_text_that_we_did_not_sign_is_a_token(text: str) -> None:
    assert read_task_token(KEY, text) is None
    with pytest.raises(InvalidToken):
        SessionIssuer(KEY).verify("ASIA" + "A" * 16, text, NOW_MS)


def test_a_token_of_enormous_length_is_invalid() -> None:
    assert read_task_token(KEY, issue_task_token(KEY, TASK) + "A" * 100_000) is None


def test_a_task_token_gives_its_claims_back() -> None:
    assert read_task_token(KEY, issue_task_token(KEY, TASK)) == TASK


def test_a_task_token_is_the_same_after_a_restart() -> None:
    assert issue_task_token(KEY, TASK) == issue_task_token(KEY, TASK)


def test_a_session_token_is_no_task_token() -> None:
    made = SessionIssuer(KEY).issue(ROLE, "AROAEXAMPLE", "s", 900, NOW_MS)
    assert read_task_token(KEY, made.token) is None
    with pytest.raises(InvalidToken):
        SessionIssuer(KEY).verify(made.access_key, issue_task_token(KEY, TASK), NOW_MS)


def test_a_task_token_of_another_installation_is_refused() -> None:
    assert read_task_token(KEY, issue_task_token(b"x" * 32, TASK)) is None


def test_an_sdk_in_a_container_takes_the_credentials() -> None:
    made = SessionIssuer(KEY).issue(ROLE, "AROAEXAMPLE", "s", 3600, SystemClock().now_ms())

    class Endpoint:
        def retrieve_full_uri(self, uri: str, headers: dict[str, str]) -> dict[str, str]:
            assert (uri, headers) == ("http://127.0.0.1:8000/c", {"Authorization": "the token"})
            return dict(json.loads(container_credentials(made, ROLE)))

    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:8000/c",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the token",
    }
    taken = ContainerProvider(environ, Endpoint()).load().get_frozen_credentials()
    assert (taken.access_key, taken.secret_key, taken.token) == (made.access_key, made.secret_key, made.token)


def test_a_container_reads_its_credentials_as_from_aws() -> None:
    made = SessionIssuer(KEY).issue(ROLE, "AROAEXAMPLE", "s", 3600, NOW_MS)
    assert json.loads(container_credentials(made, ROLE)) == {
        "AccessKeyId": made.access_key,
        "SecretAccessKey": made.secret_key,
        "Token": made.token,
        "Expiration": "2023-11-14T23:13:20Z",
        "RoleArn": ROLE,
        "AccountId": "123456789012",
    }
