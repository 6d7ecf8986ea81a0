"""The engines under test: how to make one, and how to have it act out a piece of work.

To add an engine, write a `Rig` and put it into `RIGS`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from batchd.clock import SystemClock
from batchd.engines.docker import DockerEngine
from batchd.engines.engine import Engine, Report
from batchd.engines.fake import FakeEngine, FakeWorld
from batchd.engines.gate import Gate
from batchd.engines.process import ProcessEngine
from batchd.engines.runner.place import Place
from batchd.task import ContainerSpec, LogDestination, Mount, TaskSpec
from tests.docker_daemon import IMAGE, docker, docker_or_skip
from tests.docker_desk import clean_up, settings_for
from tests.patience import Patience

LOG = LogDestination("us-east-1", "/aws/batch/job", "stream")
NEVER_S = 600.0  # longer than any test waits


@dataclass(frozen=True)
class Work:
    """What a task of a test shall do, in this order, in words that every engine can act out."""

    missing: bool = False  # the command does not exist
    on_sigterm: str = ""  # "" as the system does, "ignore", or the exit code to end with
    lines: tuple[tuple[int, str], ...] = ()  # (1 stdout or 2 stderr, text)
    show: str = ""  # print the value of this variable
    fill_bytes: int = 0  # output of so many x
    hold_mib: int = 0  # keep this much memory
    result: str = ""  # what it writes to the file that BATCHD_OUTPUT names
    run_s: float = 0.0
    gated: bool = False  # go on until the test opens the rig's gate
    exit_code: int = 0
    environment: dict[str, str] = field(default_factory=dict)


ROOM = (1000, 4096)  # of the engines that take tasks ahead of it: one vCPU


class Rig(Protocol):
    """One engine's backend for one test."""

    survives_server: bool  # whether tasks go on when the server's process is killed
    deaf_exit_code: int  # of what does nothing about SIGTERM and is stopped

    def engine(self) -> Engine:
        """A new engine on this backend, as a restarted server would make it; not open."""

    def container(self, work: Work) -> ContainerSpec:
        """A container that does the work, with 64 MiB and a log."""

    def server_source(self) -> str:
        """Python source that defines `make_engine()`, for an engine in another process."""

    async def until_ended(self, task_id: str) -> None:
        """Wait until the task has ended, without an engine."""

    async def until_gone(self, task_id: str, container: str) -> None:
        """Wait until this container, which has begun, runs no more, while others of its task do."""

    def open_gate(self) -> None:
        """What is gated goes on."""

    def traces(self, task_id: str) -> list[str]:
        """What is still there of the task: containers, files."""

    async def close(self) -> None:
        """End everything that the test's engines left running, and the backend."""


def script(work: Work, gate: Path) -> str:
    """The work for /bin/sh, of dash or of busybox."""
    steps = []
    if work.on_sigterm:
        steps.append("trap '' TERM" if work.on_sigterm == "ignore" else f"trap 'exit {work.on_sigterm}' TERM")
    steps += [f"echo '{text}' >&{stream}" for stream, text in work.lines]
    if work.show:
        steps.append(f'echo "${work.show}"')
    if work.fill_bytes:
        steps.append(f"head -c {work.fill_bytes} /dev/zero | tr '\\0' x")
    if work.hold_mib:
        steps.append(f"held=$(head -c {work.hold_mib << 20} /dev/zero | tr '\\0' x)")
    if work.result:
        steps.append(f"printf '%s' '{work.result}' > \"$BATCHD_OUTPUT\"")
    if work.run_s:
        steps.append(f"sleep {work.run_s} & wait $!")
    if work.gated:
        steps.append(f"until [ -e '{gate}' ]; do sleep 0.02; done")
    steps.append(f"exit {work.exit_code}")
    return "\n".join(steps)


def shell_container(work: Work, image: str, gate: Path) -> ContainerSpec:
    """A container (or process) whose shell does the work."""
    command = ("batchd-no-such-command",) if work.missing else ("/bin/sh", "-c", script(work, gate))
    return ContainerSpec("main", image, command, work.environment, memory_mib=64, log=LOG)


class FakeRig:
    """What is gated goes on by itself, for here the order of all that happens is planned."""

    survives_server = False
    deaf_exit_code = 143

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._world = FakeWorld(gate=Gate(ROOM))

    def engine(self) -> Engine:
        return FakeEngine(SystemClock(), self.directory, world=self._world)

    def container(self, work: Work) -> ContainerSpec:
        output = "".join(f"{text}\n" for _, text in work.lines) + "x" * work.fill_bytes
        if work.show:
            output += work.environment.get(work.show, "") + "\n"
        knobs = {
            "BATCHD_FAKE_RUN_S": str(work.run_s + 0.3 * work.gated),
            "BATCHD_FAKE_EXIT_CODE": str(work.exit_code),
            "BATCHD_FAKE_OUTPUT": output,
            "BATCHD_FAKE_RESULT": work.result,
        }
        if work.missing:
            knobs["BATCHD_FAKE_FAIL_TO_START"] = 'CannotStartContainerError: exec: "batchd-no-such-command"'
        if work.on_sigterm == "ignore":
            knobs["BATCHD_FAKE_IGNORE_SIGTERM"] = "1"
        elif work.on_sigterm:
            knobs["BATCHD_FAKE_STOP_EXIT_CODE"] = work.on_sigterm
        return ContainerSpec("main", "fake", environment=knobs, memory_mib=64, log=LOG)

    def server_source(self) -> str:
        raise AssertionError("a fake task dies with its server")

    async def until_ended(self, task_id: str) -> None:
        end = self._world.next_at() or 0
        await until(lambda: SystemClock().now_ms() > end)

    async def until_gone(self, task_id: str, container: str) -> None:
        return None

    def open_gate(self) -> None:
        return None

    def traces(self, task_id: str) -> list[str]:
        return files_named(self.directory, task_id)

    async def close(self) -> None:
        return None


