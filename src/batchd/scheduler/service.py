"""Service jobs: instances of a service environment where others take vCPUs, and what SageMaker would say of an attempt.
[batch.md 7.9]
"""

from __future__ import annotations

from batchd.scheduler import reasons
from batchd.scheduler.events import ServiceSpec, TaskExited, TaskFailedToStart, TaskLost
from batchd.scheduler.state import Environment, Job, State

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


def take(instances: dict[str, int], wanted: ServiceSpec) -> None:
    """So many more of a type are in use."""
    instances[wanted.unit] = instances.get(wanted.unit, 0) + wanted.quantity


def give_back(instances: dict[str, int], wanted: ServiceSpec) -> None:
    """So many fewer."""
    instances[wanted.unit] -= wanted.quantity
    if not instances[wanted.unit]:
        del instances[wanted.unit]


def hold(state: State, job: Job) -> None:
    """A job was placed: its instances are those of its line."""
    if job.spec.service is not None:
        take(state.queue(job.spec.queue).line(job.spec.share).instances, job.spec.service)


def let_go(state: State, job: Job) -> None:
    """It gave its place back."""
    if job.spec.service is not None:
        give_back(state.queue(job.spec.queue).line(job.spec.share).instances, job.spec.service)


def tried(job: Job) -> int:
    """How many attempts count for `retryStrategy`: not those that made room for others."""
    if job.spec.service is None:
        return len(job.attempts)
    return len(job.attempts) - preemptions(job)


def preemptions(job: Job) -> int:
    """How many attempts made room for others."""
    return sum(attempt.was_preempted for attempt in job.attempts)


def may_return(job: Job) -> bool:
    """Whether a job whose last attempt made room for others is tried again. [batch.md 7.4]"""
    wanted = job.spec.service
    if wanted is None or job.stop_reason not in reasons.PREEMPTIONS:
        return False
    return wanted.preemptions is None or preemptions(job) <= wanted.preemptions


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
