"""What the names in `instanceTypes` stand for. [batch.md 6.1, 6.4]"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.instances import ARM, X86, catalogue, families
from batchd.scheduler.events import Resources
from batchd.services.batch.faults import Invalid
from batchd.services.batch.instance_types import (
    architectures,
    instances_of,
    largest_shapes,
    validate_instance_types,
)


def named(*names: str) -> list[str]:
    return [instance.name for instance in instances_of(names)]


def test_a_family_is_all_its_sizes_but_bare_metal() -> None:
    assert named("c7gn") == [
        "c7gn.medium",
        "c7gn.large",
        "c7gn.xlarge",
        "c7gn.2xlarge",
        "c7gn.4xlarge",
        "c7gn.8xlarge",
        "c7gn.12xlarge",
        "c7gn.16xlarge",
    ]
    assert named("c7gn.metal") == ["c7gn.metal"]


def test_types_keep_the_order_of_the_list_and_stand_once() -> None:
    assert named("p3.8xlarge", "p3", "p3.8xlarge") == ["p3.8xlarge", "p3.2xlarge", "p3.16xlarge"]


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("optimal", {"m6i", "c6i", "r6i", "c7i"}),
        ("default_x86_64", {"m6i", "c6i", "r6i", "c7i"}),
        ("default_arm64", {"m6g", "c6g", "r6g", "c7g"}),
    ],
)
def test_awss_own_sets_are_families(name: str, members: set[str]) -> None:
    assert {instance.family for instance in instances_of([name])} == members


@pytest.mark.parametrize("name", ["m5.hugee", "huge", "", "M5", "m5.", "optimal2", "u-6tb1.56xlarge", "m5 "])
def test_a_name_that_is_no_type_is_refused_with_the_list_of_those_there_are(name: str) -> None:
    with pytest.raises(Invalid, match=r"^Instance type can only be one of \[.*, m5, m5\.12xlarge, .*\]$"):
        validate_instance_types(["m5", name])


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["m9i", "c10a.2xlarge"], {X86}),
        (["m9g.medium"], {ARM}),
        (["c9gn"], {ARM}),
        (["g7.xlarge", "p6-b200.48xlarge"], {X86}),
        (["optimal", "m9i"], {X86}),
        (["default_arm64", "c6g.metal"], {ARM}),
    ],
)
def test_a_family_that_came_later_is_taken_as_it_is(names: list[str], found: set[str]) -> None:
    validate_instance_types(names)
    assert architectures(names) == found


@pytest.mark.parametrize("names", [["m6g", "m6i"], ["optimal", "c7g.large"], ["m9g", "m9i"], ["g5", "g5g"]])
def test_architectures_do_not_mix(names: list[str]) -> None:
    with pytest.raises(Invalid, match="arm-based instance type cannot be used with other instance types"):
        validate_instance_types(names)


def test_a_machine_offers_less_memory_than_it_has() -> None:
    assert largest_shapes(["m4.large"]) == (Resources(2000, 7955),)


def test_the_largest_shapes_are_those_no_other_covers() -> None:
    assert largest_shapes(["c5.4xlarge", "c5.2xlarge", "r5.2xlarge", "g4dn.xlarge"]) == (
        Resources(16_000, 31_916),
        Resources(8_000, 63_865),
        Resources(4_000, 15_942, 1),
    )


def test_types_of_unknown_size_know_no_limit() -> None:
    assert largest_shapes(["m5", "m9i.large"]) == ()


@given(st.lists(st.sampled_from(sorted([*families(), *catalogue()])), min_size=1, max_size=6))
def test_every_type_is_covered_by_a_shape_and_no_shape_by_another(names: list[str]) -> None:
    shapes = largest_shapes(names)
    for instance in instances_of(names):
        assert any(
            instance.vcpus * 1000 <= shape.vcpus_milli
            and instance.memory_mib * 39 // 40 - 32 <= shape.memory_mib
            and instance.gpus <= shape.gpus
            for shape in shapes
        )
    for one in shapes:
        others = [other for other in shapes if other is not one]
        assert not any(
            one.vcpus_milli <= other.vcpus_milli and one.memory_mib <= other.memory_mib and one.gpus <= other.gpus
            for other in others
        )
