"""What clients submit and operators change, as units of work; made up by chance where there is a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from random import Random

from batchd.controllers.schedule import ENVIRONMENT, QUEUE
from batchd.scheduler.children import new_children
from batchd.scheduler.events import (
    FINAL,
    Dependency,
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    ExitRule,
    FairShare,
    JobSpec,
    JobStatus,
    JobSubmitted,
    QueueDeleted,
    QueueSaved,
    QueueSpec,
    Resources,
)
from batchd.store.store import ChildCounts, JobRow, Key, Tx

QUEUES = ("q1", "q2", "q3")
POLICIES = {"q3": FairShare(0, 25, (("a", 0.5), ("b*", 2.0)))}
BACKFILLED = ("q2",)
SHARES = ("a", "b1", "b2", "c")
ENVIRONMENTS = ("e1", "e2")
HASTY = ("q1",)
BRIEF_S = ["0", "0", "0", "0", "0", "0.04", "0.06", "10"]  # of those of which many come one after the other
RUN_S = ["0", "0", "1", "1", "1", "10", "10", "10", "100", "100", "10000000"]
LONG_S = ["10", "100", "10000000"]  # of those that mostly have a limit of time
TROUBLES = ({"VANISH": "1"}, {"FAIL_TO_START": "no image"}, {"IGNORE_SIGTERM": "1"})
Work = Callable[[Tx], None]


def some_job(chance: Random, job_id: str, others: Mapping[str, int], queues: Sequence[str] = QUEUES) -> JobSpec:
    """A job, or an array of a few, that may wait for some of the others; those come with their sizes."""
    waits_for = chance.sample(list(others), min(len(others), chance.choice((0, 0, 0, 1, 2))))
    size = chance.choice((0, 0, 0, 2, 3, 5))
    queue = chance.choice(queues)
    vcpus, memory, gpus = chance.choice((250, 1000, 2000, 9000)), chance.choice((128, 2048)), chance.choice((0, 0, 1))
    return JobSpec(
        job_id=job_id,
        queue=queue,
        share=chance.choice(SHARES) if queue in POLICIES else "",
        priority=chance.choice((0, 0, 7)) if queue in POLICIES else 0,
        resources=Resources(vcpus, memory, gpus),
        attempts=chance.choice((1, 2, 3)),
        exit_rules=chance.choice(((), (ExitRule("EXIT", on_exit_code="3"),))),
        timeout_s=chance.choice((None, None, 60)),
        depends_on=tuple(some_dependency(chance, other, others[other], size) for other in waits_for),
        size=size,
        sequential=size > 0 and chance.random() < 0.2,
        after_any=chance.random() < 0.3,
        succeeded=((chance.randrange(1, size), size),) if size and chance.random() < 0.2 else (),
    )


def some_bounded_job(chance: Random, job_id: str) -> JobSpec:
    """One after which somebody may go: what waits behind it fits beside what runs, and mostly has a limit of time."""
    need = Resources(chance.choice((1000, 2000, 4000)), 128)
    return JobSpec(job_id, BACKFILLED[0], need, timeout_s=chance.choice((None, 60, 60, 60)))


def some_brief_job(chance: Random, job_id: str) -> JobSpec:
    """One of many that are over at once, mostly: an array of some more, that fit beside each other."""
    need = Resources(chance.choice((1000, 1000, 2000, 4000)), chance.choice((128, 128, 5000)))
    size = chance.choice((0, 10, 20, 40))
    return JobSpec(job_id, HASTY[0], need, attempts=chance.choice((1, 1, 2)), size=size)


def some_hasty_behaviour(chance: Random) -> dict[str, str]:
    """How its tasks behave."""
    knobs = {"RUN_S": chance.choice(BRIEF_S), "EXIT_CODE": chance.choice(["0", "0", "0", "0", "1"])}
    return {f"BATCHD_FAKE_{name}": value for name, value in knobs.items()}


def some_queue(arn: str, priority: int, environments: tuple[str, ...], most: int | None = None) -> QueueSpec:
    """With what makes this queue special."""
    return QueueSpec(arn, priority, environments, (), most, POLICIES.get(arn), arn in BACKFILLED)


def some_dependency(chance: Random, other: str, other_size: int, size: int) -> Dependency:
    """On the whole of it; on one of its children; child by child where both have as many. Some bear a failure."""
    after_any = chance.random() < 0.3
    if size and size == other_size and chance.random() < 0.8:
        return Dependency(other, each=True, after_any=after_any)
    one = f"{other}:{chance.randrange(other_size)}" if other_size and chance.random() < 0.5 else other
    return Dependency(one, after_any=after_any)


def some_behaviour(chance: Random, run_s: Sequence[str] = RUN_S) -> dict[str, str]:
    """How a job's tasks behave, in the words of the fake engine."""
    knobs = {"RUN_S": chance.choice(run_s), "START_S": chance.choice(["0", "0", "2", "30"])}
    knobs["EXIT_CODE"] = chance.choice(["0", "0", "0", "1", "3"])
    if chance.random() < 0.2:
        knobs |= chance.choice(TROUBLES)
    return {f"BATCHD_FAKE_{name}": value for name, value in knobs.items()}


def submission(spec: JobSpec, task: bytes, now: int) -> Work:
    """As SubmitJob does: the row and the event in one unit, with what is known of the dependencies."""
    children = ChildCounts(tuple(new_children(spec.size, spec.succeeded).counts), now) if spec.size else None
    row = JobRow(spec.job_id, "r", spec.queue, spec.job_id, "d:1", now, {}, task, {}, children=children)

    def submit(tx: Tx) -> None:
        resolved = replace(spec, depends_on=tuple(_resolved(tx, other) for other in spec.depends_on))
        tx.jobs.insert(row, resolved)
        tx.journal.append(JobSubmitted(resolved))

    return submit


def _resolved(tx: Tx, other: Dependency) -> Dependency:
    status = tx.jobs.status_of(other.job_id)
    failed = tx.jobs.failed_children(other.job_id) if other.each and status is JobStatus.FAILED else ()
    return replace(other, outcome=status if status in FINAL else None, failed=failed)


def save_environment(spec: EnvironmentSpec) -> Work:
    def save(tx: Tx) -> None:
        tx.resources.put(Key(ENVIRONMENT, "r", spec.arn), {"spec": asdict(spec)})
        tx.journal.append(EnvironmentSaved(spec))

    return save


def save_queue(spec: QueueSpec) -> Work:
    def save(tx: Tx) -> None:
        tx.resources.put(Key(QUEUE, "r", spec.arn), {"spec": asdict(spec)})
        tx.journal.append(QueueSaved(spec))

    return save


def delete_queue(arn: str) -> Work:
    def delete(tx: Tx) -> None:
        tx.resources.delete(Key(QUEUE, "r", arn))
        tx.journal.append(QueueDeleted(arn))

    return delete


def append(event: Event) -> Work:
    """A bare fact: a request, a report."""
    return lambda tx: tx.journal.append(event)
