"""Names made from names: the same question gives the same id, on any machine and after any restart."""

from __future__ import annotations

from hashlib import blake2b


def task_id(job_id: str, attempt: int) -> str:
    """32 hex digits: the task of a job's attempt (from 1)."""
    return blake2b(f"{job_id}/{attempt}".encode(), digest_size=16, usedforsecurity=False).hexdigest()


def instance_id(environment: str) -> str:
    """`i-` and 17 hex digits: the EC2 name of the host that a compute environment's tasks run on."""
    return "i-" + blake2b(environment.encode(), digest_size=9, usedforsecurity=False).hexdigest()[:17]
