"""What a pool without enough free units has to say."""

from __future__ import annotations

from batchd.scheduler.state import Pool, PoolKind


def shortage(pool: Pool, quantity: int) -> str:
    """Why a job that needs so many units does not get them."""
    if pool.kind is PoolKind.RESOURCE:
        return _of_resource(pool, quantity)
    return f"{_subject(pool)} at most {pool.total} run at a time, and {pool.used} are under way."


def _of_resource(pool: Pool, quantity: int) -> str:
    name = f"Consumable resource {pool.name}"
    if pool.total is None:
        return f"{name} does not exist."
    if not pool.refills:
        return f"{name} has {max(0, pool.total - pool.used)} units left for good, the job needs {quantity}."
    return f"{name} has {pool.total} units and {pool.used} are in use, the job needs {quantity}."


def _subject(pool: Pool) -> str:
    match pool.kind:
        case PoolKind.QUEUE:
            return f"Of the jobs of queue {pool.name}"
        case PoolKind.DEFINITION:
            return f"Of the jobs of definition {pool.name}"
        case PoolKind.ARRAY:
            return f"Of the children of array job {pool.name}"
        case _:
            return f"Of the jobs with concurrency key {pool.name.rpartition('concurrency-key/')[2]}"
