"""A server that can die between any two instructions that matter, and what outlives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from batchd.controllers.launch import Launch
from batchd.controllers.schedule import Schedule
from batchd.engines.engine import Report, Returned
from batchd.engines.fake import FakeEngine, FakeTask, FakeWorld
from batchd.errors import StoreError
from batchd.scheduler.events import Event
from batchd.store.store import Store, Tx
from batchd.task import ContainerSpec, TaskSpec


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


@dataclass(slots=True)
class WatchedWorld(FakeWorld):
    """`begun` counts the beginnings of each task, `returned` are tasks that were given back and not given again."""

    begun: dict[str, int] = field(default_factory=dict)
    returned: dict[str, None] = field(default_factory=dict)

    def begin(self, spec: TaskSpec, knobs: Callable[[ContainerSpec], FakeTask], now: int) -> None:
        self.begun[spec.task_id] = self.begun.get(spec.task_id, 0) + 1
        FakeWorld.begin(self, spec, knobs, now)

    def give(self, spec: TaskSpec, knobs: Callable[[ContainerSpec], FakeTask], now: int) -> None:
        self.returned.pop(spec.task_id, None)
        FakeWorld.give(self, spec, knobs, now)

    def happen(self, now: int) -> list[Report]:
        news = FakeWorld.happen(self, now)
        self.returned.update((report.task_id, None) for report in news if isinstance(report, Returned))
        return news


class MortalEngine(FakeEngine):
    """A FakeEngine whose server may die around every command. `stopped` are the tasks told to stop; they outlive the
    server."""

    fuse: Fuse
    stopped: dict[str, None]

    def start(self, spec: TaskSpec) -> None:
        self.fuse.point()
        super().start(spec)
        self.fuse.point()

    def stop(self, task_id: str, grace_s: float) -> None:
        self.fuse.point()
        if self.world.knows(task_id):
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
