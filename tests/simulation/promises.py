"""The head of a queue with backfill starts no later than it was promised, whoever went before it."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchd.scheduler import forecast, lines
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Job, Queue, State


@dataclass
class Promises:
    """A promise is void once another queue takes room, or a job that stood before this one and comes back (it is tried
    again, or a limit held it), a task outlives the bounds that it was made of, or an operator changes something
    (`disturb`)."""

    _served: dict[str, int] = field(default_factory=dict)  # when other queues had last been, by the head with a promise
    _void: dict[str, None] = field(default_factory=dict)
    _tasks: dict[str, None] = field(default_factory=dict)  # in hand at the last look
    _disturbed: bool = False

    def disturb(self) -> None:
        self._disturbed = True

    def read(self, state: State, now: int) -> list[str]:
        """A sentence for each promise that is broken."""
        late = any(job.spec.timeout_s is not None and forecast.end_of(job, now) is None for job in state.placed())
        disturbed, self._disturbed = self._disturbed or late, False
        said = [self._look(state, queue, now, disturbed) for queue in state.queues.values()]
        self._tasks = dict.fromkeys(state.tasks)
        return [one for one in said if one is not None]

    def _look(self, state: State, queue: Queue, now: int, disturbed: bool) -> str | None:
        line = queue.lines.get("")
        job_id, at = (line.promise if line is not None else None) or ("", None)
        job = state.jobs.get(job_id)
        if job is None or job.status is not JobStatus.RUNNABLE or at is None:
            return None
        served = max((other.turn for other in state.queues.values() if other is not queue), default=0)
        placed = [one for task_id, one in state.tasks.items() if task_id not in self._tasks]
        returned = any(one.spec.queue == queue.arn and _stood_before(state, one, job) for one in placed)
        if disturbed or returned or self._served.setdefault(job_id, served) != served:
            self._void[job_id] = None
        return f"{job_id} was promised a start by {at}" if now > at and job_id not in self._void else None


def _stood_before(state: State, placed: Job, job: Job) -> bool:
    """Of those that came at the same time the one that was submitted first."""
    numbers = {job_id: number for number, job_id in enumerate(state.jobs)}
    first, second = ((lines.since(one), numbers[(one.parent or one).job_id]) for one in (placed, job))
    return bool(placed.attempts) or first < second
