"""Array jobs: a row that counts the children and says in a few bytes what most of them are; a row for each child that
something happened to. Such a row has the last word."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any

import orjson

from batchd.errors import StoreError
from batchd.scheduler.arrays import child_spec
from batchd.scheduler.children import FAILED, PENDING, RECORDED, RUNNABLE, SUCCEEDED, Children, Drop, new_children
from batchd.scheduler.events import JobSpec, JobStatus
from batchd.scheduler.identity import array_of, child_id
from batchd.scheduler.state import Job
from batchd.store.codec import decode_list, encode
from batchd.store.named import named_queries
from batchd.store.parts import job_of, own_of, part_row, state_of
from batchd.store.session import Row, Session
from batchd.store.store import ChildCounts, JobRow

_SQL = named_queries("arrays")
_INSERT = _SQL["insert_array"]
_GET_COUNTS = _SQL["get_counts"]
_SAVE_COUNTS = _SQL["save_counts"]
_GET_STATES = _SQL["get_states"]
_SAVE_STATES = _SQL["save_states"]
_SAVE_CHILD = _SQL["save_child"]
_GET_CHILD = _SQL["get_child"]
_GET_CHILD_STATUS = _SQL["get_child_status"]
_PAGE = _SQL["page_children"]
_HAVE_ROWS = _SQL["have_rows"]
_LIVE = _SQL["live_arrays"]
_ENDED_CHILDREN = _SQL["ended_children"]
_LIVE_CHILDREN = _SQL["live_children"]
_COUNT = _SQL["count_children"]
_MOVE_COUNT = _SQL["move_child_count"]
_DELETE_CHILDREN = _SQL["delete_children"]
_DELETE = _SQL["delete_array"]
_STATUSES = {status.value: status for status in JobStatus}
_ORDER = tuple(JobStatus)
_ENDED_BYTES = {JobStatus.SUCCEEDED.value: SUCCEEDED, JobStatus.FAILED.value: FAILED}


class ArrayRows:
    """Arrays and their children over a session. What changed of the counts waits for `write_counts`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._moved: Counter[tuple[str, str]] = Counter()

    def insert(self, row: JobRow, spec: JobSpec, counts: ChildCounts) -> None:
        """The children of a job that has just got its row."""
        states = _pack(new_children(spec.size, spec.succeeded).states)
        self._session.change(_INSERT, (_encode(counts.by_status), counts.updated_at, states, row.job_id))
        self._count(row.queue, counts.by_status)
        self.move(row.queue, None, row.status)

    def move(self, queue: str, before: JobStatus | None, after: JobStatus) -> None:
        """An array is in another status itself."""
        if before is not None:
            self._moved[queue, before.value] += 1
        self._moved[queue, after.value] -= 1

    def save_child(self, job: Job) -> None:
        """Raises StoreError where there is no such array."""
        place = array_of(job.spec.job_id)
        if place is None or not self._session.change(_SAVE_CHILD, (place[1], *state_of(job), place[0])):
            raise StoreError(f"there is no array of {job.spec.job_id}")

    def save(self, counted: Iterable[Job], reshaped: Iterable[Job], now: int) -> None:
        numbers: dict[str, int] = {}
        for job in counted:
            number, queue, before = self._counts(job.spec.job_id)
            after = _of(job).counts
            self._session.change(_SAVE_COUNTS, (_encode(after), now, number))
            self._count(queue, [new - old for new, old in zip(after, before, strict=True)])
            numbers[job.spec.job_id] = number
        for job in reshaped:
            children = _of(job)
            number = numbers.get(job.spec.job_id) or self._counts(job.spec.job_id)[0]
            self._session.change(
                _SAVE_STATES, (_pack(children.states), encode(children.drops), children.runnable_at, number)
            )

    def live(self, arrays: dict[str, Job]) -> list[Job]:
        """Give these jobs that have not ended their children; returns the children that have records."""
        found: list[Job] = []
        for number, array_id, *columns in list(self._session.rows(_LIVE)):
            array = arrays[array_id]
            children = array.children = _read(columns)
            for index, status in self._session.rows(_ENDED_CHILDREN, (number,)):
                children.states[index] = _ENDED_BYTES[status]
            for row in self._session.rows(_LIVE_CHILDREN, (number,)):
                children.states[row[0]] = RECORDED
                found.append(job_of(child_spec(array.spec, row[0]), array, row))
        return found

    def child(self, array: JobRow, index: int) -> JobRow | None:
        """One child of the array; None where it has none of this index, or is none."""
        if array.children is None:
            return None
        row = self._session.row(_GET_CHILD, (array.job_id, index))
        if row is not None:
            return _child_row(array, row)
        found = self._children(array.job_id)
        return _byte_row(array, found[1], index) if found and index < found[1].size else None

    def status_of(self, array_id: str, index: int) -> JobStatus | None:
        row = self._session.row(_GET_CHILD_STATUS, (array_id, index, True))
        if row is not None:
            return _STATUSES[row[0]]
        found = self._children(array_id)
        return found[1].status(index) if found and index < found[1].size else None

    def page(self, array: JobRow, status: JobStatus, after: int, limit: int) -> list[JobRow]:
        """Children of this status by index, from behind `after` on."""
        found = self._children(array.job_id)
        if found is None:
            return []
        number, children = found
        rows = (_child_row(array, row) for row in self._session.rows(_PAGE, (number, after, status.value, limit)))
        have_rows = {row[0] for row in self._session.rows(_HAVE_ROWS, (number, after))}
        plain = (
            _byte_row(array, children, index)
            for index in _among(children, status)
            if index > after and index not in have_rows
        )
        return list(islice(merge(rows, plain, key=lambda row: row.index or 0), limit))

    def failed(self, array_id: str) -> tuple[tuple[int, int], ...]:
        """The children of an ended array that failed, as ranges (first, behind the last)."""
        found = self._children(array_id)
        if found is None:
            return ()
        number, children = found
        for index, status in self._session.rows(_ENDED_CHILDREN, (number,)):
            children.states[index] = _ENDED_BYTES[status]
        return tuple(_ranges(_among(children, JobStatus.FAILED)))

    def counts(self) -> list[tuple[str, str, int]]:
        """Queue, status, and how many children there are more than arrays."""
        return [(queue, status, jobs) for queue, status, jobs in self._session.rows(_COUNT)]

    def delete_children(self, number: int, most: int) -> int:
        """Forget some rows of an ended array's children; returns how many there were, at the most `most`."""
        return self._session.change(_DELETE_CHILDREN, (number, number, most))

    def delete(self, number: int, queue: str, status: str, counts: str) -> None:
        """Forget an array whose children have no rows any more."""
        self._session.change(_DELETE, (number,))
        self._count(queue, [-children for children in orjson.loads(counts)])
        self._moved[queue, status] += 1

    def write_counts(self) -> None:
        if self._moved:
            moved = [(queue, status, jobs) for (queue, status), jobs in self._moved.items() if jobs]
            self._moved.clear()
            self._session.change_many(_MOVE_COUNT, moved)

    def forget_counts(self) -> None:
        self._moved.clear()

    def _count(self, queue: str, by_status: Iterable[int]) -> None:
        for status, number in zip(_ORDER, by_status, strict=True):
            if number:
                self._moved[queue, status.value] += number

    def _counts(self, job_id: str) -> tuple[int, str, list[int]]:
        """Number, queue and counts. Raises StoreError where there is no such array."""
        row = self._session.row(_GET_COUNTS, (job_id,))
        if row is None:
            raise StoreError(f"there is no array {job_id}")
        return row[0], row[1], orjson.loads(row[2])

    def _children(self, job_id: str) -> tuple[int, Children] | None:
        """The array's number, and its children as far as they have no rows; None for what is no array."""
        row = self._session.row(_GET_STATES, (job_id,))
        return (row[0], _read(row[1:])) if row else None


