"""What `computeResources.instanceTypes` means: types, families and AWS's own sets. Pure. [batch.md 6.1, 6.4]"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from batchd.instances import ARM, X86, Instance, catalogue, families
from batchd.scheduler.events import Resources
from batchd.services.batch.faults import Invalid

_X86_SET = ("m6i", "c6i", "r6i", "c7i")
_SETS = {"optimal": _X86_SET, "default_x86_64": _X86_SET, "default_arm64": ("m6g", "c6g", "r6g", "c7g")}
_AGENT_MIB = 32  # what the agent keeps for itself
# A family this server has not heard of yet, or a type of it: Graviton machines have a g behind the generation.
_LATER = re.compile(r"(?P<family>[a-z]{1,4}[0-9]{1,2}(?P<traits>[a-z0-9-]*))(\.[0-9]*[a-z][a-z0-9-]*)?")


def validate_instance_types(names: Sequence[str]) -> None:
    """Raises Invalid for a name AWS would not know, or for two architectures. [batch.md 6.1]"""
    for name in names:
        if not (_members(name) or _is_later(name)):
            raise Invalid(f"Instance type can only be one of [{', '.join(_known_names())}]")
    if len(architectures(names)) > 1:
        raise Invalid("arm-based instance type cannot be used with other instance types.")


def instances_of(names: Iterable[str]) -> list[Instance]:
    """The types that the names stand for, each once, in the order of the names and by size within a family."""
    found = {instance.name: instance for name in names for instance in _members(name)}
    return list(found.values())


def architectures(names: Iterable[str]) -> set[str]:
    """Of the machines that the names stand for."""
    found: set[str] = set()
    for name in names:
        found.update(instance.architecture for instance in _members(name))
        if later := _is_later(name):
            found.add(ARM if "g" in later["traits"].partition("-")[0] else X86)
    return found


def largest_shapes(names: Sequence[str]) -> tuple[Resources, ...]:
    """What a job may ask of the types at the most: those shapes that no other covers. [batch.md 5.4]

    Empty, which is without limit, where a name is of a family whose sizes are not known here.
    """
    if any(_is_later(name) for name in names):
        return ()
    shapes = sorted({_schedulable(instance) for instance in instances_of(names)}, key=_by_size, reverse=True)
    largest: list[Resources] = []
    for shape in shapes:
        if not any(_covers(other, shape) for other in largest):
            largest.append(shape)
    return tuple(largest)


def _schedulable(instance: Instance) -> Resources:
    """What tasks get of a machine: the system shows them about a fortieth less memory than it has, the agent keeps
    some."""
    shown_mib = instance.memory_mib - -(-instance.memory_mib // 40)
    return Resources(1000 * instance.vcpus, shown_mib - _AGENT_MIB, instance.gpus)


def _by_size(shape: Resources) -> tuple[int, int, int]:
    return shape.vcpus_milli, shape.memory_mib, shape.gpus


def _covers(one: Resources, other: Resources) -> bool:
    return one.vcpus_milli >= other.vcpus_milli and one.memory_mib >= other.memory_mib and one.gpus >= other.gpus


def _members(name: str) -> list[Instance]:
    """The types a name stands for; none where it is not in the catalogue. Families are without bare metal."""
    if name in catalogue():
        return [catalogue()[name]]
    named = _SETS.get(name, (name,))
    return [instance for family in named for instance in families().get(family, ()) if not instance.is_metal]


def _is_later(name: str) -> re.Match[str] | None:
    """Whether the name is well formed and of a family that the catalogue lacks."""
    found = _LATER.fullmatch(name)
    return found if found and found["family"] not in families() else None


def _known_names() -> list[str]:
    return sorted([*_SETS, *families(), *catalogue()])
