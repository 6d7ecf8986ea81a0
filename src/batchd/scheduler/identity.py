"""Names made from names: the same question gives the same id, on any machine and after any restart."""

from __future__ import annotations

import re
from hashlib import blake2b

_TIME = re.compile("([0-9a-f]{8})-([0-9a-f]{4})-")  # what a job's id begins with: 48 bits of when it was made
_INDEX = 6  # hex digits


def task_id(job_id: str, attempt: int) -> str:
    """32 hex digits: the task of a job's attempt (from 1).

    The first twelve are the job id's, the next six the index of a child or node: so the job can be found again by its
    task, without a table of all tasks there were. The rest tells those apart that have these in common."""
    digest = blake2b(f"{job_id}/{attempt}".encode(), digest_size=16, usedforsecurity=False).hexdigest()
    time = _TIME.match(job_id)
    if time is None:
        return digest
    part = array_of(job_id) or gang_of(job_id)
    told = time[1] + time[2] + (f"{part[1]:0{_INDEX}x}" if part else "")
    return told + digest[len(told) :]


def told_by_task(task_id: str) -> tuple[str, int]:
    """What the id of a job begins with that may have had this task, and the index, should it be a part of one."""
    return f"{task_id[:8]}-{task_id[8:12]}-", int(task_id[12 : 12 + _INDEX], 16)


def made_at(task_id: str) -> int:
    """When (ms) the job of this task was submitted."""
    return int(task_id[:12], 16)


def child_id(array_id: str, index: int) -> str:
    """The id of an array's child. [batch.md 3.5]"""
    return f"{array_id}:{index}"


def array_of(job_id: str) -> tuple[str, int] | None:
    """The array's id and the index in a child's id; None for any other id."""
    return _split(job_id, ":")


def node_id(gang_id: str, index: int) -> str:
    """The id of a node of a multi-node parallel job. [batch.md 7.7]"""
    return f"{gang_id}#{index}"


def gang_of(job_id: str) -> tuple[str, int] | None:
    """The job's id and the index in a node's id; None for any other id."""
    return _split(job_id, "#")


def _split(job_id: str, mark: str) -> tuple[str, int] | None:
    whole_id, found, text = job_id.rpartition(mark)
    index = int(text) if found and text.isascii() and text.isdigit() and len(text) < 10 else -1
    return (whole_id, index) if index >= 0 and str(index) == text else None


def instance_id(environment: str) -> str:
    """`i-` and 17 hex digits: the EC2 name of the host that a compute environment's tasks run on."""
    return "i-" + blake2b(environment.encode(), digest_size=9, usedforsecurity=False).hexdigest()[:17]
