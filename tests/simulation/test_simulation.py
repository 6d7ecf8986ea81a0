from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler.scheduler import Scheduler
from tests.simulation.simulate import first_failure, run, whole_story
from tests.simulation.world import Trouble

QUIET = Trouble(steps=8, deaths=0.0, refusals=0.0, die_at=1_000_000)


@pytest.mark.parametrize("start", range(0, 2000, 100))
def test_whatever_happens_nothing_acknowledged_is_lost_and_every_job_ends(start: int) -> None:
    story = whole_story(Trouble(steps=20), range(start, start + 100))
    assert not story, "\n".join(story)


def test_a_server_may_die_at_every_single_point_of_its_life() -> None:
    lives = ((seed, run(seed, QUIET).fuse.passed) for seed in range(100))
    seed, points = next((seed, points) for seed, points in lives if 40 < points < 80)  # long enough to prove something
    for point in range(points):
        died: list[str] = []
        run(seed, replace(QUIET, die_at=point), died.append)
        assert [line for line in died if line.startswith("died")], f"it did not die at point {point}"


def test_a_seed_decides_everything() -> None:
    first: list[str] = []
    second: list[str] = []
    run(11, tell=first.append)
    run(11, tell=second.append)
    assert first == second
    assert any(line.startswith("died") for line in first)


def test_a_failing_seed_is_named_and_its_story_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scheduler, "wanted", lambda self: [])
    story: list[str] = []
    seed = first_failure(range(20), Trouble(steps=40), story.append)
    assert seed is not None
    assert story[0].startswith(f"seed {seed} failed with ")
    assert any(line.startswith("died") for line in story)
    assert story[-1] == story[0].partition(" with ")[2]
