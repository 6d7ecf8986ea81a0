"""A report for people to read in a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from batchd.traces.report import Report, Spread

_MOST_SHARES = 10


def tables(report: Report, shares_by: str) -> RenderableType:
    """The figures that matter, and the largest shares."""
    parts: list[RenderableType] = [_jobs(report), "", _times(report), "", _levels(report)]
    if len(report.shares) > 1:
        parts += ["", _shares(report, shares_by)]
    return Group(*parts)


def duration(seconds: float) -> str:
    """`45 s`, `3.2 min`, `5.0 h`, `12.1 d`."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    for unit, size, most in (("min", 60, 100), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86400:.1f} d"


def _jobs(report: Report) -> Table:
    table = _table("JOBS", "SUCCEEDED", "FAILED", "NEVER RAN", "LEFT OUT", "MAKESPAN", "JOBS/HOUR")
    table.add_row(
        *(f"{n:,}" for n in (report.jobs, report.succeeded, report.failed, report.never_ran, report.left_out)),
        duration(report.makespan_s),
        f"{report.jobs_an_hour:,.1f}",
    )
    return table


def _times(report: Report) -> Table:
    table = _table("", "MEAN", "MEDIAN", "P90", "P99", "MOST")
    table.add_row("wait", *(duration(value) for value in _values(report.wait_s)))
    table.add_row("bounded slowdown", *(f"{value:,.1f}" for value in _values(report.bounded_slowdown)))
    return table


def _levels(report: Report) -> Table:
    fairness = report.fairness
    table = _table("", "MEAN", "MOST")
    table.add_row(
        f"utilisation of {report.vcpus:,} vCPUs", f"{report.utilisation.mean:.1%}", f"{report.utilisation.most:.1%}"
    )
    table.add_row("  until the last submit", f"{report.utilisation_while_arriving:.1%}", "")
    table.add_row("queue length", f"{report.queue_length.mean:,.1f}", f"{report.queue_length.most:,.0f}")
    table.add_row("fairness (Jain's index) over all", f"{fairness.overall:.2f}", "")
    if fairness.while_waiting is not None:
        table.add_row("  among shares that wait", f"{fairness.while_waiting:.2f}", "")
    return table


def _shares(report: Report, shares_by: str) -> Table:
    table = _table(shares_by.upper(), "JOBS", "VCPU HOURS", "PART", "MEAN WAIT", "MEAN BOUNDED SLOWDOWN")
    for share in report.shares[:_MOST_SHARES]:
        table.add_row(
            share.name,
            f"{share.jobs:,}",
            f"{share.vcpu_hours:,.0f}",
            f"{share.part:.1%}",
            duration(share.mean_wait_s),
            f"{share.mean_bounded_slowdown:,.1f}",
        )
    others = report.shares[_MOST_SHARES:]
    if others:
        hours, part = sum(share.vcpu_hours for share in others), sum(share.part for share in others)
        jobs = sum(share.jobs for share in others)
        table.add_row(f"{len(others)} others", f"{jobs:,}", f"{hours:,.0f}", f"{part:.1%}", "", "")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other, justify="right")
    return table


def _values(spread: Spread) -> tuple[float, ...]:
    return spread.mean, spread.median, spread.p90, spread.p99, spread.most
