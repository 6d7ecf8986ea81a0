"""Nobody puts off a head to which a start was promised, in a house with one busy queue; and who does is found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from batchd.scheduler import forecast
from batchd.scheduler.events import JobSpec
from tests.simulation import traffic, world
from tests.simulation.simulate import first_failure
from tests.simulation.world import Trouble

CALM = Trouble(steps=40, deaths=0.0, refusals=0.0)
SEEDS = range(20)


def some_job(chance: Random, job_id: str, others: Mapping[str, int]) -> JobSpec:
    """One that has a limit of time, and does not come back to the front of the queue."""
    made = traffic.some_job(chance, job_id, others)
    return replace(made, attempts=1, timeout_s=chance.choice((60, 60, 600)))


@pytest.fixture(autouse=True)
def _one_busy_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "QUEUES", traffic.BACKFILLED)
    monkeypatch.setattr(world, "some_job", some_job)


def test_every_promise_is_kept() -> None:
    story: list[str] = []
    assert first_failure(SEEDS, CALM, story.append) is None, "\n".join(story)


def test_a_promise_that_is_broken_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "end_if_placed", lambda job, now: now)
    story: list[str] = []
    assert first_failure(SEEDS, CALM, story.append) is not None
    assert "was promised a start by" in story[0]
