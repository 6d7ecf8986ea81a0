"""One server after the other, and the world around them: clients, operators, tasks and the clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from batchd.clock import ManualClock
from batchd.controllers.facts import event_of
from batchd.controllers.launch import Launch, Surroundings
from batchd.controllers.schedule import Schedule
from batchd.engines.engine import Report, Returned, Started
from batchd.engines.gate import AHEAD, Gate
from batchd.scheduler import invariants
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import (
    FINAL,
    CancelRequested,
    EnvironmentSpec,
    Event,
    JobSpec,
    JobStatus,
    MachineSized,
    Resources,
    TerminateRequested,
    TimePassed,
)
from batchd.store.sqlite import SqliteStore
from batchd.store.store import Store, Tx
from tests.simulation.disk import Disk
from tests.simulation.fairness import FairOracle
from tests.simulation.gangs import GangOracle, some_gang, some_part, template
from tests.simulation.mortal import Death, Follower, Fuse, MortalEngine, Server, WatchedWorld
from tests.simulation.oracle import Oracle
from tests.simulation.pools import PoolOracle, counting, plenty, some_change
from tests.simulation.promises import Promises
from tests.simulation.teams import TeamOracle, complaints, found_teams, some_service_job
from tests.simulation.traffic import (
    BACKFILLED,
    ENVIRONMENTS,
    HASTY,
    LONG_S,
    POLICIES,
    QUEUES,
    RUN_S,
    Work,
    append,
    delete_queue,
    save_environment,
    save_queue,
    some_behaviour,
    some_bounded_job,
    some_brief_job,
    some_hasty_behaviour,
    some_job,
    some_queue,
    submission,
)

NOWHERE = Path("/nowhere")  # no task of a simulation writes anything
MACHINE = Resources(4000, 8192, 1)
THEMES = (QUEUES, QUEUES, BACKFILLED, tuple(POLICIES), HASTY)  # the queues that jobs go to
MOST_STEPS = 5_000  # more than any sound run needs to come to its end


@dataclass(frozen=True, slots=True)
class Trouble:
    """How hard a run is. `steps` of random life; then all is well until every job has ended.

    `die_at` is the one point at which the server dies; None: it dies at random, at `deaths` of the steps.
    """

    steps: int = 60
    deaths: float = 0.15
    refusals: float = 0.05
    die_at: int | None = None


class Violation(Exception):
    """Something that must always hold does not."""


class World:
    """Everything outside the server, and the server that lives at the moment."""

    def __init__(self, seed: int, disk: Disk, trouble: Trouble, tell: Callable[[str], None]) -> None:
        self.chance = Random(seed)
        self.trouble = trouble
        self.tell = tell
        self.clock = ManualClock()
        self.fuse = Fuse(trouble.die_at)
        self.outside = WatchedWorld(gate=Gate((MACHINE.vcpus_milli, MACHINE.memory_mib)))
        self.stopped: dict[str, None] = {}
        self.acknowledged: dict[str, None] = {}
        self.doubtful: dict[str, None] = {}  # the server died before it could answer
        self.sizes: dict[str, int] = {}  # of arrays, 0 of other jobs
        self.ended: dict[str, JobStatus] = {}
        specs: dict[str, JobSpec] = {}
        pools = PoolOracle(specs)
        self.oracle = Oracle(pools, FairOracle(specs, pools, MACHINE), specs, set(BACKFILLED))
        self.gangs = GangOracle(specs)
        self.promises = Promises()
        self.teams = TeamOracle()
        self.queues = self.chance.choice(THEMES)
        self.is_calm = self.queues == BACKFILLED  # no operator, no other queue: a promise has time to be broken
        self.is_hasty = self.queues == HASTY  # many short jobs of one queue: some are given to the engine ahead of time
        self._heard = 0  # entries of the journal
        self._checks = 0
        self.disk = disk
        self.server = self._boot()
        self.repair(self.chance.choice((None, MACHINE.vcpus_milli)))

    # The server's life

    def _boot(self) -> Server:
        """As server.py opens its parts; dying meanwhile is no excuse."""
        while True:
            store = SqliteStore(self.disk, self.clock)
            try:
                return self._open(store)
            except Death:
                self.tell("died while starting")
                store.close()

    def _open(self, store: Store) -> Server:
        engine = MortalEngine(self.clock, NOWHERE, world=self.outside, timers=False)
        engine.fuse, engine.stopped = self.fuse, self.stopped
        launch = Launch(store, engine, Surroundings("http://127.0.0.1:1", "1", lambda job, task, role: "token"))
        schedule = Schedule(store, self.clock, MachineSized(MACHINE, AHEAD), launch.perform)
        server = Server(store, engine, launch, schedule, Follower(schedule, self.fuse))
        store.follow(server.follower)
        self.fuse.point()
        wanted, running = schedule.scheduler.wanted(), schedule.scheduler.running()
        starts = [command for command in wanted if isinstance(command, StartTask)]
        self._demand(*invariants.check(schedule.scheduler.state))
        known = {command.task_id for command in (*running, *starts)}
        orphans = [task_id for task_id, life in self.outside.tasks.items() if not life.ended and task_id not in known]
        self._demand(*[f"task {task_id} runs and the restarted server does not know it" for task_id in orphans])
        launch.expect([*running, *starts])
        engine.attach(
            lambda report: self._on_report(server, report),
            [task.task_id for task in running],
            [task.task_id for task in starts],
        )
        launch.perform(wanted)
        return server

    def reboot(self) -> None:
        """The next server may die as well, even while it starts."""
        self.promises.disturb()
        self.server.store.close()
        if self.chance.random() < self.trouble.deaths:
            self.fuse.left = self.chance.randrange(6)
        self.server = self._boot()
        self.check()

    def write(self, what: str, *works: Work) -> bool:
        """One group of works. Whether it was acknowledged; the server may be another one afterwards."""
        self.tell(f"{self.clock.now_ms()} {what}")
        store = self.server.store
        self.server.follower.refuse = self.chance.random() < self.trouble.refusals
        try:
            outcomes = store.apply(works)
            store.commit()
            self.fuse.point()
            store.settle(True)
        except Death:
            self.tell("died")
            self.reboot()
            return False
        refused = [outcome.error for outcome in outcomes if outcome.error is not None]
        if refused:
            self.tell(f"refused: {refused[0]}")
        self.check()
        if not refused:
            self._check_time_limits()
        return not refused

    # What happens

    def step(self) -> None:
        """A little of everything."""
        if self.trouble.die_at is None and self.chance.random() < self.trouble.deaths:
            self.fuse.left = self.chance.randrange(12)
        roll = self.chance.random()
        if roll < 0.35:
            self.submit()
        elif roll < 0.45:
            self.end_one()
        elif self.is_calm:
            self.pass_time(self.chance.choice((0.5, 20.0, 70.0, 400.0)))
        elif roll < 0.51:
            self.change_environment()
        elif roll < 0.55:
            self.change_queue()
        elif roll < 0.58:
            self.promises.disturb()
            self.write("counted things", some_change(self.chance))
        else:
            self.pass_time(self.chance.choice((0.0, 0.03, 0.5) if self.is_hasty else (0.0, 0.5, 3.0, 20.0, 70.0)))

    def submit(self) -> None:
        first = len(self.acknowledged) + len(self.doubtful)
        names = [f"job-{first + number}" for number in range(self.chance.randint(1, 3))]
        specs = self._some_specs(names)
        self.sizes.update((spec.job_id, spec.size) for spec in specs)
        self.oracle.specs.update((spec.job_id, spec) for spec in specs)
        behaviours = [(self._some_behaviour(), some_behaviour(self.chance)) for _ in specs]
        tasks = [template(spec, *both) for spec, both in zip(specs, behaviours, strict=True)]
        works = [submission(spec, task, self.clock.now_ms()) for spec, task in zip(specs, tasks, strict=True)]
        before = self.server
        if self.write(f"submit {specs}", *works):
            self.acknowledged.update(dict.fromkeys(names))
        elif self.server is not before:
            self.doubtful.update(dict.fromkeys(names))

    def _some_behaviour(self) -> dict[str, str]:
        if self.is_hasty:
            return some_hasty_behaviour(self.chance)
        return some_behaviour(self.chance, LONG_S if self.is_calm else RUN_S)

    def _some_specs(self, names: list[str]) -> list[JobSpec]:
        if self.is_hasty:
            return [some_brief_job(self.chance, name) for name in names]
        if self.is_calm:
            return [some_bounded_job(self.chance, name) for name in names]
        if self.chance.random() < 0.3:
            return [some_service_job(self.chance, name) for name in names]
        others = {name: self.sizes[name] for name in self.acknowledged}
        specs = [some_job(self.chance, name, others, self.queues) for name in names]
        return [some_gang(self.chance, counting(self.chance, spec)) for spec in specs]

    def end_one(self) -> None:
        """Cancel or terminate any job, or terminate one whose task is under way."""
        in_hand = [job.job_id for job in self.server.schedule.scheduler.state.tasks.values()]
        if in_hand and self.chance.random() < 0.5:
            event: Event = TerminateRequested(self.chance.choice(in_hand), "stop it")
        elif self.acknowledged:
            request = self.chance.choice((CancelRequested, TerminateRequested))
            name = self.chance.choice(list(self.acknowledged))
            part = some_part(self.chance, self.oracle.specs[name]) if self.chance.random() < 0.5 else ""
            event = request(name + part, "not needed")
        else:
            return
        self.write(f"{event}", append(event))

    def change_environment(self) -> None:
        self.promises.disturb()
        valid, enabled = self.chance.random() < 0.8, self.chance.random() < 0.8
        most = self.chance.choice((None, 1000, 4000))
        spec = EnvironmentSpec(self.chance.choice(ENVIRONMENTS), valid and enabled, valid, most)
        self.write(f"{spec}", save_environment(spec))

    def change_queue(self) -> None:
        self.promises.disturb()
        arn = self.chance.choice(QUEUES)
        if self.chance.random() < 0.2:
            self.write(f"delete {arn}", delete_queue(arn))
            return
        first = self.chance.randrange(len(ENVIRONMENTS))
        most = self.chance.choice((None, None, 0, 1, 3))
        spec = some_queue(arn, self.chance.randrange(3), ENVIRONMENTS[first:], most)
        self.write(f"{spec}", save_queue(spec))

    def pass_time(self, seconds: float) -> None:
        """Tasks go on, reports arrive, deadlines come."""
        self.clock.advance(seconds)
        self.server.engine.advance()
        now = self.clock.now_ms()
        arrived = [report for at, report in self.server.news if at <= now]
        if arrived:
            self._record(arrived)
        deadline = self.server.schedule.scheduler.next_deadline()
        if self.server.schedule.is_stale or (deadline is not None and deadline <= now):
            self.write("time passed", append(TimePassed()))

    def repair(self, most: int | None = None) -> None:
        """Make everything work again. Whatever trouble comes in between, it is tried until it is done."""
        self.promises.disturb()
        works = [save_environment(EnvironmentSpec(arn, True, True, most)) for arn in ENVIRONMENTS]
        queues = [some_queue(arn, number, ENVIRONMENTS) for number, arn in enumerate(QUEUES)]
        works += [save_queue(queue) for queue in queues]
        while not self.write("repair", *works, *found_teams(), *plenty()):
            pass

    def come_to_an_end(self) -> None:
        """No more trouble but what is under way: every job must end."""
        self.trouble = replace(self.trouble, deaths=0.0, refusals=0.0)
        self.repair()
        for number in range(MOST_STEPS):
            jobs = self.server.schedule.scheduler.state.jobs
            if not jobs and not self.server.news:
                break
            if number % 40 == 39:  # those that would run for ever; who was told before is not told again
                endless = [job.job_id for job in self.server.schedule.scheduler.state.tasks.values()]
                self.write("that is enough", *[append(TerminateRequested(job_id, "enough")) for job_id in endless])
            self.pass_time(15.0)
        scheduler = self.server.schedule.scheduler
        self._demand(*[f"{job_id} never ends: {scheduler.explain(job_id)}" for job_id in scheduler.state.jobs])
        self._demand(
            *[f"{job_id} was acknowledged and lost" for job_id in self.acknowledged.keys() - self.ended.keys()]
        )
        self._demand(*[f"{job_id} is told to live" for job_id in self.oracle.unfinished()])
        with self.server.store.read() as tx:
            for job_id, status in self.ended.items():
                self._demand(*([] if tx.jobs.status_of(job_id) is status else [f"{job_id} did not stay {status}"]))
                self._check_children(tx, job_id, status)
                self._demand(*self.gangs.check_ended(tx, job_id))

    def _check_children(self, tx: Tx, array_id: str, ended: JobStatus) -> None:
        """Of an array that has ended: every child has ended as well, is listed once, and is counted."""
        array = tx.jobs.get(array_id)
        if array is None or array.children is None:
            return
        size = self.sizes[array_id]
        listed = {status: tx.jobs.children(array, status, -1, size + 1) for status in JobStatus}
        counts = tuple(len(rows) for rows in listed.values())
        by_itself = [tx.jobs.status_of(f"{array_id}:{index}") for index in range(size)]
        whole = sum(counts) == size == len(listed[JobStatus.SUCCEEDED]) + len(listed[JobStatus.FAILED])
        if (
            not whole
            or counts != array.children.by_status
            or any(len(rows) != by_itself.count(s) for s, rows in listed.items())
        ):
            raise Violation(f"{array_id} has {size} children; listed {counts}, counted {array.children}, {by_itself}")
        if (ended is JobStatus.SUCCEEDED) != (len(listed[JobStatus.SUCCEEDED]) == size):
            raise Violation(f"{array_id} is {ended}, its children are {counts}")

    def _on_report(self, server: Server, report: Report) -> None:
        """Reports are late, out of order, and come twice; those under way are lost when the server dies."""
        twice = self.chance.random() < 0.1 and not isinstance(report, Returned)
        for _ in range(2 if twice else 1):
            delay = self.chance.choice((0, 0, 0, 1000, 15_000))
            server.news.append((self.clock.now_ms() + delay, report))

    def _record(self, reports: list[Report]) -> None:
        """As controllers/watch does: what is refused is tried again later, what ended is forgotten after the commit."""
        server = self.server
        for report in reports:
            if isinstance(report, Returned):
                server.launch.withdraw(report.task_id)
        works = [append(event_of(report)) for report in reports]
        if not self.write(f"reported {reports}", *works):
            return
        server.news = [(at, report) for at, report in server.news if report not in reports]
        try:
            for report in reports:
                self.fuse.point()
                if not isinstance(report, Started | Returned):
                    server.launch.forget(report.task_id)
        except Death:
            self.tell("died before it forgot")
            self.reboot()

    # What must hold

    def check(self) -> None:
        scheduler = self.server.schedule.scheduler
        with self.server.store.read() as tx:
            gone = [name for name in (*self.acknowledged, *self.doubtful) if name not in scheduler.state.jobs]
            ended = {name: tx.jobs.status_of(name) for name in gone if name not in self.ended}
            self._hear(tx)
            self._checks += 1
            if self._checks % 4 == 0:
                self._compare(tx)
        self._demand(*self.promises.read(scheduler.state, self.clock.now_ms()), *self.teams.read(scheduler.state))
        for name, status in ended.items():
            if status in FINAL:
                self.ended[name] = JobStatus(status)
            elif name in self.acknowledged:
                raise Violation(f"{name} was acknowledged and is {status}")
        self._demand(*invariants.check(scheduler.state))
        self._demand(*[f"{name} ended and lives again" for name in scheduler.state.jobs if name in self.ended])
        self._demand(*[f"task {task_id} began {n} times" for task_id, n in self.outside.begun.items() if n > 1])
        self._check_engine()

    def _hear(self, tx: Tx) -> None:
        """Second opinions on what has been decided since the last time."""
        now = self.clock.now_ms()
        events = deque(tx.journal.read(self._heard, 1_000_000))
        for number, moved in tx.journal.transitions(self._heard, 1_000_000):
            while events and events[0][0] < number:
                self._hear_event(events.popleft()[2], now)
            self._demand(*self.oracle.read(moved, now), *self.gangs.read(moved))
        for _, _, event in events:
            self._hear_event(event, now)
        self._heard = tx.journal.last()

    def _hear_event(self, event: Event, now: int) -> None:
        self.oracle.pools.hear(event)
        self.oracle.fairness.hear(event, now)

    def _compare(self, tx: Tx) -> None:
        """What is remembered is what is stored."""
        state = self.server.schedule.scheduler.state
        self._demand(*self.oracle.pools.compare(tx))
        stored = {job.job_id: job for job in tx.jobs.live()}
        if stored != state.jobs:
            ids = [name for name in stored | state.jobs if stored.get(name) != state.jobs.get(name)]
            raise Violation("; ".join(f"stored is {stored.get(one)}, remembered {state.jobs.get(one)}" for one in ids))
        used = {(share.queue, share.name): (share.used, share.used_at) for share in tx.shares.every()}
        remembered = {
            (arn, name): (line.used, line.used_at)
            for arn, queue in state.queues.items()
            for name, line in queue.lines.items()
            if line.used_at
        }
        if used != remembered:
            raise Violation(f"what is stored and remembered of shares differs: {used} {remembered}")

    def _check_time_limits(self) -> None:
        """After a step nobody runs any longer than allowed without having been told to stop."""
        now = self.clock.now_ms()
        for task_id, job in self.server.schedule.scheduler.state.tasks.items():
            limit_s, began = job.spec.timeout_s, job.started_at
            if limit_s is not None and began is not None and began + limit_s * 1000 <= now and not job.stop_reason:
                raise Violation(f"task {task_id} runs since {began}, longer than {limit_s} s")

    def _check_engine(self) -> None:
        """What really runs is known, and what should run or stop was told so; it fits the machine; a job larger than
        that runs alone."""
        tasks = self.server.schedule.scheduler.state.tasks
        alive = [task_id for task_id, life in self.outside.tasks.items() if not life.ended]
        self._demand(*[f"task {task_id} runs and nobody knows" for task_id in alive if task_id not in tasks])
        given = {*self.outside.begun, *self.outside.tasks, *self.outside.given, *self.outside.returned}
        self._demand(*[f"task {task_id} was never started" for task_id in tasks if task_id not in given])
        unheard = [task_id for task_id, job in tasks.items() if job.stop_reason and task_id not in self.stopped]
        self._demand(*[f"task {task_id} was never told to stop" for task_id in unheard if task_id in alive])
        jobs = list({tasks[task_id].whole.job_id: tasks[task_id].whole for task_id in alive}.values())
        self._demand(*complaints(jobs))
        need = [job.spec.resources for job in jobs if not job.clamped]
        self._demand(*[f"{job.job_id} does not run alone" for job in jobs if job.clamped and len(jobs) > 1])
        used = Resources(sum(n.vcpus_milli for n in need), sum(n.memory_mib for n in need), sum(n.gpus for n in need))
        if used.vcpus_milli > MACHINE.vcpus_milli or used.memory_mib > MACHINE.memory_mib or used.gpus > MACHINE.gpus:
            raise Violation(f"the machine is overfull: {used}")

    def _demand(self, *complaints: str) -> None:
        if complaints:
            raise Violation("; ".join(complaints))
