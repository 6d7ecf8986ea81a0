"""The truth: what every store offers. The only room with SQL is behind these names.

A unit of work is a plain function of a `Tx`. Many units share one transaction and one fsync (`Writer`); a unit that
raises leaves nothing behind and does not disturb its neighbours. Readers see the last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from batchd.scheduler.events import Event, JobSpec, JobStatus
from batchd.scheduler.state import Attempt, Job, Share, Transition
from batchd.store.queued import MessageTable, RecentTable

T = TypeVar("T")
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """Identity of a control-plane resource. `kind` is `service.noun`; `region` is empty for global services."""

    kind: str
    region: str
    name: str


class ResourceTable(Protocol):
    """Control-plane documents (queues, roles, log groups …): JSON by key. Bodies are read-only once handed out."""

    def get(self, key: Key) -> Body | None: ...
    def insert(self, key: Key, body: Body) -> None:
        """Raises DuplicateKey."""

    def put(self, key: Key, body: Body) -> None: ...
    def delete(self, key: Key) -> bool: ...
    def page(
        self, kind: str, region: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[tuple[str, Body]]:
        """(name, body) in order of name, names greater than `after`."""

    def count(self, kind: str, region: str) -> int:
        """How many of a kind there are in a region."""

    def every(self, kind: str) -> list[tuple[Key, Body]]:
        """All of a kind, whatever the region, in order of region and name: what start-up reads."""


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many children of an array are in each status, in the order of a job's life, and since when (ms)."""

    by_status: tuple[int, ...]
    updated_at: int

    @property
    def size(self) -> int:
        return sum(self.by_status)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as it is stored. Services write the first block once, at submit; the scheduler owns the rest.

    `document` is the submit as the service resolved it (JSON object, opaque below services); `task` is the
    template that `controllers/launch` completes. `tags` is the one part services may change later. `children` are an
    array's; a child of one has an `index`, and most of the rest from its array. So has a `node` of a job of several.
    """

    job_id: str
    region: str
    queue: str
    name: str
    definition: str  # ARN with revision; empty for a service job, which has none
    created_at: int
    document: Body
    task: bytes
    tags: dict[str, str]
    status: JobStatus = JobStatus.SUBMITTED
    status_reason: str | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    is_cancelled: bool = False
    is_terminated: bool = False
    task_id: str | None = None
    environment: str | None = None
    attempts: tuple[Attempt, ...] = ()
    clamped: bool = False
    scheduled_at: int | None = None
    children: ChildCounts | None = None
    index: int | None = None
    node: int | None = None

    @property
    def is_service(self) -> bool:
        """Whether this is a service job."""
        return not self.definition


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What ListJobs may ask of one queue. None does not restrict; `name` and `definition` may end in `*`.

    `name` is matched without case; `definition` is an ARN with revision, a name (all revisions) or a prefix.
    """

    status: JobStatus | None = None
    name: str | None = None
    definition: str | None = None
    created_before: int | None = None
    created_after: int | None = None
    share: str | None = None


class JobTable(Protocol):
    """Jobs, one row each; of an array's children those that something happened to. A single job is asked for by its
    id, a child by its own, whether it has a row or not, and so is a node of a multi-node parallel job."""

    def insert(self, row: JobRow, spec: JobSpec) -> None:
        """Raises DuplicateKey."""

    def get(self, job_id: str) -> JobRow | None: ...
    def task_of(self, job_id: str) -> tuple[bytes, str, str] | None:
        """(task template, region, queue ARN): the narrow read of a launch."""

    def of_task(self, task_id: str) -> JobRow | None:
        """The job, child or node that this task (32 hex digits) is or was an attempt of, by what its id tells of it."""

    def spec_of(self, job_id: str) -> JobSpec | None:
        """What the scheduler was told of a job, also of one that has ended; parts of jobs have none of their own."""

    def status_of(self, job_id: str) -> JobStatus | None: ...
    def page(self, queue: str, wanted: JobFilter, after: tuple[int, str] | None, limit: int) -> list[JobRow]:
        """Newest first; `after` is (created_at, job_id) of the last row seen."""

    def children(self, array: JobRow, status: JobStatus, after: int, limit: int) -> list[JobRow]:
        """Children of an array, or nodes of a job, in this status by index, from behind `after` on."""

    def failed_children(self, array_id: str) -> tuple[tuple[int, int], ...]:
        """The children of an array that has ended which failed, as ranges (first, behind the last)."""

    def set_tags(self, job_id: str, tags: dict[str, str]) -> None:
        """Raises StoreError where there is no such job."""

    def reprioritize(self, job_id: str, document: Body, priority: int) -> None:
        """The scheduler will find this scheduling priority after a restart; the document says it too. Raises
        StoreError where there is no such job."""

    def save(self, jobs: Iterable[Job]) -> None:
        """Write what the scheduler says of these jobs; its only writer is controllers/schedule.

        Raises StoreError where one of them is not there."""

    def save_arrays(self, counted: Iterable[Job], reshaped: Iterable[Job], now: int) -> None:
        """Write the counts of these arrays' children, and what those children are that have no rows."""

    def live(self) -> list[Job]:
        """Every job that has not ended, in order of submission, then the children of arrays that have rows: what the
        scheduler restarts from."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Jobs by queue ARN and status; the children of arrays instead of the arrays."""

    def purge(self, stopped_before: int, limit: int) -> int:
        """Delete jobs that ended before this time; returns how many, or `limit` if there may be more of them, for
        rows of children count as well."""


