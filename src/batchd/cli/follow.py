"""Following a job from outside: its output as it comes, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from batchd.cli.connect import Clients
from batchd.errors import BatchdError

if TYPE_CHECKING:
    from types_boto3_batch.type_defs import JobDetailTypeDef

ENDED = ("SUCCEEDED", "FAILED")
STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", *ENDED)
_GROUP = "/aws/batch/job"
_POLL_S = 0.2


class NoSuchJob(BatchdError):
    """Neither an id nor the name of a job."""


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


def queue_names(clients: Clients) -> list[str]:
    pages = clients.batch.get_paginator("describe_job_queues").paginate()
    return [queue["jobQueueName"] for page in pages for queue in page["jobQueues"]]


def exit_code(job: JobDetailTypeDef) -> int:
    """The job's own code; 1 if it failed without one."""
    if job["status"] == "SUCCEEDED":
        return 0
    return job.get("container", {}).get("exitCode") or 1


def streams(job: JobDetailTypeDef) -> list[tuple[str, str]]:
    """(group, stream) of every attempt so far, in order."""
    container = job.get("container", {})
    options = container.get("logConfiguration", {}).get("options", {})
    group = options.get("awslogs-group", _GROUP)
    names = [attempt.get("container", {}).get("logStreamName", "") for attempt in job.get("attempts", [])]
    names.append(container.get("logStreamName", ""))
    return [(group, name) for name in dict.fromkeys(names) if name]


def lines(clients: Clients, job: JobDetailTypeDef) -> Iterator[str]:
    """All output so far."""
    for group, stream in streams(job):
        tail = Tail(clients, group, stream)
        while batch := tail.more():
            yield from batch


def follow(clients: Clients, job_id: str, write: Callable[[str], Any]) -> JobDetailTypeDef:
    """Write every line as it comes, until the job has ended; returns its last description."""
    tails: dict[str, Tail] = {}
    while True:
        job = clients.batch.describe_jobs(jobs=[job_id])["jobs"][0]
        for group, stream in streams(job):
            tail = tails.setdefault(stream, Tail(clients, group, stream))
            while batch := tail.more():
                for line in batch:
                    write(line)
        if job["status"] in ENDED:
            return job
        time.sleep(_POLL_S)


class Tail:
    """A place in one stream; the same token twice means that nothing is new. [logs.md 4]"""

    def __init__(self, clients: Clients, group: str, stream: str) -> None:
        self._logs = clients.logs
        self._group = group
        self._stream = stream
        self._token = ""

    def more(self) -> list[str]:
        """The next lines; empty if there are none now (or the stream does not exist yet)."""
        place: Any = {"nextToken": self._token} if self._token else {}
        try:
            page = self._logs.get_log_events(
                logGroupName=self._group, logStreamName=self._stream, startFromHead=True, **place
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        self._token = page["nextForwardToken"]
        return [event["message"] for event in page["events"]]
