"""Names made from names: the same question gives the same id, on any machine and after any restart."""

from __future__ import annotations

from hashlib import blake2b


def task_id(job_id: str, attempt: int) -> str:
    """32 hex digits: the task of a job's attempt (from 1)."""
    return blake2b(f"{job_id}/{attempt}".encode(), digest_size=16, usedforsecurity=False).hexdigest()


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
