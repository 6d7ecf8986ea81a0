"""Facts the scheduler is told. Past tense, frozen, one sentence each on who causes them.

Every identifier and every time comes in with the event: the core makes none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobStatus(StrEnum):
    """AWS's words, in the order of a job's life. [batch.md 1.1]"""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


FINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED)
IN_HAND = (JobStatus.STARTING, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Resources:
    """An amount of a machine: thousandths of a vCPU, MiB, whole GPUs."""

    vcpus_milli: int
    memory_mib: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class ExitRule:
    """One entry of `retryStrategy.evaluateOnExit`; None does not restrict. [batch.md 2.8]"""

    action: str  # "RETRY" | "EXIT", upper case
    on_status_reason: str | None = None
    on_reason: str | None = None
    on_exit_code: str | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """A job to wait for. `outcome` is its final status where it had ended before the submit, else None.

    `each` is N_TO_N: child i waits for child i of that array; `failed` are then the children of an array that had
    ended which did not succeed, as ranges (first, behind the last). With `after_any` an end is enough, whatever the
    result. [batch.md 3.4]
    """

    job_id: str
    outcome: JobStatus | None = None
    each: bool = False
    failed: tuple[tuple[int, int], ...] = ()
    after_any: bool = False


@dataclass(frozen=True, slots=True)
class Gang:
    """The nodes of a multi-node parallel job: how many, which of them is the main one, and what a node asks for, once
    for each group of nodes. [batch.md 7.7]"""

    size: int
    main: int
    needs: tuple[Resources, ...]


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What only a service job has: how many instances of a type it takes of its service environment.

    `fault` is why it can never run here: it fails at once. `preemptions` is how often it is tried again after it had to
    make room for others; None: always. [batch.md 7.4, 7.9]
    """

    unit: str  # `ml.m5.large`
    quantity: int
    fault: str | None = None
    preemptions: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """So many units of a pool, which a job holds while an attempt is under way. [batch.md 7.5]

    `pool` is a consumable resource (ARN); with a `limit` it is a pool that exists for the sake of the jobs that name
    it, and of which there are as many units as the smallest of their limits.
    """

    pool: str
    quantity: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class JobSpec:
    """All that scheduling needs to know of a job; the rest of the document is opaque here.

    `size` is how many children an array job has, 0 for a job by itself; `sequential` children run one after the other,
    with `after_any` also after those that failed. `index` is a child's place in its array: its spec is the array's but
    for the id. [batch.md 3.5] `share` is the line of its queue in which the job stands, and `priority` says where in
    it. [batch.md 3.6] With a `gang` the `resources` are what all its nodes ask for together. `claims` are of each
    attempt, of an array those of each child, of a gang those of all its nodes; `definition` is the job definition's
    ARN. `succeeded` are the children, as ranges (first, behind the last), that did so when the array ran before: they
    do not run again.
    """

    job_id: str
    queue: str  # ARN
    resources: Resources
    attempts: int = 1
    exit_rules: tuple[ExitRule, ...] = ()
    timeout_s: int | None = None
    depends_on: tuple[Dependency, ...] = ()
    size: int = 0
    sequential: bool = False
    index: int | None = None
    share: str = ""
    priority: int = 0
    after_any: bool = False
    gang: Gang | None = None
    service: ServiceSpec | None = None
    claims: tuple[Claim, ...] = ()
    definition: str = ""
    succeeded: tuple[tuple[int, int], ...] = ()

    @property
    def needs(self) -> tuple[Resources, ...]:
        """What must each fit one instance: a node of a gang, else the job."""
        return (self.resources,) if self.gang is None else self.gang.needs


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """One entry of `jobStateTimeLimitActions`: how long a head may be blocked for this reason. [batch.md 5.3]"""

    reason: str  # `MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT`: what stands before the dash in a statusReason
    max_s: int


@dataclass(frozen=True, slots=True)
class FairShare:
    """A fair-share scheduling policy. `weights` are (share identifier or prefix with a star, factor). [batch.md 7.2]"""

    decay_s: int = 0
    reservation: int = 0  # percent
    weights: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class CapacityLimit:
    """How many instances of a type (`NUM_INSTANCES`: of all types together) service jobs may take."""

    unit: str
    most: int


