"""Writes down what the engine reports, with the output that came before it, in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from batchd.clock import Clock
from batchd.controllers.facts import event_of
from batchd.controllers.launch import Launch
from batchd.controllers.output import Output, Piece
from batchd.controllers.results import result_of
from batchd.engines.engine import Exited, Report, Returned, Started
from batchd.errors import EventsRefused, StoreError
from batchd.store.store import Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
_TAIL_S = 0.25  # how soon a line of a running job can be read
_RETRY_S = 1.0  # after the store refused a group: the disk may be full
# What one unit of work holds, so that no answer waits long for it.
_MOST_REPORTS = 256
_MOST_BYTES = 4 * 1024 * 1024
_MOST_FILES = 2000  # looked at in one turn of the loop; where there are more, each gets its turn a little later


@dataclass(slots=True)
class Harvest:
    """What is written down at once: reports, and pieces of output. An end comes with the last of its task's output;
    `read` are the tasks whose output was read for that, to the end or as far as there was room."""

    reports: list[Report] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    read: dict[str, None] = field(default_factory=dict)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.reports) >= _MOST_REPORTS or self.size >= _MOST_BYTES

    def ended(self) -> dict[str, None]:
        """The tasks whose end is among the reports."""
        return {report.task_id: None for report in self.reports if not isinstance(report, Started | Returned)}

    def add(self, pieces: list[Piece]) -> bool:
        """Whether this is all there was."""
        self.pieces += pieces
        self.size += sum(piece.size for piece in pieces)
        return not any(piece.more for piece in pieces)


class Watch:
    """Reports wait in a line while the writer is busy, so that a burst shares one commit.

    A report is dropped only after its commit. Until then the engine would report it again after a crash.
    """

    def __init__(self, writer: Writer, launch: Launch, output: Output, clock: Clock) -> None:
        self._writer = writer
        self._launch = launch
        self._output = output
        self._clock = clock
        self._reports: deque[Report] = deque()
        self._news = asyncio.Event()
        self._line: deque[str] = deque()  # tasks whose turn to be tailed is still to come

    def report(self, report: Report) -> None:
        """The engine's way in; never blocks."""
        self._reports.append(report)
        self._news.set()

    async def run(self) -> None:
        """For ever. What has not been recorded when this is cancelled will be reported again by the engine."""
        loop = asyncio.get_running_loop()
        tail_at = loop.time()
        while True:
            if not self._reports and loop.time() < tail_at:
                self._news.clear()
                await self._news.wait()
            harvest = self._harvest()
            if loop.time() >= tail_at:
                more = self._tail(harvest)
                tail_at = loop.time() + (0 if more else _TAIL_S)
                loop.call_at(tail_at, self._news.set)  # one timer for many reports
            if harvest.reports or harvest.pieces:
                await self._record(harvest)

    def _harvest(self) -> Harvest:
        """Reports in their order, but an end waits until all but the last piece of its task's output is in the log."""
        harvest = Harvest()
        later: list[Report] = []
        while self._reports and not harvest.is_full:
            report = self._reports.popleft()
            if isinstance(report, Returned):
                self._launch.withdraw(report.task_id)
            if isinstance(report, Started | Returned) or self._drain(report.task_id, harvest):
                harvest.reports.append(report)
            else:
                later.append(report)
        self._reports.extend(later)
        return harvest

    def _drain(self, task_id: str, harvest: Harvest) -> bool:
        """Whether the rest of the task's output is in the harvest. A repeated end waits: its output is read once."""
        if task_id in harvest.read:
            return False
        harvest.read[task_id] = None
        return harvest.add(self._output.read(task_id, final=True))

    def _tail(self, harvest: Harvest) -> bool:
        """Makes the output of running tasks readable while they run. Whether more of it waits already."""
        if not self._line:
            self._line.extend(self._launch.logs)
        more = False
        for _ in range(min(len(self._line), _MOST_FILES)):
            if harvest.is_full:
                return True
            task_id = self._line.popleft()
            if task_id not in harvest.read:
                more |= not harvest.add(self._output.read(task_id))
        return more

    async def _record(self, harvest: Harvest) -> None:
        """One unit of work; where a report in it is our undoing, each for itself."""
        try:
            await self._write(partial(self._append, harvest))
        except EventsRefused:
            await self._record_apart(harvest)
        else:
            self._recorded(harvest)

    async def _record_apart(self, harvest: Harvest) -> None:
        """One that cannot be recorded must not keep the others from it. It comes again after a restart."""
        await self._write(partial(self._append, Harvest(pieces=harvest.pieces)))
        self._output.recorded(harvest.pieces)
        for report in harvest.reports:
            alone = Harvest([report])
            try:
                await self._write(partial(self._append, alone))
            except EventsRefused as error:
                log.error("%s cannot be recorded, and will be tried again after a restart", report, exc_info=error)
            else:
                self._recorded(alone)

    def _append(self, harvest: Harvest, tx: Tx) -> None:
        ended = harvest.ended()
        self._output.append(tx, harvest.pieces, self._clock.now_ms(), ended)
        for task_id in ended:
            self._output.end(tx, task_id)
        for report in harvest.reports:
            tx.journal.append(event_of(report))
            self._keep_result(tx, report)

    def _keep_result(self, tx: Tx, report: Report) -> None:
        if isinstance(report, Exited) and report.output is not None and (result := result_of(report.output)):
            tx.results.put(report.task_id, result, report.at)

    def _recorded(self, harvest: Harvest) -> None:
        self._output.recorded(harvest.pieces)
        for task_id in harvest.ended():
            self._output.forget(task_id)
            self._launch.forget(task_id)

    async def _write(self, work: Callable[[Tx], None]) -> None:
        """Until the store takes it: what an engine saw cannot be refused. Raises EventsRefused."""
        while True:
            try:
                return await self._writer.write(work)
            except EventsRefused:
                raise
            except StoreError as error:
                log.warning("cannot record what the engine reported, trying again: %s", error)
                await asyncio.sleep(_RETRY_S)
