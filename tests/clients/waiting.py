"""Waiting for what a server does in its own time: look again and again, up to a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.patience import PATIENCE_S, Patience

T = TypeVar("T")
_POLL_S = 0.02


def eventually(look: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """The first answer of `look` that is true; AssertionError, saying what was waited for, after the deadline."""
    patience = Patience(patience_s)
    while not (found := look()):
        assert not patience.ran_out(), f"not within {patience_s:g} s: {what}"
        time.sleep(_POLL_S)
    return found


def described(batch: Any, job_id: str) -> dict[str, Any]:
    """The job as DescribeJobs has it now."""
    jobs: list[dict[str, Any]] = batch.describe_jobs(jobs=[job_id])["jobs"]
    assert len(jobs) == 1, f"job {job_id} is not known"
    return jobs[0]


def reached(batch: Any, job_id: str, *statuses: str) -> dict[str, Any]:
    """The job once it is in one of these statuses; an end that was not asked for fails at once, with its reason."""

    def look() -> dict[str, Any] | None:
        job = described(batch, job_id)
        if job["status"] in statuses:
            return job
        assert job["status"] not in ("SUCCEEDED", "FAILED"), f"{job['status']}: {job.get('statusReason')} {job}"
        return None

    return eventually(look, f"job {job_id} is {' or '.join(statuses)}")


def ended(batch: Any, job_id: str) -> dict[str, Any]:
    """The job once it is final."""
    return reached(batch, job_id, "SUCCEEDED", "FAILED")
