"""Allocation strategies as orders. [batch.md 6.3]"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.services.batch.allocation import preferred, vcpus_of_instances
from batchd.services.batch.instance_types import instances_of

LISTED = instances_of(["r5.2xlarge", "m5.xlarge", "c5.9xlarge", "c5.large"])


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("BEST_FIT", ["c5.large", "m5.xlarge", "r5.2xlarge", "c5.9xlarge"]),
        ("BEST_FIT_PROGRESSIVE", ["c5.large", "c5.9xlarge", "m5.xlarge", "r5.2xlarge"]),
        ("SPOT_PRICE_CAPACITY_OPTIMIZED", ["c5.large", "c5.9xlarge", "m5.xlarge", "r5.2xlarge"]),
        ("BEST_FIT_PROGRESSIVE_ORDERED", ["r5.2xlarge", "m5.xlarge", "c5.9xlarge", "c5.large"]),
        ("SPOT_CAPACITY_OPTIMIZED_PRIORITIZED", ["r5.2xlarge", "m5.xlarge", "c5.9xlarge", "c5.large"]),
    ],
)
def test_a_strategy_is_an_order_of_the_types(strategy: str, order: list[str]) -> None:
    assert [instance.name for instance in preferred(strategy, LISTED)] == order


@pytest.mark.parametrize(
    ("strategy", "in_use", "vcpus"),
    [
        ("BEST_FIT", 0, 0),
        ("BEST_FIT", 0.25, 2),
        ("BEST_FIT", 3, 4),
        ("BEST_FIT_PROGRESSIVE", 3, 36),
        ("BEST_FIT_PROGRESSIVE_ORDERED", 1, 8),
        ("BEST_FIT", 36, 36),
        ("BEST_FIT", 37, 38),
        ("BEST_FIT", 80, 80),
    ],
)
def test_what_is_in_use_takes_whole_machines(strategy: str, in_use: float, vcpus: int) -> None:
    assert vcpus_of_instances(strategy, LISTED, in_use) == vcpus


def test_machines_of_unknown_size_are_as_large_as_what_is_in_use() -> None:
    assert [vcpus_of_instances("BEST_FIT", [], in_use) for in_use in (0, 1.5, 3)] == [0, 2, 3]


@given(st.sampled_from(["BEST_FIT", "BEST_FIT_PROGRESSIVE", "BEST_FIT_PROGRESSIVE_ORDERED"]), st.floats(0, 5000))
def test_the_machines_always_hold_what_is_in_use_and_not_a_machine_too_many(strategy: str, in_use: float) -> None:
    vcpus = vcpus_of_instances(strategy, LISTED, in_use)
    assert in_use <= vcpus < in_use + 36
