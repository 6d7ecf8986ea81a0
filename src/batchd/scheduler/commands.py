"""What the scheduler wants done. Imperative, frozen; performed at least once, and only after the commit."""

from __future__ import annotations

from dataclasses import dataclass

from batchd.scheduler.events import Resources


@dataclass(frozen=True, slots=True)
class StartTask:
    """Run this attempt. The task id is decided here, so a repeat after a crash adopts instead of starting twice."""

    task_id: str
    job_id: str
    attempt: int  # from 1
    environment: str  # compute environment ARN
    index: int | None = None  # of an array's child or a gang's node, with the size of the whole
    size: int = 0
    main: int | None = None  # of a gang: the index of its main node
    resources: Resources | None = None  # what it counts for on the machine; None: another task counts for it


@dataclass(frozen=True, slots=True)
class StopTask:
    """SIGTERM now, SIGKILL after the task's stop timeout. [batch.md 1.6]"""

    task_id: str
    job_id: str


Command = StartTask | StopTask
