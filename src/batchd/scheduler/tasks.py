"""The commands that an attempt stands for: start its task, stop it."""

from __future__ import annotations

from batchd.scheduler import identity, reasons
from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import IN_HAND
from batchd.scheduler.state import Draft, Job


def start_of(job: Job) -> StartTask:
    """The command that starts, or started, the attempt in hand."""
    whole, spec = job.whole, job.spec
    task_id, attempt, environment = str(job.task_id), len(whole.attempts) + 1, str(job.environment)
    gang = whole.spec.gang
    if gang is not None:
        index = gang.main if spec.index is None else spec.index
        counted = None if job.is_node else spec.resources
        return StartTask(task_id, _named(job), attempt, environment, index, gang.size, gang.main, counted)
    size = job.parent.spec.size if job.parent is not None else 0
    return StartTask(task_id, spec.job_id, attempt, environment, spec.index, size, None, spec.resources)


def stop_of(job: Job) -> StopTask:
    """The command that stops the attempt in hand."""
    return StopTask(str(job.task_id), _named(job))


def ask_to_stop(draft: Draft, job: Job, reason: str) -> None:
    """STARTING, RUNNING: the task shall stop, of a gang all of them; the job fails of this once they have. The first
    reason wins, but that any other goes before having to make room: a job that makes room comes back."""
    if job.stop_reason in reasons.PREEMPTIONS:
        job.stop_reason = reason
        draft.changed[job.spec.job_id] = job
    elif job.stop_reason is None and job.task_id is not None:
        job.stop_reason = reason
        draft.changed[job.spec.job_id] = job
        if not job.is_draining:
            draft.commands.append(stop_of(job))
        stop_nodes(draft, job, reason)


def stop_nodes(draft: Draft, gang: Job, reason: str) -> None:
    """Those beside the main one, as far as there are any."""
    for node in gang.other_nodes():
        if node.status in IN_HAND:
            if gang.is_terminated and not node.is_terminated:
                node.is_terminated = True
                draft.changed[node.spec.job_id] = node
            ask_to_stop(draft, node, reason)


def _named(job: Job) -> str:
    """A gang's own task is its main node's."""
    gang = job.spec.gang
    return job.spec.job_id if gang is None else identity.node_id(job.spec.job_id, gang.main)
