"""Tasks as processes of this machine. A runner of its own owns them, so they outlive the server (see `runner`).

The engine keeps what the runner has not answered yet. When the line breaks because the runner died, a new runner is
started, told what was known, and asked again: no order is lost, and none is carried out twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchd.engines.engine import (
    Abilities,
    ContainerExit,
    Exited,
    FailedToStart,
    Lost,
    Report,
    Returned,
    Started,
    Usage,
)
from batchd.engines.gate import AHEAD
from batchd.engines.process_line import Line, connect
from batchd.engines.result_file import read_result
from batchd.engines.runner.place import Place
from batchd.errors import EngineError
from batchd.task import ContainerSpec, TaskSpec

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
_NO_COMMAND = (
    "the process engine runs the command of the job definition as a process of this machine, and there is none"
)
_NOTES = (
    "tasks are plain processes of this machine: image, mounts, volumes, tmpfs, devices, gpus, privileged and "
    "read-only root are not applied; the host's files are simply there",
    "PATH, HOME and LANG are the server's unless a job sets them; TMPDIR is a directory of the task's own",
)


class _Known:
    """A task between its start and the day it is forgotten: what is still to be answered."""

    __slots__ = ("ended", "start", "stop")

    def __init__(self, start: list[Any] | None = None) -> None:
        self.start = start  # the order, until the runner has answered it
        self.stop: list[Any] | None = None
        self.ended = False


class ProcessEngine:
    """Runs the command of each of a task's containers as a process group.

    `directory` is the engine's own, made when missing. The runner ends `idle_s` after the last server has gone and
    the last process has ended. With `room`, which is how much tasks may need together (thousandths of a vCPU, MiB), it
    takes tasks ahead of it.
    """

    name = "process"

    def __init__(self, directory: Path, idle_s: float = 10.0, room: tuple[int, int] | None = None) -> None:
        self._place = Place(str(directory))
        self._idle_s = idle_s
        self._room = room
        self._known: dict[str, _Known] = {}
        self._report: Callable[[Report], None] = lambda report: None
        self._line: Line | None = None
        self._repair: asyncio.Task[None] | None = None
        self._closed = True
        self._up = False  # whether the line stands, and nobody is mending it

    @property
    def abilities(self) -> Abilities:
        """What the runner found it may do; before `open`, nothing is promised."""
        ahead = AHEAD if self._room else 0
        if self._line is None:
            return Abilities(False, False, False, (*_NOTES, "limits are known once the runner is up"), ahead)
        facts = self._line.facts
        return Abilities(False, facts["limits_memory"], facts["limits_cpu"], (*_NOTES, *facts["notes"]), ahead)

    @property
    def runner_pid(self) -> int | None:
        """The process that owns the tasks; None while not connected."""
        return self._line.facts["pid"] if self._line else None

    async def open(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        """See Engine. An exit is preceded by its Started once more, since the crash may have swallowed that."""
        self._report = report
        self._closed = False
        self._known = {task_id: _Known() for task_id in adopt}
        await self._connect(keep)

    def start(self, spec: TaskSpec) -> None:
        order = ["start", spec.task_id, _program(spec)]
        self._known.setdefault(spec.task_id, _Known(order))
        self._send(order)

    def stop(self, task_id: str, grace_s: float) -> None:
        order = ["stop", task_id, grace_s]
        known = self._known.get(task_id)
        if known and not known.ended:
            known.stop = order
        self._send(order)

    def forget(self, task_id: str) -> None:
        self._known.pop(task_id, None)
        if self._line:
            self._line.send_later(["forget", task_id])

    def log_path(self, task_id: str, container: str) -> Path:
        return Path(self._place.log(task_id, container))

    async def close(self) -> None:
        self._closed, self._up = True, False
        if self._repair:
            self._repair.cancel()
            await asyncio.gather(self._repair, return_exceptions=True)
        if self._line:
            await self._line.close()
            self._line = None

    def _send(self, order: list[Any]) -> None:
        """Without a line nothing is lost: `_connect` tells the runner all that it has not answered."""
        if self._line:
            self._line.send(order)

    async def _connect(self, keep: Sequence[str] = ()) -> None:
        line = await connect(self._place, self._idle_s, self._on_message, self._on_loss)
        unanswered = [task_id for task_id, known in self._known.items() if known.start]
        ended = [task_id for task_id, known in self._known.items() if known.ended]
        adopt = [task_id for task_id, known in self._known.items() if not known.start and not known.ended]
        line.send(["open", adopt, [*unanswered, *ended, *keep], _defaults(), self._room])
        for known in self._known.values():
            for order in (known.start, known.stop):
                if order:
                    line.send(order)
        self._line = line
        if not await line.opened():
            raise EngineError(f"the runner of {self._place.directory} died as it was told what to adopt")
        self._up = True

    def _on_message(self, message: list[Any]) -> None:
        kind, task_id, *rest = message
        known = self._known.get(task_id)
        if kind == "returned":
            self._known.pop(task_id, None)
        elif known:
            known.start = None
            if kind != "started":
                known.ended, known.stop = True, None
        report = _report(kind, task_id, rest)
        self._report(self._with_output(report) if isinstance(report, Exited) else report)

    def _with_output(self, exited: Exited) -> Exited:
        """Of several containers the first that wrote a result; in a task of one its directory is the task's."""
        names = [end.name for end in exited.containers] or [""]
        found = (read_result(self._place.result(exited.task_id, name)) for name in names)
        return replace(exited, output=next((output for output in found if output), None))

    def _on_loss(self) -> None:
        """The runner has died (or was killed): start another one, which says what became of the tasks."""
        self._line = None
        if self._up and not self._closed:
            self._up = False
            self._repair = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        while not self._closed:
            try:
                await self._connect()
            except EngineError as error:
                _log.warning("no runner for %s: %s", self._place.directory, error)
                await asyncio.sleep(_RETRY_S)
            else:
                return