TRANSITIONS = "transitions"  # the topic


class Journal(Protocol):
    """What happened, in order, and the states that jobs entered because of it; both share one row of numbers. Appended
    by services and controllers, read by controllers. A unit that appends states
    tells TRANSITIONS."""

    def append(self, event: Event) -> None: ...
    def read(self, after: int, limit: int) -> list[tuple[int, int, Event]]:
        """(sequence number, ms since the epoch, event)."""

    def append_transitions(self, moved: Sequence[Transition]) -> None:
        """What one step of the scheduler did, as one entry (none if it is empty). It is not among the events, and no
        `JournalReader` hears of it."""

    def transitions(self, after: int, limit: int) -> list[tuple[int, list[Transition]]]:
        """(sequence number, the states entered in one step): of so many steps."""

    def last(self) -> int:
        """The newest entry's number; 0 before there was any."""

    def trim(self, before: int) -> int:
        """Delete entries written before this time (ms), but never the newest; returns how many."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line. `seq` orders events of one stream and never changes."""

    stream: str
    seq: int
    timestamp: int
    ingested_at: int
    message: str


@dataclass(frozen=True, slots=True)
class LogStream:
    name: str
    created_at: int
    first_event_at: int | None
    last_event_at: int | None
    last_ingested_at: int | None


