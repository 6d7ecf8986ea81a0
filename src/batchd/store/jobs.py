"""Jobs: one row that changes and one that does not, so that the frequent writes stay small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from batchd.errors import DuplicateKey, StoreError
from batchd.scheduler.events import JobSpec, JobStatus
from batchd.scheduler.identity import array_of, child_id, gang_of, node_id, told_by_task
from batchd.scheduler.state import Attempt, Job
from batchd.store.arrays import ArrayRows
from batchd.store.codec import decode, decode_list, encode
from batchd.store.consumables import ConsumableRows
from batchd.store.joblist import definition_key, name_key, plan_of
from batchd.store.named import named_queries, prefix_range
from batchd.store.nodes import NodeRows
from batchd.store.session import Row, Session, Value
from batchd.store.store import Body, ChildCounts, JobFilter, JobRow

_SQL = named_queries("jobs")
_INSERT = _SQL["insert_job"]
_INSERT_DOCUMENT = _SQL["insert_document"]
_GET = _SQL["get_job"]
_TASK = _SQL["get_task"]
_FIND_TASK = _SQL["find_task"]
_SPEC = _SQL["get_spec"]
_STATUS = _SQL["get_status"]
_PAGE = _SQL["page_jobs"]
_SET_TAGS = _SQL["set_tags"]
_SET_DOCUMENT = _SQL["set_document"]
_SAVE = _SQL["save_job"]
_LIVE = _SQL["live_jobs"]
_PLACE = _SQL["get_place"]
_COUNT = _SQL["count_jobs"]
_MOVE_COUNT = _SQL["move_count"]
_ENDED = _SQL["ended_jobs"]
_DELETE = _SQL["delete_job"]
_DELETE_DOCUMENT = _SQL["delete_document"]
_IDENTITY = 9  # columns of a job that never change stand first
_STATUSES = {status.value: status for status in JobStatus}


class JobRows:
    """`store.JobTable` over a session. What changed of the counts waits for `write_counts` at the unit's end.

    A new row is queued: the scheduler decides about it in the same group, and it is written once, as it is then.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._arrays = ArrayRows(session)
        self._nodes = NodeRows(session)
        self._consumables = ConsumableRows(session)
        self._moved: Counter[tuple[str, str]] = Counter()
        self._fresh: dict[str, list[Value]] = {}  # job id to its queued row
        self._counts: dict[tuple[str, str], list[Any]] = {}  # place to its queued move: a row of two texts and a number
        self._flushes = 0  # when these two were begun

    def insert(self, row: JobRow, spec: JobSpec) -> None:
        """Raises DuplicateKey."""
        fresh = self._queued_rows()
        if row.job_id in fresh or self._session.peek(_STATUS, (row.job_id,)):
            raise DuplicateKey(f"job {row.job_id} exists")
        columns = fresh[row.job_id] = [*_identity(row), spec.share or None, *_first_state(row)]
        self._session.queue(_INSERT, columns)
        document = orjson.dumps(row.document).decode()
        tags = orjson.dumps(row.tags).decode() if row.tags else "{}"
        self._session.queue(_INSERT_DOCUMENT, (document, row.task, tags, encode(spec), row.job_id))
        self._moved[row.queue, row.status.value] += 1
        if spec.claims:
            self._consumables.insert(row.job_id, spec.claims)
        if row.children is not None:
            self._arrays.insert(row, spec, row.children)

    def get(self, job_id: str) -> JobRow | None:
        row = self._session.row(_GET, (job_id,))
        if row is not None:
            return _job_row(row)
        if (place := array_of(job_id)) and (array := self.get(place[0])):
            return self._arrays.child(array, place[1])
        if (place := gang_of(job_id)) and (gang := self.get(place[0])):
            return self._nodes.get(gang, place[1])
        return None

    def task_of(self, job_id: str) -> tuple[bytes, str, str] | None:
        place = array_of(job_id) or gang_of(job_id)
        row = self._session.row(_TASK, (place[0] if place else job_id,))
        return (row[0], row[1], row[2]) if row else None

    def of_task(self, task_id: str) -> JobRow | None:
        begin, index = told_by_task(task_id)
        among = (task_id, f"%{task_id}%")
        found = self._session.row(_FIND_TASK, (index, *among, *prefix_range(begin), *among))
        if found is None:
            return None
        whole_id, part, is_array = found
        if part is None:
            return self.get(whole_id)
        return self.get(child_id(whole_id, part) if is_array else node_id(whole_id, part))

    def spec_of(self, job_id: str) -> JobSpec | None:
        row = self._session.row(_SPEC, (job_id,))
        return decode(JobSpec, row[0]) if row else None

    def status_of(self, job_id: str) -> JobStatus | None:
        row = self._session.row(_STATUS, (job_id,))
        if row is not None:
            return _STATUSES[row[0]]
        if (place := array_of(job_id)) is not None:
            return self._arrays.status_of(*place)
        return self._nodes.status_of(*place) if (place := gang_of(job_id)) else None

    def children(self, array: JobRow, status: JobStatus, after: int, limit: int) -> list[JobRow]:
        parts = self._nodes if array.children is None else self._arrays
        return parts.page(array, status, after, limit)

    def failed_children(self, array_id: str) -> tuple[tuple[int, int], ...]:
        return self._arrays.failed(array_id)

    def page(self, queue: str, wanted: JobFilter, after: tuple[int, str] | None, limit: int) -> list[JobRow]:
        plan = plan_of(self._session, queue, wanted, after)
        sql = _PAGE.format(index=plan.index, conditions=plan.conditions)
        rows = self._session.rows(sql, (queue, *plan.params, limit))
        return [_job_row(row) for row in rows]

    def set_tags(self, job_id: str, tags: dict[str, str]) -> None:
        """Raises StoreError where there is no such job."""
        if not self._session.change(_SET_TAGS, (orjson.dumps(tags).decode(), job_id)):
            raise StoreError(f"there is no job {job_id}")

    def reprioritize(self, job_id: str, document: Body, priority: int) -> None:
        """Raises StoreError where there is no such job."""
        spec = self.spec_of(job_id)
        if spec is None:
            raise StoreError(f"there is no job {job_id}")
        changed = encode(replace(spec, priority=priority))
        self._session.change(_SET_DOCUMENT, (orjson.dumps(document).decode(), changed, job_id))

    def save(self, jobs: Iterable[Job]) -> None:
        """Raises StoreError where there is no such job."""
        for job in jobs:
            if job.parent is not None:
                if job.is_node:
                    self._nodes.save(job)
                else:
                    self._arrays.save_child(job)
                continue
            queue, status = self._save_one(job)
            self._moved[queue, status] -= 1
            self._moved[queue, job.status.value] += 1
            if job.children is not None:
                self._arrays.move(queue, _STATUSES[status], job.status)
            if job.nodes is not None:
                self._nodes.save_main(job)

    def _save_one(self, job: Job) -> tuple[str, str]:
        """Queue and status under which the job was counted."""
        fresh = self._queued_rows().get(job.spec.job_id)
        if fresh is not None:
            status = str(fresh[_IDENTITY + 1])
            fresh[_IDENTITY:] = _state(job)
            return job.spec.queue, status
        found = self._session.row(_PLACE, (job.spec.job_id,))
        if found is None:
            raise StoreError(f"there is no job {job.spec.job_id}")
        self._session.change(_SAVE, (*_state(job), job.spec.job_id))
        return found[0], found[1]

    def save_arrays(self, counted: Iterable[Job], reshaped: Iterable[Job], now: int) -> None:
        """Raises StoreError where there is no such array."""
        self._arrays.save(counted, reshaped, now)

    def live(self) -> list[Job]:
        self._write_counts_apart()
        jobs = [_job(row) for row in self._session.rows(_LIVE)]
        self._nodes.live(job for job in jobs if job.spec.gang is not None)
        return jobs + self._arrays.live({job.spec.job_id: job for job in jobs if job.spec.size})

    def counts(self) -> dict[str, dict[str, int]]:
        self._write_counts_apart()
        counts: dict[str, dict[str, int]] = {}
        for queue, status, jobs in self._session.rows(_COUNT):
            counts.setdefault(queue, {})[status] = jobs
        for queue, status, jobs in self._arrays.counts():
            by_status = counts.setdefault(queue, {})
            by_status[status] = by_status.get(status, 0) + jobs
        return {queue: {status: jobs for status, jobs in found.items() if jobs} for queue, found in counts.items()}

    def purge(self, stopped_before: int, limit: int) -> int:
        self._write_counts_apart()
        ended = list(self._session.rows(_ENDED, (stopped_before, stopped_before, limit)))
        room, gone = limit, 0
        for number, queue, status, counts in ended:
            room -= 1 + self._arrays.delete_children(number, room)
            if room < 0:
                break  # the array has more children, perhaps
            if counts is not None:
                self._arrays.delete(number, queue, status, counts)
            gone += 1
            self._moved[queue, status] -= 1
        numbers = [(number,) for number, *_ in ended[:gone]]
        self._session.change_many(_DELETE, numbers)
        self._session.change_many(_DELETE_DOCUMENT, numbers)
        self._consumables.delete(numbers)
        return limit if room < 0 else gone

    def write_counts(self) -> None:
        """The unit in hand is done."""
        self._arrays.write_counts()
        if self._moved:
            self._queued_rows()
            for place, jobs in self._moved.items():
                if jobs:
                    self._move(place, jobs)
            self._moved.clear()

    def _write_counts_apart(self) -> None:
        """In the middle of a unit, which may still be undone: not with the moves of others."""
        self._counts.clear()
        self.write_counts()

    def _move(self, place: tuple[str, str], jobs: int) -> None:
        queued = self._counts.get(place)
        if queued is None:
            queued = self._counts[place] = [*place, 0]
            self._session.queue(_MOVE_COUNT, queued)
        queued[2] += jobs

    def _queued_rows(self) -> dict[str, list[Value]]:
        """By job id, the rows that are still queued."""
        if self._flushes != self._session.flushes:
            self._flushes = self._session.flushes
            self._fresh.clear()
            self._counts.clear()
        return self._fresh

    def forget_counts(self) -> None:
        """The unit that moved them did not happen."""
        self._arrays.forget_counts()
        self._moved.clear()


