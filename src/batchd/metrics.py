"""What Prometheus reads of the server: some things are counted as they happen, others looked up when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from batchd.arns import parse_arn
from batchd.engines.engine import Report
from batchd.gateway.spec import OperationSpec
from batchd.invocation import FunctionSpec
from batchd.scheduler.events import FINAL, JobStatus
from batchd.scheduler.overview import Overview
from batchd.scheduler.state import Job, Step, Transition
from batchd.store.queued import Depth

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_ANSWER_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_JOB_S = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_UNITS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Picture:
    """The server at this moment. `jobs` are counts by queue ARN and status, `messages` by region and name of the SQS
    queue they are in."""

    version: str
    engine: str
    store: str
    jobs: dict[str, dict[str, int]]
    machine: Overview
    messages: dict[tuple[str, str], Depth] = field(default_factory=dict)
    deliveries: tuple[int, int] = (0, 0)  # that wait, that are dead


@dataclass(frozen=True, slots=True)
class _QueueSeries:
    succeeded: Counter
    failed: Counter
    wait_s: Histogram
    run_s: Histogram


class Metrics:
    """Counters and histograms; `page` adds what `look` sees. On the loop's thread only, a few microseconds a call."""

    def __init__(self, look: Callable[[], Picture]) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Live(look))
        place = ("queue", "region")
        self._requests = Counter(
            "batchd_requests", "Requests answered.", ("service", "operation", "status"), registry=registry
        )
        self._answer_s = Histogram(
            "batchd_request_seconds",
            "From a request to its answer.",
            ("service", "operation"),
            buckets=_ANSWER_S,
            registry=registry,
        )
        self._commit_units = Histogram(
            "batchd_commit_units", "Units of work that shared a commit.", buckets=_UNITS, registry=registry
        )
        self._commit_s = Histogram(
            "batchd_commit_seconds", "To make a group durable.", buckets=_ANSWER_S, registry=registry
        )
        self._reports = Counter("batchd_engine_reports", "What the engine reported.", ("kind",), registry=registry)
        self._attempts = Counter(
            "batchd_delivery_attempts", "Attempts at deliveries.", ("kind", "outcome"), registry=registry
        )
        self._invocations = Counter(
            "batchd_function_invocations", "Functions run.", ("function", "region", "result"), registry=registry
        )
        self._invoked_s = Histogram(
            "batchd_function_seconds",
            "From an event's start in a sandbox to its end.",
            ("function", "region"),
            buckets=_ANSWER_S,
            registry=registry,
        )
        self._ended = Counter("batchd_jobs_ended", "Jobs that ended.", (*place, "result"), registry=registry)
        self._wait_s = Histogram(
            "batchd_job_wait_seconds", "From RUNNABLE to RUNNING.", place, buckets=_JOB_S, registry=registry
        )
        self._run_s = Histogram(
            "batchd_job_run_seconds", "From an attempt's start to its end.", place, buckets=_JOB_S, registry=registry
        )
        # Looked up once: to find a series by its labels costs more than to count.
        self._of_queue: dict[str, _QueueSeries] = {}
        self._of_answer: dict[tuple[OperationSpec | None, int], tuple[Counter, Histogram]] = {}

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def on_request(self, operation: OperationSpec | None, status: int, seconds: float) -> None:
        """An answer left. None: the request was not for any operation there is."""
        series = self._of_answer.get((operation, status))
        if series is None:
            service, name = (operation.service.name, operation.name) if operation else ("", "unknown")
            counter, histogram = self._requests.labels(service, name, str(status)), self._answer_s.labels(service, name)
            series = self._of_answer[operation, status] = (counter, histogram)
        series[0].inc()
        series[1].observe(seconds)

    def on_commit(self, units: int, seconds: float) -> None:
        """A group of units of work is durable, or was lost."""
        self._commit_units.observe(units)
        self._commit_s.observe(seconds)

    def on_report(self, report: Report) -> None:
        """The engine said something, perhaps again."""
        self._reports.labels(type(report).__name__).inc()

    def on_attempt(self, kind: str, outcome: str) -> None:
        """At a delivery: it arrived, failed, or is dead."""
        self._attempts.labels(kind, outcome).inc()

    def on_invocation(self, function: FunctionSpec, result: str, seconds: float) -> None:
        """A function has run: `succeeded`, `failed`; `throttled` if it was not let."""
        self._invocations.labels(function.name, function.region, result).inc()
        if result != "throttled":
            self._invoked_s.labels(function.name, function.region).observe(seconds)

    def on_step(self, step: Step) -> None:
        """A step of the scheduler is durable."""
        jobs = {job.spec.job_id: job for jobs in (step.changed, step.counted, step.reshaped) for job in jobs}
        for moved in step.transitions:
            job = jobs.get(moved.job_id)
            is_array = job is not None and job.children is not None
            if job is not None and (moved.children or not is_array) and not job.is_node:
                self._on_transition(job, moved)

    def _on_transition(self, job: Job, moved: Transition) -> None:
        series = self._of_queue.get(job.spec.queue) or self._add_queue(job.spec.queue)
        if moved.status in FINAL:
            ended = series.succeeded if moved.status is JobStatus.SUCCEEDED else series.failed
            ended.inc(len(moved.children) or 1)
        attempt = job.attempts[moved.attempt - 1] if 0 < moved.attempt <= len(job.attempts) else None
        if moved.status is JobStatus.RUNNING:
            runnable_at = attempt.runnable_at if attempt else job.runnable_at
            if runnable_at is not None:
                series.wait_s.observe(max(0, moved.at - runnable_at) / 1000)
        elif attempt is not None and attempt.started_at is not None and _closes(moved, attempt.stopped_at):
            series.run_s.observe((attempt.stopped_at - attempt.started_at) / 1000)

    def _add_queue(self, queue: str) -> _QueueSeries:
        place = _queue_place(queue)
        series = self._of_queue[queue] = _QueueSeries(
            self._ended.labels(*place, "succeeded"),
            self._ended.labels(*place, "failed"),
            self._wait_s.labels(*place),
            self._run_s.labels(*place),
        )
        return series