@dataclass(frozen=True, slots=True)
class StreamKey:
    """Identity of a log stream."""

    region: str
    group: str
    stream: str


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A stretch of time (ms), both ends included. None does not restrict."""

    since: int | None = None
    until: int | None = None


class LogTable(Protocol):
    """Log streams and events. Groups are resources; streams and their events need none."""

    def create_stream(self, key: StreamKey, now: int) -> None:
        """Raises DuplicateKey."""

    def stream(self, key: StreamKey) -> LogStream | None: ...
    def streams(
        self, region: str, group: str, *, prefix: str = "", after: str = "", limit: int = 50
    ) -> list[LogStream]:
        """By name."""

    def streams_backward(
        self, region: str, group: str, *, prefix: str = "", before: str = "", limit: int = 50
    ) -> list[LogStream]:
        """By name, the last first, names smaller than `before` if there is one."""

    def streams_by_time(
        self, region: str, group: str, after: tuple[int, str] | None, *, newest_first: bool, limit: int
    ) -> list[LogStream]:
        """By (last event's time, name) either way; `after` is that of the last one seen.

        A stream without events stands at time 0."""

    def delete_stream(self, key: StreamKey) -> bool: ...
    def delete_group(self, region: str, group: str) -> None: ...
    def append(self, key: StreamKey, events: Sequence[tuple[int, str]], now: int) -> None:
        """(timestamp, message) in chronological order; creates the stream if it is missing."""

    def forward(self, key: StreamKey, after: tuple[int, int], until: int | None, limit: int) -> list[LogEvent]:
        """Ascending, positions (timestamp, seq) greater than `after`, timestamps below `until`."""

    def backward(self, key: StreamKey, before: tuple[int, int], since: int | None, limit: int) -> list[LogEvent]:
        """The last `limit` events before the position, given back ascending; timestamps at or above `since`."""

    def scan(
        self, region: str, group: str, after: tuple[int, int, int], window: TimeWindow, limit: int
    ) -> list[tuple[tuple[int, int, int], LogEvent]]:
        """Group-wide, by (timestamp, ingestion time, event number): the position to go on from, and the event."""

    def expire(self, region: str, group: str, before: int) -> int:
        """Delete events older than this; returns how many."""


class LogCursors(Protocol):
    """How far a running task's log file has been read into the log table: survives a crash with the lines."""

    def get(self, task_id: str) -> int: ...
    def put(self, task_id: str, offset: int) -> None: ...
    def delete(self, task_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a task wrote to the file named in BATCHD_OUTPUT: JSON, or why it is no result."""

    text: str | None
    problem: str | None = None


class ResultTable(Protocol):
    """Results by task. Their writer is controllers/watch."""

    def put(self, task_id: str, result: Result, at: int) -> None: ...
    def get(self, task_id: str) -> Result | None: ...
    def trim(self, before: int, limit: int) -> int:
        """Delete results of tasks that ended before this time; returns how many."""


@dataclass(frozen=True, slots=True)
class Search:
    """What SearchJobs may ask of ended jobs. None does not restrict; `name` and tag values may end in `*`.

    `queues` are the bounds of queue ARNs, the upper excluded; times are of the end, ms, the later one excluded.
    """

    queues: tuple[str, str]
    name: str | None = None
    status: JobStatus | None = None
    exit_code: int | None = None
    tags: tuple[tuple[str, str], ...] = ()
    stopped_after: int = 0
    stopped_before: int | None = None


Place = tuple[int, str]  # (time, job id): where a page stands


class HistoryTable(Protocol):
    """Lists of jobs that ListJobs does not have. Each call looks at a bounded number of rows."""

    def search(self, wanted: Search, after: Place | None, limit: int) -> tuple[list[str], Place | None]:
        """Ids of ended jobs, latest end first, after a place (stopped_at, id); and where to go on, None at the end.

        Fewer than `limit`, even none, may come before the end."""

    def live(self, queue: str, status: JobStatus, after: Place | None, limit: int) -> list[Place]:
        """(created_at, id) of a queue's jobs of one status, newest first."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that must reach somebody. `lane` names whom (an ARN, a URL); `body["kind"]` says who knows how.

    `due_at` is None once it was given up; `first_due_at` is when it was due before any attempt: its age counts from
    there. `attempts` are those that failed, `problem` is what the last of them met.
    """

    number: int
    lane: str
    due_at: int | None
    first_due_at: int
    attempts: int
    body: Body
    problem: str | None = None


DELIVERIES = "deliveries"  # the topic


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt at a delivery failed. A final one is the last; `exhausted` names the limit that made it so, if one
    did."""

    code: str
    message: str
    attempts: int  # that failed, with this one
    is_final: bool = False
    exhausted: str | None = None


class DeliveryTable(Protocol):
    """The outbox: added in the unit of work that wants them, removed when they have arrived. A lane keeps its order,
    but for those that failed. A unit that adds or revives one tells DELIVERIES."""

    def add(self, lane: str, due_at: int, body: Body) -> None: ...
    def lanes(self) -> dict[str, int]:
        """Every lane in which something waits, and when the first is due. Costs as much as there are lanes."""

    def due(self, lane: str, now: int, limit: int) -> list[Delivery]:
        """The first of a lane."""

    def get(self, number: int) -> Delivery | None: ...
    def put_off(self, number: int, due_at: int, problem: str) -> None:
        """An attempt failed, another follows."""

    def hold(self, number: int, due_at: int) -> None:
        """It was not tried: later."""

    def bury(self, number: int, now: int, problem: str) -> None:
        """The last attempt failed: it is dead, and kept for somebody to look at."""

    def revive(self, number: int, now: int) -> bool:
        """A dead one is due as if it were new; False if there is none."""

    def remove(self, number: int) -> bool: ...
    def dead(self, after: int, limit: int) -> list[Delivery]:
        """By number."""

    def trim_dead(self, before: int, limit: int) -> int:
        """Delete what was given up before this time; returns how many."""

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are dead."""


class TickTable(Protocol):
    """When each thing with a schedule is due next. `source` says who fires it."""

    def put(self, source: str, name: str, due_at: int) -> None: ...
    def delete(self, source: str, name: str) -> None: ...
    def get(self, source: str, name: str) -> int | None: ...
    def due(self, now: int, limit: int) -> list[tuple[str, str, int]]:
        """(source, name, due at), the longest overdue first."""

    def next_due(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class BusRecord:
    """Something that happened on an event bus, for people to look at."""

    at: int
    region: str
    bus: str
    kind: str
    body: Body


class BusRecordTable(Protocol):
    """What happened on the event buses of late: old records go as new ones come."""

    def add(self, record: BusRecord) -> None: ...
    def read(self, region: str, after: int, limit: int) -> list[tuple[int, BusRecord]]:
        """By number."""

    def last(self) -> int:
        """The newest one's number; 0 if there is none."""


class ArchiveTable(Protocol):
    """Events that archives (ARNs) keep, by their time (ms)."""

    def add(self, archive: str, at: int, event: Body) -> None: ...
    def read(self, archive: str, after: tuple[int, int], until: int, limit: int) -> list[tuple[int, int, Body]]:
        """(time, number, event) behind the place `after`, times below `until`."""

    def measure(self, archive: str) -> tuple[int, int]:
        """How many events, and their bytes."""

    def trim(self, archive: str, before: int, limit: int) -> int:
        """Delete events from before this time; returns how many."""


@dataclass(frozen=True, slots=True)
class HolderFilter:
    """Of the jobs that need a consumable resource those of any of these statuses and names; none do not restrict.

    Names may end in `*`, and are matched without case."""

    statuses: tuple[JobStatus, ...] = ()
    names: tuple[str, ...] = ()


class ConsumableTable(Protocol):
    """Which jobs were submitted with claims on which consumable resources (ARNs); `jobs.insert` writes it."""

    def holders(
        self, resource: str, wanted: HolderFilter, after: int | None, limit: int
    ) -> tuple[list[tuple[str, int]], int | None]:
        """(id, quantity) of jobs, latest submission first, after a place; and where to go on, None at the end.

        Fewer than `limit`, even none, may come before the end. Arrays are listed, their children are not."""

    def is_claimed(self, resource: str) -> bool:
        """Whether a job that has not ended needs it."""


class BlobTable(Protocol):
    """Large pieces of bytes by name: the code of functions."""

    def put(self, name: str, data: bytes) -> None: ...
    def get(self, name: str) -> bytes | None: ...
    def delete(self, name: str) -> bool: ...


class Tx(Protocol):
    """One unit of work's view of the store."""

    @property
    def resources(self) -> ResourceTable: ...
    @property
    def jobs(self) -> JobTable: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def logs(self) -> LogTable: ...
    @property
    def log_cursors(self) -> LogCursors: ...
    @property
    def results(self) -> ResultTable: ...
    @property
    def history(self) -> HistoryTable: ...
    @property
    def shares(self) -> ShareTable: ...
    @property
    def deliveries(self) -> DeliveryTable: ...
    @property
    def ticks(self) -> TickTable: ...
    @property
    def bus_records(self) -> BusRecordTable: ...
    @property
    def archives(self) -> ArchiveTable: ...
    @property
    def consumables(self) -> ConsumableTable: ...

    @property
    def messages(self) -> MessageTable: ...
    @property
    def recent(self) -> RecentTable: ...
    @property
    def blobs(self) -> BlobTable: ...

    def tell(self, topic: str) -> None:
        """When this unit is durable, let those hear of it who listen to the store. Only in a unit that may write."""


class ShareTable(Protocol):
    """The shares of queues: what they used, and so which are active. Written by the scheduler's step, but that a new
    one has come."""

    def join(self, queue: str, share: str, now: int, active_since: int, most: int) -> bool:
        """A job of this share is submitted. Active are those with jobs, and those that used something as late as
        `active_since` (ms); False, and nothing is written, where it would be one more than `most` (0: no limit)."""

    def save(self, shares: Iterable[Share], forgotten: Iterable[tuple[str, str]]) -> None: ...
    def every(self) -> list[Share]:
        """In order of queue and name."""


class JournalReader(Protocol):
    """Runs at the end of a group's transaction over the events the group appended; shares its commit."""

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        """Raising rolls the whole group back; where that was not the database's fault, its units hear EventsRefused."""

    def on_commit(self) -> None:
        """What on_events wrote is durable: act."""

    def on_rollback(self) -> None:
        """What on_events wrote is gone: forget, and start again from the tables."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one unit of work: its result, or the error it raised."""

    result: Any = None
    error: BaseException | None = None


class Store(Protocol):
    """A database that holds the tables. Opened once; migrated when opened."""

    name: str

    def follow(self, reader: JournalReader) -> None:
        """Let this reader share every group's transaction."""

    def listen(self, hear: Callable[[str], None]) -> None:
        """Call this with every topic that was told, as often as it was, after the commit; it must not raise."""

    def apply(self, works: Iterable[Callable[[Tx], Any]]) -> list[Outcome]:
        """Begin, run each unit (each all or nothing), then the journal readers. Nothing is durable yet.

        Where the group is lost already (a reader raised, the database gave up), every unit's outcome is an error,
        the readers have been told, and `commit` will have nothing to do."""

    def commit(self) -> None:
        """Make the applied group durable. Blocks for an fsync; may run on another thread than `apply`.

        Raises StoreError after rolling back: then no unit of the group happened. The caller must then call
        `settle(False)`."""

    def settle(self, committed: bool) -> None:
        """On the owner's thread, after commit: tell the readers."""

    def transact(self, work: Callable[[Tx], T]) -> T:
        """apply + commit + settle for one unit, at once: for start-up, tests and simulation."""

    def read(self) -> AbstractContextManager[Tx]:
        """A snapshot of the last commit, also while a group is open; several may be open at once."""

    def close(self) -> None: ...
