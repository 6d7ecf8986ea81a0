"""env, version, doctor, demo, and how the command line says no."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from batchd import __version__
from batchd.cli.connect import local_access
from batchd.config import load_settings
from tests.cli.command import PROGRAM, Batchd, one_line
from tests.clients.waiting import eventually
from tests.patience import LONG_S


def test_env_is_what_a_shell_evaluates_to_reach_the_server(batchd: Batchd) -> None:
    script = f'eval "$({PROGRAM} env)"; unset BATCHD_DATA_DIR; {PROGRAM} run -- echo reached; echo $AWS_REGION'
    stale = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SESSION_TOKEN": "stale", "AWS_PROFILE": "stale"}
    environ = {**os.environ, **stale, "BATCHD_DATA_DIR": str(batchd.data)}
    done = subprocess.run(
        ["sh", "-c", script], env=environ, capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert (done.stdout, done.stderr) == ("reached\nus-east-1\n", "")


def test_env_may_be_evaluated_again_and_again(batchd: Batchd) -> None:
    script = f'export AWS_DATA_PATH=/mine; for i in 1 2 3; do eval "$({PROGRAM} env)"; done; echo $AWS_DATA_PATH'
    environ = {**os.environ, "BATCHD_DATA_DIR": str(batchd.data)}
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False)
    models, mine = done.stdout.strip().split(":")
    assert (models.endswith("models"), mine) == (True, "/mine")


def test_version_is_the_packages(batchd: Batchd) -> None:
    assert batchd("version").stdout == batchd("--version").stdout == f"{__version__}\n"


def test_the_doctor_sees_the_machine_and_the_server(batchd: Batchd) -> None:
    done = batchd("doctor")
    assert done.returncode == 0, done.stdout
    assert f"server answers on {batchd.endpoint}, engine process" in done.stdout
    assert "process engine: memory limits" in done.stdout


def test_the_doctor_says_what_is_bad_and_fails(tmp_path: Path, batchd: Batchd) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "keys.json").write_text((batchd.data / "keys.json").read_text())
    (data / "server.json").write_text('{"endpoint": "http://127.0.0.1:1"}')
    done = Batchd(data)("doctor")
    assert done.returncode == 1
    assert "no server answers at http://127.0.0.1:1" in done.stdout


def test_without_a_server_every_command_says_how_to_start_one(tmp_path: Path) -> None:
    lonely = Batchd(tmp_path / "data")
    for command in (["jobs"], ["run", "--", "true"], ["logs", "x"], ["why", "x"], ["top", "--once"], ["env"]):
        done = lonely(*command)
        assert (done.returncode, done.stdout) == (1, "")
        assert one_line(done.stderr).endswith("start one with `batchd serve`")


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    done = Batchd(tmp_path, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", **keys})("jobs")
    assert done.returncode == 1
    assert one_line(done.stderr) == "no server answers at http://127.0.0.1:1: is `batchd serve` running?"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"AWS_ENDPOINT_URL": "127.0.0.1:4580"}, "AWS_ENDPOINT_URL must begin with http://"),
        ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, "The security token included in the request is invalid."),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "The request signature we calculated does not match"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 'eval "$(batchd env)"'),
    ],
    ids=str,
)
def test_an_environment_that_cannot_work_is_told_in_one_line(
    batchd: Batchd, environ: dict[str, str], text: str
) -> None:
    keys = local_access(load_settings({"data_dir": batchd.data}, {})).variables
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(batchd.data)}
    done = Batchd(batchd.data, {**keys, **nowhere, **environ})("jobs")
    assert (done.returncode, done.stdout) == (1, "")
    assert text in one_line(done.stderr)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_files_of_a_server_that_are_broken_are_named(tmp_path: Path, text: str) -> None:
    for name in ("keys.json", "server.json"):
        (tmp_path / name).write_text(text)
    done = Batchd(tmp_path)("jobs")
    assert done.returncode == 1
    assert one_line(done.stderr).startswith(f"{tmp_path}/keys.json is not what a server writes")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "--nope", "--", "true"], "No such option: --nope"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run"], "Missing argument"),
        (["run", "-e", "A", "--", "true"], "'A' is not NAME=VALUE"),
        (["run", "--vcpus", "many", "--", "true"], "--vcpus"),
        (["serve", "--port", "many"], "--port"),
        (["jobs", "--limit", "0"], "--limit"),
    ],
    ids=" ".join,
)
def test_a_mistake_in_the_words_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], text: str) -> None:
    done = Batchd(tmp_path)(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    line = one_line(done.stderr)
    assert text in line
    assert line.endswith("--help`)")


def test_a_refusal_of_the_service_is_one_line_and_exit_code_1(batchd: Batchd) -> None:
    done = batchd("run", "--timeout", "5", "--", "true")
    assert done.returncode == 1
    assert one_line(done.stderr) == "timeout.attemptDurationSeconds must be at least 60"


@pytest.mark.parametrize(("words", "text"), [([], "batchd serve"), (["events"], "redrive")], ids=str)
def test_where_words_are_missing_the_help_is_shown_and_nothing_else(
    tmp_path: Path, words: list[str], text: str
) -> None:
    done = Batchd(tmp_path)(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert text in done.stdout


def test_the_demo_runs_nine_jobs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = Batchd(tmp_path / "unused", {"TMPDIR": str(tmp_path)})("demo")
    assert done.returncode == 0, done.stderr
    assert "shard  files    lines functions  longest function" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("9 jobs in ")
    assert [path for path in tmp_path.iterdir() if path.name.startswith("batchd-demo")] == []


def test_ctrl_c_ends_the_jobs_of_the_demo_as_well(tmp_path: Path) -> None:
    demo = Batchd(tmp_path / "unused", {"TMPDIR": str(tmp_path)}).begin("demo")

    def working() -> list[str]:
        lines = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has just ended
                lines.append(path.read_bytes().decode(errors="replace"))
        return [line for line in lines if "demo_work" in line and f"{tmp_path}/batchd-demo" in line]

    eventually(working, "a job works")
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=LONG_S)
    assert (demo.returncode, working()) == (130, [])
    assert [path for path in tmp_path.iterdir() if path.name.startswith("batchd-demo")] == []
