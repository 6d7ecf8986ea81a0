"""schedule, schedules, unschedule."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.cli.command import Batchd
from tests.clients.waiting import eventually


def listed(batchd: Batchd) -> list[list[str]]:
    done = batchd("schedules")
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_a_scheduled_command_runs_as_a_job_when_it_is_due(batchd: Batchd) -> None:
    now = f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})"
    done = batchd("schedule", "--name", "once", now, "--", "echo", "on time")
    assert (done.returncode, done.stdout) == (0, f"once: {now} UTC\n"), done.stderr
    eventually(lambda: batchd("logs", "once").stdout == "on time\n", "the job has run")


def test_a_schedule_is_listed_replaced_and_deleted(batchd: Batchd) -> None:
    for hour in (2, 3):
        expression = f"cron(0 {hour} * * ? *)"
        command = ("schedule", "--name", "night", "--timezone", "Europe/Berlin", expression, "--", "true")
        assert batchd(*command).returncode == 0
    row = next(row for row in listed(batchd) if row[0] == "night")
    assert row[1:] == [
        *("default", "ENABLED", "cron(0", "3", "*", "*", "?", "*)", "Europe/Berlin"),
        "arn:aws:scheduler:::aws-sdk:batch:submitJob",
    ]
    assert batchd("unschedule", "night").returncode == 0
    assert all(row[0] != "night" for row in listed(batchd))
    refused = batchd("unschedule", "night")
    assert (refused.returncode, refused.stderr) == (1, "batchd: Schedule night does not exist.\n")


def test_an_expression_that_means_nothing_is_refused(batchd: Batchd) -> None:
    refused = batchd("schedule", "cron(0 2 * * *)", "--", "true")
    assert refused.returncode == 1
    assert refused.stderr.startswith("batchd: Invalid Schedule Expression cron(0 2 * * *). Say cron(0 2 * * ? *)")
    nowhere = batchd("schedule", "--timezone", "Mars/Base", "rate(5 minutes)", "--", "true")
    assert nowhere.stderr == "batchd: Invalid Schedule Expression Timezone Mars/Base.\n"
    long = batchd("schedule", "--name", "x" * 65, "rate(5 minutes)", "--", "true")
    assert long.stderr.startswith("batchd: --name must have at most 64 characters")
