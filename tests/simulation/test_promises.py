"""Nobody puts off a head to which a start was promised, in a house with one busy queue; and who does is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from batchd.scheduler import forecast
from tests.simulation import traffic
from tests.simulation.simulate import first_failure
from tests.simulation.world import Trouble

CALM = Trouble(steps=40, deaths=0.0, refusals=0.0)
SEEDS = range(14)


@pytest.fixture(autouse=True)
def _one_busy_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "QUEUES", traffic.BACKFILLED)
    monkeypatch.setattr(traffic, "TIMEOUTS_S", (60, 60, 600))


def test_every_promise_is_kept() -> None:
    story: list[str] = []
    assert first_failure(SEEDS, CALM, story.append) is None, "\n".join(story)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("has_room_beside", lambda *asked: True), ("end_if_placed", lambda job, now: now)],
)
def test_a_promise_that_is_broken_is_found(
    name: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, name, wrong)
    story: list[str] = []
    assert first_failure(SEEDS, CALM, story.append) is not None
    assert "was promised a start by" in story[0]