def _report(kind: str, task_id: str, rest: list[Any]) -> Report:
    """The wire's message as a report; what is not read here of `more` is for engines to come."""
    if kind == "started":
        return Started(task_id, rest[0])
    if kind == "returned":
        return Returned(task_id, rest[0])
    more: dict[str, Any] = rest[-1]
    containers = tuple(ContainerExit(*ended) for ended in more.get("containers", ()))
    if kind == "exited":
        at, code, reason = rest[:3]
        usage = Usage(*more["usage"]) if "usage" in more else None
        return Exited(task_id, at, code, reason, usage=usage, containers=containers)
    at, reason = rest[:2]
    return FailedToStart(task_id, at, reason, containers) if kind == "failed" else Lost(task_id, at, reason)


def _program(spec: TaskSpec) -> dict[str, Any]:
    """The wire's `Program` of a task."""
    return {
        "containers": [_process(container) for container in spec.containers],
        "stop_timeout_s": spec.stop_timeout_s,
        "refuse": _refusal(spec),
        "needs": spec.needs,
    }


def _process(container: ContainerSpec) -> dict[str, Any]:
    """The wire's `Process` of a container."""
    argv = container.entry_point + container.command
    return {
        "name": container.name,
        "essential": container.essential,
        "depends_on": container.depends_on,
        "start_timeout_s": container.start_timeout_s,
        "stop_timeout_s": container.stop_timeout_s,
        "argv": argv,
        "env": container.environment,
        "log": container.log is not None,
        "memory_mib": container.memory_mib,
        "swap_mib": container.max_swap_mib,
        "vcpus": container.vcpus,
        "user": container.user,
        "ulimits": [(limit.name, limit.soft, limit.hard) for limit in container.ulimits],
        "refuse": None if argv else _NO_COMMAND,
    }


def _refusal(spec: TaskSpec) -> str | None:
    """Why this task cannot run at all."""
    names = [container.name for container in spec.containers]
    if not names:
        return "CannotStartContainerError: the task has no container"
    if len(set(names)) < len(names):
        return "CannotStartContainerError: two containers of the task have the same name"
    return None


def _defaults() -> dict[str, str]:
    """What a task's environment has unless the task says otherwise."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(Path.home()),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
