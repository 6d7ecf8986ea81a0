"""A scheduler with a queue, an environment and a machine, in one line; every step is checked for invariants."""

from __future__ import annotations

from dataclasses import replace

from batchd.scheduler import invariants
from batchd.scheduler.children import Children
from batchd.scheduler.commands import Command, StartTask, StopTask
from batchd.scheduler.events import (
    Claim,
    ConsumableSaved,
    ConsumableSpec,
    Dependency,
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    ExitRule,
    FairShare,
    Gang,
    JobSpec,
    JobStatus,
    JobSubmitted,
    MachineSized,
    QueueSaved,
    QueueSpec,
    Resources,
    TaskExited,
    TaskFailedToStart,
    TaskLost,
    TaskStarted,
    TimeLimit,
    TimePassed,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Job, Step


class World:
    """Events go in by name of job; `jobs` holds each job as the last step that changed it left it.

    `told` lists (job, state) in the order the states were entered, `commands` everything ever commanded.
    """

    def __init__(self, vcpus: float = 4, memory: int = 8192, gpus: int = 0) -> None:
        self.scheduler = Scheduler()
        self.now = 1_000_000
        self.jobs: dict[str, Job] = {}
        self.told: list[tuple[str, str]] = []
        self.commands: list[Command] = []
        self.tell(environment("main"), queue("q", "main"), machine(vcpus, memory, gpus))

    def tell(self, *events: Event) -> Step:
        """One step, one second after the last."""
        self.now += 1000
        return self.tell_now(*events)

    def tell_now(self, *events: Event) -> Step:
        step = self.scheduler.step(events, self.now)
        assert invariants.check_step(self.scheduler.state, step) == []
        assert invariants.check(self.scheduler.state) == []
        self.jobs.update({job.job_id: replace(job, attempts=list(job.attempts)) for job in step.changed})
        self.told += [(job_id, moved.status.value) for moved in step.transitions for job_id in moved.job_ids()]
        self.commands += step.commands
        return step

    def submit(self, *specs: JobSpec) -> Step:
        return self.tell(*[JobSubmitted(spec) for spec in specs])

    def start(self, *names: str) -> Step:
        return self.tell(*[TaskStarted(self.task(name), self.now + 1000) for name in names])

    def exit(self, name: str, code: int | None = 0, reason: str | None = None) -> Step:
        return self.tell(TaskExited(self.task(name), self.now + 1000, code, reason))

    def fail_to_start(self, name: str, reason: str = "CannotPullContainerError: no such image") -> Step:
        return self.tell(TaskFailedToStart(self.task(name), self.now + 1000, reason))

    def lose(self, name: str) -> Step:
        return self.tell(TaskLost(self.task(name), self.now + 1000, "the runner is gone"))

    def run(self, name: str, code: int = 0) -> Step:
        """Started and ended."""
        self.start(name)
        return self.exit(name, code)

    def wait(self, seconds: int) -> Step:
        self.now += 1000 * seconds
        return self.tell_now(TimePassed())

    def task(self, name: str) -> str:
        task_id = self.jobs[name].task_id
        assert task_id is not None, f"{name} was never started"
        return task_id

    def status(self, name: str) -> str:
        return self.jobs[name].status.value

    def nodes(self, name: str) -> str:
        """`RUNNING FAILED`: the nodes of this gang by index, the main one included."""
        gang = self.jobs[name].spec.gang
        assert gang is not None, f"{name} is no gang"
        return " ".join(self.status(f"{name}#{i}" if i != gang.main else name) for i in range(gang.size))

    def statuses(self, *names: str) -> str:
        """`RUNNABLE STARTING`: of these jobs, in this order."""
        return " ".join(self.status(name) for name in names)

    def children(self, name: str) -> Children:
        children = self.jobs[name].children
        assert children is not None, f"{name} is no array"
        return children

    def summary(self, name: str) -> str:
        """`1 RUNNABLE, 2 FAILED`: the children of this array."""
        children = self.children(name)
        return ", ".join(f"{children.count(status)} {status}" for status in JobStatus if children.count(status))

    def life(self, name: str) -> list[str]:
        """Every state the job passed."""
        return [status for job_id, status in self.told if job_id == name]

    def started(self) -> list[str]:
        """Jobs in the order of their starts."""
        return [command.job_id for command in self.commands if isinstance(command, StartTask)]

    def stopped(self) -> list[str]:
        """Jobs in the order in which their tasks were told to stop."""
        return [command.job_id for command in self.commands if isinstance(command, StopTask)]

    def in_use(self) -> tuple[int, int, int]:
        """Thousandths of vCPUs, MiB and GPUs of the machine."""
        used = self.scheduler.state.machine
        return used.used_vcpus_milli, used.used_memory_mib, used.used_gpus


def spec(name: str, vcpus: float = 1, memory: int = 512, *, gpus: int = 0, on: str = "q") -> JobSpec:
    """A job that is tried once, without limit of time."""
    return JobSpec(name, on, Resources(round(vcpus * 1000), memory, gpus))


def array(name: str, size: int, vcpus: float = 1, *, on: str = "q") -> JobSpec:
    """An array job."""
    return replace(spec(name, vcpus, on=on), size=size)


def gang(name: str, size: int, vcpus: float = 1, *, main: int = 0, gpus: int = 0) -> JobSpec:
    """A multi-node parallel job; each node asks for this."""
    need = Resources(round(vcpus * 1000), 512, gpus)
    total = Resources(need.vcpus_milli * size, need.memory_mib * size, gpus * size)
    return replace(spec(name), resources=total, gang=Gang(size, main, (need,)))


def needing(job: JobSpec, **units: int) -> JobSpec:
    """Of each attempt so many units of these consumable resources."""
    claims = tuple(Claim(name, quantity) for name, quantity in units.items())
    return replace(job, claims=(*job.claims, *claims))


def keyed(job: JobSpec, limit: int, key: str = "key") -> JobSpec:
    """Of the jobs of this key at most so many at a time."""
    return replace(job, claims=(*job.claims, Claim(key, limit=limit)))


def sequential(job: JobSpec) -> JobSpec:
    return replace(job, sequential=True)


def each(job: JobSpec, *others: str | Dependency) -> JobSpec:
    """Child by child after the others."""
    found = tuple(Dependency(other, each=True) if isinstance(other, str) else other for other in others)
    return replace(job, depends_on=(*job.depends_on, *found))


def after_any(job: JobSpec) -> JobSpec:
    """What it waits for only has to end, whatever the result; the children of an array that is sequential as well."""
    return replace(job, depends_on=tuple(replace(one, after_any=True) for one in job.depends_on), after_any=True)


def retrying(job: JobSpec, attempts: int, *rules: ExitRule) -> JobSpec:
    return replace(job, attempts=attempts, exit_rules=rules)


def limited(job: JobSpec, timeout_s: int) -> JobSpec:
    return replace(job, timeout_s=timeout_s)


def after(job: JobSpec, *others: str | Dependency) -> JobSpec:
    depends_on = tuple(Dependency(other) if isinstance(other, str) else other for other in others)
    return replace(job, depends_on=depends_on)


def ended(name: str, status: JobStatus) -> Dependency:
    """A dependency that was over when the job was submitted."""
    return Dependency(name, status)


def queue(
    arn: str,
    *environments: str,
    priority: int = 1,
    limits: dict[str, int] | None = None,
    fair: FairShare | None = None,
    most: int | None = None,
) -> QueueSaved:
    """`limits` are seconds by reason, `most` is how many jobs may be under way."""
    times = tuple(TimeLimit(*one) for one in (limits or {}).items())
    return QueueSaved(QueueSpec(arn, priority, environments, times, most, fair))


def backfilled(saved: QueueSaved) -> QueueSaved:
    """Jobs may go before the head of this queue."""
    return QueueSaved(replace(saved.queue, backfill=True))


def fair(decay_s: int = 0, reservation: int = 0, **weights: float) -> FairShare:
    """`A_` in `weights` is the prefix `A*`."""
    return FairShare(decay_s, reservation, tuple((name.replace("_", "*"), one) for name, one in weights.items()))


def of(share: str, job: JobSpec, priority: int = 0) -> JobSpec:
    """The job as one of this share."""
    return replace(job, share=share, priority=priority)


def environment(
    arn: str,
    vcpus: float | None = None,
    *,
    available: bool = True,
    valid: bool = True,
    largest: tuple[Resources, ...] = (),
) -> EnvironmentSaved:
    most = None if vcpus is None else round(vcpus * 1000)
    return EnvironmentSaved(EnvironmentSpec(arn, available and valid, valid, most, largest))


def machine(vcpus: float, memory: int = 8192, gpus: int = 0) -> MachineSized:
    return MachineSized(Resources(round(vcpus * 1000), memory, gpus))


def consumable(arn: str, total: int, *, lasting: bool = True) -> ConsumableSaved:
    """A consumable resource; what is taken of one that is not lasting never comes back."""
    return ConsumableSaved(ConsumableSpec(arn, total, lasting))
