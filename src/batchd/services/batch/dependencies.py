"""dependsOn: which jobs a job waits for, and in which way. [batch.md 3.4]"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batchd.gateway.operation import Context
from batchd.quotas import exceeds
from batchd.scheduler.events import FINAL, Dependency, JobStatus
from batchd.services.batch.faults import Invalid, client_exception
from batchd.services.batch.names import job_id_of

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


_TYPES = ("N_TO_N", "SEQUENTIAL", "AFTER_ANY", "N_TO_N_AFTER_ANY", "SEQUENTIAL_AFTER_ANY")  # AWS has the first two
_AFTER_ANY = "AFTER_ANY"


@dataclass(frozen=True, slots=True)
class Waits:
    """What a job waits for: other jobs, and as an array whether its children do so for each other; with `after_any`
    those go on after one that failed."""

    depends_on: tuple[Dependency, ...]
    sequential: bool
    after_any: bool


def find_dependencies(ctx: Context, wanted: Sequence[batch.JobDependencyTypeDef], size: int) -> Waits:
    """The jobs to wait for, each once a way, with the outcome of those that have ended. `size` is the job's own, 0 if
    it is no array. Of two ways to wait for the same the stricter counts. Raises Invalid or ClientException."""
    most = ctx.deployment.quotas.dependencies_per_job
    if exceeds(len(wanted), most):
        raise Invalid(f"Job cannot have more than {most} dependencies")
    found: dict[tuple[str, bool], Dependency] = {}
    sequences = []
    for one in wanted:
        way, after_any = _way(one)
        if way == "SEQUENTIAL":
            _validate_sequential(one, size)
            sequences.append(after_any)
            continue
        dependency = _each(ctx, one, size) if way == "N_TO_N" else _whole(ctx, one)
        key = dependency.job_id, dependency.each
        if after_any and key not in found:
            found[key] = replace(dependency, after_any=True)
        elif not after_any:
            found[key] = dependency
    return Waits(tuple(found.values()), bool(sequences), bool(sequences) and all(sequences))


def _way(wanted: batch.JobDependencyTypeDef) -> tuple[str, bool]:
    """The type without what is ours, and whether an end is enough."""
    kind: str = wanted.get("type", "")
    if "type" in wanted and kind not in _TYPES:
        raise Invalid(f"dependsOn.type must be one of {', '.join(_TYPES)}")
    return kind.removesuffix(_AFTER_ANY).rstrip("_"), kind.endswith(_AFTER_ANY)


def _validate_sequential(wanted: batch.JobDependencyTypeDef, size: int) -> None:
    if wanted.get("jobId"):
        raise client_exception("dependsOn with type SEQUENTIAL must not have a jobId")
    if not size:
        raise client_exception("dependsOn with type SEQUENTIAL is for array jobs only")


def _whole(ctx: Context, wanted: batch.JobDependencyTypeDef) -> Dependency:
    """A job, an array as a whole, or a single child."""
    job_id = job_id_of(wanted.get("jobId", ""))
    if "#" in job_id:
        raise client_exception(f"Dependent job {job_id} is a node: only its job can be waited for")
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
