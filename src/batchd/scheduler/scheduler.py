"""The door of the scheduler: events go in, changed jobs and commands come out. Pure: same events, same answers.

Nothing else decides a job's status. It knows no clock, no store and no engine; `now` and every id are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from batchd.scheduler import (
    accusation,
    arrays,
    benches,
    cycle,
    deadlines,
    dependencies,
    explain,
    fair,
    gangs,
    lifecycle,
    lines,
    placement,
    policy,
    pools,
    quota,
    reasons,
    service,
    shares,
    tasks,
    time_limits,
)
from batchd.scheduler.children import Drop, new_children
from batchd.scheduler.commands import Command, StartTask
from batchd.scheduler.events import (
    FINAL,
    CancelRequested,
    ConsumableDeleted,
    ConsumableSaved,
    DefinitionLimited,
    EnvironmentDeleted,
    EnvironmentSaved,
    Event,
    JobStatus,
    JobSubmitted,
    MachineSized,
    PriorityChanged,
    QueueDeleted,
    QueueSaved,
    QuotaShareDeleted,
    TaskExited,
    TaskFailedToStart,
    TaskLost,
    TaskReturned,
    TaskStarted,
    TerminateRequested,
    TimePassed,
)
from batchd.scheduler.fronts import Fronts
from batchd.scheduler.overview import Overview, overview
from batchd.scheduler.settle import admit, settle
from batchd.scheduler.state import Draft, Job, PoolKind, Share, State, Step
from batchd.scheduler.transitions import enter
from batchd.scheduler.why import Why, members


class Scheduler:
    """Every live job, queue and environment of this server.

    To start again: tell it the queues, environments and the machine by `step`, in any order; `restore` the live jobs;
    have the engine adopt `running()`; perform `wanted()`; and take a step, for what waits.
    """

    def __init__(self) -> None:
        self.state = State()
        self._fronts = Fronts(self.state)
        # Events are of many types, each handler takes its own: the one place where that cannot be typed.
        self._handlers: dict[type[Any], Callable[[Draft, Any], None]] = {
            JobSubmitted: self._on_job_submitted,
            CancelRequested: self._on_cancel_requested,
            TerminateRequested: self._on_terminate_requested,
            QueueSaved: self._on_queue_saved,
            QueueDeleted: self._on_queue_deleted,
            QuotaShareDeleted: self._on_quota_share_deleted,
            PriorityChanged: self._on_priority_changed,
            EnvironmentSaved: self._on_environment_saved,
            EnvironmentDeleted: self._on_environment_deleted,
            ConsumableSaved: self._on_consumable_saved,
            ConsumableDeleted: self._on_consumable_deleted,
            DefinitionLimited: self._on_definition_limited,
            MachineSized: self._on_machine_sized,
            TaskStarted: self._on_task_started,
            TaskExited: self._on_task_exited,
            TaskFailedToStart: self._on_task_failed_to_start,
            TaskLost: self._on_task_lost,
            TaskReturned: self._on_task_returned,
            TimePassed: self._on_time_passed,
        }

    def step(self, events: Sequence[Event], now: int) -> Step:
        """Take in what happened up to `now` (ms), in order, and decide what follows from it.

        The jobs of the answer are the scheduler's own: write them down before the next step. Jobs that ended are
        forgotten when this returns.
        """
        state = self.state
        state.now = now
        self._fronts.forget()
        draft = Draft(now)
        self._admit_arrivals(draft)
        for event in events:
            self._handlers[type(event)](draft, event)
            settle(state, draft)
        for job in deadlines.take_due(state, now):
            tasks.ask_to_stop(draft, job, reasons.TIMED_OUT)
        if state.stirred:
            benches.call_next(state)
        while state.awake:
            cycle.run(state, draft)
        for job, children in draft.ended:
            if children is None:
                del state.jobs[job.spec.job_id]
        drawn = list(state.drawn.values())
        state.drawn.clear()
        return draft.finish(drawn)

    def next_deadline(self) -> int | None:
        """When (ms) a running attempt will have used up its time, or the head of a queue been blocked for too long,
        unless something happens before; None if neither can."""
        times = (deadlines.next_one(self.state), time_limits.next_one(self.state))
        return min((at for at in times if at is not None), default=None)

    def restore(self, jobs: Iterable[Job], drawn: Mapping[str, int] | None = None, kept: Iterable[Share] = ()) -> None:
        """Take back the live jobs as the store has them, in order of submission. The next step moves them on.

        `drawn` says how many units of each consumable resource (ARN) were held, `kept` what shares had used."""
        state = self.state
        self._fronts.forget()
        for share in kept:
            line = state.queue(share.queue).line(share.name)
            line.used, line.used_at = share.used, share.used_at
        restored = [job for job in jobs if job.status not in FINAL]
        for job in restored:
            state.jobs[job.spec.job_id] = job
            state.queue(job.spec.queue).live += 1
            if job.spec.claims and job.parent is None:
                pools.enlist(state, job)
            if job.spec.share and job.parent is None:
                policy.line_of(state, job).live += 1
        for job in sorted(restored, key=_came_at):
            self._restore_one(job)
        for arn, used in (drawn or {}).items():
            pools.recall(state, arn, used)
        self._wake_all()

    def wanted(self) -> list[Command]:
        """The commands that the present state stands for; those of a crash's last step are among them.

        A task that shall stop before it was seen running is started first: only a task the engine knows can end.
        """
        commands: list[Command] = []
        for job in self.state.tasks.values():
            if job.status is JobStatus.STARTING:
                commands.append(tasks.start_of(job))
            if job.stop_reason is not None:
                commands.append(tasks.stop_of(job))
        return commands

    def running(self) -> list[StartTask]:
        """The starts of the tasks that were seen running: what an engine adopts after a restart."""
        return [tasks.start_of(job) for job in self.state.tasks.values() if job.status is JobStatus.RUNNING]

    def waiting(self) -> int:
        """How many jobs are RUNNABLE."""
        return sum(policy.length(queue) for queue in self.state.queues.values())

    def overview(self) -> Overview:
        """How full the machine and its environments are."""
        return overview(self.state)

    def front(self, queue: str, limit: int) -> list[Job]:
        """The first places in the line of this queue, in the order in which they will be served; an array has one."""
        found = self.state.queues.get(queue)
        return [] if found is None else list(islice(policy.order(found), limit))

    def places(self, queue: str, limit: int) -> list[tuple[str, int]]:
        """The first RUNNABLE jobs' ids, in the order in which they will be placed, each with the time (ms) at which it
        came to its place. [batch.md 5.5]"""
        found = self.state.queues.get(queue)
        if found is None:
            return []
        members = islice(policy.members(found), limit)
        return [(job_id, lines.arrived_at(found.line(job.spec.share), job)) for job, job_id in members]

    def shares(self, queue: str, limit: int) -> tuple[int, list[tuple[str, float]]]:
        """How many shares of this queue are active, and those that hold most: names and vCPUs, most first."""
        found = self.state.queues.get(queue)
        return (0, []) if found is None else shares.utilization(found, limit)

    def quota_fronts(self, queue: str) -> dict[str, tuple[str, int]]:
        """The first RUNNABLE job of each quota share of a queue, with the time (ms) at which it came to its place."""
        found = self.state.queues.get(queue)
        if found is None or found.quota is None:
            return {}
        return {line.name: (job.job_id, lines.arrived_at(line, job)) for line, job in quota.heads(found)}

    def explanation(self, job_id: str) -> explain.Explanation | None:
        """Why the job is where it is, as data; None for a job that has ended or never was."""
        return explain.explanation(self._fronts, job_id)

    def why(self, job_id: str) -> Why | None:
        """The same in the members of `batchdWhy`."""
        found = self.explanation(job_id)
        return None if found is None else members(found)

    def explain(self, job_id: str) -> list[str]:
        """The same in sentences; empty for a job that has ended or never was."""
        found = self.explanation(job_id)
        return [] if found is None else found.sentences

    # What befalls jobs from outside

    def _on_job_submitted(self, draft: Draft, event: JobSubmitted) -> None:
        state = self.state
        spec = event.job
        if spec.job_id in state.jobs:
            return
        children = new_children(spec.size, spec.succeeded) if spec.size else None
        job = state.jobs[spec.job_id] = Job(spec, JobStatus.SUBMITTED, draft.now, children=children)
        state.queue(spec.queue).live += 1
        if spec.claims:
            pools.enlist(state, job)
        if spec.share:
            shares.arrive(state, draft, job)
        enter(draft, job)
        if spec.gang is not None:
            gangs.muster(draft, job)
        admit(state, draft, job)

    def _on_cancel_requested(self, draft: Draft, event: CancelRequested) -> None:
        """Without effect once the job starts; of an array on those children that have not. [batch.md 8.1, 8.3]"""
        job = self._find(event.job_id)
        if job is None:
            return
        if job.children is not None:
            arrays.end(self.state, draft, job, Drop(event.reason, draft.now, is_cancelled=True))
        elif _is_waiting(job):
            job.is_cancelled = True
            lifecycle.end(self.state, draft, job, event.reason)

    def _on_terminate_requested(self, draft: Draft, event: TerminateRequested) -> None:
        """The first reason to stop wins, whoever gave it. [batch.md 8.2, 8.3, 8.4]"""
        job = self._find(event.job_id)
        if job is None:
            return
        if job.children is not None:
            arrays.end(self.state, draft, job, Drop(event.reason, draft.now, is_terminated=True), stop=True)
        elif _is_waiting(job):
            job.is_terminated = True
            lifecycle.end(self.state, draft, job, event.reason)
        elif job.status not in FINAL and (job.stop_reason is None or job.stop_reason in reasons.PREEMPTIONS):
            job.is_terminated = True
            tasks.ask_to_stop(draft, job, event.reason)

    def _find(self, job_id: str) -> Job | None:
        return arrays.find(self.state, job_id) or gangs.find(self.state, job_id)

    # What operators change

    def _on_queue_saved(self, draft: Draft, event: QueueSaved) -> None:
        queue = self.state.queue(event.queue.arn)
        queue.known = True
        queue.priority = event.queue.priority
        shares = event.queue.quota_shares
        queue.quota = None if shares is None else {share.name: share for share in shares}
        queue.environments = event.queue.environments
        queue.limits = event.queue.limits
        pools.limit(self.state, queue.arn, PoolKind.QUEUE, event.queue.max_concurrency)
        queue.backfill = event.queue.backfill
        queue.fair = None if event.queue.fair_share is None else fair.renewed(queue, event.queue.fair_share)
        self.state.awake[queue.arn] = None

    def _on_queue_deleted(self, draft: Draft, event: QueueDeleted) -> None:
        """[batch.md 5.1]"""
        state = self.state
        queue = state.queues.get(event.arn)
        if queue is None:
            return
        pools.limit(state, event.arn, PoolKind.QUEUE, None)
        if not queue.live:
            policy.forget(state, draft, queue)
            return
        queue.known, queue.environments = False, ()  # and gone with its last job
        shares.lose_policy(draft, queue)
        self._end_all(draft, [job for job in state.jobs.values() if job.spec.queue == event.arn], reasons.QUEUE_DELETED)

    def _end_all(self, draft: Draft, jobs: list[Job], reason: str) -> None:
        """What waits never runs, what runs is stopped."""
        for job in jobs:
            if job.children is not None:
                arrays.end(self.state, draft, job, Drop(reason, draft.now), stop=True)
            elif _is_waiting(job):
                lifecycle.end(self.state, draft, job, reason)
            elif job.status not in FINAL:
                tasks.ask_to_stop(draft, job, reason)

    def _on_quota_share_deleted(self, draft: Draft, event: QuotaShareDeleted) -> None:
        """[batch.md 7.4]"""
        found = self.state.jobs.values()
        within = [job for job in found if job.spec.queue == event.queue and job.spec.share == event.share]
        self._end_all(draft, within, reasons.SHARE_DELETED)

    def _on_priority_changed(self, draft: Draft, event: PriorityChanged) -> None:
        """Who waits goes to its new place; who runs may have to make room sooner, or later."""
        job = self.state.jobs.get(event.job_id)
        if job is not None:
            policy.reprioritize(self.state, job, event.priority)

    def _on_environment_saved(self, draft: Draft, event: EnvironmentSaved) -> None:
        saved = event.environment
        environment = self.state.environment(saved.arn)
        environment.known = True
        environment.available = saved.available
        environment.valid = saved.valid
        environment.max_vcpus_milli = saved.max_vcpus_milli
        environment.largest = saved.largest
        environment.capacity = saved.capacity
        self._wake_all()

    def _on_environment_deleted(self, draft: Draft, event: EnvironmentDeleted) -> None:
        """What runs there goes on. [batch.md 5.1]"""
        environment = self.state.environments.get(event.arn)
        if environment is not None:
            environment.known = False
            placement.forget_if_gone(self.state, environment)
            self._wake_all()

    def _on_consumable_saved(self, draft: Draft, event: ConsumableSaved) -> None:
        """[batch.md 7.5]"""
        pools.stock(self.state, event.resource)

    def _on_consumable_deleted(self, draft: Draft, event: ConsumableDeleted) -> None:
        pools.close(self.state, event.arn)

    def _on_definition_limited(self, draft: Draft, event: DefinitionLimited) -> None:
        """Of jobs that wait and of those to come."""
        pools.limit(self.state, event.definition, PoolKind.DEFINITION, event.max_concurrency)
        self._wake_all()

    def _on_machine_sized(self, draft: Draft, event: MachineSized) -> None:
        self.state.machine.capacity, self.state.machine.ahead = event.capacity, event.ahead
        self._wake_all()

    def _wake_all(self) -> None:
        self.state.awake.update(dict.fromkeys(self.state.queues))
        for queue in self.state.queues.values():
            if queue.fair is not None:
                queue.fair.tick = -1

    # What engines see. A task that no attempt in hand has is none of ours (any more): late, repeated or unknown.

    def _on_task_started(self, draft: Draft, event: TaskStarted) -> None:
        job = self.state.tasks.get(event.task_id)
        if job is not None and job.status is JobStatus.STARTING:
            lifecycle.begin(self.state, draft, job, event.at)

    def _on_task_exited(self, draft: Draft, event: TaskExited) -> None:
        job = self.state.tasks.get(event.task_id)
        if job is not None:
            lifecycle.exited(self.state, draft, job, event)

    def _on_task_failed_to_start(self, draft: Draft, event: TaskFailedToStart) -> None:
        job = self.state.tasks.get(event.task_id)
        if job is not None:
            lifecycle.failed_to_start(self.state, draft, job, event)

    def _on_task_lost(self, draft: Draft, event: TaskLost) -> None:
        job = self.state.tasks.get(event.task_id)
        if job is not None:
            lifecycle.lost(self.state, draft, job, event)

    def _on_task_returned(self, draft: Draft, event: TaskReturned) -> None:
        job = self.state.tasks.get(event.task_id)
        if job is not None and job.status is JobStatus.STARTING:
            lifecycle.returned(self.state, draft, job, event)

    def _on_time_passed(self, draft: Draft, event: TimePassed) -> None:
        """Attempts' deadlines are looked at in every step, the queues' time limits only here."""
        for job, reason in time_limits.due(self.state, draft.now):
            if job.children is not None:
                arrays.end(self.state, draft, job, Drop(reasons.time_limit_passed(reason), draft.now))
            else:
                job.is_terminated = job.spec.service is not None
                said = reasons.time_limit_passed(reason, is_service=job.is_terminated)
                lifecycle.end(self.state, draft, job, said)

    # Starting again

    def _restore_one(self, job: Job) -> None:
        state = self.state
        if job.children is not None and (fresh := job.children.settle_derived()):
            policy.join(state, job, fresh)
            if job.status_reason is not None:
                accusation.recall(state, job)
        if job.status is JobStatus.SUBMITTED or (job.status is JobStatus.PENDING and not dependencies.wait(state, job)):
            state.arrivals.append(job)
        elif job.status is JobStatus.RUNNABLE:
            policy.join(state, job)
            if job.status_reason != accusation.last_reason(job):
                accusation.recall(state, job)
        elif job.task_id is not None:
            if not job.is_draining:
                state.tasks[job.task_id] = job
            gangs.restore(state, job)
            placement.reserve(state, state.environment(str(job.environment)), job)
            service.hold(state, job)
            if job.spec.share:
                shares.take_back(state, job)
            deadlines.watch(state, job)

    def _admit_arrivals(self, draft: Draft) -> None:
        """Restored jobs that nothing holds back; a dependency that lives no more succeeded, or they had failed."""
        arrivals, self.state.arrivals = self.state.arrivals, []
        for job in arrivals:
            if job.status is JobStatus.SUBMITTED:
                admit(self.state, draft, job)
            elif job.children is not None:
                arrays.release(self.state, draft, job)
            else:
                lifecycle.make_runnable(self.state, draft, job)
            settle(self.state, draft)


def _came_at(job: Job) -> int:
    """When (ms) the job came to its place in line; those that have none keep the order of their submission."""
    return job.submitted_at if job.runnable_at is None else job.runnable_at


def _is_waiting(job: Job) -> bool:
    return job.status in (JobStatus.SUBMITTED, JobStatus.PENDING, JobStatus.RUNNABLE)
