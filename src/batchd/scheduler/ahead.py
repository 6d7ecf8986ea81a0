"""Tasks that an engine is given ahead of the room for them, so that it need not ask for the next one when one ends.

Where tasks end as soon as they have begun, asking takes longer than running. So from a queue whose tasks were all brief
of late a few more are placed than the machine has room for. The engine begins them in their order, each once there is
room, and returns those for which there is none soon: then the queue's tasks are not brief any more, and nothing but a
moment is lost. Nobody is overtaken for long: only who is first come, first served is placed so, while nobody of another
queue waits for the machine.
"""

from __future__ import annotations

from batchd.scheduler import placement, policy
from batchd.scheduler.events import JobStatus
from batchd.scheduler.placement import Hurdle
from batchd.scheduler.state import Environment, Job, Queue, State

BRIEF_MS = 50  # from the start of a task to its end
LEAST = 8  # tasks in a row, before the next ones are expected to be as brief


def find(state: State, queue: Queue, job: Job) -> Environment | None:
    """Where the head of a line, for which the machine has no room, may be placed ahead of it."""
    machine, spec = state.machine, job.spec
    if not machine.ahead or queue.brief < LEAST or queue.backfill:
        return None
    if spec.gang is not None or spec.service is not None or spec.resources.gpus:
        return None
    if placement.machine_hurdle(machine, spec.resources) is not Hurdle.MACHINE_FULL:
        return None
    given = 0
    for other in state.tasks.values():
        if other.whole.nodes is not None:  # it keeps its room until all its nodes have ended, of which no engine knows
            return None
        given += other.status is JobStatus.STARTING
    if given >= machine.ahead or _is_awaited_elsewhere(state, queue):
        return None
    return placement.find_beside(state, queue, job)


def _is_awaited_elsewhere(state: State, queue: Queue) -> bool:
    """Whether somebody of another queue waits for the machine."""
    others = (state.queues[arn] for arn in state.machine.sleepers if arn != queue.arn and arn in state.queues)
    return any(map(policy.length, others))


def take_note(state: State, job: Job, stopped_at: int) -> None:
    """The task of a job that began has ended."""
    queue = state.queue(job.spec.queue)
    is_brief = job.started_at is not None and stopped_at - job.started_at <= BRIEF_MS
    queue.brief = queue.brief + 1 if is_brief else 0


def be_careful(state: State, job: Job) -> None:
    """A task of this job's queue was returned."""
    state.queue(job.spec.queue).brief = 0
