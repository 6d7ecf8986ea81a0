"""What keeps a job from its places, told by the predicates that decide, as data and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batchd.scheduler import placement, pool_sentences, pools, quota_sentences, service
from batchd.scheduler.events import Resources, ServiceSpec
from batchd.scheduler.placement import Hurdle
from batchd.scheduler.state import Environment, Job, Machine, PoolKind, Queue, State


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One hurdle: `subject` is an environment's ARN, a pool's or a quota share's name, empty for the machine."""

    hurdle: Hurdle | PoolKind
    subject: str
    sentence: str


def find(state: State, queue: Queue, job: Job) -> list[Obstacle]:
    """What keeps the job from its pools, from each environment of its queue, and from the machine."""
    need = job.spec.resources
    found = [*shortages(state, job)]
    for arn in queue.environments:
        environment = state.environments.get(arn) or Environment(arn)
        hurdle = placement.environment_hurdle(environment, job.spec)
        if hurdle is not None:
            found.append(Obstacle(hurdle, arn, _of_environment(hurdle, environment, job)))
    hurdle = placement.machine_hurdle(state.machine, need)
    if hurdle is not None:
        found.append(Obstacle(hurdle, "", _of_machine(hurdle, state.machine, need)))
    if queue.quota is not None and (share := quota_sentences.obstacle(state, queue, job)):
        found.append(Obstacle(share[0], job.spec.share, share[1]))
    return found


def shortages(state: State, job: Job) -> Iterator[Obstacle]:
    """The pools that have too few units for the job."""
    for pool, quantity in pools.of(state, job.spec):
        if pool.lacks(quantity):
            yield Obstacle(pool.kind, pool.name, pool_sentences.shortage(pool, quantity))


def _of_environment(hurdle: Hurdle, environment: Environment, job: Job) -> str:
    need = job.spec.resources
    if job.spec.service is not None:
        name = f"Service environment {environment.arn}"
    else:
        name = f"Compute environment {environment.arn}"
    if hurdle is Hurdle.ENVIRONMENT_UNKNOWN:
        return f"{name} is not known to the scheduler."
    if hurdle is Hurdle.ENVIRONMENT_INVALID:
        return f"{name} is INVALID."
    if hurdle is Hurdle.ENVIRONMENT_DISABLED:
        return f"{name} is DISABLED: it takes no new job until it is enabled."
    if hurdle is Hurdle.ENVIRONMENT_LACKS_INSTANCE:
        who = "the job" if job.spec.gang is None else "a node of the job"
        part = placement.too_large(environment, job.spec) or need
        return f"{name} has no instance type that is large enough, {who} needs {_amount(part)}."
    if job.spec.service is not None:
        return f"{name} {_of_capacity(hurdle, environment, job.spec.service)}"
    most = vcpus(environment.max_vcpus_milli or 0)
    if hurdle is Hurdle.ENVIRONMENT_TOO_SMALL:
        return f"{name} has at most {most} vCPUs, the job needs {vcpus(need.vcpus_milli)}."
    used = vcpus(environment.used_vcpus_milli)
    return f"{name} is full: {used} of {most} vCPUs are in use, the job needs {vcpus(need.vcpus_milli)}."


def _of_capacity(hurdle: Hurdle, environment: Environment, wanted: ServiceSpec) -> str:
    most, need = service.most(environment, wanted.unit), f"the job needs {wanted.quantity} of {wanted.unit}."
    if hurdle is Hurdle.CAPACITY_TOO_SMALL:
        return f"allows at most {count(most, 'instance')}, {need}"
    return f"is full: {service.in_use(environment, wanted.unit)} of {count(most, 'instance')} are in use, {need}"


def _of_machine(hurdle: Hurdle, machine: Machine, need: Resources) -> str:
    capacity = machine.capacity or Resources(0, 0)
    if hurdle is Hurdle.MACHINE_UNKNOWN:
        return "The size of the machine is not known yet."
    if hurdle is Hurdle.MACHINE_LACKS_GPUS:
        return f"The machine has {count(capacity.gpus, 'GPU')}, the job needs {need.gpus}."
    if hurdle is Hurdle.MACHINE_TAKEN:
        return f"The machine is taken by job {machine.taken}, which asked for more than it has and runs alone."
    if hurdle is Hurdle.MACHINE_NOT_IDLE:
        return f"The job needs the whole machine, and {count(machine.running, 'task')} still on it."
    return (
        f"The machine is full: {vcpus(machine.used_vcpus_milli)} of {vcpus(capacity.vcpus_milli)} vCPUs, "
        f"{machine.used_memory_mib} of {capacity.memory_mib} MiB and {machine.used_gpus} of {capacity.gpus} GPUs are "
        f"in use; the job needs {_amount(need)}."
    )


def _amount(need: Resources) -> str:
    gpus = f" and {count(need.gpus, 'GPU')}" if need.gpus else ""
    return f"{vcpus(need.vcpus_milli)} vCPUs, {need.memory_mib} MiB{gpus}"


def vcpus(milli: int) -> str:
    return f"{milli / 1000:g}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
