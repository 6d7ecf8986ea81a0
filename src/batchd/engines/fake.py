"""Tasks that only pretend: for trying batchd out (`--engine fake`), for tests, and for simulation.

What a container does is read from its environment:

    BATCHD_FAKE_RUN_S           seconds from start to end, default 0
    BATCHD_FAKE_START_S         seconds from the order (or from when it may) to the start, default 0
    BATCHD_FAKE_EXIT_CODE       default 0
    BATCHD_FAKE_REASON          a reason beside the exit code, e.g. of an OutOfMemoryError
    BATCHD_FAKE_OUTPUT          text for the log file
    BATCHD_FAKE_RESULT          what it writes to the file that BATCHD_OUTPUT names
    BATCHD_FAKE_FAIL_TO_START   the reason for which it never runs
    BATCHD_FAKE_VANISH          1: its task is lost instead of ending
    BATCHD_FAKE_STOP_EXIT_CODE  how it answers SIGTERM, default 143
    BATCHD_FAKE_IGNORE_SIGTERM  1: it goes on until it is killed (137)
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from batchd.clock import Clock
from batchd.engines.engine import Abilities, ContainerExit, Exited, FailedToStart, Lost, Report, Returned, Started
from batchd.engines.ensemble import Ensemble, Part
from batchd.engines.gate import AHEAD, NEVER_BEGUN, Gate
from batchd.engines.names import safe_name
from batchd.task import ContainerSpec, TaskSpec

_KILLED = 137


@dataclass(frozen=True, slots=True)
class FakeTask:
    """The knobs of one container; an engine has one of these as its defaults."""

    run_s: float = 0.0
    start_s: float = 0.0
    exit_code: int = 0
    reason: str | None = None
    output: str = ""
    result: str = ""
    fail_to_start: str | None = None
    vanish: bool = False
    stop_exit_code: int = 143
    ignore_sigterm: bool = False


@dataclass(slots=True, eq=False)
class _Act:
    """One container of a task, and what is planned of it: `due` numbers its next step, `late` the moment at which those
    that wait for it give up; what has another number in `FakeWorld.agenda` is of the past."""

    spec: ContainerSpec
    knobs: FakeTask
    part: Part
    up: bool = False
    ends_at: int | None = None
    due: int = 0
    late: int = 0


@dataclass(slots=True)
class _Life:
    """One task in the world: its containers, and its state as the report that says it."""

    spec: TaskSpec
    acts: dict[str, _Act]
    ensemble: Ensemble
    grace_s: float
    started: Started | None = None
    ended: Report | None = None

    def reports(self) -> list[Report]:
        return [report for report in (self.started, self.ended) if report]


@dataclass(slots=True)
class FakeWorld:
    """What goes on without a server: hand it to the next FakeEngine and it adopts.

    `risen` are the containers (task id, act) that came up and whose output nobody has written down yet. `given` are the
    tasks, with their knobs, that wait at the `gate` for the room to begin.
    """

    tasks: dict[str, _Life] = field(default_factory=dict)
    agenda: list[tuple[int, int, str, str]] = field(default_factory=list)  # (at ms, number, task id, container)
    sequence: int = 0
    news: list[Report] = field(default_factory=list)
    risen: list[tuple[str, _Act]] = field(default_factory=list)
    gate: Gate = field(default_factory=Gate)
    given: dict[str, tuple[TaskSpec, Callable[[ContainerSpec], FakeTask]]] = field(default_factory=dict)

    def knows(self, task_id: str) -> bool:
        return task_id in self.tasks or task_id in self.given

    def give(self, spec: TaskSpec, knobs: Callable[[ContainerSpec], FakeTask], now: int) -> None:
        """A new task: it begins as soon as there is room."""
        if self.gate.enter(spec.task_id, spec.needs, now):
            self.begin(spec, knobs, now)
        else:
            self.given[spec.task_id] = (spec, knobs)

    def forget(self, task_id: str, now: int) -> _Life | None:
        """The task's life, if it had begun one."""
        self.given.pop(task_id, None)
        life = self.tasks.pop(task_id, None)
        self._leave(task_id, now)
        return life

    def _leave(self, task_id: str, at: int) -> None:
        """It needs nothing any more: others may begin."""
        self.gate.leave(task_id)
        for other in self.gate.admit(at):
            self.begin(*self.given.pop(other), at)

    def begin(self, spec: TaskSpec, knobs: Callable[[ContainerSpec], FakeTask], now: int) -> None:
        """A new task; what happens of it is only planned yet."""
        containers = spec.containers or (ContainerSpec("", ""),)
        acts = {c.name: _Act(c, knobs(c), Part(c.name, c.essential, c.depends_on)) for c in containers}
        ensemble = Ensemble([act.part for act in acts.values()])
        life = self.tasks[spec.task_id] = _Life(spec, acts, ensemble, spec.stop_timeout_s)
        self._go_on(life, now)

    def stop(self, task_id: str, now: int, grace_s: float) -> None:
        """SIGTERM to all that is up; what is not up yet comes up only to end, what waits for room never does."""
        if task_id in self.given:
            spec, _ = self.given.pop(task_id)
            self.tasks[task_id] = _Life(spec, {}, Ensemble([]), spec.stop_timeout_s)
            self._end(self.tasks[task_id], FailedToStart(task_id, now, NEVER_BEGUN))
            return
        life = self.tasks.get(task_id)
        if life is not None and not life.ended:
            life.grace_s = grace_s
            life.ensemble.stop()
            self._go_on(life, now)

    def next_at(self) -> int | None:
        """When something happens next; None: never."""
        return 0 if self.news else self._planned_at()

    def _planned_at(self) -> int | None:
        return min((at for at in (self._step_at(), self.gate.next_at()) if at is not None), default=None)

    def _step_at(self) -> int | None:
        while self.agenda:
            at, number, task_id, name = self.agenda[0]
            life = self.tasks.get(task_id)
            if life and not life.ended and number in (life.acts[name].due, life.acts[name].late):
                return at
            heapq.heappop(self.agenda)
        return None

    def happen(self, now: int) -> list[Report]:
        """Let all happen that is due by `now`, in order; the news of it."""
        while (at := self._planned_at()) is not None and at <= now:
            if self._step_at() == at:
                _, number, task_id, name = heapq.heappop(self.agenda)
                life = self.tasks[task_id]
                self._step(life, life.acts[name], number, at)
            else:
                self._give_back(at)
        news, self.news = self.news, []
        return news

    def _give_back(self, at: int) -> None:
        """What has waited too long."""
        for task_id in self.gate.give_up(at):
            del self.given[task_id]
            self.news.append(Returned(task_id, at))

    def _step(self, life: _Life, act: _Act, number: int, at: int) -> None:
        knobs, ensemble = act.knobs, life.ensemble
        if act.up and knobs.vanish and number == act.due:
            self._end(life, Lost(life.spec.task_id, at, "The task vanished"))
            return
        if number == act.late:
            ensemble.give_up(act.part, act.spec.start_timeout_s or 0.0)
        elif act.up:
            ensemble.end(act.part, knobs.exit_code, knobs.reason)
        elif knobs.fail_to_start:
            ensemble.fail(act.part, knobs.fail_to_start)
        else:
            self._rise(life, act, at)
        self._go_on(life, at)

    def _rise(self, life: _Life, act: _Act, at: int) -> None:
        """The container is up."""
        act.up = True
        act.ends_at = at + round(act.knobs.run_s * 1000)
        act.due = self._plan(life, act, act.ends_at)
        life.ensemble.up(act.part)
        self.risen.append((life.spec.task_id, act))
        if life.started is None:
            life.started = Started(life.spec.task_id, at)
            self.news.append(life.started)

    def _go_on(self, life: _Life, at: int) -> None:
        """Begin who may, stop who must, and end the task when all of it has ended."""
        ensemble = life.ensemble
        while part := ensemble.next_due():
            act = life.acts[part.name]
            act.due = self._plan(life, act, at + round(act.knobs.start_s * 1000))
            if act.spec.start_timeout_s is not None and ensemble.is_awaited(part):
                act.late = self._plan(life, act, at + round(act.spec.start_timeout_s * 1000))
        if ensemble.stopping:
            for act in life.acts.values():
                if act.part.running:
                    self._stop(life, act, at)
        if ensemble.over:
            self._close(life, at)

    def _stop(self, life: _Life, act: _Act, now: int) -> None:
        own = act.spec.stop_timeout_s
        at, exit_code = now, act.knobs.stop_exit_code
        if act.knobs.ignore_sigterm:
            at, exit_code = now + round((life.grace_s if own is None else own) * 1000), _KILLED
        if act.ends_at is not None and act.ends_at <= at:
            return
        act.knobs = replace(act.knobs, exit_code=exit_code, vanish=False, fail_to_start=None, run_s=0.0)
        act.ends_at = at
        act.due = self._plan(life, act, at)

    def _close(self, life: _Life, at: int) -> None:
        code, reason = life.ensemble.verdict()
        exits = tuple(ContainerExit(*ended) for ended in life.ensemble.exits())
        if life.started:
            results = (act.knobs.result.encode() for act in life.acts.values() if act.knobs.result)
            self._end(life, Exited(life.spec.task_id, at, code, reason, next(results, None), containers=exits))
        else:
            self._end(life, FailedToStart(life.spec.task_id, at, reason or "", exits))

    def _end(self, life: _Life, report: Report) -> None:
        life.ended = report
        self.news.append(report)
        self._leave(report.task_id, report.at)

    def _plan(self, life: _Life, act: _Act, at: int) -> int:
        """The number of the new entry."""
        self.sequence += 1
        heapq.heappush(self.agenda, (at, self.sequence, life.spec.task_id, act.spec.name))
        return self.sequence