def _closes(moved: Transition, stopped_at: int) -> bool:
    """Whether the attempt ended with this move; a job that waits for another try may end later by itself."""
    return moved.status is JobStatus.RUNNABLE or (moved.status in FINAL and moved.at == stopped_at)


class _Live(Collector):
    """Gauges that nobody keeps: read when somebody asks."""

    def __init__(self, look: Callable[[], Picture]) -> None:
        self._look = look

    def describe(self) -> list[Metric]:
        """Nothing beforehand: the parts to look at may not be there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        picture = self._look()
        info = GaugeMetricFamily("batchd_info", "What runs.", labels=("version", "engine", "store"))
        info.add_metric((picture.version, picture.engine, picture.store), 1)
        yield info
        yield _depths(picture.jobs)
        yield _messages(picture.messages)
        yield _deliveries(*picture.deliveries)
        yield from _machine(picture.machine)


def _deliveries(waiting: int, dead: int) -> Metric:
    gauge = GaugeMetricFamily("batchd_deliveries", "What must reach somebody, or was given up.", labels=("state",))
    gauge.add_metric(("waiting",), waiting)
    gauge.add_metric(("dead",), dead)
    return gauge


def _depths(jobs: dict[str, dict[str, int]]) -> Metric:
    depths = GaugeMetricFamily("batchd_queue_jobs", "Jobs by status.", labels=("queue", "region", "status"))
    for arn, counts in jobs.items():
        for status in JobStatus:
            depths.add_metric((*_queue_place(arn), status.value), counts.get(status.value, 0))
    return depths


def _messages(queues: dict[tuple[str, str], Depth]) -> Metric:
    waiting = GaugeMetricFamily(
        "batchd_sqs_messages", "Messages in SQS queues by state.", labels=("queue", "region", "state")
    )
    for (region, name), depth in queues.items():
        for state, count in (("ready", depth.ready), ("in_flight", depth.in_flight), ("delayed", depth.delayed)):
            waiting.add_metric((name, region, state), count)
    return waiting


def _machine(machine: Overview) -> Iterator[Metric]:
    for name, about, amount in (
        ("batchd_capacity", "What jobs may use of the machine.", machine["capacity"]),
        ("batchd_capacity_used", "What they use of it.", machine["used"]),
    ):
        gauge = GaugeMetricFamily(name, about, labels=("resource",))
        gauge.add_metric(("vcpus",), amount["vcpus"])
        gauge.add_metric(("memory_mib",), amount["memoryMiB"])
        gauge.add_metric(("gpus",), amount["gpus"])
        yield gauge
    used = GaugeMetricFamily(
        "batchd_environment_vcpus_used", "vCPUs in use by compute environment.", labels=("environment", "region")
    )
    for environment in machine["environments"]:
        used.add_metric(_queue_place(environment["environment"]), environment["vcpusInUse"])
    yield used


def _queue_place(text: str) -> tuple[str, str]:
    """Name and region of an ARN."""
    arn = parse_arn(text)
    return (arn.name, arn.region) if arn is not None else (text, "")
