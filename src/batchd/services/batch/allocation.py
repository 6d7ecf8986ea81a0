"""Which instance types an environment takes first: its allocation strategy as an order. Pure. [batch.md 6.3]"""

from __future__ import annotations

from collections.abc import Sequence

from batchd.instances import Instance

BEST_FIT = "BEST_FIT"
_LISTED = ("BEST_FIT_PROGRESSIVE_ORDERED", "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED")


def preferred(strategy: str, instances: Sequence[Instance]) -> list[Instance]:
    """The types, best first. `instances` are in the order in which the environment lists them.

    BEST_FIT wants the cheapest machine, the ordered strategies the first one listed, all others the lowest cost of a
    vCPU: machines here are not taken away, so that none is likelier to be interrupted than another.
    """
    if strategy in _LISTED:
        return list(instances)
    if strategy == BEST_FIT:
        return sorted(instances, key=lambda one: (one.price, one.vcpus, one.name))
    return sorted(instances, key=lambda one: (one.price / one.vcpus, one.vcpus, one.name))


def vcpus_of_instances(strategy: str, instances: Sequence[Instance], in_use: float) -> int:
    """The vCPUs of the machines that so many vCPUs in use would take: as many of the largest as they fill, and for
    the rest the first type of the strategy that holds it."""
    if not instances:
        return -int(-in_use // 1)
    largest = max(instance.vcpus for instance in instances)
    full, rest = divmod(in_use, largest)
    last = next((one.vcpus for one in preferred(strategy, instances) if one.vcpus >= rest), 0) if rest else 0
    return int(full) * largest + last
