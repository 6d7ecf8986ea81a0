"""What engines report, as the events that the scheduler is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from batchd.engines import engine
from batchd.engines.engine import Exited, FailedToStart, Lost, Report, Returned, Started
from batchd.scheduler.events import (
    ContainerExit,
    Event,
    TaskExited,
    TaskFailedToStart,
    TaskLost,
    TaskReturned,
    TaskStarted,
    Usage,
)


def event_of(report: Report) -> Event:
    """The event that says what the report says, but for the task's result."""
    match report:
        case Started(task_id, at):
            return TaskStarted(task_id, at)
        case Exited(task_id, at, exit_code, reason):
            return TaskExited(task_id, at, exit_code, reason, _used(report.usage), _ends(report.containers))
        case FailedToStart(task_id, at, reason):
            return TaskFailedToStart(task_id, at, reason, _ends(report.containers))
        case Returned(task_id, at):
            return TaskReturned(task_id, at)
        case Lost(task_id, at, reason):
            return TaskLost(task_id, at, reason)


def _used(usage: engine.Usage | None) -> Usage | None:
    return None if usage is None else Usage(usage.peak_memory_mib, usage.cpu_s)


def _ends(containers: Sequence[engine.ContainerExit]) -> tuple[ContainerExit, ...]:
    return tuple(ContainerExit(end.name, end.exit_code, end.reason) for end in containers)
