from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.docker_reasons import (
    cannot_pull,
    cannot_start,
    died_with_host,
    end_reason,
    go_duration,
    timed_out,
)


def test_a_failed_pull_reads_as_on_aws() -> None:
    assert cannot_pull("manifest unknown") == ("CannotPullContainerError: Error response from daemon: manifest unknown")


def test_a_refused_start_reads_as_on_aws() -> None:
    assert cannot_start("no such file") == "CannotStartContainerError: Error response from daemon: no such file"


def test_a_slow_daemon_reads_as_on_aws() -> None:
    expected = "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s"
    assert timed_out("created", 240) == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (45, "45s"), (60, "1m0s"), (90, "1m30s"), (3600, "1h0m0s"), (7325, "2h2m5s")]
)
def test_durations_are_printed_as_go_prints_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_running_out_of_memory_has_awss_reason() -> None:
    assert end_reason(True, "") == "OutOfMemoryError: Container killed due to memory usage"


def test_a_plain_exit_has_no_reason() -> None:
    assert end_reason(False, "") is None


def test_an_error_that_the_daemon_noted_is_the_reason() -> None:
    assert end_reason(False, "shim disconnected") == "DockerStateError: shim disconnected"


@given(st.text(max_size=1000))
def test_a_reason_is_one_line_of_at_most_255_characters(message: str) -> None:
    for reason in (cannot_pull(message), cannot_start(message)):
        assert len(reason) <= 255
        assert len(reason.splitlines()) == 1


@pytest.mark.parametrize(
    ("started_at", "finished_at", "booted_at", "died"),
    [(10, 30, 20, True), (10, 15, 20, False), (21, 30, 20, False), (10, 0, 20, False), (10, 30, 0, False)],
)
def test_an_end_written_down_after_the_host_booted_anew_was_seen_by_nobody(
    started_at: int, finished_at: int, booted_at: int, died: bool
) -> None:
    assert died_with_host(started_at, finished_at, booted_at) is died
