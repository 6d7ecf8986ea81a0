"""`batchd run`: a command becomes a job, and feels like the command."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from batchd.cli.connect import Clients, access
from tests.cli.command import Batchd, one_line, serving
from tests.cli.test_events import client
from tests.clients.waiting import described, ended, eventually
from tests.patience import LONG_S
from tests.ports import reserved_port


def test_the_output_of_the_command_comes_out_and_nothing_else(batchd: Batchd) -> None:
    done = batchd("run", "--", "python3", "-c", "print(6*7)")
    assert (done.stdout, done.stderr, done.returncode) == ("42\n", "", 0)


def test_the_exit_code_of_the_job_is_the_commands(batchd: Batchd) -> None:
    done = batchd("run", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert sorted(done.stdout.splitlines()) == ["err", "out"]
    assert done.returncode == 3
    assert one_line(done.stderr).endswith("FAILED: exit code 3")


def test_a_program_that_is_not_there_is_told_as_a_shell_tells_it(batchd: Batchd) -> None:
    done = batchd("run", "--", "no-such-program")
    assert done.returncode == 127
    assert done.stdout.startswith("batchd: ")
    assert done.stdout.endswith("no-such-program: not found\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--name", "no spaces", "--", "true"], "--name must be 1 to 128 letters"),
        (["--name", "x" * 129, "--", "true"], "--name must be 1 to 128 letters"),
        (["--queue", "k\u00fche", "--", "true"], "--queue must be 1 to 128 letters"),
        (["--", "echo", os.fsdecode(b"\xff")], "is not UTF-8"),
        (["-e", os.fsdecode(b"A=\xff"), "--", "true"], "is not UTF-8"),
    ],
    ids=str,
)
def test_what_cannot_be_a_job_is_said_before_anything_is_made(batchd: Batchd, words: list[str], text: str) -> None:
    done = batchd("run", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert text in one_line(done.stderr)


def test_the_job_runs_where_the_caller_is(batchd: Batchd, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("found\n")
    done = batchd("run", "--", "cat", "here.txt", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("found\n", 0)


def test_arguments_reach_the_command_as_they_are(batchd: Batchd) -> None:
    words = ["two words", "$HOME", "a'b", '"', "--queue", "*", "Ref"]
    done = batchd("run", "printf", "%s\\n", *words)
    assert done.stdout.splitlines() == words


def test_what_the_terminal_cannot_show_is_written_as_its_number(batchd: Batchd) -> None:
    poor = Batchd(batchd.data, {"PYTHONIOENCODING": "latin-1"})
    done = poor("run", "--", "echo", "gr\u00fc\u00dfe \u2603", errors="replace")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\\u2603\n")


def test_flags_make_the_job(batchd: Batchd) -> None:
    flags = ["--queue", "flags", "--name", "named", "-e", "A=1", "-e", "B=x=y", "--attempts", "2", "--timeout", "60"]
    script = 'echo "$AWS_BATCH_JQ_NAME $AWS_BATCH_JOB_ATTEMPT $A $B"; [ "$AWS_BATCH_JOB_ATTEMPT" = 2 ]'
    done = batchd("run", *flags, "--", "sh", "-c", script)
    assert (done.stdout, done.returncode) == ("flags 1 1 x=y\nflags 2 1 x=y\n", 0)
    assert "named" in batchd("jobs", "--queue", "flags").stdout


def test_a_detached_job_is_named_by_its_id_and_followed_later(batchd: Batchd) -> None:
    started = batchd("run", "-d", "--", "sh", "-c", "echo first; echo second")
    job_id = started.stdout.strip()
    assert started.returncode == 0
    followed = batchd("logs", "-f", job_id)
    assert (followed.stdout, followed.returncode) == ("first\nsecond\n", 0)


def test_ctrl_c_terminates_the_job(batchd: Batchd) -> None:
    running = batchd.begin("run", "--name", "interrupted", "--", "sh", "-c", "echo started; exec sleep 600")
    assert running.stdout is not None
    assert running.stdout.readline() == "started\n"
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=LONG_S)
    assert running.returncode == 130
    assert one_line(errors).endswith("is being terminated")
    listed = eventually(lambda: _failed(batchd, "interrupted"), "the job has failed")
    assert "Interrupted at the terminal" in listed


def test_a_reader_that_goes_away_is_no_error(batchd: Batchd) -> None:
    job_id = batchd("run", "-d", "--", "seq", "200000").stdout.strip()
    batchd("logs", "-f", job_id)
    reading = batchd.begin("logs", job_id)
    assert reading.stdout is not None
    assert reading.stdout.readline() == "1\n"
    reading.stdout.close()
    assert reading.stderr is not None
    assert reading.stderr.read() == ""
    reading.stderr.close()
    reading.wait(LONG_S)


def test_following_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"echo before; until [ -e {gate} ]; do sleep 0.02; done; echo after; exit 5"
    with reserved_port() as port:
        with serving(tmp_path / "data", port=port) as batchd:
            running = batchd.begin("run", "--", "sh", "-c", script)
            assert running.stdout is not None
            assert running.stdout.readline() == "before\n"
            tailing = batchd.begin("events", "tail", "-f")
            assert tailing.stdout is not None and tailing.stderr is not None
            assert "no events yet" in tailing.stderr.readline()
        gate.touch()
        with serving(tmp_path / "data", port=port):
            output, errors = running.communicate(timeout=LONG_S)
            client(batchd, "events").put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}])
            assert "shop  Order" in tailing.stdout.readline()
            tailing.send_signal(signal.SIGINT)
            tailing.communicate(timeout=LONG_S)
    assert (output, running.returncode) == ("after\n", 5)
    assert "Traceback" not in errors


def _failed(batchd: Batchd, name: str) -> str:
    return "\n".join(line for line in batchd("jobs", "--status", "failed").stdout.splitlines() if name in line)


def test_what_failed_runs_again(batchd: Batchd) -> None:
    batchd("run", "--name", "flaky", "--", "false")
    clients = Clients(access(batchd.data))
    array = clients.batch.submit_job(
        jobName="shards",
        jobQueue="default",
        jobDefinition="run-python-3-slim",
        arrayProperties={"size": 3},
        containerOverrides={"command": ["sh", "-c", '[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 1 ]']},
    )
    ended(clients.batch, array["jobId"])

    one, some = batchd("rerun", "flaky"), batchd("rerun", array["jobId"])

    assert described(clients.batch, one.stdout.strip())["jobName"] == "flaky"
    assert (one.returncode, one.stderr) == (0, "")
    assert one_line(some.stderr) == "1 of 3 children run again"
    summary = described(clients.batch, some.stdout.strip())["arrayProperties"]["statusSummary"]
    assert summary["SUCCEEDED"] == 2
    refused = batchd("rerun", "never")
    assert (refused.returncode, one_line(refused.stderr)) == (1, "there is no job with the id or name 'never'")
