"""One container of a task on Docker: create it, start it, follow its output, see it end, stop it, remove it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from batchd.clock import Clock
from batchd.engines.docker_api import ContainerState, DockerApi, DockerRefused, patiently
from batchd.engines.docker_config import CONTAINER, INSTANCE, TASK, Json, container_name
from batchd.engines.docker_images import Images
from batchd.engines.docker_oom import KILLED, killed_for_memory
from batchd.engines.docker_output import append_output
from batchd.engines.docker_reasons import (
    HOST_LOST,
    VANISHED,
    StartFailure,
    cannot_start,
    died_with_host,
    end_reason,
    timed_out,
)
from batchd.engines.docker_usage import Meter
from batchd.engines.ensemble import Part

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
    """`id` is empty until the container is created; `body` is what to create it with; `found`: it was there before.

    `output` is the file its output goes to, None to drop it; `result` is where BATCHD_OUTPUT leads to.
    `woken` is set whenever the container may have ended: the daemon's state decides.
    """

    task_id: str
    part: Part
    output: Path | None
    result: Path
    start_timeout_s: float | None = None
    stop_timeout_s: float | None = None
    body: Json = field(default_factory=dict)
    id: str = ""
    found: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True, slots=True)
class BoxEnd:
    """How a container ended. `at` is ms; a `reason` of HOST_LOST or VANISHED says that nobody saw it."""

    at: int
    exit_code: int | None
    reason: str | None


async def create(shop: Workshop, box: Box) -> None:
    """Give the box its id: of a new container, or of the one that an earlier server made. Raises StartFailure."""
    limit_s = shop.limits.create_s
    try:
        box.id = await patiently(lambda: _create_or_find(shop, box, limit_s))
    except DockerRefused as refusal:
        raise StartFailure(cannot_start(refusal.message)) from refusal
    except TimeoutError as error:
        raise StartFailure(timed_out("created", limit_s)) from error


async def _create_or_find(shop: Workshop, box: Box, limit_s: float) -> str:
    name = container_name(box.task_id, box.part.name)
    _make_result(box.result)
    try:
        return await shop.api.create(name, box.body, limit_s)
    except DockerRefused as refusal:
        there = await shop.api.inspect(name) if refusal.status == 409 else None
        labels = (shop.instance, box.task_id, box.part.name)
        if there is None or tuple(there.labels.get(label) for label in (INSTANCE, TASK, CONTAINER)) != labels:
            raise
        box.found = True
        return there.id


def _make_result(path: Path) -> None:
    """An empty file that whoever runs in the container may write to; its folder keeps others out."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o666)


async def start(shop: Workshop, box: Box) -> ContainerState | None:
    """Its state right after the start, None if it vanished. One that ever ran is not run a second time.

    Raises StartFailure."""
    limit_s = shop.limits.start_s
    try:
        state = await patiently(lambda: _start_once(shop, box, limit_s))
    except DockerRefused as refusal:
        raise StartFailure(cannot_start(refusal.message)) from refusal
    except TimeoutError as error:
        raise StartFailure(timed_out("started", limit_s)) from error
    if state is None or state.ended:
        box.woken.set()
    return state


async def look(shop: Workshop, box: Box) -> ContainerState | None:
    """Its state as it is, None if it vanished."""
    state = await patiently(lambda: shop.api.inspect(box.id), DockerRefused)
    if state is None or state.ended:
        box.woken.set()
    return state


async def _start_once(shop: Workshop, box: Box, limit_s: float) -> ContainerState | None:
    state = await shop.api.inspect(box.id)
    if state is not None and state.status == "created":
        await shop.api.start(box.id, limit_s)
        state = await shop.api.inspect(box.id)
    return state


async def until_ended(shop: Workshop, box: Box) -> BoxEnd:
    """How the container ended. Its output is in the file, and its meter has seen what it could."""
    beside = [asyncio.create_task(box.meter.watch(shop.api, box.id))]
    if box.output is not None:
        beside.append(asyncio.create_task(_follow(shop, box, box.output)))
    try:
        state = await _ended_state(shop, box)
    finally:
        await cancel(*beside)
    if state is not None and box.output is not None:
        async with shop.readers:
            await _copy_output(shop, box, box.output, follow=False)
    return _end_of(shop, state, await _out_of_memory(box, state))


async def _out_of_memory(box: Box, state: ContainerState | None) -> bool:
    """Whether it was killed for want of memory, by Docker's word or else by the kernel's."""
    if state is None or state.oom_killed or state.exit_code != KILLED:
        return state is not None and state.oom_killed
    return await asyncio.to_thread(killed_for_memory, box.id)


def _end_of(shop: Workshop, state: ContainerState | None, out_of_memory: bool) -> BoxEnd:
    if state is None:
        return BoxEnd(shop.clock.now_ms(), None, VANISHED)
    at = max(state.started_at, state.finished_at or shop.clock.now_ms())  # Docker may have a quick end first
    if died_with_host(state.started_at, state.finished_at, shop.booted_at):
        return BoxEnd(at, None, HOST_LOST)
    return BoxEnd(at, state.exit_code, end_reason(out_of_memory, state.error))


async def _ended_state(shop: Workshop, box: Box) -> ContainerState | None:
    while True:
        await box.woken.wait()
        box.woken.clear()
        state = await patiently(lambda: shop.api.inspect(box.id), DockerRefused)
        if state is None or state.ended:
            return state


async def _follow(shop: Workshop, box: Box, path: Path) -> None:
    """Until it is cancelled: where the stream ends, the container has ended or the daemon is going away."""
    while await _copy_output(shop, box, path, follow=True):
        box.woken.set()
        await asyncio.sleep(_REFUSED_PAUSE_S)


async def _copy_output(shop: Workshop, box: Box, path: Path, *, follow: bool) -> bool:
    """False if the daemon has no output to give."""

    async def copy() -> None:
        async with shop.api.output(box.id, follow) as chunks:
            await append_output(chunks, path)

    try:
        await patiently(copy)
    except DockerRefused as refusal:
        if refusal.status != 404:
            log.warning("the output of task %s cannot be read: %s", box.task_id, refusal)
        return False
    return True


async def stop(shop: Workshop, box: Box, grace_s: float) -> None:
    """Until the daemon did it; cancel it when the container has ended."""
    while True:
        try:
            return await patiently(lambda: shop.api.stop(box.id, grace_s))
        except DockerRefused as refusal:
            log.warning("task %s cannot be stopped, trying again: %s", box.task_id, refusal)
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


async def remove_volume(api: DockerApi, name: str) -> None:
    """As `remove_container`."""
    for attempt in range(_REMOVE_TRIES):
        try:
            await patiently(lambda: api.remove_volume(name))
            return
        except DockerRefused as refusal:
            log.warning("volume %s cannot be removed: %s", name, refusal)
        await asyncio.sleep(_REFUSED_PAUSE_S * attempt)


async def cancel(*tasks: asyncio.Task[Any]) -> None:  # their results are of no interest
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
