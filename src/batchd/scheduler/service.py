"""Service jobs: instances of a service environment where others take vCPUs, and what SageMaker would say of an attempt.
[batch.md 7.9]
"""

from __future__ import annotations

from batchd.scheduler import reasons
from batchd.scheduler.events import ServiceSpec, TaskExited, TaskFailedToStart, TaskLost
from batchd.scheduler.state import Environment

NUM_INSTANCES = "NUM_INSTANCES"  # the unit that counts instances of every type


def most(environment: Environment, unit: str) -> int:
    """How many instances of this type there may be in the environment at once."""
    return max((limit.most for limit in environment.capacity if limit.unit in (unit, NUM_INSTANCES)), default=0)


def in_use(environment: Environment, unit: str) -> int:
    """How many instances count for the limit of this type."""
    if any(limit.unit == NUM_INSTANCES for limit in environment.capacity):
        return sum(environment.instances.values())
    return environment.instances.get(unit, 0)


def is_too_small(environment: Environment, wanted: ServiceSpec) -> bool:
    """Whether the job would not fit here even if nothing else ran."""
    return wanted.quantity > most(environment, wanted.unit)


def is_full(environment: Environment, wanted: ServiceSpec) -> bool:
    """Whether the job does not fit beside what runs here."""
    return in_use(environment, wanted.unit) + wanted.quantity > most(environment, wanted.unit)


def take(environment: Environment, wanted: ServiceSpec) -> None:
    environment.instances[wanted.unit] = environment.instances.get(wanted.unit, 0) + wanted.quantity


def give_back(environment: Environment, wanted: ServiceSpec) -> None:
    environment.instances[wanted.unit] -= wanted.quantity
    if not environment.instances[wanted.unit]:
        del environment.instances[wanted.unit]


def status_reason(event: TaskExited | TaskFailedToStart | TaskLost) -> str:
    """How SageMaker tells of the end of an attempt; `evaluateOnExit` is matched against it."""
    if isinstance(event, TaskLost):
        return reasons.of_sagemaker("InternalServerError: We encountered an internal error. Please try again.")
    if isinstance(event, TaskFailedToStart):
        return reasons.of_sagemaker(f"ClientError: {event.reason}")
    if event.exit_code == 0:
        return reasons.of_sagemaker("Training job completed")
    details = [event.reason or "", "" if event.exit_code is None else f"exit code: {event.exit_code}"]
    return reasons.of_sagemaker(f"AlgorithmError: {', '.join(detail for detail in details if detail)}")