class ProcessRig:
    survives_server = True
    deaf_exit_code = 143

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._place = Place(str(directory))
        self._gate = directory.with_name("gate")

    def engine(self) -> Engine:
        return ProcessEngine(self.directory, idle_s=0.05, room=ROOM)

    def container(self, work: Work) -> ContainerSpec:
        return shell_container(work, "none", self._gate)

    def server_source(self) -> str:
        return (
            "from pathlib import Path\n"
            "from batchd.engines.process import ProcessEngine\n"
            f"def make_engine(): return ProcessEngine(Path({str(self.directory)!r}), idle_s=0.05)\n"
        )

    async def until_ended(self, task_id: str) -> None:
        """As the runner has written it down: a process is gone before that."""
        await until(lambda: ["exit", task_id] in [record[:2] for record in self._journal()])

    async def until_gone(self, task_id: str, container: str) -> None:
        scratch = Path(self._place.scratch(task_id, container))
        await until(lambda: not processes_below(scratch))

    def open_gate(self) -> None:
        self._gate.touch()

    def _journal(self) -> list[list[object]]:
        """What of it stands in whole lines."""
        return [json.loads(line) for line in Path(self._place.journal).read_text().split("\n")[:-1]]

    def traces(self, task_id: str) -> list[str]:
        return files_named(self.directory, task_id)

    async def close(self) -> None:
        """Adopting nothing kills what runs; the runner ends when it is alone, and removes its control groups."""
        engine = ProcessEngine(self.directory, idle_s=0.05)
        await engine.open(lambda report: None, [])
        pid = engine.runner_pid
        await engine.close()
        await until(lambda: not alive(pid or 0))


class DockerRig:
    survives_server = True
    deaf_exit_code = 137  # the first process of a container hears no signal that it does nothing about

    def __init__(self, directory: Path) -> None:
        self._gate = directory.with_name("gates") / "gate"
        self._gate.parent.mkdir()
        self._settings = settings_for(docker_or_skip(), directory)

    def engine(self) -> Engine:
        return DockerEngine(self._settings, SystemClock())

    def container(self, work: Work) -> ContainerSpec:
        mount = Mount(str(self._gate.parent), str(self._gate.parent), read_only=True)
        return replace(shell_container(work, IMAGE, self._gate), mounts=(mount,))

    def server_source(self) -> str:
        here = self._settings
        return (
            "from pathlib import Path\n"
            "from batchd.clock import SystemClock\n"
            "from batchd.engines.docker import DockerEngine, DockerSettings\n"
            f"settings = DockerSettings({here.instance!r}, Path({str(here.root)!r}), {here.url!r})\n"
            "def make_engine(): return DockerEngine(settings, SystemClock())\n"
        )

    async def until_ended(self, task_id: str) -> None:
        await until(lambda: not self._containers(task_id, "--filter=status=running"))

    async def until_gone(self, task_id: str, container: str) -> None:
        running = ("--filter=status=running", f"--filter=label=batchd.container={container}")
        await until(lambda: not self._containers(task_id, *running))

    def open_gate(self) -> None:
        self._gate.touch()

    def traces(self, task_id: str) -> list[str]:
        return files_named(self._settings.root, task_id) + self._containers(task_id, "--all")

    def _containers(self, task_id: str, *options: str) -> list[str]:
        return docker(self._settings.url, "ps", "--quiet", *options, f"--filter=label=batchd.task={task_id}").split()

    async def close(self) -> None:
        clean_up(self._settings)


RIGS: dict[str, Callable[[Path], Rig]] = {"fake": FakeRig, "process": ProcessRig, "docker": DockerRig}


class Server:
    """A server in the test's own process, as far as an engine knows one: it starts, listens, waits."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.engine = rig.engine()
        self.reports: list[Report] = []

    async def open(self, *adopt: str) -> None:
        await self.engine.open(self.reports.append, adopt)

    def task(self, work: Work, task_id: str = "0" * 31 + "1") -> TaskSpec:
        return TaskSpec(task_id, (self.rig.container(work),))

    def of(self, task_id: str, *kinds: type) -> list[Report]:
        """What was reported of the task, of these kinds (all, if none is named)."""
        return [r for r in self.reports if r.task_id == task_id and (not kinds or isinstance(r, kinds))]

    async def report(self, kind: type, spec: TaskSpec) -> Report:
        """Wait for the first report of this kind about the task."""
        await until(lambda: bool(self.of(spec.task_id, kind)))
        return self.of(spec.task_id, kind)[0]

    def output(self, spec: TaskSpec, container: str = "main") -> str:
        path = self.engine.log_path(spec.task_id, container)
        return path.read_text() if path.exists() else ""

    async def until_output(self, spec: TaskSpec, text: str, container: str = "main") -> None:
        await until(lambda: text in self.output(spec, container))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for the condition; TimeoutError, which fails the test, when the patience has run out."""
    patience = Patience()
    while not condition():
        if patience.ran_out():
            raise TimeoutError
        await asyncio.sleep(0.005)


def alive(pid: int) -> bool:
    """Whether a process of this number exists and is more than an exit status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def files_named(directory: Path, name: str) -> list[str]:
    """Files and directories with this in their names. One that is removed just now is still there."""
    try:
        return [str(path) for path in directory.rglob(f"*{name}*")]
    except FileNotFoundError as error:  # pathlib's, of a directory that it was about to look into
        return [str(error.filename)]


def processes_below(directory: Path) -> list[int]:
    """The processes that work in this directory or below."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "cwd").readlink().is_relative_to(directory):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
