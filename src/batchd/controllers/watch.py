"""Writes down what the engine reports, with the output that came before it, in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from batchd.clock import Clock
from batchd.controllers.launch import Launch
from batchd.controllers.output import Output, Piece
from batchd.engines import engine
from batchd.engines.engine import Exited, FailedToStart, Lost, Report, Started
from batchd.errors import StoreError
from batchd.scheduler.events import ContainerExit, Event, TaskExited, TaskFailedToStart, TaskLost, TaskStarted
from batchd.store.store import Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_TAIL_S = 0.25  # how soon a line of a running job can be read
_RETRY_S = 1.0  # after the store refused a group: the disk may be full


class Watch:
    """One loop: reports wait in a list while the writer is busy, so that a burst shares one commit.

    A report is dropped only after its commit. Until then the engine would report it again after a crash.
    """

    def __init__(self, writer: Writer, launch: Launch, output: Output, clock: Clock) -> None:
        self._writer = writer
        self._launch = launch
        self._output = output
        self._clock = clock
        self._reports: list[Report] = []
        self._news = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._loop = asyncio.create_task(self._run())

    async def close(self) -> None:
        """What has not been recorded yet will be reported again by the engine."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    def report(self, report: Report) -> None:
        """The engine's way in; never blocks."""
        self._reports.append(report)
        self._news.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tail_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(tail_at):
                    await self._news.wait()
            except TimeoutError:
                await self._tail()
                tail_at = loop.time() + _TAIL_S
            self._news.clear()
            if self._reports:
                reports, self._reports = self._reports, []
                await self._record(reports)

    async def _record(self, reports: list[Report]) -> None:
        ended = [r.task_id for r in reports if not isinstance(r, Started)]
        pieces = await self._drain(ended)
        await self._write(lambda tx: self._append(tx, pieces, reports))
        for task_id in ended:
            self._output.forget(task_id)
            self._launch.forget(task_id)

    async def _drain(self, ended: Sequence[str]) -> list[Piece]:
        """The last piece of output of each ended task; what is more than one piece is written beforehand."""
        last: list[Piece] = []
        for task_id in ended:
            while pieces := self._output.read(task_id, final=True):
                if not any(piece.more for piece in pieces):
                    last.extend(pieces)
                    break
                await self._write_pieces(pieces)
        return last

    def _append(self, tx: Tx, pieces: Sequence[Piece], reports: Sequence[Report]) -> None:
        self._output.append(tx, pieces, self._clock.now_ms())
        for report in reports:
            tx.journal.append(_event(report))
            if not isinstance(report, Started):
                self._output.end(tx, report.task_id)

    async def _tail(self) -> None:
        """Makes the output of running tasks readable while they run; each gets its turn."""
        pieces = [piece for task_id in list(self._launch.logs) for piece in self._output.read(task_id)]
        if pieces:
            await self._write_pieces(pieces)

    async def _write_pieces(self, pieces: list[Piece]) -> None:
        await self._write(lambda tx: self._output.append(tx, pieces, self._clock.now_ms()))
        self._output.recorded(pieces)

    async def _write(self, work: Callable[[Tx], None]) -> None:
        """Until the store takes it: what an engine saw cannot be refused."""
        while True:
            try:
                return await self._writer.write(work)
            except StoreError as error:
                log.warning("cannot record what the engine reported, trying again: %s", error)
                await asyncio.sleep(_RETRY_S)


def _event(report: Report) -> Event:
    match report:
        case Started(task_id, at):
            return TaskStarted(task_id, at)
        case Exited(task_id, at, exit_code, reason):
            return TaskExited(task_id, at, exit_code, reason, containers=_ends(report.containers))
        case FailedToStart(task_id, at, reason):
            return TaskFailedToStart(task_id, at, reason, _ends(report.containers))
        case Lost(task_id, at, reason):
            return TaskLost(task_id, at, reason)


def _ends(containers: Sequence[engine.ContainerExit]) -> tuple[ContainerExit, ...]:
    return tuple(ContainerExit(end.name, end.exit_code, end.reason) for end in containers)
