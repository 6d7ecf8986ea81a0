"""Operations AWS Batch lacks: why a job waits, and the whole at a glance."""

from __future__ import annotations

from typing import Any

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads


@reads
def explain_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Sentences that say why the job is where it is. ClientException for an unknown job."""
    job = ctx.tx.jobs.get(params["jobId"])
    if job is None:
        raise ApiError("ClientException", f"Job {params['jobId']} does not exist")
    reasons = ctx.deployment.explain(job.job_id)
    if not reasons:
        reasons = [f"The job is {job.status}" + (f": {job.status_reason}" if job.status_reason else "")]
    return {"jobId": job.job_id, "jobName": job.name, "status": job.status, "reasons": reasons}


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
