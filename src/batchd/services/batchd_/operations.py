"""Operations AWS Batch lacks: why a job waits, and the whole at a glance."""

from __future__ import annotations

from typing import Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads


@reads
def explain_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Why the job is where it is, in sentences and as data. ClientException for an unknown job."""
    job = ctx.tx.jobs.get(params["jobId"])
    if job is None:
        raise ApiError("ClientException", f"Job {params['jobId']} does not exist")
    why: dict[str, Any] = {**(ctx.deployment.why(job.job_id) or {})}
    reasons = [f"The job is {job.status}" + (f": {job.status_reason}" if job.status_reason else "")]
    reasons = why.pop("reasons", reasons)
    shown = {member: value for member, value in why.items() if member not in ("status", "gist")}
    answer = {"jobId": job.job_id, "jobName": job.name, "status": job.status, "reasons": reasons}
    return {**answer, "why": shown} if shown else answer


@reads
def get_overview(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Every region's queues with their jobs by status, the environments, and how full the machine is."""
    queues = [_queue(arn, counts) for arn, counts in sorted(ctx.tx.jobs.counts().items())]
    return {**ctx.deployment.overview(), "queues": queues}


def _queue(text: str, counts: dict[str, int]) -> dict[str, Any]:
    arn = parse_arn(text)
    if arn is None:
        return {"queue": text, "region": "", "counts": counts}
    return {"queue": arn.name, "region": arn.region, "counts": counts}
