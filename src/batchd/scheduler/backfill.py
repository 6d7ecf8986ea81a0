"""Who may go before a blocked head: only a job that cannot delay it. An option of queues without a policy.

The head is promised a start: when what runs now will have made room at the latest. A job behind it may start if it is
over by then at the latest, or if the head has its room beside it. So no promise is ever put off by a job of the same
queue. Where a head cannot be promised anything, because something without a limit of time is in its way, only those may
go beside which it has room once all that runs now is gone.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice

from batchd.scheduler import forecast, lines, placement
from batchd.scheduler.forecast import Opening
from batchd.scheduler.state import Environment, Job, Line, Queue, State


def next_one(state: State, now: int, queue: Queue, line: Line) -> tuple[Job, Environment] | None:
    """The first job behind the head of this line, which is blocked, that has a place and may take it."""
    opening: Opening | None = None
    head, *behind = islice(lines.order(line), 1 + forecast.FARTHEST)
    full: dict[Hashable, None] = {}
    for job in behind:
        kind = placement.kind(state, job.spec)
        environment = None if kind in full else placement.find(state, queue, job)
        if environment is None:
            full[kind] = None
            continue
        opening = opening or (forecast.opening(state, queue, head, now) if forecast.is_certain(state) else None)
        if opening is None:
            return None
        end = forecast.end_if_placed(job, now)
        is_over = end is not None and opening.at is not None and end <= opening.at
        if is_over or forecast.has_room_beside(opening, state, queue, head, (job, environment)):
            _promise(line, head, opening)
            return job, environment
    return None


def _promise(line: Line, head: Job, opening: Opening) -> None:
    """Remember the earliest time that this head was promised."""
    job_id, at = line.promise or ("", None)
    if job_id != head.spec.job_id:
        line.promise = (head.spec.job_id, opening.at)
    elif opening.at is not None and (at is None or opening.at < at):
        line.promise = (job_id, opening.at)
