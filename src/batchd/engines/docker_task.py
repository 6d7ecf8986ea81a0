"""The life of one task on Docker: bring its containers up in their order, see them end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from batchd.engines import docker_box
from batchd.engines.docker_box import Box, BoxEnd, Workshop, cancel, remove_container
from batchd.engines.docker_reasons import HOST_LOST, STOPPED_EARLY, VANISHED, StartFailure
from batchd.engines.docker_usage import total
from batchd.engines.engine import ContainerExit, Exited, FailedToStart, Lost, Report, Started
from batchd.engines.ensemble import Ensemble
from batchd.engines.result_file import read_result


class _StoppedEarly(Exception):
    """Somebody asked for the stop before all containers were created."""


class TaskRun:
    """Call `run` once, as a task of its own. Cancelling it leaves the containers alone.

    All containers are created before the first is started. Who starts when, and what the end of one means for the
    others, is the ensemble's; after a restart of the server it goes on from the states that the daemon tells.
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
        self._ensemble = Ensemble([box.part for box in boxes])
        self._watchers: dict[asyncio.Task[BoxEnd], Box] = {}
        self._stoppers: dict[Box, asyncio.Task[None]] = {}
        self._give_up_at: dict[Box, int] = {}  # ms, when those that wait for it despair
        self._ended_at = 0
        self._failure: str | None = None  # why they could not all be created

    def stop(self, grace_s: float) -> None:
        """Ask all containers to end. The first call counts."""
        if not self._stop_asked.is_set():
            self._grace_s = grace_s
            self._stop_asked.set()

    async def run(self) -> None:
        """Until the end is reported."""
        try:
            await self._create_all()
            await self._survey()
            await self._play()
        except _StoppedEarly:
            self._ensemble.stop()
        except StartFailure as failure:
            self._failure = str(failure)
            self._ensemble.stop()
        finally:
            await cancel(*self._watchers, *self._stoppers.values())
        self._report(self._verdict())
        if not self._ensemble.ran:
            for box in self.boxes:
                if box.id:
                    await remove_container(self._shop.api, box.id)

    def _report(self, report: Report) -> None:
        self.present = report
        self._tell(report)
        if not isinstance(report, Started):
            self.settled.set()

    def _verdict(self) -> Report:
        """What the ends of its containers mean for the task."""
        at = self._ended_at or self._shop.clock.now_ms()
        exits = tuple(ContainerExit(*ended) for ended in self._ensemble.exits())
        code, reason = self._ensemble.verdict()
        if reason in (VANISHED, HOST_LOST):
            return Lost(self.task_id, at, reason)
        if self._ensemble.ran:
            return Exited(self.task_id, at, code, reason, self._output(), total([b.meter for b in self.boxes]), exits)
        if self._stop_asked.is_set():
            return Exited(self.task_id, at, None, STOPPED_EARLY, containers=exits)
        return FailedToStart(self.task_id, at, self._failure or reason or "", exits)

    def _output(self) -> bytes | None:
        """Of several containers the first that wrote a result."""
        found = (read_result(str(box.result)) for box in self.boxes)
        return next((output for output in found if output), None)

    # --- bringing it up ---

    async def _create_all(self) -> None:
        wanted = [box for box in self.boxes if not box.id]
        for box in wanted:
            await self._or_fail(box, self._unless_stopped(self._shop.images.ensure(box.body["Image"])))
        async with self._shop.slots:
            for box in wanted:
                await self._or_fail(box, docker_box.create(self._shop, box))

    async def _or_fail(self, box: Box, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StartFailure as failure:
            self._ensemble.fail(box.part, str(failure))
            raise

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        job = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop_asked.wait())
        try:
            await asyncio.wait((job, stop), return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                raise _StoppedEarly
            job.result()
        finally:
            await cancel(job, stop)

    async def _survey(self) -> None:
        """Of containers that were there before: which have run, and in what order they ended."""
        found = [(box, await docker_box.look(self._shop, box)) for box in self.boxes if box.found]
        started = [(box, state) for box, state in found if state is None or state.status != "created"]
        started.sort(key=lambda pair: pair[1].started_at if pair[1] else 0)
        for box, state in started:
            self._on_up(box, state.started_at if state else self._shop.clock.now_ms())
        over = [task for task, box in self._watchers.items() if box.woken.is_set()]
        if len(over) < len(started):
            self.settled.set()
        if over:
            await asyncio.wait(over)
            self._take(over)

    # --- the play ---

    async def _play(self) -> None:
        """Until all have ended."""
        asked = asyncio.create_task(self._stop_asked.wait())
        try:
            while await self._goes_on():
                waited_for = {*self._watchers, *(() if asked.done() else (asked,))}
                await asyncio.wait(waited_for, timeout=self._patience_s(), return_when=asyncio.FIRST_COMPLETED)
                self._take([task for task in self._watchers if task.done()])
                await self._give_up()
        finally:
            await cancel(asked)

    async def _goes_on(self) -> bool:
        """Begin who may, stop who must; False when all have ended."""
        while True:
            if self._stop_asked.is_set():
                self._ensemble.stop()
            part = self._ensemble.next_due()
            if part is None:
                break
            await self._begin(next(box for box in self.boxes if box.part is part))
        if self._ensemble.stopping:
            self._stop_all()
        return not self._ensemble.over

    async def _begin(self, box: Box) -> None:
        try:
            async with self._shop.slots:
                state = await docker_box.start(self._shop, box)
        except StartFailure as failure:
            self._ensemble.fail(box.part, str(failure))
            return
        self._on_up(box, state.started_at if state else self._shop.clock.now_ms())
        if not box.woken.is_set():
            self.settled.set()

    def _on_up(self, box: Box, at: int) -> None:
        first = not self._ensemble.ran
        self._ensemble.up(box.part)
        if first:
            self._report(Started(self.task_id, at))
        if box.start_timeout_s is not None and self._ensemble.is_awaited(box.part):
            self._give_up_at[box] = at + round(box.start_timeout_s * 1000)
        watcher = asyncio.create_task(docker_box.until_ended(self._shop, box))
        self._watchers[watcher] = box

    def _take(self, ended: Iterable[asyncio.Task[BoxEnd]]) -> None:
        """These have ended: each in its order means something for the others."""
        for watcher in sorted(ended, key=lambda task: task.result().at):
            box, end = self._watchers.pop(watcher), watcher.result()
            self._ended_at = max(self._ended_at, end.at)
            self._give_up_at.pop(box, None)
            if stopper := self._stoppers.pop(box, None):
                stopper.cancel()
            self._ensemble.end(box.part, end.exit_code, end.reason)

    async def _give_up(self) -> None:
        """For those that wait for a container whose time is over, unless it had ended by then: where the machine
        stalls, its watcher tells that later."""
        now = self._shop.clock.now_ms()
        for box, at in [(box, at) for box, at in self._give_up_at.items() if at <= now]:
            del self._give_up_at[box]
            state = await docker_box.look(self._shop, box)
            if state is None or not state.ended or state.finished_at > at:
                self._ensemble.give_up(box.part, box.start_timeout_s or 0.0)

    def _patience_s(self) -> float | None:
        if not self._give_up_at:
            return None
        return max(0.0, (min(self._give_up_at.values()) - self._shop.clock.now_ms()) / 1000)

    def _stop_all(self) -> None:
        for box in self._watchers.values():
            if box not in self._stoppers:
                grace_s = self._grace_s if box.stop_timeout_s is None else box.stop_timeout_s
                self._stoppers[box] = asyncio.create_task(docker_box.stop(self._shop, box, grace_s))
