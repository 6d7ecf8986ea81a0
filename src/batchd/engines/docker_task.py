"""The life of one task on Docker: bring its containers up, follow their output, see them end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from batchd.clock import Clock
from batchd.engines.docker_api import ContainerState, DockerApi, DockerRefused, patiently
from batchd.engines.docker_config import CONTAINER, INSTANCE, TASK, Json, container_name
from batchd.engines.docker_images import Images
from batchd.engines.docker_output import append_output
from batchd.engines.docker_reasons import (
    HOST_LOST,
    STOPPED_EARLY,
    VANISHED,
    StartFailure,
    cannot_start,
    died_with_host,
    end_reason,
    timed_out,
)
from batchd.engines.engine import Exited, FailedToStart, Lost, Report, Started

log = logging.getLogger(__name__)

_REFUSED_PAUSE_S = 2.0
_REMOVE_TRIES = 5


class Limits(NamedTuple):
    """How long the daemon may take, in seconds."""

    create_s: float
    start_s: float


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the tasks of one engine share. `booted_at` is the host's, ms.

    `slots` bound what is heavy for the daemon (create, start, remove); `readers` the outputs read out at one time.
    """

    api: DockerApi
    images: Images
    clock: Clock
    slots: asyncio.Semaphore
    readers: asyncio.Semaphore
    limits: Limits
    instance: str
    booted_at: int


@dataclass(slots=True, eq=False)
class Box:
    """One container of a task. `id` is empty until it is created; `body` is what to create it with.

    `output` is the file its output goes to, None to drop it.
    `woken` is set whenever the container may have ended: the daemon's state decides.
    """

    name: str
    essential: bool
    output: Path | None
    body: Json = field(default_factory=dict)
    id: str = ""
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class _StoppedEarly(Exception):
    """Somebody asked for the stop before the first container was started."""


