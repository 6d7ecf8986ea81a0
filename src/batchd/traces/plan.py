"""How a trace's lines become jobs, queues and a machine of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from batchd.scheduler.events import (
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    JobSpec,
    MachineSized,
    QueueSaved,
    QueueSpec,
    Resources,
)
from batchd.traces.swf import Header, SwfJob, SwfStatus, TraceError

ENVIRONMENT = "trace"
BOUNDLESS = 2**62  # of a memory that restricts nobody
_KEYS: dict[str, Callable[[SwfJob], str]] = {
    "queue": lambda job: _name(job.queue),
    "user": lambda job: _name(job.user),
    "group": lambda job: _name(job.group),
    "partition": lambda job: _name(job.partition),
    "none": lambda job: "all",
}
KEYS = tuple(_KEYS)  # by which jobs can be put into queues and shares
_PARTS = frozenset({SwfStatus.PART_TO_BE_CONTINUED, SwfStatus.LAST_PART_COMPLETED, SwfStatus.LAST_PART_FAILED})
_CANCELLED = SwfStatus.CANCELLED.value
_COMPLETED = (SwfStatus.COMPLETED.value, SwfStatus.UNKNOWN.value)
_TERMINATED = 143  # how a process ends that is told to


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay on. `priorities` are of queues, by name; `weights` of shares, where a lower one is entitled to
    more, as in AWS's fair share. Without `memory_mib` memory restricts nobody. `enforce_limits` stops jobs that run
    for longer than they requested."""

    vcpus: int
    memory_mib: int | None = None
    queues_by: str = "queue"
    shares_by: str = "user"
    priorities: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    enforce_limits: bool = False

    def machine(self) -> list[Event]:
        """What the scheduler is told before the first job."""
        capacity = Resources(1000 * self.vcpus, BOUNDLESS if self.memory_mib is None else self.memory_mib)
        return [EnvironmentSaved(EnvironmentSpec(ENVIRONMENT, available=True)), MachineSized(capacity)]

    def queue(self, name: str) -> QueueSaved:
        return QueueSaved(QueueSpec(name, self.priorities.get(name, 1), (ENVIRONMENT,)))


@dataclass(slots=True)
class Work:
    """One job to replay: what the scheduler is told of it, and what only the replay knows. Times in ms.

    `gives_up_at` is when its user cancels it, unless it runs by then."""

    spec: JobSpec
    share: str
    submit_at: int
    run_ms: int
    exit_code: int
    gives_up_at: int | None = None


class Workload:
    """The work of a trace, in order of submission; `left_out` counts the lines that say too little to be run."""

    def __init__(self, plan: Plan, jobs: Iterable[SwfJob]) -> None:
        self._plan = plan
        self._jobs = jobs
        self._queue_of = _KEYS[plan.queues_by]
        self._share_of = _KEYS[plan.shares_by]
        self._needs: dict[tuple[int, float], Resources] = {}
        self.left_out = 0

    def __iter__(self) -> Iterator[Work]:
        for number, job in enumerate(self._jobs, 1):
            work = self._work(str(number), job)
            if work is None:
                self.left_out += 1
            else:
                yield work

    def _work(self, job_id: str, job: SwfJob) -> Work | None:
        """None for a part of a job, and for one whose size or run time nobody knows."""
        size = job.requested_processors if job.requested_processors > 0 else job.processors
        run_s = _run_time(job)
        if size <= 0 or run_s < 0 or job.status in _PARTS:
            return None
        limit = job.requested_time if self._plan.enforce_limits and job.requested_time > 0 else None
        spec = JobSpec(
            job_id,
            self._queue_of(job),
            self._resources(size, job),
            timeout_s=None if limit is None else max(1, round(limit)),
        )
        submit_at = round(1000 * job.submit_time)
        gives_up_at = submit_at + round(1000 * job.wait_time) if _was_never_run(job) else None
        return Work(spec, self._share_of(job), submit_at, round(1000 * run_s), _exit_code(job.status), gives_up_at)

    def _resources(self, size: int, job: SwfJob) -> Resources:
        """Jobs of one size share the record of it."""
        memory = job.requested_memory if job.requested_memory > 0 else max(job.memory, 0)
        needs = self._needs.get((size, memory))
        if needs is None:
            needs = self._needs[size, memory] = Resources(1000 * size, round(size * memory / 1024))
        return needs


def capacity_of(header: Header) -> int:
    """The processors of the machine that the trace is from. Raises TraceError where it does not say."""
    found = header.count("MaxProcs") or header.count("MaxNodes")
    if not found:
        raise TraceError("the trace does not say how large its machine was (MaxProcs): give --vcpus")
    return found


def _name(number: int) -> str:
    return "unknown" if number < 0 else str(number)


def _run_time(job: SwfJob) -> float:
    """Seconds; for a cancelled job that did not run what it asked for, should it be started here; else negative."""
    if job.run_time > 0 or (job.run_time == 0 and job.status != _CANCELLED):
        return job.run_time
    if job.status == _CANCELLED:
        return max(job.requested_time, 0)
    return job.cpu_time


def _was_never_run(job: SwfJob) -> bool:
    return job.status == _CANCELLED and job.run_time <= 0 and job.wait_time >= 0


def _exit_code(status: int) -> int:
    if status in _COMPLETED:
        return 0
    return _TERMINATED if status == _CANCELLED else 1
