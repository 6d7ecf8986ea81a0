"""Running jobs that make room for others: for what is their quota share's, and for a higher priority. [batch.md 7.4]

A head that cannot start within its share's limits takes back what other shares have beyond theirs; with in-share
preemption it also takes the place of jobs of its own share that have a lower priority. Nobody is stopped unless the job
can start then. What is being stopped already is room to come: nobody is stopped for it twice.

Who stands behind a head has room made for him as well if he wants the same type. Until he is the head himself nothing
of another type is owed to him: whoever borrows could take what was freed, and be stopped again, and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from batchd.scheduler import lines, pools, quota, reasons, tasks
from batchd.scheduler.quota import Room
from batchd.scheduler.state import Draft, Job, Queue, State

Pick = Callable[[Room, Job, Sequence[Job]], Job | None]


def make_room(state: State, draft: Draft, queue: Queue) -> None:
    """Ask those to stop that must give way to the jobs that wait, in the order in which these will be placed."""
    found = quota.room_of(state, queue)
    if found is None:
        return
    room = found.copy()
    running: dict[str, Job] = {}
    for job in state.tasks.values():
        if job.spec.queue != queue.arn or job.spec.service is None:  # of a queue that had this name before
            continue
        if job.stop_reason is None:
            running[job.spec.job_id] = job
        else:
            room.free(job)
    if not running:
        return
    waiting = {line.name: lines.order(line) for line, _ in quota.heads(queue)}
    first = {name: next(order) for name, order in waiting.items()}
    while first:
        share = min(first, key=lambda name: (quota.borrows(room, first[name]), lines.since(first[name]), name))
        job = first.pop(share)
        if state.pools and pools.short(state, job.spec) is not None:
            continue  # it would not start for all the room there is
        if _find_room(draft, room, job, running):
            following = next(waiting[share], None)
            if following is not None and quota.wanted_of(following).unit == quota.wanted_of(job).unit:
                first[share] = following


def _find_room(draft: Draft, room: Room, job: Job, running: dict[str, Job]) -> bool:
    """Whether the job can start in this room, or in what others are asked to leave; it is counted as if it had."""
    if quota.hurdle(room, job) is not None:
        victims, reason = _victims(room, job, running)
        if not victims:
            return False
        for victim in victims:
            room.free(victim)
            del running[victim.spec.job_id]
            tasks.ask_to_stop(draft, victim, reason)
    room.take(job)
    return True


def _victims(room: Room, job: Job, running: Mapping[str, Job]) -> tuple[list[Job], str]:
    """Whose end lets the job start, and why they shall end; nobody where that would not do."""
    share = room.shares.get(job.spec.share)
    if share is None:
        return [], ""
    if not quota.borrows(room, job) and (found := _enough(room, job, running, _borrower)):
        return found, reasons.PREEMPTED_FOR_OWNER
    if share.preempts and (found := _enough(room, job, running, _lesser)):
        return found, reasons.PREEMPTED_FOR_PRIORITY
    return [], ""


def _enough(room: Room, job: Job, running: Mapping[str, Job], pick: Pick) -> list[Job]:
    """So many of the running jobs, as they are picked one by one, that the job can start without them; else none."""
    trial, left = room.copy(), dict(running)
    chosen: list[Job] = []
    while quota.hurdle(trial, job) is not None:
        victim = pick(trial, job, list(left.values()))
        if victim is None:
            return []
        trial.free(victim)
        chosen.append(left.pop(victim.spec.job_id))
    return chosen


def _borrower(room: Room, job: Job, running: Sequence[Job]) -> Job | None:
    """Of the share that borrows most the job of lowest priority that was started last. Who waits and is counted as if
    it had started has borrowed nothing yet: no job leaves what is its share's own for that."""
    unit = quota.wanted_of(job).unit
    others = [o for o in running if quota.wanted_of(o).unit == unit and o.spec.share != job.spec.share]
    has = Counter[str]()
    for other in others:
        has[other.spec.share] += quota.wanted_of(other).quantity
    over = {name: number - quota.own(room.shares.get(name), unit) for name, number in has.items()}
    lent = [other for other in others if over[other.spec.share] > 0]
    return min(lent, key=lambda other: (-over[other.spec.share], *_worth(other)), default=None)


def _lesser(room: Room, job: Job, running: Sequence[Job]) -> Job | None:
    """Of the same share the job of lowest priority that was started last, if it is lower."""
    lower = [o for o in running if o.spec.share == job.spec.share and o.spec.priority < job.spec.priority]
    return min(lower, key=_worth, default=None)


def _worth(job: Job) -> tuple[int, int, str]:
    """The least goes first: by priority, and by how long it has run; the id breaks ties."""
    return job.spec.priority, -(job.scheduled_at or 0), job.spec.job_id
