"""Plots are drawn for any report. What they look like was looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchd.traces.plan import Plan
from batchd.traces.swf import SwfJob
from tests.traces.builders import report, swf

pytest.importorskip("matplotlib", reason="plots are an extra: pip install 'batchd[plots]'")

from batchd.traces.plots import draw

MANY = [swf(number, 50 * number, 900, 2, user=number % 11) for number in range(200)]


@pytest.mark.parametrize(
    "jobs", [[], [swf(1, 0, 0)], [swf(1, 0, 9)], MANY], ids=["none", "one of no time", "one", "many"]
)
def test_four_pictures_are_drawn_of_any_report(tmp_path: Path, jobs: list[SwfJob]) -> None:
    paths = draw(report(jobs, Plan(4)), "user", tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["waits.png", "utilisation.png", "queue-length.png", "shares.png"]
    for path in paths:
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(head[16:20], "big") == 1350  # pixels wide
