"""What every engine promises. An engine runs tasks; it decides nothing.

`start`, `stop` and `forget` return at once and never raise for one task's sake: every outcome is a report.
All three are idempotent by task id, so that commands may be repeated after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batchd.task import TaskSpec

RESULT_VARIABLE = "BATCHD_OUTPUT"
RESULT_BYTES = 64 * 1024  # a larger result is refused


@dataclass(frozen=True, slots=True)
class Started:
    """The task's process or container is up; of several the first."""

    task_id: str
    at: int  # ms since the epoch


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task took of the machine, all its processes together: MiB at the most, seconds of CPU."""

    peak_memory_mib: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """How one container ended; without an exit code it never ran, or nobody saw its end."""

    name: str
    exit_code: int | None
    reason: str | None = None  # AWS's container reason, e.g. OutOfMemoryError [batch.md 1.2]


@dataclass(frozen=True, slots=True)
class Exited:
    """The task has ended and all its output is in its log files. Repeated after a restart until forgotten.

    `exit_code` and `reason` are of the container that decided: the first essential one to end, or the first that failed
    where none is essential. `containers` are all of them, where the task has several.
    `output` is what it wrote to the file named in BATCHD_OUTPUT, at most RESULT_BYTES and one more; None: nothing.
    `usage` None: the engine could not tell.
    """

    task_id: str
    at: int
    exit_code: int | None
    reason: str | None = None
    output: bytes | None = None
    usage: Usage | None = None
    containers: tuple[ContainerExit, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedToStart:
    """The task never ran; `reason` is AWS's text, e.g. `CannotPullContainerError: …`."""

    task_id: str
    at: int
    reason: str
    containers: tuple[ContainerExit, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """The engine has no trace of a task it was asked to adopt, or its runner died with it."""

    task_id: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The task was given ahead of the room for it, and there was none soon: the engine knows it no more. Reported once;
    whoever starts the task again starts it anew."""

    task_id: str
    at: int


Report = Started | Exited | FailedToStart | Lost | Returned


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the engine can do, as data: `doctor` prints it, nobody branches on a type.

    `ahead` is how many tasks it takes for which there is no room yet: it begins them in their order, or returns them.
    """

    containers: bool
    limits_memory: bool
    limits_cpu: bool
    notes: tuple[str, ...] = ()  # honest sentences for `batchd doctor`
    ahead: int = 0


class Engine(Protocol):
    """One per server. Every method is called on the event loop's thread; `report` is too."""

    name: str

    @property
    def abilities(self) -> Abilities: ...

    async def open(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        """Connect. For each task id in `adopt` report its present state: Started, Exited, FailedToStart or Lost.

        `keep` are tasks whose start was committed and perhaps never performed: nothing is reported of them, `start`
        follows. Tasks the engine knows and neither list names were recorded as ended before the crash: forgotten.
        Raises EngineError when the backend cannot be used.
        """

    def start(self, spec: TaskSpec) -> None:
        """Run the task, unless a task of this id is known: then report its present state again.

        Where the engine takes tasks ahead of the room for them, one that `needs` more than is left waits for its turn.
        """

    def stop(self, task_id: str, grace_s: float) -> None:
        """SIGTERM, then SIGKILL after `grace_s` or a container's own time. Unknown or ended: nothing.

        What has not started yet never will. The end comes as an Exited report."""

    def forget(self, task_id: str) -> None:
        """The end is recorded for good and the log read: remove container, log file and scratch directory."""

    def log_path(self, task_id: str, container: str) -> Path:
        """The file that holds the raw output, stdout and stderr as they came; may not exist (yet)."""

    async def close(self) -> None:
        """Disconnect. Running tasks go on."""
