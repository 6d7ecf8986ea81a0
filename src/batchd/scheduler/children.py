"""The children of an array job: a byte each, for most of them only wait. A child gets a record when it starts.

A byte says what a child without a record is; from DROPPED on it says which of the array's drops ended it. From
SUCCEEDED on the child has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from batchd.scheduler.events import JobStatus

PENDING, RUNNABLE, RECORDED, SUCCEEDED, FAILED, DROPPED = range(6)
MOST_DROPS = 256 - DROPPED  # more than a byte can tell apart

_PLACE = {status: place for place, status in enumerate(JobStatus)}
_STATUS = {
    PENDING: JobStatus.PENDING,
    RUNNABLE: JobStatus.RUNNABLE,
    SUCCEEDED: JobStatus.SUCCEEDED,
    FAILED: JobStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class Drop:
    """Why and when (ms) children ended that had not started: all for one reason, without records."""

    reason: str
    at: int
    is_cancelled: bool = False
    is_terminated: bool = False


@dataclass(slots=True)
class Children:
    """`states` has a byte a child, `counts` how many are in each status, in the order of a job's life.

    `runnable_at` is when the last of them became RUNNABLE. What follows is derived: `fresh` are RUNNABLE without a
    record, none of them before `first`; `in_line` while the array has a place in its queue's line; `watched` if a job
    may wait for a single child.
    """

    states: bytearray
    counts: list[int]
    drops: list[Drop] = field(default_factory=list)
    runnable_at: int | None = None
    fresh: int = field(default=0, compare=False)
    first: int = field(default=0, compare=False)
    in_line: bool = field(default=False, compare=False)
    watched: bool = field(default=False, compare=False)

    @property
    def size(self) -> int:
        return len(self.states)

    @property
    def is_over(self) -> bool:
        """Whether every child is final."""
        return self.count(JobStatus.SUCCEEDED) + self.count(JobStatus.FAILED) == len(self.states)

    def count(self, status: JobStatus) -> int:
        return self.counts[_PLACE[status]]

    def shift(self, before: JobStatus, after: JobStatus, number: int = 1) -> None:
        """So many children went from one status to another."""
        self.counts[_PLACE[before]] -= number
        self.counts[_PLACE[after]] += number

    def status(self, index: int) -> JobStatus | None:
        """Of a child; None where its record tells."""
        state = self.states[index]
        return JobStatus.FAILED if state >= DROPPED else _STATUS.get(state)

    def drop_of(self, index: int) -> Drop | None:
        """What ended a child without a record."""
        state = self.states[index]
        return self.drops[state - DROPPED] if state >= DROPPED else None

    def among(self, state: int) -> Iterator[int]:
        """The children whose byte is this, in order."""
        index = self.states.find(state)
        while index >= 0:
            yield index
            index = self.states.find(state, index + 1)

    def next_fresh(self) -> int:
        """The RUNNABLE child whose turn it is; there must be one."""
        self.first = self.states.index(RUNNABLE, self.first)
        return self.first

    def settle_derived(self) -> int:
        """After the bytes were made from what is stored; returns how many are `fresh`."""
        self.fresh = self.states.count(RUNNABLE)
        return self.fresh


def new_children(size: int, succeeded: Iterable[tuple[int, int]] = ()) -> Children:
    """Of an array that was just submitted, of which these children, as ranges, are born SUCCEEDED."""
    children = Children(bytearray(size), [0] * len(_PLACE))
    for first, behind in succeeded:
        children.states[first:behind] = bytes([SUCCEEDED]) * (behind - first)
    done = children.states.count(SUCCEEDED) if succeeded else 0
    children.counts[_PLACE[JobStatus.SUCCEEDED]] = done
    children.counts[_PLACE[JobStatus.SUBMITTED]] = size - done
    return children
