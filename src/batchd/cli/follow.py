"""Following a job from outside: its output as it comes, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from batchd.cli.connect import Clients
from batchd.cli.streams import Stream, part_streams, streams
from batchd.errors import BatchdError

if TYPE_CHECKING:
    from types_boto3_batch.literals import JobStatusType
    from types_boto3_batch.type_defs import JobDetailTypeDef

T = TypeVar("T")
ENDED = ("SUCCEEDED", "FAILED")
STATUSES: tuple[JobStatusType, ...] = (
    "SUBMITTED",
    "PENDING",
    "RUNNABLE",
    "STARTING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
)
_MOST_AT_ONCE = 100  # that can be described
_MOST_FOLLOWED = 1000  # parts of one job
_QUIET_S = 3.0  # most jobs run by then
_SOON_S = 0.02  # a short job's end is seen at once
_LATER_S = 0.3  # a long one's does not cost more than this
_PATIENCE_S = 60.0  # a server that is started anew is back by then; its jobs have gone on


class NoSuchJob(BatchdError):
    """Neither an id nor the name of a job."""


class TooMany(BatchdError):
    """More than can be followed at a time."""


def find_job(clients: Clients, job: str) -> JobDetailTypeDef:
    """By id or ARN, else the newest job of this name in any queue."""
    if found := clients.batch.describe_jobs(jobs=[job])["jobs"]:
        return found[0]
    newest: tuple[int, str] = (0, "")
    for queue in queue_names(clients):
        pages = clients.batch.get_paginator("list_jobs")
        for page in pages.paginate(jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [job]}]):
            for summary in page["jobSummaryList"]:
                newest = max(newest, (summary["createdAt"], summary["jobId"]))
    if not newest[1]:
        raise NoSuchJob(f"there is no job with the id or name {job!r}")
    return clients.batch.describe_jobs(jobs=[newest[1]])["jobs"][0]


def is_service_job(clients: Clients, job: str) -> bool:
    """Whether this is the id or ARN of a service job."""
    try:
        clients.batch.describe_service_job(jobId=job)
    except clients.batch.exceptions.ClientException:
        return False
    return True


def queue_names(clients: Clients) -> list[str]:
    pages = clients.batch.get_paginator("describe_job_queues").paginate()
    return [queue["jobQueueName"] for page in pages for queue in page["jobQueues"]]


def lines(clients: Clients, job: JobDetailTypeDef) -> Iterator[str]:
    """All output so far."""
    for stream in _streams(clients, job):
        tail = Tail(clients, stream)
        while batch := tail.more():
            yield from batch


def follow(clients: Clients, job_id: str, write: Callable[[str], Any], say: Callable[[str], Any]) -> JobDetailTypeDef:
    """Write every line as it comes, until the job has ended; returns its last description. Say once in each status
    what keeps it from running, when that takes more than a moment.

    Outlives a restart of the server, as the job does. Raises TooMany for a large array, whose every child would have
    to be asked again and again.
    """
    tails: dict[str, Tail] = {}
    wait_s, said = _SOON_S, ""
    quiet_until = time.monotonic() + _QUIET_S
    while True:
        job = patiently(lambda: _look(clients, job_id, tails, write))
        if job["status"] in ENDED:
            return job
        if job["status"] == "RUNNING":
            quiet_until = time.monotonic() + _QUIET_S
        elif time.monotonic() > quiet_until and said != job["status"] and (why := _obstacle(job)):
            said = job["status"]
            say(f"{job['jobName']} is {said}: {why}")
        time.sleep(wait_s)
        wait_s = min(wait_s * 1.5, _LATER_S)


def _obstacle(job: JobDetailTypeDef) -> str:
    """Why it waits; nothing of a whole whose parts may run, and of a job that is being started."""
    return "" if _parts(job)[1] or job["status"] == "STARTING" else job.get("statusReason", "")


def patiently(ask: Callable[[], T]) -> T:
    """The answer, be it of a server that is started anew meanwhile. Raises what it met last, after a minute."""
    from botocore.exceptions import ConnectionError as NotReached
    from botocore.exceptions import HTTPClientError

    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except (NotReached, HTTPClientError):
            if time.monotonic() > until:
                raise
        time.sleep(_LATER_S)


def _look(clients: Clients, job_id: str, tails: dict[str, Tail], write: Callable[[str], Any]) -> JobDetailTypeDef:
    """The job as it is now, once all that it had written by then is written here."""
    job = clients.batch.describe_jobs(jobs=[job_id])["jobs"][0]
    if (size := _parts(job)[1]) > _MOST_FOLLOWED:
        raise TooMany(f"{job['jobName']} has {size} parts: follow one of them, say {job_id}{_parts(job)[0]}0")
    for stream in _streams(clients, job):
        tail = tails.setdefault(stream.name, Tail(clients, stream))
        while batch := tail.more():
            for line in batch:
                write(line)
    return job


def _streams(clients: Clients, job: JobDetailTypeDef) -> Iterator[Stream]:
    """Of a job of several nodes, and of an array, those of all its parts."""
    mark, size = _parts(job)
    if not size:
        yield from streams(job)
    for first in range(0, size, _MOST_AT_ONCE):
        ids = [f"{job['jobId']}{mark}{index}" for index in range(first, min(first + _MOST_AT_ONCE, size))]
        for part in clients.batch.describe_jobs(jobs=ids)["jobs"]:
            yield from part_streams(part)


def _parts(job: JobDetailTypeDef) -> tuple[str, int]:
    """What stands before their indexes, and how many there are; none of a job by itself."""
    nodes = job.get("nodeProperties", {}).get("numNodes", 0)
    return ("#", nodes) if nodes else (":", job.get("arrayProperties", {}).get("size", 0))


class Tail:
    """A place in one stream; the same token twice means that nothing is new. [logs.md 4]"""

    def __init__(self, clients: Clients, stream: Stream) -> None:
        self._logs = clients.logs
        self._stream = stream
        self._token = ""

    def more(self) -> list[str]:
        """The next lines, each with its container's label; empty if there are none now (or no stream yet)."""
        place: Any = {"nextToken": self._token} if self._token else {}
        try:
            page = self._logs.get_log_events(
                logGroupName=self._stream.group, logStreamName=self._stream.name, startFromHead=True, **place
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        self._token = page["nextForwardToken"]
        return [self._stream.label + event["message"] for event in page["events"]]
