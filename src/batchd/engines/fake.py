"""Tasks that only pretend: for trying batchd out (`--engine fake`), for tests, and for simulation.

What a task does is read from its first container's environment:

    BATCHD_FAKE_RUN_S           seconds from start to end, default 0
    BATCHD_FAKE_START_S         seconds from the order to the start, default 0
    BATCHD_FAKE_EXIT_CODE       default 0
    BATCHD_FAKE_REASON          a reason beside the exit code, e.g. of an OutOfMemoryError
    BATCHD_FAKE_OUTPUT          text for the log file
    BATCHD_FAKE_FAIL_TO_START   the reason for which it never runs
    BATCHD_FAKE_VANISH          1: it is lost instead of ending
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
from batchd.engines.engine import Abilities, Exited, FailedToStart, Lost, Report, Started
from batchd.task import ContainerSpec, TaskSpec

_KILLED = 137


@dataclass(frozen=True, slots=True)
class FakeTask:
    """The knobs of one task; an engine has one of these as its defaults."""

    run_s: float = 0.0
    start_s: float = 0.0
    exit_code: int = 0
    reason: str | None = None
    output: str = ""
    fail_to_start: str | None = None
    vanish: bool = False
    stop_exit_code: int = 143
    ignore_sigterm: bool = False


@dataclass(slots=True)
class _Life:
    """One task in the world: what is due next, and its state as the report that says it."""

    spec: TaskSpec
    knobs: FakeTask
    started: Started | None = None
    ended: Report | None = None
    ends_at: int = 0
    due: int = 0  # in `FakeWorld.agenda`; an entry with another number is of the past

    def reports(self) -> list[Report]:
        return [report for report in (self.started, self.ended) if report]


@dataclass(slots=True)
class FakeWorld:
    """What goes on without a server: hand it to the next FakeEngine and it adopts."""

    tasks: dict[str, _Life] = field(default_factory=dict)
    agenda: list[tuple[int, int, str]] = field(default_factory=list)  # (at ms, sequence number, task id)
    sequence: int = 0

    def plan(self, life: _Life, at: int) -> None:
        """The next thing that happens to the task happens at `at`; what was planned before does not."""
        self.sequence += 1
        life.due = self.sequence
        heapq.heappush(self.agenda, (at, self.sequence, life.spec.task_id))

    def next_at(self) -> int | None:
        """When something happens next; None: never."""
        while self.agenda:
            at, due, task_id = self.agenda[0]
            life = self.tasks.get(task_id)
            if life and life.due == due:
                return at
            heapq.heappop(self.agenda)
        return None

    def happen(self, now: int) -> list[Report]:
        """Let all happen that is due by `now`, in order; the news of it."""
        news: list[Report] = []
        while (at := self.next_at()) is not None and at <= now:
            _, _, task_id = heapq.heappop(self.agenda)
            news.append(self._step(self.tasks[task_id], at))
        return news

    def _step(self, life: _Life, at: int) -> Report:
        task_id, knobs = life.spec.task_id, life.knobs
        if life.started is None and knobs.fail_to_start:
            life.ended = FailedToStart(task_id, at, knobs.fail_to_start)
        elif life.started is None:
            life.started = Started(task_id, at)
            life.ends_at = at + round(knobs.run_s * 1000)
            self.plan(life, life.ends_at)
            return life.started
        elif knobs.vanish:
            life.ended = Lost(task_id, at, "The task vanished")
        else:
            life.ended = Exited(task_id, at, knobs.exit_code, knobs.reason)
        return life.ended


class FakeEngine:
    """Runs nothing. `directory` takes the log files.

    With `timers` (the default) reports come by themselves, in the time of the event loop. Without, they come from
    `advance()`, which delivers all that is due by the clock: nothing ever sleeps.
    """

    name = "fake"
    abilities = Abilities(
        containers=False,
        limits_memory=False,
        limits_cpu=False,
        notes=("tasks only pretend to run; they end with the server",),
    )

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

    async def open(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        self.attach(report, adopt, keep)

    def attach(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        """`open`, for callers without an event loop (then without timers)."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._report = report
        self.world.happen(self._clock.now_ms())
        for task_id in self.world.tasks.keys() - {*adopt, *keep}:
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
        if spec.task_id in self.world.tasks:
            self._report_state(spec.task_id)
            return
        life = _Life(spec, self._knobs(spec))
        self.world.tasks[spec.task_id] = life
        self.world.plan(life, self._clock.now_ms() + round(life.knobs.start_s * 1000))
        self._set_timer()

    def stop(self, task_id: str, grace_s: float) -> None:
        life = self.world.tasks.get(task_id)
        if life is None or life.ended:
            return
        now = self._clock.now_ms()
        if not life.knobs.ignore_sigterm:
            self._end_by(life, now, life.knobs.stop_exit_code)
        elif life.started is None or life.ends_at > now + round(grace_s * 1000):
            self._end_by(life, now + round(grace_s * 1000), _KILLED)

    def forget(self, task_id: str) -> None:
        self.world.tasks.pop(task_id, None)
        self._log(task_id).unlink(missing_ok=True)

    def log_path(self, task_id: str, container: str) -> Path:
        return self._log(task_id)

    async def close(self) -> None:
        self._report = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _end_by(self, life: _Life, at: int, exit_code: int) -> None:
        life.knobs = replace(life.knobs, exit_code=exit_code, vanish=False, fail_to_start=None, run_s=0.0)
        life.ends_at = at
        self.world.plan(life, at)
        self._set_timer()

    def _knobs(self, spec: TaskSpec) -> FakeTask:
        first = spec.containers[0] if spec.containers else ContainerSpec("", "")
        try:
            return read_knobs(first.environment, self._defaults)
        except ValueError as error:
            return replace(self._defaults, fail_to_start=f"CannotStartContainerError: {error}")

    def _report_state(self, task_id: str) -> None:
        life = self.world.tasks.get(task_id)
        if life is None:
            self._deliver(Lost(task_id, self._clock.now_ms(), "The engine has no trace of the task"))
            return
        for report in life.reports():
            self._deliver(report)

    def _deliver(self, report: Report) -> None:
        life = self.world.tasks.get(report.task_id)
        if life and isinstance(report, Started):
            self._write_log(life)
        if self._report:
            self._report(report)

    def _write_log(self, life: _Life) -> None:
        if life.knobs.output and life.spec.containers[0].log:
            self._log(life.spec.task_id).write_text(life.knobs.output)

    def _log(self, task_id: str) -> Path:
        return self._directory / f"{task_id}.log"

    def _set_timer(self) -> None:
        """One timer, for the next thing that happens."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        at = self.world.next_at()
        if self._timers and self._report and at is not None:
            wait_s = max(0.0, (at - self._clock.now_ms()) / 1000)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.advance)


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
    "fail_to_start": str,
    "vanish": _flag,
    "stop_exit_code": int,
    "ignore_sigterm": _flag,
}
