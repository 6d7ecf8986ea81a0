"""The whole at a glance, in the members of `GetOverview`: how full the machine and its environments are."""

from __future__ import annotations

from typing import TypedDict

from batchd.scheduler.events import Resources
from batchd.scheduler.state import Environment, Machine, State


class Amount(TypedDict):
    vcpus: float
    memoryMiB: int
    gpus: int


class EnvironmentOverview(TypedDict, total=False):
    """Without `maxVcpus` the environment has no limit of its own."""

    environment: str  # ARN
    vcpusInUse: float
    maxVcpus: float
    available: bool


class Overview(TypedDict):
    capacity: Amount
    used: Amount
    environments: list[EnvironmentOverview]


def overview(state: State) -> Overview:
    """Environments in order of their ARNs; one that is deleted and still drains is among them."""
    capacity = state.machine.capacity or Resources(0, 0)
    return {
        "capacity": _amount(capacity),
        "used": _amount(_used(state.machine, capacity)),
        "environments": [_environment(environment) for _, environment in sorted(state.environments.items())],
    }


def _used(machine: Machine, capacity: Resources) -> Resources:
    """A job that is larger than the machine uses all of it; tasks that are ahead of their room use nothing yet."""
    if machine.taken is not None:
        return capacity
    vcpus, memory = machine.used_vcpus_milli, machine.used_memory_mib
    if machine.ahead:
        vcpus, memory = min(vcpus, capacity.vcpus_milli), min(memory, capacity.memory_mib)
    return Resources(vcpus, memory, machine.used_gpus)


def _amount(resources: Resources) -> Amount:
    return {"vcpus": resources.vcpus_milli / 1000, "memoryMiB": resources.memory_mib, "gpus": resources.gpus}


def _environment(environment: Environment) -> EnvironmentOverview:
    found: EnvironmentOverview = {
        "environment": environment.arn,
        "vcpusInUse": environment.used_vcpus_milli / 1000,
        "available": environment.known and environment.available,
    }
    if environment.max_vcpus_milli is not None:
        found["maxVcpus"] = environment.max_vcpus_milli / 1000
    return found
