"""How long the head of a queue may be blocked: `jobStateTimeLimitActions`. [batch.md 5.3]

The clock of a head starts when it is found blocked for a reason, and anew when the reason changes or the server
starts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batchd.scheduler import lines
from batchd.scheduler.state import Job, Line, Queue, State


def next_one(state: State) -> int | None:
    """The earliest time (ms) at which the limit of a blocked head is reached."""
    return min((limit[0] for _, limit in _limits(state.queues.values())), default=None)


def due(state: State, now: int) -> list[tuple[Job, str]]:
    """The heads whose time is up, in order of their queues' ARNs, each with the limit's reason."""
    queues = (queue for _, queue in sorted(state.queues.items()))
    return [(job, reason) for job, (at, reason) in _limits(queues) if at <= now]


def _limits(queues: Iterable[Queue]) -> Iterator[tuple[Job, tuple[int, str]]]:
    """The heads that have one, as things are: (when, for which reason) their time is up."""
    for queue in queues:
        if not queue.limits:
            continue
        for line in queue.lines.values():
            limit = _limit(queue, line)
            if limit is not None and line.accused is not None:
                yield line.accused, limit


def _limit(queue: Queue, line: Line) -> tuple[int, str] | None:
    job, since = line.accused, line.accused_at
    if job is None or since is None or not lines.stands(job):
        return None
    reason = str(job.status_reason).partition(" ")[0]
    return min(((since + 1000 * limit.max_s, reason) for limit in queue.limits if limit.reason == reason), default=None)
