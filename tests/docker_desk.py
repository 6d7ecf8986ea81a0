"""A Docker engine in a test: reports arrive in a list, and a test waits for the one it names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from batchd.clock import SystemClock
from batchd.engines.docker import DockerEngine, DockerSettings
from batchd.engines.engine import Report
from batchd.task import ContainerSpec, LogDestination, TaskSpec
from tests.docker_daemon import IMAGE, remove_containers
from tests.patience import LONG_S, Patience

R = TypeVar("R", bound=Report)
LOG = LogDestination("us-east-1", "/aws/batch/job", "stream")


def a_container(*command: str, **more: Any) -> ContainerSpec:
    values = {"name": "default", "image": IMAGE, "memory_mib": 32, "log": LOG, **more}
    return ContainerSpec(command=command, **values)


def a_task(*command: str, stop_timeout_s: float = 30.0, **more: Any) -> TaskSpec:
    """One container of the busybox image, under an id that nobody else has."""
    return TaskSpec(uuid4().hex, (a_container(*command, **more),), stop_timeout_s)


class Desk:
    """Knows everything the engine said."""

    def __init__(self, engine: DockerEngine) -> None:
        self.engine = engine
        self.reports: list[Report] = []
        self._news = asyncio.Event()

    def report(self, report: Report) -> None:
        self.reports.append(report)
        self._news.set()

    async def until(self, task: TaskSpec, kind: type[R], times: int = 1) -> R:
        """The task's report of this kind, once there are so many."""
        async with asyncio.timeout(LONG_S):
            while True:
                self._news.clear()
                found = [r for r in self.reports if r.task_id == task.task_id and isinstance(r, kind)]
                if len(found) >= times:
                    return found[times - 1]
                await self._news.wait()

    def of(self, task: TaskSpec) -> list[Report]:
        return [report for report in self.reports if report.task_id == task.task_id]

    def output(self, task: TaskSpec, container: str = "default") -> bytes:
        return self.engine.log_path(task.task_id, container).read_bytes()

    async def until_output(self, task: TaskSpec, text: bytes) -> None:
        """Until the file has it; files have no events, so this looks often."""
        path = self.engine.log_path(task.task_id, task.containers[0].name)
        patience = Patience()
        while not path.exists() or text not in path.read_bytes():
            if patience.ran_out():
                raise TimeoutError
            await asyncio.sleep(0.02)


def settings_for(url: str, root: Path, **more: Any) -> DockerSettings:
    """Every test directory is a server of its own."""
    instance = sha256(str(root).encode()).hexdigest()[:12]
    return replace(DockerSettings(instance, root, url), **more)


@asynccontextmanager
async def open_desk(settings: DockerSettings, adopt: Sequence[TaskSpec] = (), **more: Any) -> AsyncIterator[Desk]:
    """An engine that is open; closed at the end, which leaves its containers."""
    desk = Desk(DockerEngine(settings, SystemClock()))
    await desk.engine.open(desk.report, [task.task_id for task in adopt], **more)
    try:
        yield desk
    finally:
        await desk.engine.close()


def clean_up(settings: DockerSettings) -> None:
    """Nothing is left of this server's tasks."""
    remove_containers(settings.url, f"label=batchd.instance={settings.instance}")