@dataclass(frozen=True, slots=True)
class QuotaShare:
    """A quota share of a job queue, with `limits` of its own: whether it `lends` what is idle, and how much more it
    `borrows` of what others lend, in percent of its own (0 is nothing, -1 without limit). Where it `preempts`, its jobs
    of higher priority take the place of lower ones. [batch.md 7.4]"""

    name: str
    limits: tuple[CapacityLimit, ...]
    lends: bool = False
    borrows: int = 0
    preempts: bool = False


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A job queue. `environments` are ARNs in ascending `computeEnvironmentOrder`; of its jobs at most
    `max_concurrency` are under way at a time (None: as many as there is room for). Without `fair_share` first come is
    first served, but that with `backfill` jobs may go before a head that they cannot delay; unless they stand in
    `quota_shares` (None: in none)."""

    arn: str
    priority: int
    environments: tuple[str, ...]
    limits: tuple[TimeLimit, ...] = ()
    max_concurrency: int | None = None
    fair_share: FairShare | None = None
    backfill: bool = False
    quota_shares: tuple[QuotaShare, ...] | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """A compute environment. `available` is ENABLED and VALID; `max_vcpus_milli` None is unlimited (UNMANAGED).

    `largest` are its largest instance types, of which none has less of everything than another; empty is unlimited.
    A service environment has `capacity` instead of both.
    """

    arn: str
    available: bool
    valid: bool = True
    max_vcpus_milli: int | None = None
    largest: tuple[Resources, ...] = ()
    capacity: tuple[CapacityLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsumableSpec:
    """A consumable resource: how many units there are, or of one that is not replenishable there ever were."""

    arn: str
    total: int
    replenishable: bool = True


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """A client's SubmitJob was accepted."""

    job: JobSpec


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A client's CancelJob named this job."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TerminateRequested:
    """A client's TerminateJob named this job."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class QueueSaved:
    """A job queue was created or changed."""

    queue: QueueSpec


@dataclass(frozen=True, slots=True)
class QueueDeleted:
    """A job queue was deleted; its jobs end with `JobQueue deleted`."""

    arn: str


@dataclass(frozen=True, slots=True)
class QuotaShareDeleted:
    """A quota share was deleted; its jobs end with `QuotaShare deleted`."""

    queue: str  # ARN
    share: str


@dataclass(frozen=True, slots=True)
class PriorityChanged:
    """A client's UpdateServiceJob gave this job another scheduling priority."""

    job_id: str
    priority: int


@dataclass(frozen=True, slots=True)
class EnvironmentSaved:
    """A compute environment was created or changed."""

    environment: EnvironmentSpec


@dataclass(frozen=True, slots=True)
class EnvironmentDeleted:
    """A compute environment was deleted."""

    arn: str


@dataclass(frozen=True, slots=True)
class ConsumableSaved:
    """A consumable resource was created or its total changed."""

    resource: ConsumableSpec


@dataclass(frozen=True, slots=True)
class ConsumableDeleted:
    """A consumable resource was deleted."""

    arn: str


@dataclass(frozen=True, slots=True)
class DefinitionLimited:
    """A client said how many jobs of a job definition (ARN) may be under way at a time; None takes that back."""

    definition: str
    max_concurrency: int | None


@dataclass(frozen=True, slots=True)
class MachineSized:
    """The server started (or was told) how much of the machine jobs may use, and how many tasks its engine takes ahead
    of the room for them."""

    capacity: Resources
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """An engine saw the task's process or container running."""

    task_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt took of the machine: MiB at the most, seconds of CPU."""

    peak_memory_mib: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """How one of a task's several containers ended; without an exit code it never ran, or nobody saw its end."""

    name: str
    exit_code: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaskExited:
    """An engine saw the task end. `reason` is AWS's container reason, where there is one."""

    task_id: str
    at: int
    exit_code: int | None
    reason: str | None = None
    usage: Usage | None = None
    containers: tuple[ContainerExit, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskFailedToStart:
    """An engine could not bring the task up; it never ran."""

    task_id: str
    at: int
    reason: str
    containers: tuple[ContainerExit, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskReturned:
    """An engine that was given the task ahead of time had no room for it soon, and knows it no more."""

    task_id: str
    at: int


@dataclass(frozen=True, slots=True)
class TaskLost:
    """An engine no longer knows the task: its host or its runner vanished."""

    task_id: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A deadline the scheduler asked for has come; time itself is the `now` of the step."""


Event = (
    JobSubmitted
    | CancelRequested
    | TerminateRequested
    | QueueSaved
    | QueueDeleted
    | QuotaShareDeleted
    | PriorityChanged
    | EnvironmentSaved
    | EnvironmentDeleted
    | ConsumableSaved
    | ConsumableDeleted
    | DefinitionLimited
    | MachineSized
    | TaskStarted
    | TaskExited
    | TaskFailedToStart
    | TaskReturned
    | TaskLost
    | TimePassed
)