def _identity(row: JobRow) -> tuple[Value, ...]:
    return (
        row.job_id,
        row.region,
        row.queue,
        row.name,
        name_key(row.name),
        row.definition,
        definition_key(row.definition),
        row.created_at,
    )


def _first_state(row: JobRow) -> tuple[Value, ...]:
    """The columns that `_state` is written to later."""
    return (
        row.created_at,
        row.status.value,
        row.status_reason,
        row.started_at,
        row.stopped_at,
        row.exit_code,
        row.reason,
        row.is_cancelled,
        row.is_terminated,
        None,
        row.clamped,
        row.task_id,
        row.environment,
        _attempts(row.attempts),
        None,
        row.scheduled_at,
    )


def _state(job: Job) -> tuple[Value, ...]:
    return (
        job.submitted_at,
        job.status.value,
        job.status_reason,
        job.started_at,
        job.stopped_at,
        job.exit_code,
        job.reason,
        job.is_cancelled,
        job.is_terminated,
        job.stop_reason,
        job.clamped,
        job.task_id,
        job.environment,
        _attempts(job.attempts),
        job.runnable_at,
        job.scheduled_at,
    )


def _attempts(attempts: Iterable[Attempt]) -> str:
    return encode(list(attempts)) if attempts else "[]"


def _job_row(row: Row) -> JobRow:
    """From the columns of get_job and page_jobs, which are JobRow's fields in their order."""
    values = list(row)
    values[6] = orjson.loads(row[6])
    values[8] = orjson.loads(row[8])
    values[9] = _STATUSES[row[9]]
    values[15], values[16], values[20] = bool(row[15]), bool(row[16]), bool(row[20])
    values[19] = tuple(decode_list(Attempt, row[19]))
    counts, updated_at = values[22:]
    values[22:] = [ChildCounts(tuple(orjson.loads(counts)), updated_at)] if counts else []
    return JobRow(*values)


def _job(row: Row) -> Job:
    """From the columns of live_jobs, which are Job's fields in their order."""
    values = list(row)
    values[0] = decode(JobSpec, row[0])
    values[1] = _STATUSES[row[1]]
    values[4] = decode_list(Attempt, row[4])
    values[11], values[12], values[14] = bool(row[11]), bool(row[12]), bool(row[14])
    return Job(*values)
