"""Where a job may run: the vCPUs of its queue's environments and the machine that all of them share. Whether it may
run at all for the sake of its pools is asked in pools.

The predicates here both decide (cycle) and explain (explain). [batch.md 5.2, 5.4, 6.2, 6.3]
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum

from batchd.scheduler import pools, reasons, service
from batchd.scheduler.events import JobSpec, Resources, ServiceSpec
from batchd.scheduler.state import Environment, Job, Machine, Queue, State


class Hurdle(StrEnum):
    """What keeps a job from an environment, or from the machine."""

    ENVIRONMENT_UNKNOWN = "ENVIRONMENT_UNKNOWN"
    ENVIRONMENT_INVALID = "ENVIRONMENT_INVALID"
    ENVIRONMENT_DISABLED = "ENVIRONMENT_DISABLED"
    ENVIRONMENT_TOO_SMALL = "ENVIRONMENT_TOO_SMALL"
    ENVIRONMENT_LACKS_INSTANCE = "ENVIRONMENT_LACKS_INSTANCE"  # of a type that is large enough
    ENVIRONMENT_FULL = "ENVIRONMENT_FULL"
    CAPACITY_TOO_SMALL = "CAPACITY_TOO_SMALL"  # of a service environment
    CAPACITY_FULL = "CAPACITY_FULL"
    SHARE_TOO_SMALL = "SHARE_TOO_SMALL"  # a quota share
    SHARE_FULL = "SHARE_FULL"
    NOTHING_LENT = "NOTHING_LENT"  # by other quota shares
    RESERVED = "RESERVED"  # for other quota shares, which do not lend
    OWED = "OWED"  # to other quota shares, whose heads wait
    MACHINE_UNKNOWN = "MACHINE_UNKNOWN"
    MACHINE_LACKS_GPUS = "MACHINE_LACKS_GPUS"
    MACHINE_TAKEN = "MACHINE_TAKEN"  # by a job larger than it, which runs alone
    MACHINE_NOT_IDLE = "MACHINE_NOT_IDLE"  # and this job needs all of it
    MACHINE_FULL = "MACHINE_FULL"


_PASSING = (Hurdle.ENVIRONMENT_FULL, Hurdle.CAPACITY_FULL)  # gone when something else ends there


def find(state: State, queue: Queue, job: Job) -> Environment | None:
    """The first environment, in the queue's order, that can take the job now."""
    return None if machine_hurdle(state.machine, job.spec.resources) is not None else find_beside(state, queue, job)


def find_beside(state: State, queue: Queue, job: Job) -> Environment | None:
    """The same as if the machine had room."""
    if state.pools and pools.short(state, job.spec) is not None:
        return None
    for arn in queue.environments:
        environment = state.environments.get(arn)
        if environment is not None and environment_hurdle(environment, job.spec) is None:
            return environment
    return None


def kind(state: State, spec: JobSpec) -> Hashable:
    """Jobs of one queue and one kind have room in the same places at the same time."""
    if spec.gang is None and spec.service is None and not state.pools:
        return spec.resources
    return spec.resources, spec.gang, spec.service, spec.claims, spec.definition


def environment_hurdle(environment: Environment, spec: JobSpec) -> Hurdle | None:
    """What keeps this job out of this environment now, or None."""
    need = spec.resources
    if not environment.known:
        return Hurdle.ENVIRONMENT_UNKNOWN
    if not environment.valid:
        return Hurdle.ENVIRONMENT_INVALID
    if not environment.available:
        return Hurdle.ENVIRONMENT_DISABLED
    most = environment.max_vcpus_milli
    over = most is not None and environment.used_vcpus_milli + need.vcpus_milli > most
    if over and is_too_small(environment, need):
        return Hurdle.ENVIRONMENT_TOO_SMALL
    if lacks_instance(environment, spec):
        return Hurdle.ENVIRONMENT_LACKS_INSTANCE
    if over:
        return Hurdle.ENVIRONMENT_FULL
    return None if spec.service is None else _capacity_hurdle(environment, spec.service)


