"""The daemon's statistics as usage."""

from __future__ import annotations

from typing import Any

import pytest

from batchd.engines.docker_usage import Meter, total, usage_of
from batchd.engines.engine import Usage

MIB = 1 << 20
CPU = {"cpu_usage": {"total_usage": 1_500_000_000}}


@pytest.mark.parametrize(
    ("memory", "mib"),
    [
        ({"usage": 5 * MIB, "max_usage": 9 * MIB, "stats": {"inactive_file": MIB}}, 9.0),
        ({"usage": 5 * MIB, "stats": {"inactive_file": 2 * MIB}}, 3.0),
        ({"usage": 5 * MIB}, 5.0),
    ],
)
def test_the_kernels_peak_counts_where_there_is_one(memory: dict[str, Any], mib: float) -> None:
    assert usage_of({"memory_stats": memory, "cpu_stats": CPU}) == Usage(mib, 1.5)


@pytest.mark.parametrize(
    "stats", [{}, {"memory_stats": {}, "cpu_stats": CPU}, {"memory_stats": {"usage": 1}, "cpu_stats": {}}]
)
def test_a_container_that_has_ended_says_nothing(stats: dict[str, Any]) -> None:
    assert usage_of(stats) is None


def test_the_largest_that_was_seen_stays() -> None:
    meter = Meter()
    for seen in (None, Usage(3.0, 0.5), Usage(1.0, 0.9), None):
        meter.add(seen)
    assert meter.usage == Usage(3.0, 0.9)


def test_containers_are_added_up_as_far_as_they_are_known() -> None:
    one, other, unknown = Meter(), Meter(), Meter()
    one.add(Usage(1.0, 2.0))
    other.add(Usage(3.0, 4.0))
    assert total([one, unknown, other]) == Usage(4.0, 6.0)
    assert total([unknown]) is None
