"""Pictures of a report, as PNG files: waits, utilisation, queue length, and who used how much."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import inf, log10, nan
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from batchd.traces.report import Line, Report
from batchd.traces.tables import duration

_INK, _FAINT, _GRID = "#24292f", "#6e7781", "#d8dee4"
_MAIN, _SOFT = "#0969da", "#b6d7f7"
_WARM = "#bc4c00"
_SHARES = ("#0969da", "#bf8700", "#1a7f37", "#cf222e", "#8250df", "#1b7c83", "#bc4c00", "#57606a")  # largest first
_OTHERS = "#d0d7de"
_MOST_STACKS = 160  # bins of the stacked shares; more are a flicker
_WHOLE = FuncFormatter(lambda value, _: f"{value:,.0f}")
_MARKS = (
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (6 * 3600, "6 h"),
    (86400, "1 d"),
    (7 * 86400, "7 d"),
    (30 * 86400, "30 d"),
    (365 * 86400, "1 y"),
)
_UNITS = (("seconds", 1, 300), ("minutes", 60, 3 * 3600), ("hours", 3600, 4 * 86400), ("days", 86400, inf))


def draw(report: Report, shares_by: str, folder: Path) -> list[Path]:
    """Make the folder and the pictures in it; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "waits": _waits(report),
        "utilisation": _utilisation(report),
        "queue-length": _queue_length(report),
        "shares": _shares(report, shares_by),
    }
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        FigureCanvasAgg(figure)
        figure.savefig(path)
    return paths


