"""Which stream names lead to a task, and since when its stream is there."""

from __future__ import annotations

import pytest

from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Attempt
from batchd.services.logs.task_streams import started_at, task_ids
from tests.contract.stores import job_row

A, B = "a" * 32, "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (f"definition/default/{A}", [A]),
        (f"AWSBatchabc{B}/algo-1-1700000000", [B]),
        (f"{A}/default/{B}", [A, B]),
        (A, [A]),
        ("definition/default/", []),
        (f"definition/default/{A.upper()}", []),
        (f"definition/default/{A[1:]}", []),
        ("2026/11/30/[$LATEST]x", []),
    ],
)
def test_ids_stand_at_the_ends_of_a_names_parts(stream: str, expected: list[str]) -> None:
    assert list(task_ids(stream)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(JobStatus.STARTING, None), (JobStatus.RUNNING, 5), (JobStatus.RUNNABLE, None)],
)
def test_the_attempt_in_hand_has_a_stream_from_running_on(status: JobStatus, expected: int | None) -> None:
    assert started_at(job_row("j", status=status, task_id=A, started_at=5), A) == expected


def test_an_attempt_on_record_has_a_stream_if_it_ran() -> None:
    attempts = (Attempt(A, "ce", None, 9, "could not start"), Attempt(B, "ce", 7, 9, "exited"))
    job = job_row("j", status=JobStatus.FAILED, task_id=B, started_at=7, attempts=attempts)
    assert (started_at(job, A), started_at(job, B), started_at(job, "c" * 32)) == (None, 7, None)
