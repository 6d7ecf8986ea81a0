from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.clock import ManualClock, SystemClock
from batchd.engines.engine import ContainerExit, Exited, FailedToStart, Lost, Report, Started
from batchd.engines.fake import FakeEngine, FakeTask, FakeWorld, read_knobs
from batchd.task import ContainerSpec, LogDestination, TaskSpec
from tests.patience import LONG_S

LOG = LogDestination("us-east-1", "group", "stream")


class Stage:
    """An engine without timers, its clock and what it said, times counted from zero."""

    def __init__(self, directory: Path, world: FakeWorld | None = None, **knobs: object) -> None:
        self.clock = ManualClock(0)
        self.directory = directory
        self.reports: list[Report] = []
        self.engine = FakeEngine(self.clock, directory, FakeTask(**knobs), world, timers=False)  # type: ignore[arg-type]

    def opened(self, *adopt: str) -> Stage:
        self.engine.attach(self.reports.append, adopt)
        return self

    def start(self, task_id: str = "a", **environment: str) -> None:
        variables = {f"BATCHD_FAKE_{name.upper()}": value for name, value in environment.items()}
        self.engine.start(TaskSpec(task_id, (ContainerSpec("main", "image", environment=variables, log=LOG),)))

    def at(self, seconds: float) -> list[Report]:
        """Move the clock there; the news."""
        self.clock.advance(seconds - self.clock.now_ms() / 1000)
        before = len(self.reports)
        self.engine.advance()
        return self.reports[before:]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path).opened()


def test_nothing_happens_before_the_clock_says_so(stage: Stage) -> None:
    stage.start(start_s="1", run_s="5", exit_code="3")

    assert stage.at(0.9) == []
    assert stage.at(1) == [Started("a", 1000)]
    assert stage.at(5.9) == []
    assert stage.engine.next_at() == 6000
    assert stage.at(60) == [Exited("a", 6000, 3)]
    assert stage.engine.next_at() is None


def test_start_reports_nothing_by_itself(stage: Stage) -> None:
    stage.start()

    assert stage.reports == []
    assert stage.at(0) == [Started("a", 0), Exited("a", 0, 0)]


def test_reports_of_many_tasks_come_in_the_order_of_time(stage: Stage) -> None:
    stage.start("slow", run_s="2")
    stage.start("quick", run_s="1")

    assert [(report.at, report.task_id) for report in stage.at(9)] == [
        (0, "slow"),
        (0, "quick"),
        (1000, "quick"),
        (2000, "slow"),
    ]


def test_a_start_caused_by_a_report_is_carried_out_in_the_same_advance(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    def chain(report: Report) -> None:
        stage.reports.append(report)
        if report == Exited("a", 0, 0):
            stage.start("b")

    stage.engine.attach(chain, [])
    stage.start("a")

    assert stage.at(0) == [Started("a", 0), Exited("a", 0, 0), Started("b", 0), Exited("b", 0, 0)]


def test_a_task_can_fail_to_start_vanish_or_end_for_a_reason(stage: Stage) -> None:
    stage.start("a", fail_to_start="CannotPullContainerError: no")
    stage.start("b", vanish="1", run_s="1")
    stage.start("c", exit_code="137", reason="OutOfMemoryError: Container killed due to memory usage")

    assert stage.at(1) == [
        FailedToStart("a", 0, "CannotPullContainerError: no"),
        Started("b", 0),
        Started("c", 0),
        Exited("c", 0, 137, "OutOfMemoryError: Container killed due to memory usage"),
        Lost("b", 1000, "The task vanished"),
    ]


def test_a_knob_that_makes_no_sense_fails_the_task(stage: Stage) -> None:
    stage.start(run_s="soon")

    assert stage.at(0) == [FailedToStart("a", 0, "CannotStartContainerError: BATCHD_FAKE_RUN_S cannot be 'soon'")]


def test_a_stop_ends_the_task_at_once(stage: Stage) -> None:
    stage.start(run_s="100", vanish="1")
    stage.at(0)

    stage.engine.stop("a", grace_s=30)

    assert stage.at(1) == [Exited("a", 0, 143)]
    assert stage.at(1000) == []


def test_a_stop_before_the_start_ends_the_task_too(stage: Stage) -> None:
    stage.start(start_s="50", run_s="100")

    stage.engine.stop("a", grace_s=30)

    assert stage.at(1) == [Started("a", 0), Exited("a", 0, 143)]


@pytest.mark.parametrize(("run_s", "code", "end"), [("100", 137, 30_000), ("10", 0, 10_000)])
def test_a_task_that_ignores_sigterm_ends_by_itself_or_is_killed(stage: Stage, run_s: str, code: int, end: int) -> None:
    stage.start(run_s=run_s, ignore_sigterm="1")
    stage.at(0)

    stage.engine.stop("a", grace_s=30)
    stage.at(5)
    stage.engine.stop("a", grace_s=30)

    assert stage.at(1000) == [Exited("a", end, code)]


def test_the_defaults_hold_where_a_task_says_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, run_s=2.0, exit_code=9).opened()
    stage.start()

    assert stage.at(2) == [Started("a", 0), Exited("a", 2000, 9)]