def _capacity_hurdle(environment: Environment, wanted: ServiceSpec) -> Hurdle | None:
    """What keeps a service job out of a service environment that is open."""
    if service.is_too_small(environment, wanted):
        return Hurdle.CAPACITY_TOO_SMALL
    return Hurdle.CAPACITY_FULL if service.is_full(environment, wanted) else None


def is_too_small(environment: Environment, need: Resources) -> bool:
    """Whether the job would not fit here even if nothing else ran."""
    return environment.max_vcpus_milli is not None and need.vcpus_milli > environment.max_vcpus_milli


def lacks_instance(environment: Environment, spec: JobSpec) -> bool:
    """Whether the job, or a node of it, is larger than every instance type of the environment."""
    return too_large(environment, spec) is not None


def too_large(environment: Environment, spec: JobSpec) -> Resources | None:
    """What the job, or the first such node of it, asks for that no instance type of the environment holds."""
    for need in spec.needs if environment.largest else ():
        if not any(_holds(instance, need) for instance in environment.largest):
            return need
    return None


def _holds(instance: Resources, need: Resources) -> bool:
    return (
        need.vcpus_milli <= instance.vcpus_milli
        and need.memory_mib <= instance.memory_mib
        and need.gpus <= instance.gpus
    )


def machine_hurdle(machine: Machine, need: Resources) -> Hurdle | None:
    """What keeps a job with these needs off the machine now, or None."""
    capacity = machine.capacity
    if capacity is None:
        return Hurdle.MACHINE_UNKNOWN
    if need.gpus > capacity.gpus:
        return Hurdle.MACHINE_LACKS_GPUS
    if machine.taken is not None:
        return Hurdle.MACHINE_TAKEN
    if needs_whole(machine, need):
        return Hurdle.MACHINE_NOT_IDLE if machine.running else None
    if (
        machine.used_vcpus_milli + need.vcpus_milli > capacity.vcpus_milli
        or machine.used_memory_mib + need.memory_mib > capacity.memory_mib
        or machine.used_gpus + need.gpus > capacity.gpus
    ):
        return Hurdle.MACHINE_FULL
    return None


def needs_whole(machine: Machine, need: Resources) -> bool:
    """Whether the job asks for more than the machine has, and so runs alone on it."""
    capacity = machine.capacity
    return capacity is not None and (need.vcpus_milli > capacity.vcpus_milli or need.memory_mib > capacity.memory_mib)


def misfit(state: State, queue: Queue, job: Job) -> str | None:
    """The statusReason of a head that cannot start until an operator changes something, or None.

    Never for a passing cause: clients kill the job when they read it. So an environment nobody has told us of, or
    one that is merely disabled, counts as one that may still take the job. [batch.md 1.2, 5.4]
    """
    environments = [found for arn in queue.environments if (found := state.environments.get(arn)) and found.known]
    if not environments or len(environments) < len(queue.environments):
        return None
    spec, need = job.spec, job.spec.resources
    if spec.service is not None:
        too_large = all(service.is_too_small(environment, spec.service) for environment in environments)
        lacks_gpus = machine_hurdle(state.machine, need) is Hurdle.MACHINE_LACKS_GPUS
        return reasons.SERVICE_ENVIRONMENTS_TOO_SMALL if too_large or lacks_gpus else None
    if not any(_suits(environment, spec) for environment in environments):
        if not any(environment.valid for environment in environments):
            return reasons.ENVIRONMENTS_INVALID
        if all(is_too_small(environment, need) for environment in environments):
            return reasons.ENVIRONMENTS_TOO_SMALL
        if all(is_too_small(environment, need) or lacks_instance(environment, spec) for environment in environments):
            return reasons.RESOURCES_MISSING
    if machine_hurdle(state.machine, need) is Hurdle.MACHINE_LACKS_GPUS:
        return reasons.RESOURCES_MISSING
    return None