def _encode(by_status: Iterable[int]) -> str:
    return orjson.dumps(list(by_status)).decode()


def _pack(states: bytes | bytearray) -> bytes:
    """Most children are as their neighbours are."""
    return zlib.compress(states, 1)


def _read(columns: Sequence[Any]) -> Children:  # what the columns hold only the queries know
    counts, states, drops, runnable_at = columns
    unpacked = bytearray(zlib.decompress(states))
    return Children(unpacked, orjson.loads(counts), decode_list(Drop, drops), runnable_at)


def _of(array: Job) -> Children:
    if array.children is None:
        raise StoreError(f"job {array.spec.job_id} is no array")
    return array.children


def _byte_row(array: JobRow, children: Children, index: int) -> JobRow:
    """A child that has no row. While one waits it says what its array says: why none of them can start."""
    status = children.status(index) or JobStatus.PENDING
    drop = children.drop_of(index)
    if drop is None:
        return _row(array, index, status=status, status_reason=_accusation(array, status))
    return _row(
        array,
        index,
        status=status,
        status_reason=drop.reason,
        stopped_at=drop.at,
        is_cancelled=drop.is_cancelled,
        is_terminated=drop.is_terminated,
    )


def _child_row(array: JobRow, row: Row) -> JobRow:
    """From the columns of get_child and page_children."""
    return _row(array, row[0], **own_of(row))


def _row(array: JobRow, index: int, **own: Any) -> JobRow:  # Any: of the types that JobRow says
    return part_row(array, child_id(array.job_id, index), index=index, **own)


def _accusation(array: JobRow, status: JobStatus) -> str | None:
    return array.status_reason if status is JobStatus.RUNNABLE and array.status is JobStatus.PENDING else None


def _among(children: Children, status: JobStatus) -> Iterator[int]:
    """The children that are this as far as bytes tell, by index."""
    if status is JobStatus.PENDING or status is JobStatus.RUNNABLE:
        return children.among(PENDING if status is JobStatus.PENDING else RUNNABLE)
    return (index for index in range(children.size) if children.status(index) is status)


def _ranges(indexes: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = behind = -1
    for index in indexes:
        if index != behind:
            if first >= 0:
                yield first, behind
            first = index
        behind = index + 1
    if first >= 0:
        yield first, behind
