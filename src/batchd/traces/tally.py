"""What is written down while a trace is replayed: a few numbers a job, series of bounded length, a record a share."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Job
from batchd.traces.plan import Work
from batchd.traces.series import Series

BOUND_S = 10.0  # a shorter run counts as this long in a bounded slowdown


@dataclass(slots=True)
class Share:
    """One user (or group, or queue). `usage` is of vCPUs, `waiting` of jobs."""

    name: str
    usage: Series = field(default_factory=Series)
    waiting: Series = field(default_factory=Series)
    started: int = 0
    waited_s: float = 0.0
    slowdown: float = 0.0
    vcpu_s: float = 0.0


@dataclass(slots=True)
class Tally:
    """Times in ms since `begins_at`, the first submit; `waits` and `slowdowns` have an entry a job that has started
    and ended. A job larger than the machine has it for itself."""

    capacity_milli: int
    begins_at: int = 0
    ends_at: int = 0
    last_submit_at: int = 0
    usage_while_arriving: float = 0.0
    submitted: int = 0
    started: int = 0
    succeeded: int = 0
    failed: int = 0
    never_ran: int = 0
    larger_than_machine: int = 0
    steps: int = 0
    waits: array[float] = field(default_factory=lambda: array("d"))
    slowdowns: array[float] = field(default_factory=lambda: array("d"))
    usage: Series = field(default_factory=Series)
    waiting: Series = field(default_factory=Series)
    shares: dict[str, Share] = field(default_factory=dict)

    def submit(self, work: Work, at: int) -> None:
        if not self.submitted:
            self.begins_at = at
        self.submitted += 1
        self.last_submit_at = at - self.begins_at
        self._share(work).waiting.add(at - self.begins_at, 1)

    def start(self, work: Work, at: int) -> None:
        since = at - self.begins_at
        share = self.shares[work.share]
        self.started += 1
        share.waiting.add(since, -1)
        share.usage.add(since, self._vcpus(work))

    def end(self, work: Work, job: Job, at: int) -> None:
        """The job is final."""
        share = self.shares[work.share]
        since = self.ends_at = at - self.begins_at
        if not job.attempts or job.started_at is None:
            self.never_ran += 1
            share.waiting.add(since, -1)
            return
        if job.status is JobStatus.SUCCEEDED:
            self.succeeded += 1
        else:
            self.failed += 1
        if job.clamped:
            self.larger_than_machine += 1
        vcpus = self._vcpus(work)
        share.usage.add(since, -vcpus)
        self._measure(share, vcpus, job.started_at - job.submitted_at, at - job.started_at)

    def arrivals_over(self) -> None:
        """There was no submit after the last one."""
        self.usage_while_arriving = self.usage.mean(self.last_submit_at)

    def moment(self, at: int, used_milli: int) -> None:
        """How things stand after all that happened at one time."""
        since = at - self.begins_at
        self.usage.set(since, used_milli / 1000)
        self.waiting.set(since, self.submitted - self.started - self.never_ran)

    def _measure(self, share: Share, vcpus: float, wait_ms: int, run_ms: int) -> None:
        wait_s, run_s = wait_ms / 1000, run_ms / 1000
        slowdown = max(1.0, (wait_s + run_s) / max(run_s, BOUND_S))
        self.waits.append(wait_s)
        self.slowdowns.append(slowdown)
        share.started += 1
        share.waited_s += wait_s
        share.slowdown += slowdown
        share.vcpu_s += vcpus * run_s

    def _vcpus(self, work: Work) -> float:
        return min(work.spec.resources.vcpus_milli, self.capacity_milli) / 1000

    def _share(self, work: Work) -> Share:
        share = self.shares.get(work.share)
        if share is None:
            share = self.shares[work.share] = Share(work.share)
        return share
