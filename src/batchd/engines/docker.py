"""Tasks as Docker containers, over the daemon's socket. They outlive the server: labels say whose they are.

Jobs share the host's network unless set otherwise: the server listens on the host's loopback, and a job's SDK must
reach it there.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batchd.clock import Clock
from batchd.engines.docker_api import DockerApi, DockerGone, DockerRefused, Listed, patiently
from batchd.engines.docker_auth import login_file, registry_auth
from batchd.engines.docker_box import Box, Limits, Workshop, remove_container, remove_volume
from batchd.engines.docker_config import INSTANCE, SHARING, TASK, Tag, create_body, tag_of
from batchd.engines.docker_images import Images, PullPolicy
from batchd.engines.docker_reasons import NO_TRACE
from batchd.engines.docker_task import TaskRun
from batchd.engines.engine import Abilities, Lost, Report
from batchd.engines.ensemble import Part
from batchd.engines.names import safe_name
from batchd.errors import EngineError
from batchd.task import ContainerSpec, TaskSpec

log = logging.getLogger(__name__)

_RESYNC_S = 60.0  # the events are read anew, and the list with them, in case one was missed
_AWAY_S = 0.2  # before the first try to reach a daemon that went away


def _booted_at() -> int:
    """When this machine booted, ms since the epoch; 0 where the system does not say."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1000 for line in lines if line.startswith("btime ")), 0)


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """`instance` names the data directory, so that servers on one daemon leave each other's tasks alone.

    `root` is the engine's own directory (output files). `network` is a Docker network mode. `concurrency` bounds the
    containers being created, started, read out or removed at one time, not those that run.
    """

    instance: str
    root: Path
    url: str
    network: str = "host"
    pull: PullPolicy = "missing"
    concurrency: int = 4
    create_timeout_s: float = 240.0
    start_timeout_s: float = 180.0
    pull_quiet_s: float = 300.0
    login: Path = field(default_factory=login_file)
    booted_at: int = field(default_factory=_booted_at)


