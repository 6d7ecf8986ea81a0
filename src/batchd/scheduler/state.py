"""The nouns the scheduler keeps: one record a live job, queue and environment, and what a step changed of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from batchd.scheduler.commands import Command
from batchd.scheduler.events import JobSpec, JobStatus, Resources, TimeLimit, Usage


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


@dataclass(slots=True)
class Job:
    """A job as the scheduler knows it. Only the scheduler changes it; the store writes what it says.

    `task_id` and `environment` are of the attempt in hand (or the last one); `exit_code` and `reason` are the
    last finished attempt's. `stop_reason` is set once somebody asked a started task to stop. `runnable_at` is when it
    last became RUNNABLE.
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

    @property
    def job_id(self) -> str:
        return self.spec.job_id


class Transition(NamedTuple):
    """A job entered a state. `attempt` is the attempt in hand or the last one, from 1; 0 before the first."""

    job_id: str
    status: JobStatus
    at: int
    attempt: int
    status_reason: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `changed` holds each changed job once, as it is now, in the order of its first change;
    `transitions` every state entered, in order: a job may pass several in one step."""

    changed: list[Job]
    commands: list[Command]
    transitions: list[Transition]


@dataclass(slots=True)
class Draft:
    """A step in the making. `ended` are its jobs that became final; those before `settled` have told their
    dependents. `moved` and `changed` keep the order in which things happened."""

    now: int
    changed: dict[str, Job] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    moved: list[Transition] = field(default_factory=list)
    ended: list[Job] = field(default_factory=list)
    settled: int = 0

    def finish(self) -> Step:
        return Step(list(self.changed.values()), self.commands, self.moved)


@dataclass(slots=True)
class Environment:
    """A compute environment as a pool of vCPUs. `known` is false once it is deleted and only drains.

    `sleepers` are ARNs of queues whose head waits for room here.
    """

    arn: str
    known: bool = False
    available: bool = False
    valid: bool = True
    max_vcpus_milli: int | None = None
    largest: tuple[Resources, ...] = ()
    used_vcpus_milli: int = 0
    running: int = 0
    sleepers: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Machine:
    """What all environments share. `capacity` None: not told yet, nothing may start.

    A job that is larger than the machine runs alone: `taken` is its id, and its wishes are not counted as used.
    """

    capacity: Resources | None = None
    used_vcpus_milli: int = 0
    used_memory_mib: int = 0
    used_gpus: int = 0
    running: int = 0
    taken: str | None = None
    sleepers: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Queue:
    """A job queue and its line: `retried` jobs stand before `waiting` ones.

    A job that leaves the line out of turn stays in it, no longer RUNNABLE, until it is passed or swept; `stale`
    counts those. `live` counts the queue's jobs that have not ended; `turn` is when the queue was last served.
    `accused` is the job whose statusReason says why the head can never start, `accused_at` since when (ms; None:
    not known since the restart). `moved_at` is when the line last moved up, 0 if it has not since the restart.
    `known` is false for a queue that is deleted, or that jobs name and nobody has saved.
    """

    arn: str
    known: bool = False
    priority: int = 0
    environments: tuple[str, ...] = ()
    limits: tuple[TimeLimit, ...] = ()
    retried: deque[Job] = field(default_factory=deque)
    waiting: deque[Job] = field(default_factory=deque)
    stale: int = 0
    live: int = 0
    turn: int = 0
    accused: Job | None = None
    accused_at: int | None = None
    moved_at: int = 0


@dataclass(slots=True)
class State:
    """Everything the scheduler knows.

    `tasks` are the jobs STARTING or RUNNING by the task in hand. `dependents` maps a live job to the PENDING jobs
    that wait for it, `unmet` a PENDING job to how many it still waits for. `deadlines` is a heap of (ms, number,
    task id), stale once the task has ended; `watched` is the last number given. `arrivals` are restored jobs that
    the next step moves on. `awake` are ARNs of queues whose head may have become placeable.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    tasks: dict[str, Job] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    dependents: dict[str, dict[str, Job]] = field(default_factory=dict)
    unmet: dict[str, int] = field(default_factory=dict)
    deadlines: list[tuple[int, int, str]] = field(default_factory=list)
    watched: int = 0
    arrivals: list[Job] = field(default_factory=list)
    awake: dict[str, None] = field(default_factory=dict)
    turns: int = 0

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
