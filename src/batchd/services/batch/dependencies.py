"""dependsOn: which jobs a job waits for, and in which way. [batch.md 3.4]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchd.gateway.operation import Context
from batchd.quotas import exceeds
from batchd.scheduler.events import FINAL, Dependency, JobStatus
from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.names import job_id_of

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


def find_dependencies(
    ctx: Context, wanted: Sequence[batch.JobDependencyTypeDef], size: int
) -> tuple[tuple[Dependency, ...], bool]:
    """The jobs to wait for, each once a way, with the outcome of those that have ended; and whether the children wait
    for each other. `size` is the job's own, 0 if it is no array. Raises Invalid or ClientException."""
    most = ctx.deployment.quotas.dependencies_per_job
    if exceeds(len(wanted), most):
        raise Invalid(f"Job cannot have more than {most} dependencies")
    found = {}
    for one in wanted:
        if one.get("type") == "SEQUENTIAL":
            _validate_sequential(one, size)
            continue
        dependency = _each(ctx, one, size) if one.get("type") == "N_TO_N" else _whole(ctx, one)
        found[dependency.job_id, dependency.each] = dependency
    return tuple(found.values()), any(one.get("type") == "SEQUENTIAL" for one in wanted)


def _validate_sequential(wanted: batch.JobDependencyTypeDef, size: int) -> None:
    if wanted.get("jobId"):
        raise client_exception("dependsOn with type SEQUENTIAL must not have a jobId")
    if not size:
        raise client_exception("dependsOn with type SEQUENTIAL is for array jobs only")


def _whole(ctx: Context, wanted: batch.JobDependencyTypeDef) -> Dependency:
    """A job, an array as a whole, or a single child."""
    job_id = job_id_of(wanted.get("jobId", ""))
    status = ctx.tx.jobs.status_of(job_id) if job_id else None
    if status is None:
        raise client_exception(f"Dependent job {job_id} does not exist")
    return Dependency(job_id, status if status in FINAL else None)


def _each(ctx: Context, wanted: batch.JobDependencyTypeDef, size: int) -> Dependency:
    """An array of the same size, child by child; of one that has ended it matters which of them failed."""
    dependency = _whole(ctx, wanted)
    other = ctx.tx.jobs.get(dependency.job_id)
    other_size = other.children.size if other is not None and other.children is not None else 0
    if not size or not other_size:
        subject = f"Dependent job {dependency.job_id}" if size else "this job"
        raise client_exception(f"dependsOn with type N_TO_N is for array jobs only: {subject} is not one")
    if size != other_size:
        raise client_exception(
            f"dependsOn with type N_TO_N needs arrays of the same size: this job has {size} children, "
            f"dependent job {dependency.job_id} has {other_size}"
        )
    failed = ctx.tx.jobs.failed_children(dependency.job_id) if dependency.outcome is JobStatus.FAILED else ()
    return Dependency(dependency.job_id, dependency.outcome, each=True, failed=failed)