class DockerEngine:
    """See engine.py. A task stopped before its container started is reported as Exited without a code."""

    name = "docker"
    abilities = Abilities(
        containers=True,
        limits_memory=True,
        limits_cpu=True,
        notes=(
            "vCPUs are weights: a container may use CPU that the others leave idle.",
            "Containers use the host's network by default, so that jobs reach this server on the loopback address.",
            "GPUs are handed out by count; which ones is Docker's choice.",
            "What a container used is asked of Docker while it runs: of one that ends at once nothing is known.",
        ),
    )

    def __init__(self, settings: DockerSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._label = f"{INSTANCE}={settings.instance}"
        self._runs: dict[str, TaskRun] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}  # by task id, of self._runs
        self._removals: dict[str, asyncio.Task[None]] = {}  # by task id
        self._kept: set[str] = set()  # a start will follow, which finds what is there
        self._events: asyncio.Task[None] | None = None
        self._shop: Workshop  # from open on
        self._tell: Callable[[Report], None]

    async def open(self, report: Callable[[Report], None], adopt: Sequence[str], keep: Sequence[str] = ()) -> None:
        """See Engine. An end is preceded by its Started once more, since the crash may have swallowed that."""
        self._settings.root.mkdir(parents=True, exist_ok=True)
        self._tell = report
        self._shop = self._open_shop()
        try:
            await self._shop.api.connect()
            listed = await self._shop.api.containers(self._label)
            volumes = await self._shop.api.volumes(self._label)
        except DockerRefused as refusal:
            await self._shop.api.close()
            raise EngineError(f"the Docker daemon at {self._settings.url} refuses to work: {refusal}") from refusal
        except EngineError:
            await self._shop.api.close()
            raise
        self._kept = set(keep)
        self._adopt(listed, adopt)
        for task_id in {labels.get(TASK, "") for _, labels in volumes} - {*adopt, *self._kept}:
            self._remove(task_id)
        await asyncio.gather(*(run.settled.wait() for run in self._runs.values()))
        self._events = asyncio.create_task(self._watch_events())

    def start(self, spec: TaskSpec) -> None:
        if run := self._runs.get(spec.task_id):
            asyncio.get_running_loop().call_soon(self._repeat, run)
            return
        self._kept.discard(spec.task_id)
        boxes = [self._new_box(spec, container) for container in spec.containers]
        self._live(TaskRun(self._shop, spec.task_id, boxes, spec.stop_timeout_s, self._tell))

    def stop(self, task_id: str, grace_s: float) -> None:
        if run := self._runs.get(task_id):
            run.stop(grace_s)

    def forget(self, task_id: str) -> None:
        self._kept.discard(task_id)
        self._runs.pop(task_id, None)
        if life := self._lives.pop(task_id, None):
            life.cancel()
            self._remove(task_id, life)
        shutil.rmtree(self._directory(task_id), ignore_errors=True)

    def log_path(self, task_id: str, container: str) -> Path:
        return self._directory(task_id) / f"{safe_name(container)}.log"

    async def close(self) -> None:
        tasks = [*self._lives.values(), *self._removals.values()]
        if self._events is None:  # never opened
            return
        tasks.append(self._events)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._shop.images.close()
        await self._shop.api.close()

    def _open_shop(self) -> Workshop:
        settings = self._settings
        api = DockerApi(settings.url)
        return Workshop(
            api=api,
            images=Images(api, settings.pull, settings.pull_quiet_s, lambda ref: registry_auth(settings.login, ref)),
            clock=self._clock,
            slots=asyncio.Semaphore(settings.concurrency),
            readers=asyncio.Semaphore(settings.concurrency),
            limits=Limits(settings.create_timeout_s, settings.start_timeout_s),
            instance=settings.instance,
            booted_at=settings.booted_at,
        )

    def _directory(self, task_id: str) -> Path:
        return self._settings.root / task_id

    def _new_box(self, spec: TaskSpec, container: ContainerSpec) -> Box:
        result = self._result_path(spec.task_id, container.name)
        body = create_body(spec, container, self._settings.instance, self._settings.network, result)
        output = None if container.log is None else self.log_path(spec.task_id, container.name)
        part = Part(container.name, container.essential, container.depends_on)
        return Box(spec.task_id, part, output, result, container.start_timeout_s, container.stop_timeout_s, body)

    def _found_box(self, tag: Tag, container: str) -> Box:
        output = self.log_path(tag.task_id, tag.container) if tag.logged else None
        part = Part(tag.container, tag.essential, tag.depends_on)
        result = self._result_path(tag.task_id, tag.container)
        own = (tag.start_timeout_s, tag.own_stop_timeout_s)
        return Box(tag.task_id, part, output, result, *own, id=container, found=True)

    def _result_path(self, task_id: str, container: str) -> Path:
        return self._directory(task_id) / f"{safe_name(container)}.result"

    # --- tasks ---

    def _live(self, run: TaskRun) -> None:
        life = asyncio.create_task(self._run(run), name=f"task {run.task_id}")
        life.add_done_callback(_log_bug)
        self._runs[run.task_id] = run
        self._lives[run.task_id] = life

    async def _run(self, run: TaskRun) -> None:
        """A task that was forgotten and is started again waits for what is left of it to go."""
        if removal := self._removals.get(run.task_id):
            await asyncio.wait((removal,))
        await run.run()

    def _repeat(self, run: TaskRun) -> None:
        """Its present state again; a task that is still being brought up will report by itself."""
        if run.present is not None and self._runs.get(run.task_id) is run:
            self._tell(run.present)

    def _adopt(self, listed: Sequence[Listed], adopt: Sequence[str]) -> None:
        found: dict[str, list[tuple[Tag, str]]] = {}
        for container in reversed(listed):  # the daemon names the newest first
            if tag := tag_of(container.labels):
                found.setdefault(tag.task_id, []).append((tag, container.id))
        for task_id in adopt:
            boxes = found.get(task_id, [])
            if boxes and len(boxes) == boxes[0][0].containers:
                self._adopt_task(found.pop(task_id))
            else:  # none of several is started before all are created: it never ran
                self._tell(Lost(task_id, self._clock.now_ms(), NO_TRACE))
        for task_id in found.keys() - self._kept:
            self._remove(task_id)
        self._sweep({*adopt, *self._kept})

    def _adopt_task(self, found: Sequence[tuple[Tag, str]]) -> None:
        first = found[0][0]
        boxes = [self._found_box(tag, container) for tag, container in found]
        self._live(TaskRun(self._shop, first.task_id, boxes, first.stop_timeout_s, self._tell))

    def _sweep(self, live: set[str]) -> None:
        """Output of tasks that nobody will ask for again."""
        for directory in self._settings.root.iterdir():
            if directory.name not in live:
                shutil.rmtree(directory, ignore_errors=True)

    def _remove(self, task_id: str, life: asyncio.Task[None] | None = None) -> None:
        if task_id not in self._removals:
            removal = asyncio.create_task(self._discard(task_id, life), name=f"remove {task_id}")
            removal.add_done_callback(lambda done: self._removed(task_id, done))
            self._removals[task_id] = removal

    def _removed(self, task_id: str, removal: asyncio.Task[None]) -> None:
        self._removals.pop(task_id, None)
        _log_bug(removal)

    async def _discard(self, task_id: str, life: asyncio.Task[None] | None) -> None:
        if life is not None:
            await asyncio.wait((life,))
        api = self._shop.api
        labels = (self._label, f"{TASK}={task_id}")
        async with self._shop.slots:
            listed = await patiently(lambda: api.containers(*labels), DockerRefused)
            for container in listed:
                await remove_container(api, container.id)
            if not listed or any(SHARING in container.labels for container in listed):
                for name, _ in await patiently(lambda: api.volumes(*labels), DockerRefused):
                    await remove_volume(api, name)

    # --- ends ---

    async def _watch_events(self) -> None:
        """Wakes those whose container ended. The list is read whenever the stream begins, so that none is missed."""
        api = self._shop.api
        while True:
            try:
                async with asyncio.timeout(_RESYNC_S), api.ends(self._clock.now_ms() // 1000 - 1, self._label) as ends:
                    self._compare(await api.containers(self._label))
                    async for container in ends:
                        self._wake({container})
            except TimeoutError:
                continue
            except (DockerGone, DockerRefused) as error:
                log.warning("no news from Docker, trying again: %s", error)
            await asyncio.sleep(_AWAY_S)

    def _compare(self, listed: Sequence[Listed]) -> None:
        """Against what we know: wake those that do not run, remove what nobody asked for."""
        running = {container.id for container in listed if container.status == "running"}
        known = {box.id for run in self._runs.values() for box in run.boxes}
        self._wake(known - running)
        for container in listed:
            tag = tag_of(container.labels)
            if tag is not None and tag.task_id not in self._runs and tag.task_id not in self._kept:
                self._remove(tag.task_id)

    def _wake(self, containers: set[str]) -> None:
        for run in self._runs.values():
            for box in run.boxes:
                if box.id in containers:
                    box.woken.set()


def _log_bug(task: asyncio.Task[None]) -> None:
    """Every failure that can happen is a report; what is left is our mistake."""
    if not task.cancelled() and (error := task.exception()):
        log.error("%s failed", task.get_name(), exc_info=error)
