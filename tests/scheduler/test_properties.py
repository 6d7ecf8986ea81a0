"""Random lives: whatever clients, operators and engines do, and however often the server dies, these things hold."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batchd.scheduler import invariants, lines
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import (
    FINAL,
    CancelRequested,
    Claim,
    ConsumableSaved,
    DefinitionLimited,
    Dependency,
    EnvironmentDeleted,
    EnvironmentSaved,
    Event,
    ExitRule,
    Gang,
    JobSpec,
    JobStatus,
    JobSubmitted,
    QueueDeleted,
    QueueSaved,
    Resources,
    TaskExited,
    TaskFailedToStart,
    TaskLost,
    TaskStarted,
    TerminateRequested,
    TimePassed,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Job, Step
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import consumable, environment, fair, machine, queue

QUEUES = ("q1", "q2", "q3")
ENVIRONMENTS = ("e1", "e2")
FAIR = {"q3": fair(reservation=40, a=0.25, b_=3.0)}
SHARES = ("a", "b1", "b2", "c")
LIMITS = ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")
RESOURCES = ("seat", "token")
DEFINITIONS = ("d:1", "d:2")
picks = st.integers(0, 10_000)
claims = st.lists(
    st.sampled_from([Claim("seat"), Claim("token", 2), Claim("key", limit=1), Claim("key", limit=2)]),
    max_size=2,
    unique_by=lambda claim: claim.pool,
).map(tuple)
specs = st.builds(
    JobSpec,
    job_id=st.just(""),
    queue=st.sampled_from(QUEUES),
    resources=st.builds(Resources, st.integers(0, 6).map(lambda n: n * 1000), st.integers(1, 6000), st.integers(0, 2)),
    attempts=st.integers(1, 3),
    exit_rules=st.sampled_from([(), (ExitRule("EXIT", on_exit_code="1*"),), (ExitRule("EXIT", on_reason="x"),)]),
    timeout_s=st.sampled_from([None, 60]),
    size=st.sampled_from([0, 0, 2, 3]),
    sequential=st.booleans(),
    after_any=st.booleans(),
    succeeded=st.sampled_from([(), (), ((0, 1),)]),
    claims=st.just(()) | claims,
    definition=st.sampled_from(["", *DEFINITIONS]),
    gang=st.sampled_from([None, None, None, Gang(2, 0, (Resources(1000, 1000),)), Gang(3, 1, (Resources(0, 100),))]),
)


def whole_of(command: StartTask) -> str:
    """The job that stood in line: a gang stands there as one."""
    return command.job_id if command.main is None else command.job_id.partition("#")[0]


class Lives(RuleBasedStateMachine):
    """One world; `rows` are the jobs as a store would have them, `starts` every start ever commanded, `names` all jobs
    ever submitted with their sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler()
        self.now = 1_000_000
        self.rows = Rows()
        self.names: dict[str, int] = {}
        self.starts: dict[str, str] = {}
        self.told: dict[str, Event] = {}
        self.units: dict[str, int] = {}
        self.step(*self.configure(machine(4, 4096, 1)))
        for arn in ENVIRONMENTS:
            self.step(*self.configure(environment(arn, 4)))
        for number, arn in enumerate(QUEUES):
            self.step(
                *self.configure(queue(arn, *ENVIRONMENTS[number % 2 :], priority=number // 2, fair=FAIR.get(arn)))
            )

    def configure(self, event: Event) -> list[Event]:
        """Remember the last word on each thing, for the next restart."""
        match event:
            case DefinitionLimited(name):
                self.told[name] = event
            case ConsumableSaved(saved) | EnvironmentSaved(saved) | QueueSaved(saved):
                self.told[saved.arn] = event
            case _:
                self.told["machine"] = event
        return [event]

    def step(self, *events: Event) -> Step:
        self.now += 1000
        front = [
            [job_id for job, job_id in islice(lines.members(line), 9) if not may_step_aside(job)]
            for queue_ in self.scheduler.state.queues.values()
            for line in queue_.lines.values()
        ]
        tried = {job.job_id for job in self.scheduler.state.jobs.values() if job.attempts}
        step = self.scheduler.step(events, self.now)
        assert invariants.check_step(self.scheduler.state, step) == []
        self.check_order(step, front, tried)
        again = [job for job in step.changed if self.rows.status(job.job_id) in FINAL]
        assert all(job.is_node and job.parent in step.changed for job in again), "what is final is final"
        assert all(job.parent.status is JobStatus.RUNNABLE or job.parent.attempts for job in again if job.parent)
        self.rows.save(step)
        self.units.update((pool.name, pool.used) for pool in step.drawn)
        for command in step.commands:
            if isinstance(command, StartTask):
                assert command.task_id not in self.starts, "no attempt is started twice"
                self.starts[command.task_id] = command.job_id
        return step

    def check_order(self, step: Step, front: list[list[str]], tried: set[str]) -> None:
        """Within a line the jobs that waited before the step start in the order in which they stood in line."""
        started = [whole_of(command) for command in step.commands if isinstance(command, StartTask)]
        for line in front:
            waited = [job_id for job_id in started if job_id in line and job_id not in tried]
            assert waited == [job_id for job_id in line if job_id in waited]
            left = {job_id for moved in step.transitions for job_id in moved.job_ids()} | set(waited)
            if waited:
                assert all(job_id in left for job_id in line[: line.index(waited[-1])]), "nobody overtakes"

    def live(self, *statuses: JobStatus) -> list[Job]:
        return [job for job in self.scheduler.state.jobs.values() if job.status in statuses]

    def in_hand(self, pick: int, *statuses: JobStatus) -> Job:
        """A job with a task, or a node of one."""
        jobs = [job for job in self.scheduler.state.tasks.values() if job.status in statuses]
        return jobs[pick % len(jobs)]

    @rule(job=specs, waits_for=st.lists(picks, max_size=3))
    def submit(self, job: JobSpec, waits_for: list[int]) -> None:
        names = list(self.names)
        depends_on = dict.fromkeys(names[pick % len(names)] for pick in waits_for) if names else {}
        others = tuple(self.depend(name, job.size, sum(waits_for)) for name in depends_on)
        job_id = f"j{len(names)}"
        if job.queue in FAIR:
            job = replace(job, share=SHARES[sum(waits_for) % len(SHARES)], priority=len(waits_for))
        self.names[job_id] = job.size
        sequential, gang = job.sequential and job.size > 0, None if job.size else job.gang
        self.step(JobSubmitted(replace(job, job_id=job_id, depends_on=others, sequential=sequential, gang=gang)))
        assert job_id in self.rows.jobs, "no job is lost"

    def depend(self, name: str, size: int, pick: int) -> Dependency:
        """Child by child where that is possible, else on all of it or on one of its children."""
        after_any = pick % 3 == 0
        if size and self.names[name] == size and pick % 4:
            return self.rows.dependency(name, each=True, after_any=after_any)
        one = f"{name}:{pick % self.names[name]}" if self.names[name] and pick % 2 else name
        return self.rows.dependency(one, after_any=after_any)

    @precondition(lambda self: any(job.status is JobStatus.STARTING for job in self.scheduler.state.tasks.values()))
    @rule(pick=picks)
    def start(self, pick: int) -> None:
        job = self.in_hand(pick, JobStatus.STARTING)
        self.step(TaskStarted(str(job.task_id), self.now))

    @precondition(lambda self: self.scheduler.state.tasks)
    @rule(pick=picks, code=st.sampled_from([0, 0, 1, 12, None]))
    def exit(self, pick: int, code: int | None) -> None:
        job = self.in_hand(pick, JobStatus.STARTING, JobStatus.RUNNING)
        self.step(TaskExited(str(job.task_id), self.now, code))

    @precondition(lambda self: self.scheduler.state.tasks)
    @rule(pick=picks, lost=st.booleans())
    def fail(self, pick: int, lost: bool) -> None:
        task_id = str(self.in_hand(pick, JobStatus.STARTING, JobStatus.RUNNING).task_id)
        self.step(TaskLost(task_id, self.now, "x") if lost else TaskFailedToStart(task_id, self.now, "x"))

    @precondition(lambda self: self.starts)
    @rule(pick=picks, code=st.sampled_from([0, 1]), times=st.integers(1, 3))
    def report_late(self, pick: int, code: int, times: int) -> None:
        task_id = list(self.starts)[pick % len(self.starts)]
        if task_id not in self.scheduler.state.tasks:
            assert self.step(*[TaskExited(task_id, self.now, code)] * times).changed == []

    @precondition(lambda self: self.names)
    @rule(pick=picks, part=st.sampled_from(["", "", ":0", ":1", ":3", "#0", "#1", "#2"]), terminate=st.booleans())
    def end(self, pick: int, part: str, terminate: bool) -> None:
        name = list(self.names)[pick % len(self.names)] + part
        self.step((TerminateRequested if terminate else CancelRequested)(name, "no"))

    @rule(
        arn=st.sampled_from(ENVIRONMENTS),
        most=st.sampled_from([None, 1, 4]),
        largest=st.sampled_from([(), (Resources(2000, 2000),), (Resources(4000, 1000), Resources(1000, 4000, 1))]),
        state=st.integers(0, 5),
    )
    def change_environment(self, arn: str, most: int | None, largest: tuple[Resources, ...], state: int) -> None:
        saved = environment(arn, most, available=state != 0, valid=state != 1, largest=largest)
        self.step(*self.configure(saved))

    @rule(vcpus=st.sampled_from([2, 4, 8]), gpus=st.sampled_from([0, 1]))
    def change_machine(self, vcpus: int, gpus: int) -> None:
        self.step(*self.configure(machine(vcpus, 4096, gpus)))

    @rule(
        arn=st.sampled_from(QUEUES),
        priority=st.integers(0, 2),
        count=st.integers(0, 2),
        limits=st.dictionaries(st.sampled_from(LIMITS), st.sampled_from([600, 900])),
    )
    def change_queue(self, arn: str, priority: int, count: int, limits: dict[str, int]) -> None:
        saved = queue(arn, *ENVIRONMENTS[:count], priority=priority, limits=limits, fair=FAIR.get(arn))
        self.step(*self.configure(saved))

    @rule(arn=st.sampled_from(QUEUES), most=st.sampled_from([None, 0, 1, 2]))
    def limit_queue(self, arn: str, most: int | None) -> None:
        self.step(*self.configure(queue(arn, *ENVIRONMENTS, fair=FAIR.get(arn), most=most)))

    @rule(name=st.sampled_from(DEFINITIONS), most=st.sampled_from([None, 0, 1, 2]))
    def limit_definition(self, name: str, most: int | None) -> None:
        self.step(*self.configure(DefinitionLimited(name, most)))

    @rule(name=st.sampled_from(RESOURCES), total=st.integers(0, 5))
    def stock(self, name: str, total: int) -> None:
        self.step(*self.configure(consumable(name, total, lasting=name == "seat")))

    @rule(pick=st.integers(0, 20))
    def delete_something(self, pick: int) -> None:
        if pick < len(QUEUES):
            self.told.pop(QUEUES[pick], None)
            self.step(QueueDeleted(QUEUES[pick]))
        elif pick - len(QUEUES) < len(ENVIRONMENTS):
            arn = ENVIRONMENTS[pick - len(QUEUES)]
            self.told.pop(arn, None)
            self.step(EnvironmentDeleted(arn))

    @rule()
    def wait_for_the_next_deadline(self) -> None:
        self.now = max(self.now, self.scheduler.next_deadline() or 0)
        self.step(TimePassed())
        due = self.scheduler.next_deadline()
        assert due is None or due > self.now

    @rule()
    def crash(self) -> None:
        """All that is left is the rows."""
        wanted = self.scheduler.wanted()
        again = Scheduler()
        again.step(list(self.told.values()), self.now)
        again.restore(self.rows.live(), self.units, self.rows.shares.values())
        assert again.state.jobs == self.scheduler.state.jobs
        assert sorted(map(repr, again.wanted())) == sorted(map(repr, wanted))
        assert shares_of(again) == shares_of(self.scheduler)
        self.scheduler = again
        self.step(TimePassed())

    @invariant()
    def all_is_well(self) -> None:
        assert invariants.check(self.scheduler.state) == []
        live = {row.whole.job_id for row in self.rows.live()}
        assert live == set(self.scheduler.state.jobs), "what is acknowledged is known until it ends"
        for queue_ in self.scheduler.state.queues.values():
            for line in queue_.lines.values():
                tried = [(job.spec.priority, bool(job.attempts)) for job in lines.order(line)]
                assert tried == sorted(tried, reverse=True), "by priority, and retried jobs stand in front"

    def teardown(self) -> None:
        """Let everything run to its end: no job is stuck that has somewhere to run."""
        self.now += 1
        self.step(*self.configure(machine(8, 8192, 2)))
        for arn in ENVIRONMENTS:
            self.step(*self.configure(environment(arn)))
        for arn in QUEUES:
            self.step(*self.configure(queue(arn, *ENVIRONMENTS, fair=FAIR.get(arn))))
        for name in DEFINITIONS:
            self.step(*self.configure(DefinitionLimited(name, None)))
        for name in RESOURCES:
            self.step(*self.configure(consumable(name, 1000, lasting=name == "seat")))
        for _ in range(1000):
            if not self.scheduler.state.tasks:
                break
            self.step(*[TaskExited(task_id, self.now, 0) for task_id in self.scheduler.state.tasks])
        assert self.scheduler.state.jobs == {}, "every job ends"
        assert {pool.name for pool in self.scheduler.state.pools.values()} == set(RESOURCES), "keys go with their jobs"


def may_step_aside(job: Job) -> bool:
    return bool(job.spec.definition) or any(claim.limit is not None for claim in job.spec.claims)


def shares_of(scheduler: Scheduler) -> dict[tuple[str, str], tuple[int, ...]]:
    """What is remembered of them."""
    return {
        (arn, name): (line.live, line.held, line.used, line.used_at)
        for arn, queue_ in scheduler.state.queues.items()
        for name, line in queue_.lines.items()
        if name
    }


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLives = Lives.TestCase
