"""`batchd simulate`: what the scheduler makes of a recorded or modelled workload, in no time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from batchd.traces import lublin
from batchd.traces.plan import KEYS, Plan, Workload, capacity_of
from batchd.traces.replay import replay
from batchd.traces.report import Report, report_of
from batchd.traces.swf import Header, SwfJob, TraceError, open_swf, write_swf
from batchd.traces.tables import tables

_EVERY = 1000  # jobs, between two looks at the progress


@dataclass(frozen=True, slots=True)
class Source:
    """A trace's file, or a model of so many jobs."""

    trace: Path | None
    model: str | None
    jobs: int
    seed: int
    largest: int
    load: float | None


@dataclass(frozen=True, slots=True)
class Machine:
    """None: as large as the trace says; without limit."""

    vcpus: int | None
    memory_mib: int | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which field of a job names its queue, which its share; how those are told apart."""

    queues_by: str
    shares_by: str
    priorities: list[str]
    weights: list[str]
    limits: bool


@dataclass(frozen=True, slots=True)
class Output:
    """What to leave behind: a report as JSON instead of tables, a folder of plots."""

    json: bool
    plots: Path | None


def write_trace(source: Source, machine: Machine, path: Path) -> None:
    """Only make a trace."""
    model = _model(source, machine)
    try:
        with path.open("w", encoding="utf-8") as file:
            count = write_swf(file, lublin.header(model, source.jobs), lublin.generate(model, source.jobs))
    except OSError as error:
        raise TraceError(f"cannot write {path}: {error}") from error
    print(f"{count} jobs in {path}")


def simulate(source: Source, machine: Machine, mapping: Mapping, output: Output) -> None:
    """Replay and report."""
    if output.plots is not None:
        _need_plots()
    with _opened(source, machine) as (header, jobs):
        plan = _plan(header, machine, mapping)
        began = time.perf_counter()
        with _progress(jobs, header.count("MaxJobs")) as counted:
            workload = Workload(plan, counted)
            tally = replay(plan, workload)
        took = time.perf_counter() - began
    report = report_of(plan, tally, workload.left_out)
    if output.json:
        sys.stdout.buffer.write(orjson.dumps(report.figures()) + b"\n")
    else:
        _show(report, mapping.shares_by, took)
    if output.plots is not None:
        _draw(report, mapping.shares_by, output.plots)


def _show(report: Report, shares_by: str, took: float) -> None:
    console = Console(highlight=False)
    console.print(tables(report, shares_by))
    console.print(f"\nreplayed in {took:.1f} s, {report.jobs / took:,.0f} jobs/s")


def _need_plots() -> None:
    """Before the work, not after it."""
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise TraceError("plots need matplotlib: pip install 'batchd[plots]'") from error


def _draw(report: Report, shares_by: str, folder: Path) -> None:
    from batchd.traces.plots import draw

    try:
        paths = draw(report, shares_by, folder)
    except OSError as error:
        raise TraceError(f"cannot write to {folder}: {error}") from error
    for path in paths:
        print(path, file=sys.stderr)


@contextmanager
def _opened(source: Source, machine: Machine) -> Iterator[tuple[Header, Iterable[SwfJob]]]:
    if source.trace is None:
        model = _model(source, machine)
        yield lublin.header(model, source.jobs), lublin.generate(model, source.jobs)
        return
    if source.model is not None:
        raise TraceError("give a trace or a model, not both")
    with open_swf(source.trace) as reader:
        yield reader.header, reader


def _model(source: Source, machine: Machine) -> lublin.Model:
    if source.model is None:
        raise TraceError("give a trace in the Standard Workload Format, or --model lublin")
    if source.model != lublin.NAME:
        raise TraceError(f"there is no model {source.model}, only {lublin.NAME}")
    vcpus = machine.vcpus or source.largest
    return lublin.Model(seed=source.seed, largest=source.largest, load=source.load, vcpus=vcpus)


def _plan(header: Header, machine: Machine, mapping: Mapping) -> Plan:
    for name in (mapping.queues_by, mapping.shares_by):
        if name not in KEYS:
            raise TraceError(f"jobs have no {name}, only {', '.join(KEYS)}")
    return Plan(
        vcpus=machine.vcpus or capacity_of(header),
        memory_mib=machine.memory_mib,
        queues_by=mapping.queues_by,
        shares_by=mapping.shares_by,
        priorities={name: int(value) for name, value in _pairs("--priority", mapping.priorities)},
        weights=dict(_pairs("--weight", mapping.weights)),
        enforce_limits=mapping.limits,
    )


def _pairs(option: str, texts: Iterable[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        name, _, value = text.partition("=")
        try:
            yield name, float(value)
        except ValueError:
            raise TraceError(f"{option} {text}: not NAME=NUMBER") from None


@contextmanager
def _progress(jobs: Iterable[SwfJob], total: int | None) -> Iterator[Iterator[SwfJob]]:
    """The same jobs, with a bar on a terminal."""
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("jobs"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        bar = progress.add_task("", total=total)

        def counted() -> Iterator[SwfJob]:
            for number, job in enumerate(jobs, 1):
                yield job
                if not number % _EVERY:
                    progress.update(bar, completed=number, refresh=True)

        yield counted()
