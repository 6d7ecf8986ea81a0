"""Who may go before a blocked head: only a job that cannot delay it. [batch.md 7.1, 12]"""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.scheduler import forecast, lines
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import (
    CapacityLimit,
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    JobSpec,
    JobSubmitted,
    ServiceSpec,
    TaskExited,
    TaskStarted,
)
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import World, array, backfilled, environment, limited, machine, queue, retrying, spec

HOUR = 3600
MARGIN_S = (forecast.START_MS + forecast.STOP_MS) // 1000


def world_of(vcpus: float = 4, memory: int = 8192) -> World:
    world = World(vcpus=vcpus, memory=memory)
    world.tell(backfilled(queue("q", "main")))
    return world


def promise(world: World) -> tuple[str, int | None] | None:
    return world.scheduler.state.queues["q"].lines[""].promise


def test_a_job_that_is_over_before_the_head_can_start_goes_before_it() -> None:
    world = world_of()
    world.submit(limited(spec("long", 3), HOUR))
    world.start("long")
    began = world.now
    world.submit(limited(spec("head", 4), 60), limited(spec("short"), HOUR - MARGIN_S - 60))
    assert world.started() == ["long", "short"]
    assert promise(world) == ("head", began + 1000 * HOUR + forecast.STOP_MS)


def test_a_job_that_might_not_be_over_by_then_stays_behind() -> None:
    world = world_of()
    world.submit(limited(spec("long", 3), HOUR))
    world.start("long")
    world.submit(limited(spec("head", 4), 60), limited(spec("late"), HOUR), spec("endless"))
    assert world.started() == ["long"]
    world.exit("long")
    assert world.started() == ["long", "head"]


def test_a_job_beside_which_the_head_has_its_room_goes_before_it_whatever_its_time() -> None:
    world = world_of()
    world.submit(limited(spec("long", 3), HOUR))
    world.start("long")
    world.submit(spec("head", 3), spec("beside"), spec("another"))
    assert world.started() == ["long", "beside"], "there is no room for another"
    world.exit("long")
    assert world.started()[2:] == ["head"]


def test_where_nobody_knows_when_there_is_room_only_those_go_beside_which_the_head_fits_in_the_end() -> None:
    world = world_of()
    world.submit(spec("endless", 3))
    world.submit(spec("head", 4), limited(spec("short"), 60))
    assert world.started() == ["endless"]
    world = world_of()
    world.submit(spec("endless", 3))
    world.submit(spec("head", 3), limited(spec("short"), 60))
    assert world.started() == ["endless", "short"]
    assert promise(world) == ("head", None)


def test_without_the_option_nobody_goes_before_the_head() -> None:
    world = World(vcpus=4)
    world.submit(limited(spec("long", 3), HOUR))
    world.start("long")
    world.submit(spec("head", 3), spec("beside"))
    assert world.status("beside") == "RUNNABLE"
    world.tell(backfilled(queue("q", "main")))
    assert world.status("beside") == "STARTING"


def test_the_room_of_environments_and_memory_counts_like_that_of_vcpus() -> None:
    world = World(vcpus=8, memory=4096)
    world.tell(environment("main", 4), environment("other", 4), backfilled(queue("q", "main", "other")))
    world.submit(limited(spec("a", 3), HOUR), limited(spec("b", 3), HOUR))
    world.start("a", "b")
    world.submit(spec("head", 4), spec("beside", 1, 512), spec("large", 1, 3000))
    assert [world.jobs[name].environment for name in ("a", "b", "beside")] == ["main", "other", "main"]
    assert world.status("large") == "RUNNABLE", "with it there would not be memory for the head"


def test_a_head_that_needs_the_whole_machine_lets_only_those_go_that_are_over_by_then() -> None:
    world = world_of()
    world.submit(limited(spec("long", 1), HOUR))
    world.start("long")
    world.submit(spec("huge", 8), spec("endless"), limited(spec("short"), 60))
    assert world.started() == ["long", "short"]
    world.start("short")
    world.exit("short")
    world.exit("long")
    assert world.started()[2:] == ["huge"]
    assert world.jobs["huge"].clamped


def test_nobody_goes_before_a_head_that_could_not_start_if_nothing_ran() -> None:
    world = world_of()
    world.submit(spec("head", gpus=1), spec("small"))
    assert world.started() == []


def test_arrays_go_child_by_child_and_keep_their_place() -> None:
    world = world_of()
    world.submit(limited(spec("long", 2), HOUR))
    world.start("long")
    world.submit(spec("head", 3), limited(array("many", 4), 60), spec("last"))
    assert world.started() == ["long", "many:0", "many:1"]
    world.start("many:0")
    world.exit("many:0")
    assert world.started()[3:] == ["many:2"]
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["head", "many", "last"]


def test_a_job_that_comes_later_or_is_tried_again_may_go_as_well() -> None:
    world = world_of()
    world.submit(limited(spec("long", 3), HOUR))
    world.start("long")
    world.submit(spec("head", 4))
    world.submit(limited(retrying(spec("short"), 2), 60))
    assert world.started() == ["long", "short"]
    world.run("short", 1)
    assert world.started() == ["long", "short", "short"]


def test_a_task_that_should_be_over_by_now_promises_nothing() -> None:
    world = world_of()
    world.submit(limited(spec("long", 3), 60))
    world.start("long")
    world.submit(spec("head", 4))
    world.wait(200)
    world.submit(limited(spec("short"), 1))
    assert world.started() == ["long"]


