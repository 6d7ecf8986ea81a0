"""What those who wait in one line have in common, looked up once for all who ask between two steps.

However long the line is, to ask about a hundred of its jobs takes milliseconds: who stands behind the thousandth (in
a share the hundredth) is told no more than that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from batchd.scheduler import fair, forecast, lines, obstacles, placement, quota, shares
from batchd.scheduler.children import RUNNABLE
from batchd.scheduler.obstacles import Obstacle
from batchd.scheduler.state import Bench, Fair, Job, Line, Queue, State

MOST_AHEAD = 1000
MOST_AHEAD_IN_SHARE = 100  # a hundred jobs may be of as many shares
_MILLI_MS = 1_000_000  # of a vCPU-second


@dataclass(frozen=True, slots=True)
class Standing:
    """A share among those of its queue in which somebody waits: its turn (from 1) of so many, what it used (in
    vCPU-seconds, faded) and holds (vCPUs), and its weight. `is_reserved` if the room that its head would take is kept
    for shares that are not active yet; `kept_for` is another share for whose head the room is kept."""

    name: str
    turn: int
    shares: int
    used: float
    held: float
    weight: float
    is_reserved: bool
    kept_for: str | None


@dataclass(frozen=True, slots=True)
class Front:
    """Of a line in which somebody waits. `ahead` is how many stand before the places of a line, by job id, as far as
    they are `counted`; `starts` when (ms) jobs start at the latest, as far as that is known."""

    head: Job
    head_id: str
    obstacles: tuple[Obstacle, ...]
    misfit: str | None
    has_room: bool
    ahead: dict[str, int]
    counted: int
    starts: dict[str, int]
    share: Standing | None


class Fronts:
    """`forget` what was found when the state changes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._fronts: dict[tuple[str, str], Front] = {}
        self._benches: dict[tuple[str, str, str], dict[str, int]] = {}
        self._turns: dict[str, list[str]] = {}

    def forget(self) -> None:
        if self._fronts or self._benches:
            self._fronts.clear()
            self._benches.clear()
            self._turns.clear()

    def of(self, job: Job) -> Front:
        """Of the line in which this job stands."""
        place = (job.spec.queue, job.spec.share)
        found = self._fronts.get(place)
        if found is None:
            queue = self.state.queue(job.spec.queue)
            found = self._fronts[place] = self._look(queue, queue.line(job.spec.share))
        return found

    def on_bench(self, bench: Bench, places: Iterable[Job]) -> dict[str, int]:
        """As `Front.ahead`."""
        name = (bench.pool.name, *bench.place)
        found = self._benches.get(name)
        if found is None:
            found = self._benches[name] = count_ahead(places, MOST_AHEAD)
        return found

    def _look(self, queue: Queue, line: Line) -> Front:
        state = self.state
        head, head_id = next(lines.members(line))
        share = None if queue.fair is None else self._standing(queue, queue.fair, line, head)
        most = MOST_AHEAD if share is None else MOST_AHEAD_IN_SHARE
        is_alone = queue.fair is None and queue.quota is None and len(queue.lines) == 1
        found = tuple(obstacles.find(state, queue, head))
        is_kept_out = share is not None and (share.is_reserved or share.kept_for is not None)
        is_kept_out |= queue.quota is not None and bool(found)
        return Front(
            head=head,
            head_id=head_id,
            obstacles=found,
            misfit=(placement if queue.quota is None else quota).misfit(state, queue, head),
            has_room=placement.find(state, queue, head) is not None and not is_kept_out,
            ahead=count_ahead(lines.order(line), most),
            counted=most,
            starts=forecast.expected_starts(state, queue, line, state.now) if is_alone else {},
            share=share,
        )

    def _standing(self, queue: Queue, contest: Fair, line: Line, head: Job) -> Standing:
        turns = self._turns.get(queue.arn)
        if turns is None:
            turns = self._turns[queue.arn] = [other.name for other in fair.order(queue, contest)]
        used = shares.usage(line, shares.window_ms(queue), self.state.now)
        kept_for = contest.kept_for.name if contest.kept_for not in (None, line) else None
        return Standing(
            name=line.name,
            turn=turns.index(line.name) + 1,
            shares=len(turns),
            used=used / _MILLI_MS,
            held=line.held / 1000,
            weight=line.weight,
            is_reserved=fair.is_reserved(queue, head),
            kept_for=kept_for,
        )


def count_ahead(places: Iterable[Job], most: int) -> dict[str, int]:
    """How many stand before each place, as far as there are no more than so many."""
    found: dict[str, int] = {}
    number = 0
    for job in places:
        if number > most:
            break
        found[job.spec.job_id] = number
        number += 1 if job.children is None else job.children.fresh
    return found


def ahead_of(found: dict[str, int], job: Job, index: int) -> int | None:
    """How many stand before a job, or before a child of an array; None: more than are counted."""
    before = found.get(job.spec.job_id)
    if before is None or job.children is None:
        return before
    return before + job.children.states.count(RUNNABLE, 0, index)