def test_the_world_goes_on_without_a_server(tmp_path: Path) -> None:
    first = Stage(tmp_path).opened()
    first.start("over", run_s="1", exit_code="4")
    first.start("running", run_s="100")
    first.start("nobody's", run_s="100")
    first.at(0)

    second = Stage(tmp_path, first.engine.world)
    second.clock.advance(50)
    second.opened("over", "running", "unknown")

    assert second.reports == [
        Started("over", 0),
        Exited("over", 1000, 4),
        Started("running", 0),
        Lost("unknown", 50_000, "The engine has no trace of the task"),
    ]
    assert second.at(1000) == [Exited("running", 100_000, 0)]


def test_output_is_in_the_log_from_the_start_on_until_forgotten(stage: Stage) -> None:
    stage.start(output="hello\n", run_s="1")
    path = stage.engine.log_path("a", "main")
    assert not path.exists()
    stage.at(0)
    assert path.read_text() == "hello\n"

    stage.engine.forget("a")

    assert not path.exists()
    assert stage.at(10) == []


def test_every_container_acts_by_its_own_environment(stage: Stage) -> None:
    quick = ContainerSpec("quick", "image", environment={"BATCHD_FAKE_EXIT_CODE": "4", "BATCHD_FAKE_RUN_S": "2"})
    slow = ContainerSpec("slow", "image", environment={"BATCHD_FAKE_RUN_S": "9", "BATCHD_FAKE_IGNORE_SIGTERM": "1"})
    stage.engine.start(TaskSpec("a", (quick, slow), stop_timeout_s=3.0))

    exits = (ContainerExit("quick", 4), ContainerExit("slow", 137))
    assert stage.at(4) == [Started("a", 0)]
    assert stage.at(9) == [Exited("a", 5000, 4, containers=exits)]


def test_containers_that_wait_for_each_other_never_start(stage: Stage) -> None:
    one = ContainerSpec("one", "image", depends_on=(("two", "START"),))
    two = ContainerSpec("two", "image", depends_on=(("one", "START"),))
    stage.engine.start(TaskSpec("a", (one, two)))

    reason = "CannotStartContainerError: the containers that it waits for never start"
    (failed,) = stage.at(0)
    assert isinstance(failed, FailedToStart)
    assert failed.reason == reason


async def test_with_timers_reports_come_by_themselves(tmp_path: Path) -> None:
    engine = FakeEngine(SystemClock(), tmp_path)
    ended = asyncio.Event()
    await engine.open(lambda report: ended.set() if isinstance(report, Exited) else None, [])

    engine.start(TaskSpec("a", (ContainerSpec("main", "image"),)))

    await asyncio.wait_for(ended.wait(), LONG_S)
    await engine.close()


@given(st.dictionaries(st.sampled_from(["RUN_S", "EXIT_CODE", "VANISH", "OUTPUT", "STOP_EXIT_CODE"]), st.text()))
def test_any_text_in_a_knob_is_read_or_refused(texts: dict[str, str]) -> None:
    environment = {f"BATCHD_FAKE_{name}": text for name, text in texts.items()}
    try:
        knobs = read_knobs(environment, FakeTask())
    except ValueError as error:
        assert str(error).startswith("BATCHD_FAKE_")
    else:
        assert 0 <= knobs.run_s < 1e9
