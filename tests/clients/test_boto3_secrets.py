"""Secrets reach containers when they start, and are nowhere else."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.clients.waiting import described, ended, eventually
from tests.clients.worlds import World, fresh
from tests.conftest import Running

PASSWORD = "correct-horse-battery-staple"


@pytest.fixture
def vault(server: Running) -> Any:
    return server.client("secretsmanager")


@pytest.fixture
def store(server: Running) -> Any:
    return server.client("ssm")


def secret(vault: Any, value: str) -> str:
    return str(vault.create_secret(Name=fresh("secret"), SecretString=value)["ARN"])


def echoing(world: World, value_from: str, **more: Any) -> str:
    """A definition that prints its secret backwards: the log must not be where the value is found."""
    properties = {"secrets": [{"name": "SECRET", "valueFrom": value_from}]}
    return world.define('echo "$SECRET" | rev', containerProperties=properties, **more)


def run(world: World, value_from: str) -> dict[str, Any]:
    return ended(world.batch, world.submit(jobDefinition=echoing(world, value_from)))


def test_a_secret_and_a_parameter_become_variables(world: World, vault: Any, store: Any) -> None:
    store.put_parameter(Name="/feeds/token", Value="t0k3n", Type="SecureString")
    arn = store.get_parameter(Name="/feeds/token")["Parameter"]["ARN"]

    for value_from, value in ((secret(vault, PASSWORD), PASSWORD), ("/feeds/token", "t0k3n"), (arn, "t0k3n")):
        job = run(world, value_from)
        assert world.output(job) == [value[::-1]]
        assert job["container"]["secrets"] == [{"name": "SECRET", "valueFrom": value_from}]
        assert "SECRET" not in [one["name"] for one in job["container"]["environment"]]


def test_a_member_a_stage_or_a_version_of_a_secret_is_had(world: World, vault: Any) -> None:
    arn = secret(vault, json.dumps({"user": "old", "port": 5432}))
    first = vault.describe_secret(SecretId=arn)["VersionIdsToStages"]
    vault.put_secret_value(SecretId=arn, SecretString=json.dumps({"user": "new"}))

    assert world.output(run(world, f"{arn}:user::")) == ["wen"]
    assert world.output(run(world, f"{arn}:port:AWSPREVIOUS:")) == ["2345"]
    assert world.output(run(world, f"{arn}:user::{next(iter(first))}")) == ["dlo"]


def test_a_secret_is_read_anew_for_every_attempt(world: World, vault: Any, tmp_path: Path) -> None:
    arn = secret(vault, "one")
    properties = {"secrets": [{"name": "SECRET", "valueFrom": arn}]}
    definition = world.define(
        f'echo "$SECRET"; until [ -e {tmp_path}/changed ]; do sleep 0.02; done; exit 1', containerProperties=properties
    )
    job_id = world.submit(jobDefinition=definition, retryStrategy={"attempts": 2})
    eventually(lambda: described(world.batch, job_id)["status"] == "RUNNING", "the first attempt runs")

    vault.put_secret_value(SecretId=arn, SecretString="two")
    (tmp_path / "changed").touch()
    attempts = ended(world.batch, job_id)["attempts"]

    assert [world.stream(attempt["container"]["logStreamName"]) for attempt in attempts] == [["one"], ["two"]]


@pytest.mark.parametrize(
    ("value_from", "text"),
    [
        (
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:never-AbCdEf",
            "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        ),
        ("/never", "ParameterNotFound: Parameter /never not found. (/never)"),
        (
            "{arn}:user::",
            "InvalidParameterException: retrieved secret from Secrets Manager did not contain json key user",
        ),
        (
            "{arn}::BLUE:",
            "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: BLUE",
        ),
    ],
)
def test_a_secret_that_cannot_be_had_fails_the_attempt(world: World, vault: Any, value_from: str, text: str) -> None:
    job = run(world, value_from.format(arn=secret(vault, PASSWORD)))

    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    reason = job["attempts"][0]["container"]["reason"]
    expected = f"ResourceInitializationError: unable to pull secrets or registry auth: {text}"
    assert reason.startswith(expected[:254])
    assert len(reason) <= 255
    assert "startedAt" not in job["attempts"][0]


def test_a_failed_start_for_want_of_a_secret_can_be_retried(world: World, store: Any) -> None:
    definition = echoing(world, "/late", retryStrategy={"attempts": 2})

    job = ended(world.batch, world.submit(jobDefinition=definition))

    assert len(job["attempts"]) == 2


def test_reserved_names_are_refused_and_secret_options_accepted(world: World) -> None:
    with pytest.raises(world.batch.exceptions.ClientException, match="names starting with AWS_BATCH are reserved"):
        world.define(containerProperties={"secrets": [{"name": "AWS_BATCH_JOB_ID", "valueFrom": "x"}]})
    options = [{"name": "token", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/x"}]
    logs = {"logDriver": "splunk", "secretOptions": options}

    definition = world.define("echo hello", containerProperties={"logConfiguration": logs})

    assert world.output(ended(world.batch, world.submit(jobDefinition=definition))) == ["hello"]


@pytest.fixture
def files(serve: Any, tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    yield serve(), tmp_path / "data"


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Of every file that is there and stays: those of ended jobs go meanwhile."""
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield path, path.read_bytes()


def test_no_file_of_the_server_holds_a_value(files: tuple[Running, Path]) -> None:
    server, data = files
    world = World.of(server)
    arn = secret(server.client("secretsmanager"), PASSWORD)
    server.client("ssm").put_parameter(Name="/p", Value=PASSWORD, Type="SecureString")

    for value_from in (arn, "/p"):
        assert world.output(run(world, value_from)) == [PASSWORD[::-1]]

    assert [path for path, content in contents(data) if PASSWORD.encode() in content] == []
    with closing(sqlite3.connect(data / "batchd.db")) as database:
        rows = database.execute("SELECT body FROM resources WHERE kind LIKE 'secretsmanager.%' OR kind LIKE 'ssm.%'")
        assert len(rows.fetchall()) == 4
