"""The streams of tasks that have written nothing.

The awslogs driver makes a container's stream when the container starts. Here nothing is written down for a task that
is silent: its stream exists because a job has an attempt whose task would write to it. [batch.md 4, logs.md 7]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from batchd.gateway.operation import Context
from batchd.scheduler.events import JobStatus
from batchd.services.logs.groups import group_key
from batchd.store.store import JobRow, Key, LogStream, StreamKey
from batchd.task import LogDestination, TaskSpec, decode_node, decode_tasks

DELETED = "logs.deleted-stream"  # named `<task id>/<region>/<group>:<stream>`
_TASK_ID = re.compile("[0-9a-f]{32}")
_LENGTH = 32


def silent_stream(ctx: Context, key: StreamKey) -> LogStream | None:
    """The stream of a task that has been RUNNING, since then, if nobody has deleted it. Its group exists.

    A stream that has events is found here as well: the log table has the better word on it."""
    found = _task_of(ctx, key)
    if found is None or ctx.tx.resources.get(_deleted(key, found[0])) is not None:
        return None
    return LogStream(key.stream, found[1], None, None, None)


def bury_stream(ctx: Context, key: StreamKey) -> bool:
    """Remember that the stream of a task is deleted, as long as there is its job. False if there is none to delete."""
    found = _task_of(ctx, key)
    if found is None or ctx.tx.resources.get(_deleted(key, found[0])) is not None:
        return False
    ctx.tx.resources.insert(_deleted(key, found[0]), {})
    return True


def task_ids(stream: str) -> Iterator[str]:
    """What may be a task's id in a stream's name: the last 32 digits of one of its parts."""
    ends = (part[-_LENGTH:] for part in stream.split("/"))
    return (end for end in ends if _TASK_ID.fullmatch(end))


def started_at(job: JobRow, task_id: str) -> int | None:
    """When (ms) this task of the job became RUNNING; None if it has not, or never did."""
    for attempt in job.attempts:
        if attempt.task_id == task_id:
            return attempt.started_at
    return job.started_at if job.task_id == task_id and job.status is JobStatus.RUNNING else None


def _task_of(ctx: Context, key: StreamKey) -> tuple[str, int] | None:
    """The task that writes to this stream, and since when. A group made later has not seen it."""
    group = ctx.tx.resources.get(group_key(key.region, key.group))
    for task_id in task_ids(key.stream):
        job = ctx.tx.jobs.of_task(task_id)
        since = started_at(job, task_id) if job else None
        if job and group and since is not None and group["creationTime"] <= since and _writes(job, task_id, key):
            return task_id, since
    return None


def _writes(job: JobRow, task_id: str, key: StreamKey) -> bool:
    wanted = LogDestination(key.region, key.group, key.stream)
    logs = (container.log for template in _templates(job) for container in template.containers)
    return any(log.of_task(task_id) == wanted for log in logs if log)


def _templates(job: JobRow) -> list[TaskSpec]:
    return decode_tasks(job.task) if job.node is None else [decode_node(job.task, job.node)]


def _deleted(key: StreamKey, task_id: str) -> Key:
    """No group has a colon in its name. What was deleted of the oldest jobs stands first."""
    return Key(DELETED, "", f"{task_id}/{key.region}/{key.group}:{key.stream}")
