"""Why a head waits in its quota share, in a sentence."""

from __future__ import annotations

from batchd.scheduler import quota
from batchd.scheduler.placement import Hurdle
from batchd.scheduler.state import Job, Queue, State


def obstacle(state: State, queue: Queue, job: Job) -> tuple[Hurdle, str] | None:
    """What keeps a job that the environment and the machine would take from starting; None if its share does not."""
    room = quota.room_of(state, queue)
    if room is None:
        return None
    hurdle = quota.hurdle(room, job)
    wanted, name = quota.wanted_of(job), f"Quota share {job.spec.share}"
    most, used = quota.most(room.shares, job.spec.share, wanted.unit), room.of(job.spec.share, wanted.unit)
    need = f"the job needs {wanted.quantity}."
    match hurdle:
        case Hurdle.SHARE_TOO_SMALL:
            return hurdle, f"{name} can have at most {most} of {wanted.unit}, {need}"
        case Hurdle.SHARE_FULL:
            return hurdle, f"{name} is full: it has {used} of {most} of {wanted.unit}, {need}"
        case Hurdle.NOTHING_LENT:
            return hurdle, f"{name} would borrow, and no other quota share lends what is missing of {wanted.unit}."
        case Hurdle.RESERVED:
            return hurdle, f"What is free of {wanted.unit} is reserved for other quota shares."
        case None if quota.is_owed(room, queue, job):
            return Hurdle.OWED, f"{name} would borrow {wanted.unit}, and others wait for what is their own."
        case _:
            return None
