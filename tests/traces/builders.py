"""Jobs of a trace and their replay, in one line each."""

from __future__ import annotations

from collections.abc import Iterable

from batchd.traces.plan import Plan, Workload
from batchd.traces.replay import replay
from batchd.traces.report import Report, report_of
from batchd.traces.swf import SwfJob, SwfStatus

COMPLETED = SwfStatus.COMPLETED.value


def swf(number: int, submit: float, run: float, size: int = 1, **fields: float) -> SwfJob:
    """One that completed, unless `fields` say otherwise."""
    whole = {"status": COMPLETED, "user": 1, "queue": 1, **fields}
    return SwfJob(number, submit, run_time=run, processors=size)._replace(**whole)


def report(jobs: Iterable[SwfJob], plan: Plan | None = None) -> Report:
    """Of a replay on four vCPUs, unless planned otherwise."""
    plan = plan or Plan(4)
    workload = Workload(plan, jobs)
    tally = replay(plan, workload)
    return report_of(plan, tally, workload.left_out)
