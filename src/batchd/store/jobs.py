"""Jobs: one row that changes and one that does not, so that the frequent writes stay small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import orjson

from batchd.errors import DuplicateKey, StoreError
from batchd.scheduler.events import JobSpec, JobStatus
from batchd.scheduler.state import Attempt, Job
from batchd.store.codec import decode, decode_list, encode
from batchd.store.joblist import definition_key, name_key, plan_of
from batchd.store.named import named_queries
from batchd.store.session import Row, Session
from batchd.store.store import JobFilter, JobRow

_SQL = named_queries("jobs")
_INSERT = _SQL["insert_job"]
_INSERT_DOCUMENT = _SQL["insert_document"]
_GET = _SQL["get_job"]
_TASK = _SQL["get_task"]
_STATUS = _SQL["get_status"]
_PAGE = _SQL["page_jobs"]
_SET_TAGS = _SQL["set_tags"]
_SAVE = _SQL["save_job"]
_LIVE = _SQL["live_jobs"]
_PLACE = _SQL["get_place"]
_COUNT = _SQL["count_jobs"]
_MOVE_COUNT = _SQL["move_count"]
_ENDED = _SQL["ended_jobs"]
_DELETE = _SQL["delete_job"]
_DELETE_DOCUMENT = _SQL["delete_document"]
_STATUSES = {status.value: status for status in JobStatus}


class JobRows:
    """`store.JobTable` over a session. What changed of the counts waits for `write_counts` at the unit's end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._moved: Counter[tuple[str, str]] = Counter()

    def insert(self, row: JobRow, spec: JobSpec) -> None:
        """Raises DuplicateKey."""
        if not self._session.change(_INSERT, _columns(row)):
            raise DuplicateKey(f"job {row.job_id} exists")
        document = orjson.dumps(row.document).decode()
        tags = orjson.dumps(row.tags).decode()
        self._session.change(_INSERT_DOCUMENT, (document, row.task, tags, encode(spec), row.job_id))
        self._moved[row.queue, row.status.value] += 1

    def get(self, job_id: str) -> JobRow | None:
        row = self._session.row(_GET, (job_id,))
        return _job_row(row) if row else None

    def task_of(self, job_id: str) -> tuple[bytes, str, str] | None:
        row = self._session.row(_TASK, (job_id,))
        return (row[0], row[1], row[2]) if row else None

    def status_of(self, job_id: str) -> JobStatus | None:
        row = self._session.row(_STATUS, (job_id,))
        return _STATUSES[row[0]] if row else None

    def page(self, queue: str, wanted: JobFilter, after: tuple[int, str] | None, limit: int) -> list[JobRow]:
        plan = plan_of(self._session, queue, wanted, after)
        sql = _PAGE.format(index=plan.index, conditions=plan.conditions)
        rows = self._session.rows(sql, (queue, *plan.params, limit))
        return [_job_row(row) for row in rows]

    def set_tags(self, job_id: str, tags: dict[str, str]) -> None:
        """Raises StoreError where there is no such job."""
        if not self._session.change(_SET_TAGS, (orjson.dumps(tags).decode(), job_id)):
            raise StoreError(f"there is no job {job_id}")

    def save(self, jobs: Iterable[Job]) -> None:
        """Raises StoreError where there is no such job."""
        for job in jobs:
            found = self._session.row(_PLACE, (job.spec.job_id,))
            if found is None:
                raise StoreError(f"there is no job {job.spec.job_id}")
            queue, status = found
            self._session.change(_SAVE, _state(job))
            self._moved[queue, status] -= 1
            self._moved[queue, job.status.value] += 1

    def live(self) -> list[Job]:
        self.write_counts()
        return [_job(row) for row in self._session.rows(_LIVE)]

    def counts(self) -> dict[str, dict[str, int]]:
        self.write_counts()
        counts: dict[str, dict[str, int]] = {}
        for queue, status, jobs in self._session.rows(_COUNT):
            counts.setdefault(queue, {})[status] = jobs
        return counts

    def purge(self, stopped_before: int, limit: int) -> int:
        self.write_counts()
        ended = list(self._session.rows(_ENDED, (stopped_before, stopped_before, limit)))
        numbers = [(number,) for number, _, _ in ended]
        self._session.change_many(_DELETE, numbers)
        self._session.change_many(_DELETE_DOCUMENT, numbers)
        self._moved.subtract((queue, status) for _, queue, status in ended)
        return len(ended)

    def write_counts(self) -> None:
        if self._moved:
            moved = [(queue, status, jobs) for (queue, status), jobs in self._moved.items() if jobs]
            self._moved.clear()
            self._session.change_many(_MOVE_COUNT, moved)

    def forget_counts(self) -> None:
        """The unit that moved them did not happen."""
        self._moved.clear()


def _columns(row: JobRow) -> tuple[str | int | None, ...]:
    return (
        row.job_id,
        row.region,
        row.queue,
        row.name,
        name_key(row.name),
        row.definition,
        definition_key(row.definition),
        row.created_at,
        row.created_at,
        row.status.value,
        row.status_reason,
        row.started_at,
        row.stopped_at,
        row.exit_code,
        row.reason,
        row.is_cancelled,
        row.is_terminated,
        row.clamped,
        row.task_id,
        row.environment,
        _attempts(row.attempts),
    )


def _state(job: Job) -> tuple[str | int | None, ...]:
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
        job.spec.job_id,
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
    return JobRow(*values)


def _job(row: Row) -> Job:
    """From the columns of live_jobs, which are Job's fields in their order."""
    values = list(row)
    values[0] = decode(JobSpec, row[0])
    values[1] = _STATUSES[row[1]]
    values[4] = decode_list(Attempt, row[4])
    values[11], values[12], values[14] = bool(row[11]), bool(row[12]), bool(row[14])
    return Job(*values)
