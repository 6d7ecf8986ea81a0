"""A server that can die between any two instructions that matter, and what outlives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from batchd.controllers.launch import Launch
from batchd.controllers.schedule import Schedule
from batchd.engines.engine import Report
from batchd.engines.fake import FakeEngine
from batchd.errors import StoreError
from batchd.scheduler.events import Event
from batchd.store.store import Store, Tx
from batchd.task import TaskSpec


class Death(BaseException):
    """The server dies here: nothing below may catch it."""


@dataclass(slots=True)
class Fuse:
    """Counts down at every point where the server may die; `passed` counts the points of a whole run."""

    left: int | None = None
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Death


@dataclass(slots=True)
class Follower:
    """The schedule as the store's reader, with trouble on the way. `refuse` makes the next group fail."""

    schedule: Schedule
    fuse: Fuse
    refuse: bool = False

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        self.schedule.on_events(tx, events)
        self.fuse.point()
        if self.refuse:
            self.refuse = False
            raise StoreError("the disk is full")

    def on_commit(self) -> None:
        self.fuse.point()
        self.schedule.on_commit()

    def on_rollback(self) -> None:
        self.schedule.on_rollback()


class MortalEngine(FakeEngine):
    """A FakeEngine whose server may die around every command. `begun` counts the starts of each task, `stopped` are
    the tasks told to stop; both outlive the server."""

    fuse: Fuse
    begun: dict[str, int]
    stopped: dict[str, None]

    def start(self, spec: TaskSpec) -> None:
        self.fuse.point()
        if spec.task_id not in self.world.tasks:
            self.begun[spec.task_id] = self.begun.get(spec.task_id, 0) + 1
        super().start(spec)
        self.fuse.point()

    def stop(self, task_id: str, grace_s: float) -> None:
        self.fuse.point()
        if task_id in self.world.tasks:
            self.stopped[task_id] = None
        super().stop(task_id, grace_s)
        self.fuse.point()


@dataclass(slots=True)
class Server:
    """What dies. `news` are reports on their way, with the time at which they arrive."""

    store: Store
    engine: MortalEngine
    launch: Launch
    schedule: Schedule
    follower: Follower
    news: list[tuple[int, Report]] = field(default_factory=list)
