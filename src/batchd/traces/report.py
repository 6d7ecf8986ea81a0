"""What a replay comes to: figures as plain data (`--json`), and as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, fsum

from batchd.traces.plan import Plan
from batchd.traces.series import common_width
from batchd.traces.tally import Share, Tally


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a value over all jobs that have started."""

    mean: float
    median: float
    p90: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Line:
    """A level over time: its mean in each bin of `width_s` seconds, the overall mean and the highest moment."""

    mean: float
    most: float
    width_s: float
    bins: list[float]


@dataclass(frozen=True, slots=True)
class ShareFigures:
    """One user (or group, or queue). `usage` is its line of vCPUs, `part` what it had of all that was used."""

    name: str
    weight: float
    jobs: int
    vcpu_hours: float
    part: float
    mean_wait_s: float
    mean_bounded_slowdown: float
    usage: list[float]


@dataclass(frozen=True, slots=True)
class Fairness:
    """Jain's index of the shares' weighted usage: 1 where all have the same, 1/n where one of n has all.

    `overall` is of all they used. `while_waiting` is the mean over the bins in which at least two shares had jobs
    waiting, of the index among those shares: who waits wants more, so only then is there something to divide;
    None where that never was. `bins` are its values, None where there is none.
    """

    overall: float
    while_waiting: float | None
    bins: list[float | None]


@dataclass(frozen=True, slots=True)
class Report:
    """Times in seconds; utilisation is a part of the machine's vCPUs. `makespan_s` goes from the first submit to the
    last end; `while_arriving` to the last submit."""

    vcpus: int
    memory_mib: int | None
    jobs: int
    succeeded: int
    failed: int
    never_ran: int
    left_out: int
    larger_than_machine: int
    makespan_s: float
    jobs_an_hour: float
    wait_s: Spread
    bounded_slowdown: Spread
    utilisation: Line
    utilisation_while_arriving: float
    queue_length: Line
    fairness: Fairness
    shares: list[ShareFigures]
    waits_s: Sequence[float] = field(repr=False)  # in order; not among the figures

    def figures(self) -> dict[str, object]:
        """Plain data for JSON."""
        figures = asdict(self)
        del figures["waits_s"]
        return figures


def report_of(plan: Plan, tally: Tally, left_out: int = 0) -> Report:
    until = tally.ends_at
    width = common_width(until)
    waits = sorted(tally.waits)
    shares = sorted(tally.shares.values(), key=lambda share: (-share.vcpu_s, share.name))
    usage = {share.name: share.usage.means(width, until) for share in shares}
    hours = until / 3_600_000
    return Report(
        vcpus=plan.vcpus,
        memory_mib=plan.memory_mib,
        jobs=tally.submitted,
        succeeded=tally.succeeded,
        failed=tally.failed,
        never_ran=tally.never_ran,
        left_out=left_out,
        larger_than_machine=tally.larger_than_machine,
        makespan_s=until / 1000,
        jobs_an_hour=tally.submitted / hours if hours else 0.0,
        wait_s=_spread(waits),
        bounded_slowdown=_spread(sorted(tally.slowdowns)),
        utilisation=Line(
            tally.usage.mean(until) / plan.vcpus,
            tally.usage.most / plan.vcpus,
            width / 1000,
            [level / plan.vcpus for level in tally.usage.means(width, until)],
        ),
        utilisation_while_arriving=tally.usage_while_arriving / plan.vcpus,
        queue_length=Line(
            tally.waiting.mean(until), tally.waiting.most, width / 1000, tally.waiting.means(width, until)
        ),
        fairness=_fairness(plan, shares, usage, (width, until)),
        shares=_share_figures(plan, shares, usage),
        waits_s=waits,
    )


def jain(values: Sequence[float]) -> float | None:
    """Jain, Chiu and Hawe's fairness index: the square of the sum over n times the sum of the squares. None where
    nobody has anything."""
    squares = fsum(value * value for value in values)
    return fsum(values) ** 2 / (len(values) * squares) if squares else None


def _fairness(plan: Plan, shares: list[Share], usage: dict[str, list[float]], span: tuple[int, int]) -> Fairness:
    weights = {share.name: plan.weights.get(share.name, 1.0) for share in shares}
    waiting = {share.name: share.waiting.means(*span) for share in shares}
    bins: list[float | None] = []
    for number in range(-(-span[1] // span[0])):
        contenders = [name for name, jobs in waiting.items() if jobs[number] > 0]
        bins.append(jain([weights[n] * usage[n][number] for n in contenders]) if len(contenders) > 1 else None)
    known = [index for index in bins if index is not None]
    overall = jain([weights[share.name] * share.vcpu_s for share in shares])
    return Fairness(1.0 if overall is None else overall, fsum(known) / len(known) if known else None, bins)


def _share_figures(plan: Plan, shares: list[Share], usage: dict[str, list[float]]) -> list[ShareFigures]:
    """Largest first."""
    total = fsum(share.vcpu_s for share in shares)
    return [
        ShareFigures(
            name=share.name,
            weight=plan.weights.get(share.name, 1.0),
            jobs=share.started,
            vcpu_hours=share.vcpu_s / 3600,
            part=share.vcpu_s / total if total else 0.0,
            mean_wait_s=share.waited_s / share.started if share.started else 0.0,
            mean_bounded_slowdown=share.slowdown / share.started if share.started else 0.0,
            usage=usage[share.name],
        )
        for share in shares
    ]


def _spread(values: Sequence[float]) -> Spread:
    """Of values in order; percentiles by nearest rank."""
    if not values:
        return Spread(0.0, 0.0, 0.0, 0.0, 0.0)
    median, p90, p99 = (values[ceil(part * len(values)) - 1] for part in (0.5, 0.9, 0.99))
    return Spread(fsum(values) / len(values), median, p90, p99, values[-1])