class FakeEngine:
    """Runs nothing. `directory` takes the log files.

    With `timers` (the default) reports come by themselves, in the time of the event loop. Without, they come from
    `advance()`, which delivers all that is due by the clock: nothing ever sleeps. Where the `gate` of its world says
    how much room there is, it takes tasks ahead of it.
    """

    name = "fake"

    def __init__(
        self,
        clock: Clock,
        directory: Path,
        defaults: FakeTask | None = None,
        world: FakeWorld | None = None,
        timers: bool = True,
    ) -> None:
        self.world = world or FakeWorld()
        self._clock = clock
        self._directory = directory
        self._defaults = defaults or FakeTask()
        self._timers = timers
        self._timer: asyncio.TimerHandle | None = None
        self._report: Callable[[Report], None] | None = None

    @property
    def abilities(self) -> Abilities:
        notes = ("tasks only pretend to run; they end with the server",)
        return Abilities(False, False, False, notes, AHEAD if self.world.gate.room else 0)

    async def open(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        self.attach(report, adopt, keep)

    def attach(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        """`open`, for callers without an event loop (then without timers)."""
        self._report = report
        self.world.happen(self._clock.now_ms())
        for task_id in [*self.world.given, *self.world.tasks]:
            if task_id not in adopt and task_id not in keep:
                self.forget(task_id)
        for task_id in adopt:
            self._report_state(task_id)
        self._set_timer()

    def advance(self) -> None:
        """Deliver what is due by the clock, in order of time, including what these reports cause by now."""
        while self._report and (news := self.world.happen(self._clock.now_ms())):
            for report in news:
                self._deliver(report)
        self._set_timer()

    def next_at(self) -> int | None:
        """When the next report is due, ms since the epoch: how far a simulation may move its clock."""
        return self.world.next_at()

    def start(self, spec: TaskSpec) -> None:
        if self.world.knows(spec.task_id):
            self._report_state(spec.task_id)
            return
        self.world.give(spec, self._knobs, self._clock.now_ms())
        self._set_timer()

    def stop(self, task_id: str, grace_s: float) -> None:
        self.world.stop(task_id, self._clock.now_ms(), grace_s)
        self._set_timer()

    def forget(self, task_id: str) -> None:
        life = self.world.forget(task_id, self._clock.now_ms())
        for name, act in life.acts.items() if life else ():
            if _writes(act):
                self.log_path(task_id, name).unlink(missing_ok=True)

    def log_path(self, task_id: str, container: str) -> Path:
        return self._directory / f"{task_id}.{safe_name(container)}.log"

    async def close(self) -> None:
        self._report = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _knobs(self, container: ContainerSpec) -> FakeTask:
        try:
            return read_knobs(container.environment, self._defaults)
        except ValueError as error:
            return replace(self._defaults, fail_to_start=f"CannotStartContainerError: {error}")

    def _report_state(self, task_id: str) -> None:
        if task_id in self.world.given:
            return
        life = self.world.tasks.get(task_id)
        if life is None:
            self._deliver(Lost(task_id, self._clock.now_ms(), "The engine has no trace of the task"))
            return
        for report in life.reports():
            self._deliver(report)

    def _deliver(self, report: Report) -> None:
        self._write_logs()
        if self._report:
            self._report(report)

    def _write_logs(self) -> None:
        """A container's output is there from its start on."""
        risen, self.world.risen = self.world.risen, []
        for task_id, act in risen:
            if _writes(act) and task_id in self.world.tasks:
                self._directory.mkdir(parents=True, exist_ok=True)
                self.log_path(task_id, act.spec.name).write_text(act.knobs.output)

    def _set_timer(self) -> None:
        """One timer, for the next thing that happens."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        at = self.world.next_at()
        if self._timers and self._report and at is not None:
            wait_s = max(0.0, (at - self._clock.now_ms()) / 1000)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.advance)


def _writes(act: _Act) -> bool:
    return bool(act.knobs.output and act.spec.log)


def read_knobs(environment: dict[str, str], defaults: FakeTask) -> FakeTask:
    """The knobs that a container's environment sets. Raises ValueError with the variable's name."""
    knobs = defaults
    for name, parse in _KNOBS.items():
        text = environment.get(f"BATCHD_FAKE_{name.upper()}")
        if text is None:
            continue
        try:
            knobs = replace(knobs, **{name: parse(text)})
        except ValueError:
            raise ValueError(f"BATCHD_FAKE_{name.upper()} cannot be {text!r}") from None
    return knobs


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        raise ValueError
    return seconds


def _flag(text: str) -> bool:
    if text not in ("", "0", "1"):
        raise ValueError
    return text == "1"


_KNOBS: dict[str, Callable[[str], Any]] = {  # Any: each the type of its field
    "run_s": _seconds,
    "start_s": _seconds,
    "exit_code": int,
    "reason": str,
    "output": str,
    "result": str,
    "fail_to_start": str,
    "vanish": _flag,
    "stop_exit_code": int,
    "ignore_sigterm": _flag,
}
