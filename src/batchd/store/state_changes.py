"""The states that jobs entered in one step, and heads found blocked, as one entry of the journal: short, since every
job enters several.

JSON, a list for each: job id, status, time (ms), attempt, statusReason; then, only where there is something to tell,
what the job said of itself and which children of an array it was, as runs (first, one after the last).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import orjson

from batchd.errors import StoreError
from batchd.scheduler.events import JobStatus
from batchd.scheduler.state import Transition

KIND = "JobStateChanged"
_TERMINATED, _CLAMPED, _BLOCKED = 1, 2, 4


def encode_transitions(moved: Iterable[Transition]) -> str:
    return orjson.dumps([_encoded(one) for one in moved]).decode()


def decode_transitions(text: str) -> list[Transition]:
    """What `encode_transitions` wrote. Raises StoreError where it did not."""
    try:
        return [_decoded(one) for one in orjson.loads(text)]
    except (TypeError, ValueError) as error:
        raise StoreError(f"cannot read a stored state change: {error}") from error


def _encoded(moved: Transition) -> Sequence[Any]:  # JSON values
    job_id, status, at, attempt, reason, children, is_terminated, clamped, is_blocked = moved
    if not (children or is_terminated or clamped or is_blocked):
        return (job_id, status, at, attempt, reason)
    said = _TERMINATED * is_terminated + _CLAMPED * clamped + _BLOCKED * is_blocked
    return (job_id, status, at, attempt, reason, said, list(_runs(children)))


def _decoded(entry: Sequence[Any]) -> Transition:  # JSON values
    job_id, status, at, attempt, reason, said, runs = (*entry, 0, ()) if len(entry) == 5 else entry
    children = _children([range(first, end) for first, end in runs])
    flags = (bool(said & flag) for flag in (_TERMINATED, _CLAMPED, _BLOCKED))
    return Transition(job_id, JobStatus(status), at, attempt, reason, children, *flags)


def _runs(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Numbers that follow each other, together."""
    if isinstance(indexes, range) and indexes.step == 1:
        if indexes:
            yield indexes.start, indexes.stop
        return
    for _, run in groupby(enumerate(indexes), lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        yield numbers[0], numbers[-1] + 1


def _children(runs: list[range]) -> Sequence[int]:
    if not runs:
        return ()
    return runs[0] if len(runs) == 1 else list(chain(*runs))
