"""How long the head of a queue may be blocked: `jobStateTimeLimitActions`. [batch.md 5.3]

The clock of a head starts when it is found blocked for a reason, and anew when the reason changes or the server
starts again.
"""

from __future__ import annotations

from batchd.scheduler import policy
from batchd.scheduler.state import Job, Queue, State


def next_one(state: State) -> int | None:
    """The earliest time (ms) at which the limit of a blocked head is reached."""
    times = [limit[0] for queue in state.queues.values() if (limit := _limit(queue))]
    return min(times, default=None)


def due(state: State, now: int) -> list[tuple[Job, str]]:
    """The heads whose time is up, in order of their queues' ARNs, each with the limit's reason."""
    found = []
    for _, queue in sorted(state.queues.items()):
        limit = _limit(queue)
        if limit is not None and limit[0] <= now and queue.accused is not None:
            found.append((queue.accused, limit[1]))
    return found


def _limit(queue: Queue) -> tuple[int, str] | None:
    """(when, for which reason) the time of the queue's head is up, as things are."""
    job, since = queue.accused, queue.accused_at
    if job is None or since is None or not policy.stands(job):
        return None
    reason = str(job.status_reason).partition(" ")[0]
    return min(((since + 1000 * limit.max_s, reason) for limit in queue.limits if limit.reason == reason), default=None)
