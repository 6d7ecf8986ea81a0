"""What befalls the nodes of a multi-node parallel job beside its main node. [batch.md 7.7]

The job is placed as one and its main node starts; once that runs the others do. When it has ended they are stopped, and
the attempt is over when all of them are. How they end changes nothing.
"""

from __future__ import annotations

from batchd.scheduler import identity, reasons, tasks
from batchd.scheduler.events import IN_HAND, JobSpec, JobStatus, Resources
from batchd.scheduler.state import Draft, Job, State
from batchd.scheduler.transitions import enter, move


def muster(draft: Draft, gang: Job) -> None:
    """The job was submitted: give it its nodes."""
    gang.nodes = new_nodes(gang)
    for node in gang.nodes.values():
        enter(draft, node)


def new_nodes(gang: Job) -> dict[int, Job]:
    """To which nothing has happened: they are where it is."""
    return {
        index: Job(node_spec(gang.spec, index), gang.status, gang.submitted_at, parent=gang)
        for index in others(gang.spec)
    }


def others(spec: JobSpec) -> list[int]:
    """The indexes of the nodes beside the main one; none of a job that is no gang."""
    return [] if spec.gang is None else [index for index in range(spec.gang.size) if index != spec.gang.main]


def node_spec(spec: JobSpec, index: int) -> JobSpec:
    """A node's: it asks for nothing, its gang has asked for all of them."""
    return JobSpec(identity.node_id(spec.job_id, index), spec.queue, Resources(0, 0), index=index)


def find(state: State, job_id: str) -> Job | None:
    """The node of this id of a live job; its main node is the job itself."""
    place = identity.gang_of(job_id)
    gang = state.jobs.get(place[0]) if place else None
    if place is None or gang is None or gang.spec.gang is None or gang.nodes is None:
        return None
    return gang if place[1] == gang.spec.gang.main else gang.nodes.get(place[1])


def restore(state: State, gang: Job) -> None:
    """The tasks of its nodes are in hand again."""
    for node in gang.other_nodes():
        if node.status in IN_HAND:
            state.tasks[str(node.task_id)] = node


def follow_main(state: State, draft: Draft, gang: Job) -> None:
    """The main node runs: so shall the others, unless the job is to stop."""
    if gang.stop_reason is not None:
        return
    for node in gang.other_nodes():
        if node.status is JobStatus.RUNNABLE:
            _start(state, draft, gang, node)


def _start(state: State, draft: Draft, gang: Job, node: Job) -> None:
    node.task_id = identity.task_id(node.spec.job_id, len(gang.attempts) + 1)
    node.environment, node.clamped, node.runnable_at = gang.environment, gang.clamped, gang.runnable_at
    state.tasks[node.task_id] = node
    move(draft, node, JobStatus.STARTING, draft.now)
    draft.commands.append(tasks.start_of(node))


def is_over_with(draft: Draft, job: Job) -> bool:
    """The task of a gang's main node, or of another one, is over. Whether that was the attempt's last."""
    if job.is_node:
        _end(draft, job)
    else:
        tasks.stop_nodes(draft, job, reasons.MAIN_NODE_ENDED)
    gang = job.whole
    main_is_over = bool(gang.attempts) and gang.attempts[-1].task_id == gang.task_id
    return main_is_over and not any(node.status in IN_HAND for node in gang.other_nodes())


def _end(draft: Draft, node: Job) -> None:
    """By its own exit code; that it had to stop because the main node did is no fault of its. [batch.md 7.7]"""
    last = node.attempts[-1]
    is_well = last.exit_code == 0 and node.stop_reason in (None, reasons.MAIN_NODE_ENDED)
    move(draft, node, JobStatus.SUCCEEDED if is_well else JobStatus.FAILED, last.stopped_at, last.status_reason)


def drop(draft: Draft, node: Job, reason: str) -> None:
    """A node that has not started shall not, whatever becomes of the others."""
    move(draft, node, JobStatus.FAILED, draft.now, reason)