def _waits(report: Report) -> Figure:
    """How many jobs had started after how long."""
    figure, axes = _figure()
    waits, spread = report.waits_s, report.wait_s
    at_once = bisect_right(waits, 1.0) / max(len(waits), 1)
    _title(axes, "How long jobs waited", f"{len(waits):,} jobs, of which {at_once:.0%} started within a second")
    longest = max(spread.most, 10.0)
    xs = [10 ** (n / 100) for n in range(int(100 * log10(longest)) + 2)]
    parts = [bisect_right(waits, x) / max(len(waits), 1) for x in xs]
    axes.plot(xs, parts, color=_MAIN, linewidth=2)
    axes.fill_between(xs, parts, color=_SOFT, alpha=0.5, linewidth=0)
    axes.set_xscale("log")
    axes.set_xlim(1, longest * 1.05)
    axes.set_ylim(0, 1.04)
    marks = [(mark, text) for mark, text in _MARKS if mark <= longest]
    axes.set_xticks([mark for mark, _ in marks], [text for _, text in marks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("wait from submit to start")
    axes.set_ylabel("jobs started within that time")
    for part, value in ((0.5, spread.median), (0.9, spread.p90), (0.99, spread.p99)):
        _mark(axes, (value, part), f"{part:.0%} within {duration(value)}", longest)
    return figure


def _mark(axes: Axes, point: tuple[float, float], text: str, longest: float) -> None:
    """A percentile on the curve; its text stands where there is room."""
    at, part = point
    if at <= 1:
        return
    is_left = log10(at) < 0.35 * log10(longest)
    offset, side = ((9, -14), "left") if is_left else ((-9, 5), "right")
    axes.plot([at], [part], "o", color=_WARM, markersize=5)
    axes.annotate(text, point, xytext=offset, textcoords="offset points", ha=side, color=_WARM)


def _utilisation(report: Report) -> Figure:
    figure, axes = _figure()
    line = report.utilisation
    about = f"mean {line.mean:.1%} over all, {report.utilisation_while_arriving:.1%} until the last submit"
    _title(axes, f"Utilisation of {report.vcpus:,} vCPUs", about)
    _area(axes, line, report.makespan_s)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("vCPUs in use")
    return figure


def _queue_length(report: Report) -> Figure:
    figure, axes = _figure()
    line = report.queue_length
    _title(axes, "Jobs that waited", f"RUNNABLE: mean {line.mean:,.1f}, most at one moment {line.most:,.0f}")
    _area(axes, line, report.makespan_s)
    axes.set_ylim(0, max(1.0, 1.05 * max(line.bins, default=0.0)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_formatter(_WHOLE)
    axes.set_ylabel("jobs")
    return figure


def _shares(report: Report, shares_by: str) -> Figure:
    """Usage stacked, largest below; and how fair it was."""
    figure = _blank(height=6.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _prepare(upper)
    _prepare(lower)
    _title(upper, f"vCPUs in use, by {shares_by}", f"{len(report.shares):,} in all; the parts are of all that was used")
    _stack(upper, report, shares_by)
    _jain(lower, report)
    edges, unit = _edges(report.utilisation, report.makespan_s)
    _time(lower, edges, unit)
    return figure


def _stack(axes: Axes, report: Report, shares_by: str) -> None:
    largest, others = report.shares[: len(_SHARES)], report.shares[len(_SHARES) :]
    layers = [share.usage for share in largest]
    labels = [f"{share.name}  ({share.part:.0%})" for share in largest]
    if others:
        layers.append([sum(levels) for levels in zip(*(share.usage for share in others), strict=True)])
        labels.append(f"{len(others)} others  ({sum(share.part for share in others):.0%})")
    edges, _ = _edges(report.utilisation, report.makespan_s)
    together = max(1, -(-len(report.utilisation.bins) // _MOST_STACKS))
    edges = [*edges[:-1:together], edges[-1]]
    stacked = [_coarser(layer, together) for layer in layers if layer]
    if stacked:
        colours = [*_SHARES[: len(largest)], _OTHERS]
        axes.stackplot(edges, stacked, labels=labels, colors=colours, step="post", linewidth=0)
        handles, texts = axes.get_legend_handles_labels()
        legend = axes.legend(handles[::-1], texts[::-1], title=shares_by, loc="upper left", frameon=False)
        legend.set_alignment("left")
        legend.set_bbox_to_anchor((1.01, 1.0))
    axes.set_ylim(0, report.vcpus * 1.02)
    axes.yaxis.set_major_formatter(_WHOLE)
    axes.set_ylabel("vCPUs in use")


def _jain(axes: Axes, report: Report) -> None:
    """A gap where fewer than two waited."""
    edges, _ = _edges(report.utilisation, report.makespan_s)
    levels = [nan if index is None else index for index in report.fairness.bins]
    if levels:
        axes.step(edges, [*levels, levels[-1]], where="post", color=_WARM, linewidth=1.2)
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("Jain's index")
    mean = report.fairness.while_waiting
    about = "never two waited at once" if mean is None else f"among those that wait, mean {mean:.2f}"
    axes.set_title(f"Fairness: {about}", loc="left", fontsize=10, color=_FAINT)


def _coarser(levels: Sequence[float], together: int) -> list[float]:
    """Means of so many bins each, and the last one twice, for its end."""
    means = [fmean(levels[first : first + together]) for first in range(0, len(levels), together)]
    return [*means, means[-1]]


def _area(axes: Axes, line: Line, until_s: float) -> None:
    """A line and its mean."""
    edges, unit = _edges(line, until_s)
    levels = [*line.bins, *line.bins[-1:]]
    if levels:
        axes.fill_between(edges, levels, step="post", color=_SOFT, alpha=0.6, linewidth=0)
        axes.step(edges, levels, where="post", color=_MAIN, linewidth=1.2)
    axes.axhline(line.mean, color=_WARM, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        "mean",
        (1.0, line.mean),
        xycoords=axes.get_yaxis_transform(),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=_WARM,
    )
    _time(axes, edges, unit)


def _edges(line: Line, until_s: float) -> tuple[list[float], str]:
    """Where bins begin, and the last one ends, in a unit that suits the whole."""
    unit, size = next(((unit, size) for unit, size, most in _UNITS if until_s < most), _UNITS[-1][:2])
    starts = [number * line.width_s for number in range(len(line.bins))]
    return [at / size for at in [*starts, until_s]], unit


def _time(axes: Axes, edges: Sequence[float], unit: str) -> None:
    axes.set_xlim(0, max(edges[-1], 1e-9))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 5, 10], integer=edges[-1] > 5))
    axes.set_xlabel(f"{unit} since the first submit")


def _title(axes: Axes, title: str, about: str) -> None:
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", color=_INK, pad=24)
    axes.annotate(about, (0, 1), xycoords="axes fraction", xytext=(0, 8), textcoords="offset points", color=_FAINT)


def _figure() -> tuple[Figure, Axes]:
    """A picture of one part."""
    figure = _blank(height=4.5)
    axes = figure.add_subplot()
    _prepare(axes)
    return figure, axes


def _blank(height: float) -> Figure:
    return Figure(figsize=(9, height), dpi=150, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))


def _prepare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_GRID)
    axes.tick_params(colors=_FAINT, labelsize=9)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