def _suits(environment: Environment, spec: JobSpec) -> bool:
    """Whether nothing but what runs there, or its state, keeps the job out: nearly always so."""
    too_small = is_too_small(environment, spec.resources)
    return environment.valid and not too_small and not lacks_instance(environment, spec)


def waits_for_room(state: State, queue: Queue, job: Job) -> bool:
    """Whether nothing keeps the job from starting but what runs in its place."""
    if state.pools and pools.short(state, job.spec) is not None:
        return False
    if machine_hurdle(state.machine, job.spec.resources) in (Hurdle.MACHINE_UNKNOWN, Hurdle.MACHINE_LACKS_GPUS):
        return False
    return any(could_take(state.environments.get(arn) or Environment(arn), job) for arn in queue.environments)


def could_take(environment: Environment, job: Job) -> bool:
    """Whether nothing keeps the job out of this environment but what runs there."""
    return environment_hurdle(environment, job.spec) in (None, *_PASSING)


def reserve(state: State, environment: Environment, job: Job) -> None:
    """Count the job's needs as used. `job.clamped` says whether it has the machine for itself."""
    need = job.spec.resources
    environment.used_vcpus_milli += need.vcpus_milli
    environment.running += 1
    if job.spec.service is not None:
        service.take(environment.instances, job.spec.service)
    occupy(state.machine, job, alone=job.clamped)
    if state.pools:
        pools.take(state, job)


def occupy(machine: Machine, job: Job, *, alone: bool) -> None:
    """The job is on the machine; `alone`: it has all of it."""
    machine.running += 1
    if alone:
        machine.taken = job.spec.job_id
        return
    need = job.spec.resources
    machine.used_vcpus_milli += need.vcpus_milli
    machine.used_memory_mib += need.memory_mib
    machine.used_gpus += need.gpus


def vacate(machine: Machine, job: Job) -> None:
    """It is not any more."""
    machine.running -= 1
    if job.clamped:
        machine.taken = None
        return
    need = job.spec.resources
    machine.used_vcpus_milli -= need.vcpus_milli
    machine.used_memory_mib -= need.memory_mib
    machine.used_gpus -= need.gpus


def release(state: State, job: Job) -> None:
    """Give back what `reserve` took and wake the queues that waited for it."""
    need = job.spec.resources
    assert job.environment is not None, "only a placed job holds resources"
    environment = state.environments[job.environment]
    environment.used_vcpus_milli -= need.vcpus_milli
    environment.running -= 1
    if job.spec.service is not None:
        service.give_back(environment.instances, job.spec.service)
    vacate(state.machine, job)
    if state.pools:
        pools.give_back(state, job)
    _wake(state, environment.sleepers)
    _wake(state, state.machine.sleepers)
    forget_if_gone(state, environment)


def forget_if_gone(state: State, environment: Environment) -> None:
    """A deleted environment is remembered for as long as something runs in it."""
    if not environment.known and not environment.running:
        del state.environments[environment.arn]


def sleep(state: State, queue: Queue, job: Job) -> None:
    """The queue's head cannot be placed: do not look again before something it waits for is given back.

    Whatever an environment gives back the machine gives back too, so a head that the machine is too full for
    waits there alone. What only an operator can change wakes every queue anyway.
    """
    need = job.spec.resources
    if state.pools:
        pools.sleep(state, queue.arn, job.spec)
    if machine_hurdle(state.machine, need) is not None:
        state.machine.sleepers[queue.arn] = None
        return
    for arn in queue.environments:
        environment = state.environments.get(arn)
        if environment is not None and environment_hurdle(environment, job.spec) in _PASSING:
            environment.sleepers[queue.arn] = None


def _wake(state: State, sleepers: dict[str, None]) -> None:
    if sleepers:
        state.awake.update(sleepers)
        sleepers.clear()