def test_right_after_a_restart_nobody_goes_before_the_head_until_tasks_are_seen_to_run() -> None:
    world, rows = world_of(), Rows()
    rows.save(world.submit(limited(spec("long", 2), HOUR)))
    again = Scheduler()
    again.step([machine(4), environment("main"), backfilled(queue("q", "main"))], world.now)
    again.restore(rows.live())
    jobs = [JobSubmitted(spec("head", 3)), JobSubmitted(limited(spec("short"), 60))]
    assert again.step(jobs, world.now).commands == []
    (task,) = again.state.tasks
    again.step([TaskStarted(task, world.now)], world.now)
    step = again.step([JobSubmitted(limited(spec("shorter"), 60))], world.now)
    assert [command.job_id for command in step.commands] == ["short", "shorter"]


def test_expected_starts_are_those_of_upper_bounds() -> None:
    world = world_of()
    world.submit(limited(spec("long", 4), 100))
    world.start("long")
    over = world.now + 100_000 + forecast.STOP_MS
    world.submit(limited(spec("a", 2), 50), limited(spec("b", 2), 500), spec("c", 2), spec("d", 4), spec("e"))
    state = world.scheduler.state
    line = state.queues["q"].lines[""]
    found = forecast.expected_starts(state, state.queues["q"], line, world.now)
    after = over + forecast.START_MS + 50_000 + forecast.STOP_MS
    assert found == {"a": over, "b": over, "c": after}, "nobody knows when c ends, for which d must wait"


# The promise is kept


class Shop:
    """One queue with backfill; tasks come up and end within their bounds, at random. `promised` is the earliest start
    that each head was promised, `started` when each job was placed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.scheduler = Scheduler()
        self.now = 0
        self.news: list[tuple[int, int, Event]] = []
        self.number = 0
        self.promised: dict[str, int] = {}
        self.started: dict[str, int] = {}
        self.overtaken = 0
        self.step(machine(8, 8000), environment("a", 5), environment("b"), backfilled(queue("q", "a", "b")))

    def submit(self) -> None:
        self.number += 1
        made = spec(f"j{self.number}", self.chance.choice((1, 1, 2, 4, 6, 9)), self.chance.choice((100, 2000, 5000)))
        timeout_s = self.chance.choice((None, 60, 60, 600, 3600))
        self.step(JobSubmitted(made if timeout_s is None else limited(made, timeout_s)))

    def go_on(self) -> None:
        """To the next thing that happens."""
        self.now, _, event = heappop(self.news)
        self.step(event)

    def step(self, *events: Event) -> None:
        step = self.scheduler.step(events, self.now)
        line = self.scheduler.state.queues["q"].lines.get("")
        if line is not None and line.promise is not None and line.promise[1] is not None:
            job_id, at = line.promise
            self.promised[job_id] = min(at, self.promised.get(job_id, at))
        for command in step.commands:
            if isinstance(command, StartTask):
                self.started[command.job_id] = self.now
                self.overtaken += any(job.job_id < command.job_id for job in self.scheduler.front("q", 1))
                self.live(command.task_id, self.scheduler.state.jobs[command.job_id].spec)

    def live(self, task_id: str, job: JobSpec) -> None:
        up = self.now + self.chance.randrange(forecast.START_MS)
        run = self.chance.randrange(1, 4000) * 1000
        most = run if job.timeout_s is None else min(run, 1000 * job.timeout_s + forecast.STOP_MS)
        self.tell(up, TaskStarted(task_id, up))
        self.tell(up + most, TaskExited(task_id, up + most, 0))

    def tell(self, at: int, event: Event) -> None:
        self.number += 1
        heappush(self.news, (at, self.number, event))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_no_head_starts_later_than_it_was_promised(seed: int) -> None:
    shop = Shop(seed)
    for _ in range(60):
        if shop.news and shop.chance.random() < 0.5:
            shop.go_on()
        else:
            shop.submit()
    while shop.news:
        shop.go_on()
    assert shop.scheduler.waiting() == 0
    late = {name: at for name, at in shop.promised.items() if shop.started[name] > at}
    assert late == {}


def test_the_shop_does_let_jobs_go_before_others() -> None:
    shop = Shop(1)
    for _ in range(200):
        shop.submit() if not shop.news or shop.chance.random() < 0.5 else shop.go_on()
    assert shop.overtaken > 5
    assert len(shop.promised) > 2


def test_what_service_jobs_hold_counts_as_well() -> None:
    world = world_of()
    world.tell(
        EnvironmentSaved(EnvironmentSpec("instances", True, capacity=(CapacityLimit("ml.m5.large", 2),))),
        queue("trainings", "instances"),
    )
    training = replace(spec("training", 3, on="trainings"), service=ServiceSpec("ml.m5.large", 1))
    world.submit(limited(training, HOUR))
    world.start("training")
    world.submit(spec("head", 3), spec("beside"))
    assert world.started() == ["training", "beside"]
    world.exit("training")
    assert world.started()[2:] == ["head"]


def test_given_a_head_of_higher_priority_when_one_of_a_lower_goes_before_it_then_that_one_leaves_its_own_place() -> (
    None
):
    world = world_of()
    world.submit(limited(spec("long", 3), HOUR))
    world.start("long")
    world.submit(replace(spec("head", 4), priority=1), spec("large", 2), limited(spec("short"), 60))

    assert world.started() == ["long", "short"]
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["head", "large"]
    assert lines.places(world.scheduler.state.queues["q"].line("")) == 2
