"""`batchd serve`: how it begins, what it refuses, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from batchd import __version__
from batchd.cli.connect import Clients, local_access
from batchd.config import Settings
from batchd.server import endpoint_of
from tests.cli.command import Batchd, one_line, serving
from tests.clients.waiting import eventually
from tests.patience import LONG_S


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that every user of the machine may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="batchd-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_it_says_where_it_listens_and_nothing_else(tmp_path: Path) -> None:
    server = Batchd(tmp_path / "data").begin("serve", "--port", "0", "--engine", "process")
    assert server.stdout is not None
    line = server.stdout.readline()
    server.send_signal(signal.SIGTERM)
    rest, errors = server.communicate(timeout=LONG_S)
    assert re.fullmatch(r"batchd ready on http://127\.0\.0\.1:\d+\n", line)
    assert (rest, server.returncode) == ("", 0)
    assert "running jobs go on and are adopted at the next start" in errors


def test_its_health_can_be_asked_without_a_signature(batchd: Batchd) -> None:
    with urllib.request.urlopen(f"{batchd.endpoint}/_batchd/health", timeout=LONG_S) as answer:
        health = json.load(answer)
    expected = {"version": __version__, "store": "sqlite", "engine": "process", "leader": True, "queueDepth": 0}
    assert {name: health[name] for name in expected} == expected


def test_what_it_writes_is_for_its_user_only(batchd: Batchd) -> None:
    """Others pass through to their own job's directory, and cannot even list."""
    assert _mode(batchd.data) == 0o711
    assert {_mode(path) for path in batchd.data.glob("batchd.db*")} == {0o600}
    assert _mode(batchd.data / "keys.json") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts jobs as other users")
def test_a_job_of_another_user_has_a_directory_it_can_write_to(passable: Path) -> None:
    with serving(passable / "data") as batchd:
        batch = Clients(local_access(Settings(data_dir=batchd.data))).batch
        batchd("run", "--", "true")
        batch.register_job_definition(
            jobDefinitionName="theirs",
            type="container",
            containerProperties={
                "image": "busybox",
                "user": "nobody",
                "command": ["sh", "-c", "echo kept > $TMPDIR/file && id -un && cat $TMPDIR/file"],
                "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
            },
        )
        job = batch.submit_job(jobName="theirs", jobQueue="default", jobDefinition="theirs")["jobId"]
        assert batchd("logs", "-f", job).stdout == "nobody\nkept\n"


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = Batchd(tmp_path / "data")("serve", "--port", port, "--engine", "process")
    assert done.returncode == 1
    hint = "by another server? `--port 0` takes a free one"
    assert one_line(done.stderr) == f"cannot listen on 127.0.0.1:{port}: Address already in use, {hint}"


def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on(batchd: Batchd) -> None:
    done = batchd("serve", "--port", "0", "--engine", "process")
    assert done.returncode == 1
    assert str(batchd.data) in one_line(done.stderr)
    assert batchd("run", "--", "echo", "still here").stdout == "still here\n"


def test_without_signatures_it_listens_for_this_machine_only(tmp_path: Path) -> None:
    done = Batchd(tmp_path / "data")("serve", "--no-auth", "--host", "0.0.0.0")
    assert done.returncode == 1
    assert one_line(done.stderr).startswith("--no-auth is allowed only on a loopback host")
    assert not (tmp_path / "data").exists()


def test_with_no_auth_anybody_on_this_machine_may_ask(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--no-auth") as batchd:
        unsigned = Config(signature_version=UNSIGNED)
        batch = boto3.client("batch", region_name="us-east-1", endpoint_url=batchd.endpoint, config=unsigned)
        assert batch.describe_job_queues()["jobQueues"] == []


def test_what_ran_when_it_ended_is_adopted_by_the_next_one(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with serving(tmp_path / "data") as batchd:
        script = f"echo before; until [ -e {gate} ]; do sleep 0.02; done; echo after"
        job_id = batchd("run", "-d", "--", "sh", "-c", script).stdout.strip()
        waiting = batchd("run", "-d", "--", "echo", "next").stdout.strip()
    gate.touch()
    with serving(tmp_path / "data") as batchd:
        assert batchd("logs", "-f", job_id).stdout == "before\nafter\n"
        assert batchd("logs", "-f", waiting).stdout == "next\n"
        assert batchd("why", job_id).stdout.splitlines()[0].endswith("is SUCCEEDED")


def test_a_backup_taken_while_it_runs_is_a_working_installation(tmp_path: Path) -> None:
    """As docs/how-to/operate.md tells to make it; what ran then counts as lost with its host."""
    restored = tmp_path / "restored"
    restored.mkdir(mode=0o700)
    with serving(tmp_path / "data") as batchd:
        batchd("run", "--name", "done", "--", "echo", "kept")
        job_id = batchd("run", "-d", "--", "sleep", "600").stdout.strip()
        eventually(lambda: "is RUNNING" in batchd("why", job_id).stdout, "the job runs")
        with (
            sqlite3.connect(tmp_path / "data" / "batchd.db") as source,
            sqlite3.connect(restored / "batchd.db") as copy,
        ):
            source.backup(copy)
        source.close()
        copy.close()
        shutil.copy(tmp_path / "data" / "keys.json", restored)
        Clients(local_access(Settings(data_dir=batchd.data))).batch.terminate_job(
            jobId=job_id, reason="the test is over"
        )
    with serving(restored) as batchd:
        assert batchd("logs", "done").stdout == "kept\n"
        assert batchd("logs", "-f", job_id).returncode == 0
        assert "Host EC2 (instance " in batchd("why", job_id).stdout


def test_settings_come_from_the_environment_and_bad_ones_are_named(tmp_path: Path) -> None:
    for name, value in (("BATCHD_PORT", "many"), ("BATCHD_ENGINE", "steam"), ("BATCHD_ACCOUNT", "1")):
        done = Batchd(tmp_path / "data", {name: value})("serve")
        assert done.returncode == 1
        assert value in one_line(done.stderr)


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("127.0.0.1", "http://127.0.0.1:4580"),
        ("0.0.0.0", "http://127.0.0.1:4580"),
        ("::", "http://[::1]:4580"),
        ("10.0.0.7", "http://10.0.0.7:4580"),
    ],
)
def test_jobs_and_commands_here_are_led_to_an_address_that_reaches_it(host: str, endpoint: str) -> None:
    assert endpoint_of(host, 4580) == endpoint


def test_a_data_directory_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = Batchd(tmp_path / "file" / "data")("serve", "--port", "0")
    assert done.returncode == 1
    assert str(tmp_path / "file") in one_line(done.stderr)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
