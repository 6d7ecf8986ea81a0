"""The nouns the scheduler keeps: one record a live job, queue and environment, and what a step changed of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from batchd.scheduler import identity, reasons
from batchd.scheduler.children import Children
from batchd.scheduler.commands import Command
from batchd.scheduler.events import (
    CapacityLimit,
    ContainerExit,
    FairShare,
    JobSpec,
    JobStatus,
    QuotaShare,
    Resources,
    TimeLimit,
    Usage,
)

Turn = tuple[float, int, str]  # what a share is charged with, since when (ms) its head waits, its name


@dataclass(frozen=True, slots=True)
class Attempt:
    """One finished try of a job. Times are ms since the epoch; `started_at` None: it never ran.

    `runnable_at` is since when it waited for its turn; None in rows of before this was written down.
    """

    task_id: str
    environment: str
    started_at: int | None
    stopped_at: int
    status_reason: str
    exit_code: int | None = None
    reason: str | None = None
    runnable_at: int | None = None
    usage: Usage | None = None
    containers: tuple[ContainerExit, ...] = ()

    @property
    def was_preempted(self) -> bool:
        """Whether it was ended to make room for others."""
        return self.status_reason in reasons.PREEMPTIONS


@dataclass(slots=True)
class Job:
    """A job as the scheduler knows it. Only the scheduler changes it; the store writes what it says.

    `task_id` and `environment` are of the attempt in hand (or the last one); `exit_code` and `reason` are the
    last finished attempt's. `stop_reason` is set once somebody asked a started task to stop. `runnable_at` is when it
    last became RUNNABLE, or since when an array has its place in line; `scheduled_at` when a service job
    was last given a place. `children` are an array's, whose own `stop_reason` is why it was ended as a whole; a child
    has its array as `parent`. `placed_at` is when the attempt in hand got its place, None if a restart was since.
    A job of several nodes is itself its main node: the task and the attempts are that one's. The others are its `nodes`
    by index, and have it as `parent`; they are in no line and hold no room of their own.
    A job that a concurrency limit holds, or held until it was called back, has a `bench`; `stepped` says in which order
    those came there that were since they joined their line.
    """

    spec: JobSpec
    status: JobStatus
    submitted_at: int
    status_reason: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    task_id: str | None = None
    environment: str | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    is_cancelled: bool = False
    is_terminated: bool = False
    stop_reason: str | None = None
    clamped: bool = False  # asked for more than the machine has and runs alone with all of it
    runnable_at: int | None = None
    scheduled_at: int | None = None
    children: Children | None = None
    parent: Job | None = field(default=None, compare=False, repr=False)
    nodes: dict[int, Job] | None = None
    bench: Bench | None = field(default=None, compare=False, repr=False)
    stepped: int = field(default=0, compare=False, repr=False)
    placed_at: int | None = field(default=None, compare=False, repr=False)

    @property
    def job_id(self) -> str:
        return self.spec.job_id

    @property
    def was_placed(self) -> bool:
        """Of a job that waits: whether it has been under way before, and so goes before those that have not."""
        return self.task_id is not None

    @property
    def is_node(self) -> bool:
        """One beside the main node."""
        return self.parent is not None and self.parent.nodes is not None

    @property
    def whole(self) -> Job:
        """The job that was placed: of a node its gang."""
        return self.parent if self.parent is not None and self.parent.nodes is not None else self

    def other_nodes(self) -> Collection[Job]:
        """Those beside the main one; a job that is no gang has none."""
        return () if self.nodes is None else self.nodes.values()

    @property
    def is_draining(self) -> bool:
        """RUNNING without a task: its main node has ended, and others have not stopped yet."""
        if self.nodes is None or self.status is not JobStatus.RUNNING:
            return False
        return bool(self.attempts) and self.attempts[-1].task_id == self.task_id


class Transition(NamedTuple):
    """A job entered a state. `attempt` is the attempt in hand or the last one, from 1; 0 before the first.

    With `children` it is these children of the array that did, all at once. `is_terminated` and `clamped` are what the
    job said of itself at that moment. With `is_blocked` it entered nothing: it is RUNNABLE, at the head of a line, and
    was found unable to start for this reason.
    """

    job_id: str
    status: JobStatus
    at: int
    attempt: int
    status_reason: str | None
    children: Sequence[int] = ()
    is_terminated: bool = False
    clamped: bool = False
    is_blocked: bool = False

    def job_ids(self) -> Iterator[str]:
        """The jobs, one by one."""
        if not self.children:
            yield self.job_id
        for index in self.children:
            yield identity.child_id(self.job_id, index)


@dataclass(frozen=True, slots=True)
class Share:
    """What is kept of a share of a queue: what it had used (thousandths of a vCPU times ms) as of a time (ms), and
    whether it has jobs that have not ended."""

    queue: str
    name: str
    used: int
    used_at: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `changed` holds each changed job once, as it is now, in the order of its first change;
    `transitions` every state entered, in order: a job may pass several in one step.

    Of the arrays `counted` are those of whose children the counts changed, `reshaped` those of whose children some
    changed without having a record. `drawn` are the consumable resources of which other units are held than before.
    `blocked` are heads that were found unable to start. `shares` are those that changed, `forgotten` (queue, name)
    those of which nothing is left."""

    changed: list[Job]
    commands: list[Command]
    transitions: list[Transition]
    counted: list[Job] = field(default_factory=list)
    reshaped: list[Job] = field(default_factory=list)
    drawn: list[Pool] = field(default_factory=list)
    blocked: list[Transition] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    forgotten: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A step in the making. `ended` are its jobs that became final, or children of an array that did without having
    a record; those before `settled` have told their dependents. `moved` and `changed` keep the order in which things
    happened. `shares` by queue and name, None for those that are forgotten."""

    now: int
    changed: dict[str, Job] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    moved: list[Transition] = field(default_factory=list)
    ended: list[tuple[Job, Sequence[int] | None]] = field(default_factory=list)
    settled: int = 0
    counted: dict[str, Job] = field(default_factory=dict)
    reshaped: dict[str, Job] = field(default_factory=dict)
    blocked: list[Transition] = field(default_factory=list)
    shares: dict[tuple[str, str], Line | None] = field(default_factory=dict)

    def finish(self, drawn: list[Pool]) -> Step:
        counted, reshaped = list(self.counted.values()), list(self.reshaped.values())
        step = Step(list(self.changed.values()), self.commands, self.moved, counted, reshaped, drawn, self.blocked)
        for (queue, name), line in self.shares.items():
            if line is None:
                step.forgotten.append((queue, name))
            else:
                step.shares.append(Share(queue, name, line.used, line.used_at, line.live > 0))
        return step


class PoolKind(StrEnum):
    """What a pool is for: a consumable resource, or how many jobs may be under way at a time."""

    RESOURCE = "CONSUMABLE_RESOURCE"
    QUEUE = "QUEUE_LIMIT"
    DEFINITION = "DEFINITION_LIMIT"
    KEY = "KEY_LIMIT"
    ARRAY = "ARRAY_LIMIT"


@dataclass(slots=True)
class Pool:
    """Units that jobs hold while an attempt is under way; `used` of `total` are held.

    `total` None: nobody has said how many there are (any more). `refills` is false where what was taken never comes
    back. `members` counts the live jobs whose claims name it, `named` those by the limit they name. `sleepers` are
    ARNs of queues whose head waits for units. `benches` are of lines of which jobs stepped aside, by queue and share.
    """

    name: str
    kind: PoolKind
    total: int | None = None
    refills: bool = True
    used: int = 0
    members: int = 0
    named: dict[int, int] = field(default_factory=dict)
    sleepers: dict[str, None] = field(default_factory=dict)
    benches: dict[tuple[str, str], Bench] = field(default_factory=dict)

    @property
    def lets_pass(self) -> bool:
        """Whether jobs that lack units here step aside; else they block their line."""
        return self.kind not in (PoolKind.RESOURCE, PoolKind.QUEUE)

    def lacks(self, quantity: int) -> bool:
        """Whether fewer units than these are free."""
        if self.total is None:
            return self.kind is PoolKind.RESOURCE
        return self.used + quantity > self.total


@dataclass(slots=True)
class Bench:
    """Where jobs of one line (queue and share) sit that lack a unit of a pool.

    `waiting` is a heap in the order in which they stood in line: priority, retried ones first, the number of their
    step aside; `stale` counts those in it that left. `called` is the one that was let back into the line.
    """

    pool: Pool = field(repr=False)
    place: tuple[str, str]
    waiting: list[tuple[int, bool, int, Job]] = field(default_factory=list)
    stale: int = 0
    called: Job | None = None


@dataclass(slots=True)
class Environment:
    """A compute environment as a pool of vCPUs, or a service environment as one of instances. `known` is false once it
    is deleted and only drains.

    `instances` are those in use, by type. `sleepers` are ARNs of queues whose head waits for room here.
    """

    arn: str
    known: bool = False
    available: bool = False
    valid: bool = True
    max_vcpus_milli: int | None = None
    largest: tuple[Resources, ...] = ()
    capacity: tuple[CapacityLimit, ...] = ()
    used_vcpus_milli: int = 0
    instances: dict[str, int] = field(default_factory=dict)
    running: int = 0
    sleepers: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Machine:
    """What all environments share. `capacity` None: not told yet, nothing may start.

    A job that is larger than the machine runs alone: `taken` is its id, and its wishes are not counted as used. `ahead`
    is how many tasks the engine takes for which there is no room yet, see `ahead`: more than all may be used by them.
    """

    capacity: Resources | None = None
    ahead: int = 0
    used_vcpus_milli: int = 0
    used_memory_mib: int = 0
    used_gpus: int = 0
    running: int = 0
    taken: str | None = None
    sleepers: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Tier:
    """The jobs of one scheduling priority in a line: `retried` ones stand before `waiting` ones.

    An array has one place for all its children that were not tried yet. A job that leaves out of turn stays, no longer
    RUNNABLE, until it is passed or swept."""

    priority: int = 0
    retried: deque[Job] = field(default_factory=deque)
    waiting: deque[Job] = field(default_factory=deque)


@dataclass(slots=True)
class Line:
    """Jobs that go one after the other: the head holds up those behind it, and nobody in another line.

    Of a share of a queue the rest: `live` of its jobs have not ended and hold `held` thousandths of a vCPU; `used` is
    its usage as of `used_at`, see `shares`. `weight` and `turn` are what the last round made of that.

    `tiers` are in falling order of priority. `standing` counts the RUNNABLE jobs, children too, `stale` the places of
    jobs that left out of turn, `aside` the RUNNABLE jobs that stepped out for a while. `accused` is the job whose
    statusReason says why the head can never start, `accused_at` since when (ms; None: not known since the restart).
    `moved_at` is when the line last moved up, 0 if it has not since the restart. `promise` is the head's id and by when
    (ms) it was promised a start, if others went before it. `instances` are those that the line's
    service jobs use, by type.
    """

    name: str
    tiers: list[Tier] = field(default_factory=lambda: [Tier()])
    standing: int = 0
    stale: int = 0
    aside: int = 0
    accused: Job | None = None
    accused_at: int | None = None
    moved_at: int = 0
    live: int = 0
    held: int = 0
    used: int = 0
    used_at: int = 0
    weight: float = 1.0
    turn: Turn | None = None
    promise: tuple[str, int | None] | None = None
    instances: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Fair:
    """How the lines of a queue with a fair-share policy take turns, see `fair`.

    `tick` is the second for which charges were last looked at, -1: they must be. `active` shares there were then, and
    `limit` is how many vCPUs (thousandths) the queue may hold beside its reservation. `heaps` are turns by the kind
    of the head, some of them void; `touched` are lines that need a new one. `closed` are kinds for which this round has
    no room, `misfits` those that can never have any as things are. In this round room is kept for the head of
    `kept_for`.
    """

    policy: FairShare
    tick: int = -1
    active: int = 0
    limit: int | None = None
    heaps: dict[Hashable, list[Turn]] = field(default_factory=dict)
    touched: dict[str, Line] = field(default_factory=dict)
    closed: dict[Hashable, None] = field(default_factory=dict)
    misfits: dict[Hashable, None] = field(default_factory=dict)
    kept_for: Line | None = None


@dataclass(slots=True)
class Queue:
    """A job queue. Its jobs stand in `lines`, each in the one that its `share` names: of a queue without a policy there
    is one, first come, first served; with `fair` they take turns. With `backfill` others may go before a blocked head.

    `live` counts the queue's jobs that have not ended, `held` are the thousandths of a vCPU that those of shares hold;
    `turn` is when the queue was last served. `brief` counts the tasks that have ended at once, since the last that did
    not. `known` is false for a queue that is deleted, or that jobs name and nobody
    has saved.
    """

    arn: str
    known: bool = False
    priority: int = 0
    environments: tuple[str, ...] = ()
    limits: tuple[TimeLimit, ...] = ()
    lines: dict[str, Line] = field(default_factory=dict)
    fair: Fair | None = None
    backfill: bool = False
    quota: dict[str, QuotaShare] | None = None
    live: int = 0
    held: int = 0
    turn: int = 0
    brief: int = 0

    def line(self, name: str) -> Line:
        """The line of this name, made on first mention."""
        found = self.lines.get(name)
        if found is None:
            found = self.lines[name] = Line(name)
        return found


@dataclass(slots=True)
class State:
    """Everything the scheduler knows.

    `tasks` are the jobs, and nodes of jobs, STARTING or RUNNING by the task in hand. `dependents` maps a live job to
    the PENDING jobs that wait for it, `unmet` a PENDING job to how many it still waits for, `followers` a live array to
    those that wait for it child by child. `deadlines` is a heap of (ms, number, task id), stale once the task has
    ended; `watched` is the last number given. `arrivals` are restored jobs that the next step moves on. `awake` are
    ARNs of queues whose head may have become placeable. `pools` are by name: the ARN of a consumable resource, a queue
    or a definition, or what a claim says; `drawn` are those consumable resources of whose units some were taken or
    given back since the last step, `stirred` those pools that may have units for jobs that stepped aside; `steps_aside`
    counts these. `now` is the time (ms) of the last step.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    tasks: dict[str, Job] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    dependents: dict[str, dict[str, Job]] = field(default_factory=dict)
    unmet: dict[str, int] = field(default_factory=dict)
    followers: dict[str, dict[str, Job]] = field(default_factory=dict)
    deadlines: list[tuple[int, int, str]] = field(default_factory=list)
    watched: int = 0
    arrivals: list[Job] = field(default_factory=list)
    awake: dict[str, None] = field(default_factory=dict)
    turns: int = 0
    now: int = 0
    pools: dict[str, Pool] = field(default_factory=dict)
    drawn: dict[str, Pool] = field(default_factory=dict)
    stirred: dict[str, Pool] = field(default_factory=dict)
    steps_aside: int = 0

    def placed(self) -> list[Job]:
        """The jobs that hold room, each once."""
        return list({job.whole.spec.job_id: job.whole for job in self.tasks.values()}.values())

    def queue(self, arn: str) -> Queue:
        """The record of this queue, made on first mention: jobs and queues come in any order."""
        found = self.queues.get(arn)
        if found is None:
            found = self.queues[arn] = Queue(arn)
        return found

    def environment(self, arn: str) -> Environment:
        """The record of this environment, made on first mention."""
        found = self.environments.get(arn)
        if found is None:
            found = self.environments[arn] = Environment(arn)
        return found
