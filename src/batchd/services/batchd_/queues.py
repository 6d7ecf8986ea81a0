"""PurgeQueue: end whatever lives in a queue."""

from __future__ import annotations

from typing import Any

from batchd.gateway.operation import Context, writes
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import JobStatus
from batchd.services.batchd_.faults import client_exception
from batchd.services.batchd_.paging import read_position
from batchd.store.store import Place

_AT_ONCE = 500  # jobs a call: a purge must not hold up anybody's answer
_A_CALL = 50  # of TerminateJobs
_REASON = "The queue was purged"
# In the order of a job's life, so that none gets past the walk by going on.
_LIVE = (JobStatus.SUBMITTED, JobStatus.PENDING, JobStatus.RUNNABLE, JobStatus.STARTING, JobStatus.RUNNING)


@writes
def purge_queue(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Terminate some of the queue's jobs; go on with nextToken until there is none. What is submitted meanwhile may
    stay: disable the queue first. ClientException for an unknown queue."""
    queue = queue_arn(ctx, params["jobQueue"])
    status, after = _start(params)
    found: list[str] = []
    position: list[Any] | None = None
    for one in _LIVE[_LIVE.index(status) :]:
        places = ctx.tx.history.live(queue, one, after if one is status else None, _AT_ONCE - len(found))
        found += [job_id for _, job_id in places]
        if len(found) == _AT_ONCE:
            position = [one.value, *places[-1]]
            break
    for start in range(0, len(found), _A_CALL):
        jobs = found[start : start + _A_CALL]
        ctx.call("batch", "TerminateJobs", {"jobs": jobs, "reason": params.get("reason", _REASON)})
    answer: dict[str, Any] = {"terminated": found}
    return {**answer, "nextToken": encode_token(position)} if position else answer


def queue_arn(ctx: Context, text: str) -> str:
    """Of the queue with this name or ARN. ClientException."""
    queues = ctx.call("batch", "DescribeJobQueues", {"jobQueues": [text]})["jobQueues"]
    if not queues:
        raise client_exception(f"JobQueue {text} not found.")
    arn: str = queues[0]["jobQueueArn"]
    return arn


def _start(params: dict[str, Any]) -> tuple[JobStatus, Place | None]:
    position = read_position(params, str, int, str)
    if position is None:
        return _LIVE[0], None
    status, created_at, job_id = position
    if status not in _LIVE:
        raise client_exception("The specified nextToken is invalid.")
    return JobStatus(status), (created_at, job_id)
