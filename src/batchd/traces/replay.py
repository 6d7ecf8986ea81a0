"""Replays work through the scheduler of production under a clock of its own: no store, no engine, no waiting.

Time jumps from one moment at which something happens to the next. All that happens at one moment is one step, as all
that waits for a commit is one group in the server; tasks start at the moment they are told to.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from batchd.scheduler.commands import Command, StartTask
from batchd.scheduler.events import FINAL, CancelRequested, Event, JobSubmitted, TaskExited, TaskStarted, TimePassed
from batchd.scheduler.scheduler import Scheduler
from batchd.traces.plan import Plan, Work
from batchd.traces.tally import Tally

_NEVER = 2**62
_STOPPED = 143  # how a task ends that is told to stop


def replay(plan: Plan, works: Iterable[Work]) -> Tally:
    """Run all the work, which is in order of submission, to its end. Memory grows with the jobs that are alive at
    once, and by a few numbers with each job."""
    run = _Replay(plan)
    run.go(works)
    return run.tally


class _Replay:
    """`_live` is the work submitted and not over, by job id; `_due` what will happen, by time and order."""

    def __init__(self, plan: Plan) -> None:
        self.tally = Tally(1000 * plan.vcpus)
        self._plan = plan
        self._scheduler = Scheduler()
        self._live: dict[str, Work] = {}
        self._due: list[tuple[int, int, Event]] = []
        self._planned = 0
        self._queues: set[str] = set()  # told to the scheduler

    def go(self, works: Iterable[Work]) -> None:
        self._scheduler.step(self._plan.machine(), 0)
        arrivals = iter(works)
        work = next(arrivals, None)
        while (at := self._next_moment(work)) is not None:
            events = self._happening(at)
            while work is not None and work.submit_at <= at:
                self._submit(work, events, at)
                work = next(arrivals, None)
                if work is None:
                    self.tally.arrivals_over()
            self._step(events, at)

    def _next_moment(self, work: Work | None) -> int | None:
        """When something happens next; None: never again. The scheduler has no deadlines but those of jobs."""
        at = self._due[0][0] if self._due else _NEVER
        if work is not None and work.submit_at < at:
            at = work.submit_at
        if self._plan.enforce_limits:
            at = min(at, self._scheduler.next_deadline() or _NEVER)
        return None if at == _NEVER else at

    def _happening(self, at: int) -> list[Event]:
        """What was planned for this moment."""
        due, events = self._due, []
        while due and due[0][0] <= at:
            events.append(heappop(due)[2])
        return events

    def _submit(self, work: Work, events: list[Event], at: int) -> None:
        queue = work.spec.queue
        if queue not in self._queues:
            self._queues.add(queue)
            events.append(self._plan.queue(queue))
        self._live[work.spec.job_id] = work
        events.append(JobSubmitted(work.spec))
        self.tally.submit(work, at)
        if work.gives_up_at is not None:
            self._expect(work.gives_up_at, CancelRequested(work.spec.job_id, "cancelled by its user"))

    def _step(self, events: list[Event], at: int) -> None:
        """One step with the news, and one in which the tasks that it started are up."""
        scheduler, tally = self._scheduler, self.tally
        step = scheduler.step(events or [TimePassed()], at)
        for job in step.changed:
            if job.status in FINAL:
                tally.end(self._live.pop(job.spec.job_id), job, at)
        if step.commands and (started := self._perform(step.commands, at)):
            scheduler.step(started, at)
        tally.steps += 1
        machine = scheduler.state.machine
        used = tally.capacity_milli if machine.taken is not None else machine.used_vcpus_milli
        tally.moment(at, used)

    def _perform(self, commands: list[Command], at: int) -> list[Event]:
        """An engine's part. The end of a task that was stopped before it comes is nobody's any more by then."""
        started: list[Event] = []
        for command in commands:
            if isinstance(command, StartTask):
                work = self._live[command.job_id]
                started.append(TaskStarted(command.task_id, at))
                end = at + work.run_ms
                self._expect(end, TaskExited(command.task_id, end, work.exit_code))
                self.tally.start(work, at)
            else:
                self._expect(at, TaskExited(command.task_id, at, _STOPPED))
        return started

    def _expect(self, at: int, event: Event) -> None:
        self._planned += 1
        heappush(self._due, (at, self._planned, event))
