"""A Batch service whose jobs are scheduled, and engines that do as the test says."""

from __future__ import annotations

from batchd.clock import ManualClock
from batchd.controllers.schedule import Schedule
from batchd.scheduler.commands import Command, StartTask
from batchd.scheduler.events import Event, MachineSized, Resources, TaskExited, TaskStarted
from batchd.scheduler.state import Transition
from batchd.services.batch.state_change import detail
from batchd.store.store import Body
from tests.services.batch.worlds import World


class Town:
    """A Batch world with a scheduler, and engines that do as they are told by `tell`.

    `seen` is what DescribeJobs told of each job after each step, by the state it had then entered last.
    """

    def __init__(self, world: World, vcpus: int = 4) -> None:
        self.world = world
        self.clock = ManualClock()
        self.tasks: dict[str, str] = {}  # the task in hand by job id
        self.seen: list[tuple[Transition, str, Body]] = []
        self._read = 0
        machine = MachineSized(Resources(1000 * vcpus, 8192))
        world.store.follow(Schedule(world.store, self.clock, machine, self._perform))

    def submit(self, **params: object) -> str:
        job_id = self.world.submit(**params)
        self._look()
        return job_id

    def ask(self, operation: str, **params: object) -> None:
        self.world.ask(operation, **params)
        self._look()

    def start(self, job_id: str) -> int:
        """When it began."""
        self.clock.advance(1)
        return self.tell(TaskStarted(self.tasks[job_id], self.clock.now_ms()))

    def exit(self, job_id: str, code: int) -> int:
        """When it ended."""
        self.clock.advance(5)
        return self.tell(TaskExited(self.tasks[job_id], self.clock.now_ms(), code))

    def tell(self, *events: Event) -> int:
        self.world.store.transact(lambda tx: [tx.journal.append(event) for event in events])
        self._look()
        return self.clock.now_ms()

    def moved(self) -> list[Transition]:
        """Every state any job entered, in order."""
        with self.world.store.read() as tx:
            return [one for _, some in tx.journal.transitions(0, 1000) for one in some]

    def details(self, job_id: str) -> list[Body]:
        """Of every event of the job, made now."""
        row = self.world.row(job_id)
        return [detail(row, one) for one in self.moved() if job_id in one.job_ids()]

    def _perform(self, commands: list[Command]) -> None:
        self.tasks.update({command.job_id: command.task_id for command in commands if isinstance(command, StartTask)})

    def _look(self) -> None:
        """What DescribeJobs says of the jobs that moved in the steps since the last look."""
        with self.world.store.read() as tx:
            steps = tx.journal.transitions(self._read, 1000)
        last = {job_id: one for number, some in steps for one in some for job_id in one.job_ids()}
        self._read = max([self._read, *(number for number, _ in steps)])
        self.seen += [(one, job_id, self.world.job(job_id)) for job_id, one in last.items()]