class TaskRun:
    """Call `run` once, as a task of its own. Cancelling it leaves the containers alone.

    With several containers: all are created before the first is started; the end of an essential one stops the
    others; the first essential one to end decides the exit code. [batch.md 2.5]
    """

    def __init__(
        self, shop: Workshop, task_id: str, boxes: Sequence[Box], stop_timeout_s: float, tell: Callable[[Report], None]
    ) -> None:
        self.task_id = task_id
        self.boxes = tuple(boxes)
        self.present: Report | None = None  # the last report; None while the task is being brought up
        self.settled = asyncio.Event()  # reported as it is: it runs, or how it ended
        self._shop = shop
        self._tell = tell
        self._grace_s = stop_timeout_s
        self._stop_asked = asyncio.Event()

    def stop(self, grace_s: float) -> None:
        """Ask all containers to end. The first call counts."""
        if not self._stop_asked.is_set():
            self._grace_s = grace_s
            self._stop_asked.set()

    async def run(self) -> None:
        """Until the end is reported."""
        try:
            await self._create_all()
            states = await self._start_all()
        except StartFailure as failure:
            self._report(FailedToStart(self.task_id, self._now(), str(failure)))
            return await self._clear_away()
        except _StoppedEarly:
            self._report(Exited(self.task_id, self._now(), None, STOPPED_EARLY))
            return await self._clear_away()
        if states:
            self._report(Started(self.task_id, min(state.started_at for state in states)))
        if any(not state.ended for state in states):
            self.settled.set()
        return self._report(await self._until_ended())

    def _report(self, report: Report) -> None:
        self.present = report
        self._tell(report)
        if not isinstance(report, Started):
            self.settled.set()

    def _now(self) -> int:
        return self._shop.clock.now_ms()

    # --- bringing it up ---

    async def _create_all(self) -> None:
        wanted = [box for box in self.boxes if not box.id]
        for box in wanted:
            await self._unless_stopped(self._shop.images.ensure(box.body["Image"]))
        async with self._shop.slots:
            for box in wanted:
                box.id = await self._create(box)

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        job = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop_asked.wait())
        try:
            await asyncio.wait((job, stop), return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                raise _StoppedEarly
            job.result()
        finally:
            await _cancel(job, stop)

    async def _create(self, box: Box) -> str:
        """The container's id; the one that is there already, if an earlier server made it."""
        limit_s = self._shop.limits.create_s
        try:
            return await patiently(lambda: self._create_or_find(box, limit_s))
        except DockerRefused as refusal:
            raise StartFailure(cannot_start(refusal.message)) from refusal
        except TimeoutError as error:
            raise StartFailure(timed_out("created", limit_s)) from error

    async def _create_or_find(self, box: Box, limit_s: float) -> str:
        name = container_name(self.task_id, box.name)
        try:
            return await self._shop.api.create(name, box.body, limit_s)
        except DockerRefused as refusal:
            there = await self._shop.api.inspect(name) if refusal.status == 409 else None
            if there is None or not self._is_ours(there, box):
                raise
            return there.id

    def _is_ours(self, there: ContainerState, box: Box) -> bool:
        found = tuple(there.labels.get(label) for label in (INSTANCE, TASK, CONTAINER))
        return found == (self._shop.instance, self.task_id, box.name)

    async def _start_all(self) -> list[ContainerState]:
        """States right after the start; a container that vanished has none."""
        async with self._shop.slots:
            if self._stop_asked.is_set():
                raise _StoppedEarly
            states = [await self._start(box) for box in self.boxes]
        return [state for state in states if state is not None]

    async def _start(self, box: Box) -> ContainerState | None:
        limit_s = self._shop.limits.start_s
        try:
            state = await patiently(lambda: self._start_once(box, limit_s))
        except DockerRefused as refusal:
            raise StartFailure(cannot_start(refusal.message)) from refusal
        except TimeoutError as error:
            raise StartFailure(timed_out("started", limit_s)) from error
        if state is None or state.ended:
            box.woken.set()
        return state

    async def _start_once(self, box: Box, limit_s: float) -> ContainerState | None:
        """Started unless it ever was: a container that ended meanwhile must not run a second time."""
        state = await self._shop.api.inspect(box.id)
        if state is not None and state.status == "created":
            await self._shop.api.start(box.id, limit_s)
            state = await self._shop.api.inspect(box.id)
        return state

    async def _clear_away(self) -> None:
        """What was created for a task that will not run."""
        for box in self.boxes:
            if box.id:
                await remove_container(self._shop.api, box.id)

    # --- seeing it end ---

    async def _until_ended(self) -> Report:
        stopper = asyncio.create_task(self._stop_when_asked())
        ends = [asyncio.create_task(self._until_box_ended(box)) for box in self.boxes]
        ended: list[tuple[Box, ContainerState | None]] = []
        try:
            for end in asyncio.as_completed(ends):
                ended.append(await end)
                if ended[-1][0].essential:
                    self.stop(self._grace_s)
        finally:
            await _cancel(stopper, *ends)
        essential = [state for box, state in ended if box.essential]
        return self._verdict(essential[0] if essential else ended[-1][1])

    def _verdict(self, state: ContainerState | None) -> Report:
        """What the end of the decisive container means for the task."""
        if state is None:
            return Lost(self.task_id, self._now(), VANISHED)
        ended_at = max(state.started_at, state.finished_at or self._now())  # Docker may have a quick end first
        if died_with_host(state.started_at, state.finished_at, self._shop.booted_at):
            return Lost(self.task_id, ended_at, HOST_LOST)
        return Exited(self.task_id, ended_at, state.exit_code, end_reason(state.oom_killed, state.error))

    async def _until_box_ended(self, box: Box) -> tuple[Box, ContainerState | None]:
        """How the container ended, None if it vanished. Its output is in the file."""
        if box.output is None:
            return box, await self._ended_state(box)
        follower = asyncio.create_task(self._follow(box, box.output))
        try:
            state = await self._ended_state(box)
        finally:
            await _cancel(follower)
        if state is not None:
            async with self._shop.readers:
                await self._copy_output(box, box.output, follow=False)
        return box, state

    async def _ended_state(self, box: Box) -> ContainerState | None:
        while True:
            await box.woken.wait()
            box.woken.clear()
            state = await patiently(lambda: self._shop.api.inspect(box.id), DockerRefused)
            if state is None or state.ended:
                return state

    async def _follow(self, box: Box, path: Path) -> None:
        """Until it is cancelled: where the stream ends, the container has ended or the daemon is going away."""
        while await self._copy_output(box, path, follow=True):
            box.woken.set()
            await asyncio.sleep(_REFUSED_PAUSE_S)

    async def _copy_output(self, box: Box, path: Path, *, follow: bool) -> bool:
        """False if the daemon has no output to give."""

        async def copy() -> None:
            async with self._shop.api.output(box.id, follow) as chunks:
                await append_output(chunks, path)

        try:
            await patiently(copy)
        except DockerRefused as refusal:
            if refusal.status != 404:
                log.warning("the output of task %s cannot be read: %s", self.task_id, refusal)
            return False
        return True

    async def _stop_when_asked(self) -> None:
        await self._stop_asked.wait()
        await asyncio.gather(*(self._stop_box(box) for box in self.boxes))

    async def _stop_box(self, box: Box) -> None:
        """Until the daemon did it; `_until_ended` cancels this when the container has ended."""
        while True:
            try:
                return await patiently(lambda: self._shop.api.stop(box.id, self._grace_s))
            except DockerRefused as refusal:
                log.warning("task %s cannot be stopped, trying again: %s", self.task_id, refusal)
            await asyncio.sleep(_REFUSED_PAUSE_S)


async def remove_container(api: DockerApi, container: str) -> None:
    """Gone on return, or left for the next start of the server to remove after some refusals."""
    for attempt in range(_REMOVE_TRIES):
        try:
            await patiently(lambda: api.remove(container))
            return
        except DockerRefused as refusal:
            if refusal.status == 409:  # somebody else is removing it
                return
            log.warning("container %s cannot be removed: %s", container, refusal)
        await asyncio.sleep(_REFUSED_PAUSE_S * attempt)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:  # their results are of no interest
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
