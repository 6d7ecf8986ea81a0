"""search, purge: many jobs at once."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from batchd.cli.search import NotSearchable, Wish, moment, request_of
from tests.cli.command import PROGRAM, Batchd, one_line
from tests.patience import LONG_S

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


def names(batchd: Batchd, *arguments: str) -> list[str]:
    done = batchd("search", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.split()[-2] for line in done.stdout.splitlines()[1:]]


@pytest.fixture(scope="module", autouse=True)
def history(batchd: Batchd) -> None:
    batchd("run", "--queue", "past", "--name", "feed-1", "--", "true")
    batchd("run", "--queue", "past", "--name", "feed-2", "--", "sh", "-c", "exit 3")


def test_ended_jobs_are_found_the_latest_end_first(batchd: Batchd) -> None:
    lines = batchd("search", "--queue", "past").stdout.splitlines()

    assert lines[0].split() == ["JOB", "ID", "STATUS", "ENDED", "TOOK", "EXIT", "NAME", "QUEUE"]
    assert [line.split()[1] for line in lines[1:]] == ["FAILED", "SUCCEEDED"]
    assert names(batchd, "FEED-1") == ["feed-1"]
    assert names(batchd, "feed-*", "--limit", "1") == ["feed-2"]
    assert names(batchd, "feed-*", "--exit-code", "3", "--status", "failed", "--since", "1h") == ["feed-2"]
    assert names(batchd, "feed-*", "--until", "1h") == []
    assert names(batchd, "--tag", "team") == []


def test_a_purge_asks_and_then_ends_everything(batchd: Batchd) -> None:
    jobs = [batchd("run", "-d", "--queue", "doomed", "--", "sleep", "600").stdout.strip() for _ in range(2)]

    refused = batchd("purge", "doomed", input="")
    assert one_line(refused.stderr) == "2 jobs of doomed would end: say --yes if they shall"
    done = batchd("purge", "doomed", "--yes", "--reason", "start again")

    assert done.stdout == "2 jobs of doomed are being terminated\n"
    for job in jobs:
        batchd("logs", "-f", job)
        assert "FAILED: start again" in batchd("why", job).stdout
    for words in (["--yes"], []):
        assert one_line(batchd("purge", "never", *words, input="").stderr) == "JobQueue never not found."
    assert batchd("purge", "doomed", input="").stdout == "doomed has no jobs to end\n"


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 0), (b"\x04", 130)], ids=str)
def test_who_thinks_better_of_a_purge_is_left_alone(batchd: Batchd, answer: bytes, code: int) -> None:
    job_id = batchd("run", "-d", "--queue", "spared", "--", "sleep", "600").stdout.strip()
    terminal, inner = os.openpty()
    purging = subprocess.Popen(
        [PROGRAM, "purge", "spared", "--data-dir", str(batchd.data)],
        stdin=inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    said = b""
    while b"?" not in said:
        said += os.read(terminal, 1024)
    os.write(terminal, answer)
    assert purging.wait(LONG_S) == code
    with suppress(OSError):  # there was no more
        said += os.read(terminal, 4096)
    assert b"Traceback" not in said
    os.close(terminal)
    assert batchd("purge", "spared", "--yes").stdout == "1 jobs of spared are being terminated\n", job_id


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--status", "running"), "--status must be SUCCEEDED or FAILED, not 'running': only ended jobs are searched"),
        (("--since", "yesterday"), "'yesterday' is not a time: say 30m, 2h, 7d or 2026-11-23T14:00"),
        (("--tag", "=x"), "--tag must be KEY=VALUE or KEY, not '=x'"),
        (("--queue", "never"), "JobQueue never not found."),
    ],
)
def test_what_cannot_be_looked_for_is_named(batchd: Batchd, arguments: tuple[str, str], text: str) -> None:
    done = batchd("search", *arguments)

    assert (done.returncode, one_line(done.stderr)) == (1, text)


def test_times_are_relative_or_local() -> None:
    assert moment("90s", NOW) == NOW_MS - 90_000
    assert moment("2h", NOW) == NOW_MS - 7_200_000
    assert moment("2026-11-23T12:00+00:00", NOW) == NOW_MS
    assert moment("2026-11-23", NOW) == round(datetime(2026, 11, 23).astimezone().timestamp() * 1000)
    for text in ("", "h", "2 h", "2026-13-01"):
        with pytest.raises(NotSearchable):
            moment(text, NOW)


def test_only_what_was_said_restricts() -> None:
    assert request_of(Wish(), NOW) == {}
    assert request_of(Wish("a", "q", ["k=v", "only"], 0, "failed", "1h"), NOW) == {
        "jobName": "a",
        "jobQueue": "q",
        "tags": {"k": "v", "only": "*"},
        "exitCode": 0,
        "status": "FAILED",
        "stoppedAfter": NOW_MS - 3_600_000,
    }


def test_the_aws_command_line_knows_batchds_operations_by_the_variables_of_env(batchd: Batchd) -> None:
    aws = PROGRAM.with_name("aws")
    script = f"eval \"$({PROGRAM} env)\"; {aws} batchd search-jobs --job-name 'feed-*' --query 'jobs[].jobName'"

    done = subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "BATCHD_DATA_DIR": str(batchd.data), "AWS_PAGER": ""},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )

    assert json.loads(done.stdout) == ["feed-2", "feed-1"], done.stderr
