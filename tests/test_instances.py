"""The catalogue of machine types."""

from __future__ import annotations

import re

from batchd.instances import ARM, X86, Instance, catalogue, families


def test_types_are_as_large_as_ec2s() -> None:
    found = catalogue()
    sizes = {name: (found[name].vcpus, found[name].memory_mib // 1024, found[name].gpus) for name in SIZES}
    assert sizes == SIZES


SIZES = {
    "m4.10xlarge": (40, 160, 0),
    "m5.large": (2, 8, 0),
    "c4.8xlarge": (36, 60, 0),
    "c5.18xlarge": (72, 144, 0),
    "c7g.medium": (1, 2, 0),
    "r4.large": (2, 15, 0),
    "r5.24xlarge": (96, 768, 0),
    "t3.nano": (2, 0, 0),
    "x1e.32xlarge": (128, 3904, 0),
    "hpc6a.48xlarge": (96, 384, 0),
    "p3.16xlarge": (64, 488, 8),
    "p4d.24xlarge": (96, 1152, 8),
    "p5.48xlarge": (192, 2048, 8),
    "g4dn.xlarge": (4, 16, 1),
    "g5.12xlarge": (48, 192, 4),
    "i3.metal": (72, 512, 0),
}


def test_every_type_is_a_machine_one_could_have() -> None:
    for name, instance in catalogue().items():
        assert instance.name == name
        assert re.fullmatch(r"[a-z][a-z0-9-]+\.[a-z0-9-]+", name)
        assert instance.architecture in (X86, ARM)
        assert instance.vcpus >= 1
        assert instance.memory_mib >= 512
        assert instance.price > 0
        assert bool(instance.gpus) == bool(instance.gpu) == bool(instance.gpu_mib)


def test_arm_is_what_has_a_g_behind_its_generation() -> None:
    graviton = re.compile(r"[a-z]+[0-9]g")
    arm = {instance.family for instance in catalogue().values() if instance.architecture == ARM}
    assert arm == {family for family in families() if graviton.match(family)}


def test_a_family_is_in_order_of_size_and_cost() -> None:
    assert [one.name for one in families()["c5"]] == [
        "c5.large",
        "c5.xlarge",
        "c5.2xlarge",
        "c5.4xlarge",
        "c5.9xlarge",
        "c5.12xlarge",
        "c5.18xlarge",
        "c5.24xlarge",
        "c5.metal",
    ]
    assert all(instance.family == family for family, types in families().items() for instance in types)


def test_bare_metal_and_burstable_types_say_so() -> None:
    metal = [instance.name for instance in families()["m7i"] if instance.is_metal]
    assert metal == ["m7i.metal-24xl", "m7i.metal-48xl"]
    burstable = {instance.family for instance in catalogue().values() if instance.is_burstable}
    assert burstable == {"t2", "t3", "t3a", "t4g"}
    assert not Instance("trn1.2xlarge", 8, 32768, X86, 1).is_burstable
