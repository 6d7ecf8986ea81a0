"""Random lives of quota shares: whatever teams submit and operators change, and however often the server dies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from batchd.scheduler import invariants, quota
from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import (
    FINAL,
    CapacityLimit,
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    JobSpec,
    JobStatus,
    JobSubmitted,
    MachineSized,
    PriorityChanged,
    QueueSaved,
    QueueSpec,
    QuotaShare,
    QuotaShareDeleted,
    Resources,
    ServiceSpec,
    TaskExited,
    TaskLost,
    TaskStarted,
    TerminateRequested,
    TimePassed,
)
from batchd.scheduler.reasons import PREEMPTIONS
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.rows import Rows

QUEUE, UNITS, NAMES = "teams", ("ml.m5.large", "ml.t3.small"), ("a", "b", "c", "d")


class Life:
    """One world; `rows` are the jobs as a store would have them, `told` the last word on everything else."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.scheduler, self.rows = Scheduler(), Rows()
        self.now, self.number = 1_000_000, 0
        self.told: dict[str, Event] = {}
        self.stops: Counter[str] = Counter()
        self.configure("machine", MachineSized(Resources(6000, 6000)))
        self.change_environment(4)
        self.change_shares()

    def configure(self, name: str, event: Event, *before: Event) -> None:
        self.told[name] = event
        self.step(*before, event)

    def step(self, *events: Event) -> None:
        self.now += self.chance.choice((0, 1000, 1000))
        step = self.scheduler.step(events, self.now)
        assert invariants.check_step(self.scheduler.state, step) == []
        assert invariants.check(self.scheduler.state) == []
        self.rows.save(step)
        self.stops.update(command.task_id for command in step.commands if isinstance(command, StopTask))
        assert all(number == 1 for number in self.stops.values()), "nobody is stopped twice"
        for command in step.commands:
            if isinstance(command, StartTask):
                self.check_start(command.job_id)

    def check_start(self, job_id: str) -> None:
        """Whoever just got a place has not taken more than the share's own and what the others lend."""
        job, queue = self.scheduler.state.jobs[job_id], self.scheduler.state.queues[QUEUE]
        assert queue.quota is not None
        unit = quota.wanted_of(job).unit
        assert queue.lines[job.spec.share].instances[unit] <= quota.most(queue.quota, job.spec.share, unit)

    def change_environment(self, most: int) -> None:
        capacity = tuple(CapacityLimit(unit, most) for unit in UNITS)
        self.configure("environment", EnvironmentSaved(EnvironmentSpec("se", True, capacity=capacity)))

    def change_shares(self) -> None:
        gone = self.chance.choice((None, None, None, *NAMES))
        names = [name for name in NAMES if name != gone]
        before = () if gone is None else (QuotaShareDeleted(QUEUE, gone),)
        shares = tuple(self.some_share(name) for name in names)
        self.configure("queue", QueueSaved(QueueSpec(QUEUE, 1, ("se",), quota_shares=shares)), *before)

    def some_share(self, name: str) -> QuotaShare:
        limits = tuple(CapacityLimit(unit, self.chance.randrange(3)) for unit in UNITS)
        lends = self.chance.random() < 0.7
        borrows = self.chance.choice((0, 50, 100, -1)) if lends else 0
        return QuotaShare(name, limits, lends, borrows, self.chance.random() < 0.5)

    def submit(self) -> None:
        self.number += 1
        wanted = ServiceSpec(self.chance.choice(UNITS), self.chance.choice((1, 1, 1, 2)), None, self.some_limit())
        resources = Resources(self.chance.choice((100, 100, 3000, 9000)), 100)
        attempts, priority = self.chance.choice((1, 2)), self.chance.randrange(3)
        share = self.chance.choice(NAMES)
        spec = JobSpec(f"j{self.number}", QUEUE, resources, attempts, share=share, priority=priority, service=wanted)
        self.step(JobSubmitted(spec))

    def some_limit(self) -> int | None:
        return self.chance.choice((None, None, 0, 1))

    def report(self) -> None:
        """One of the tasks goes on, whether it was told to stop or not."""
        tasks = list(self.scheduler.state.tasks.values())
        if not tasks:
            return
        job = self.chance.choice(tasks)
        task_id = str(job.task_id)
        if job.status is JobStatus.STARTING and self.chance.random() < 0.6:
            self.step(TaskStarted(task_id, self.now))
        elif self.chance.random() < 0.1:
            self.step(TaskLost(task_id, self.now, "gone"))
        else:
            self.step(TaskExited(task_id, self.now, self.chance.choice((0, 1, 143))))

    def request(self) -> None:
        jobs = list(self.scheduler.state.jobs)
        if not jobs:
            return
        job_id = self.chance.choice(jobs)
        if self.chance.random() < 0.3:
            self.step(TerminateRequested(job_id, "enough"))
            return
        priority = self.chance.randrange(4)
        row = self.rows.jobs[job_id]
        self.rows.jobs[job_id] = replace(row, spec=replace(row.spec, priority=priority))  # as the operation stores it
        self.step(PriorityChanged(job_id, priority))

    def crash(self) -> None:
        before = [job_id for job_id, _ in self.scheduler.places(QUEUE, 99)]
        again = Scheduler()
        again.step(list(self.told.values()), self.now)
        again.restore(self.rows.live(), kept=self.rows.shares.values())
        assert again.state.jobs == self.scheduler.state.jobs
        assert sorted(map(repr, again.wanted())) == sorted(map(repr, self.scheduler.wanted()))
        assert [job_id for job_id, _ in again.places(QUEUE, 99)] == before
        self.scheduler = again
        self.step(TimePassed())

    def live(self) -> None:
        acts = (self.submit,) * 6 + (self.report,) * 6 + (self.request,) * 2 + (self.change_shares, self.crash)
        for _ in range(80):
            self.chance.choice(acts)()
            if self.chance.random() < 0.05:
                self.change_environment(self.chance.randrange(5))

    def come_to_an_end(self) -> None:
        """With plenty for everybody each job runs to its end; nobody was forgotten on the way."""
        limits = tuple(CapacityLimit(unit, 50) for unit in UNITS)
        shares = tuple(QuotaShare(name, limits) for name in NAMES)
        self.change_environment(999)
        self.configure("queue", QueueSaved(QueueSpec(QUEUE, 1, ("se",), quota_shares=shares)))
        for _ in range(1000):
            tasks = list(self.scheduler.state.tasks)
            if not tasks:
                break
            self.step(*[TaskExited(task_id, self.now, 0) for task_id in tasks])
        assert self.scheduler.state.jobs == {}
        assert len(self.rows.jobs) == self.number
        for row in self.rows.jobs.values():
            assert row.status in FINAL
            preempted = sum(attempt.status_reason in PREEMPTIONS for attempt in row.attempts)
            assert len(row.attempts) - preempted <= row.spec.attempts
            limit = row.spec.service.preemptions if row.spec.service is not None else None
            assert limit is None or preempted <= limit + 1


@pytest.mark.parametrize("start", range(0, 60, 30))
def test_no_limit_is_exceeded_no_job_is_lost_and_whoever_made_room_comes_back(start: int) -> None:
    stopped = 0
    for seed in range(start, start + 30):
        life = Life(seed)
        life.live()
        life.come_to_an_end()
        stopped += len(life.stops)
    assert stopped > 30, "lives without preemption prove little"
