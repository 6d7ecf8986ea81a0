from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler import identity, invariants, reasons
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import (
    CancelRequested,
    Claim,
    ConsumableSaved,
    ConsumableSpec,
    EnvironmentDeleted,
    ExitRule,
    Gang,
    JobStatus,
    JobSubmitted,
    QueueDeleted,
    Resources,
    TaskExited,
    TaskStarted,
    TerminateRequested,
)
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import (
    World,
    after,
    environment,
    gang,
    limited,
    machine,
    queue,
    retrying,
    spec,
)

BIG, SMALL = Resources(2000, 4096), Resources(1000, 1024)


def running(world: World, name: str = "g", size: int = 3) -> None:
    """Submitted, and every node of it runs; node 0 is the main one."""
    world.submit(gang(name, size))
    world.start(name)
    world.start(*[f"{name}#{index}" for index in range(1, size)])


# The start


def test_the_main_node_starts_first_and_the_others_when_it_runs() -> None:
    world = World()
    world.submit(gang("g", 3, main=1))
    assert world.started() == ["g#1"]
    assert world.nodes("g") == "RUNNABLE STARTING RUNNABLE"
    world.start("g")
    assert world.started() == ["g#1", "g#0", "g#2"]
    assert world.nodes("g") == "STARTING RUNNING STARTING"
    world.start("g#2")
    assert world.nodes("g") == "STARTING RUNNING RUNNING"


def test_what_a_start_tells_a_node() -> None:
    world = World()
    world.submit(gang("g", 3, main=1))
    world.start("g")
    first, second, third = (command for command in world.commands if isinstance(command, StartTask))
    assert first == StartTask(identity.task_id("g", 1), "g#1", 1, "main", 1, 3, 1, Resources(3000, 1536))
    assert second == StartTask(identity.task_id("g#0", 1), "g#0", 1, "main", 0, 3, 1)
    assert (third.job_id, third.index) == ("g#2", 2)


def test_a_gang_is_placed_whole_or_not_at_all() -> None:
    world = World(vcpus=4)
    world.submit(spec("first", 2), gang("g", 3))
    assert world.started() == ["first"]
    world.run("first")
    assert world.started() == ["first", "g#0"]
    assert world.in_use() == (3000, 1536, 0)


def test_a_gang_fits_one_environment_or_waits() -> None:
    world = World(vcpus=8)
    world.tell(environment("small", 2), environment("large", 4), queue("q", "small", "large"))
    world.submit(gang("g", 3))
    assert world.jobs["g"].environment == "large"
    world.submit(gang("h", 5))
    assert "cannot meet the CPU requirement" in str(world.jobs["h"].status_reason)


def test_each_node_must_fit_an_instance_but_not_all_together() -> None:
    world = World(vcpus=8)
    world.tell(environment("main", 8, largest=(SMALL,)))
    world.submit(replace(gang("g", 3), gang=Gang(3, 0, (SMALL, SMALL))), replace(gang("h", 2), gang=Gang(2, 0, (BIG,))))
    assert world.started() == ["g#0"]
    world.exit("g")
    assert "JOB_RESOURCE_REQUIREMENT" in str(world.jobs["h"].status_reason)
    assert "large enough, a node of the job needs 2 vCPUs, 4096 MiB." in " ".join(world.scheduler.explain("h"))


def test_a_gang_larger_than_the_machine_runs_alone() -> None:
    world = World(vcpus=2)
    world.submit(spec("first"), gang("g", 4), spec("last"))
    assert world.started() == ["first"]
    world.run("first")
    world.start("g")
    assert world.started() == ["first", "g#0", "g#1", "g#2", "g#3"]
    assert world.jobs["g#2"].clamped
    world.exit("g")
    assert world.status("last") == "RUNNABLE"
    for index in (1, 2, 3):
        world.exit(f"g#{index}", 143)
    assert world.statuses("g", "last") == "SUCCEEDED STARTING"


def test_gpus_are_counted_over_all_nodes() -> None:
    world = World(gpus=2)
    world.submit(gang("g", 3, gpus=1))
    assert world.status("g") == "RUNNABLE"
    world.tell(machine(4, gpus=3))
    assert world.status("g") == "STARTING"


def test_a_gang_holds_its_room_and_its_units_until_the_last_node_is_gone() -> None:
    world = World()
    world.tell(ConsumableSaved(ConsumableSpec("seat", 2)))
    world.submit(replace(gang("g", 2), claims=(Claim("seat", 2),)), replace(spec("next"), claims=(Claim("seat"),)))
    world.start("g")
    world.exit("g")
    assert world.status("next") == "RUNNABLE"
    world.exit("g#1", 143)
    assert world.status("next") == "STARTING"


def test_a_gang_of_one_node_is_its_main_node() -> None:
    world = World()
    world.submit(gang("g", 1))
    world.run("g")
    assert world.life("g#0") == ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"] == world.life("g")


# The end


def test_when_the_main_node_ends_the_others_are_stopped_and_the_job_is_over_with_the_last() -> None:
    world = World()
    running(world)
    world.exit("g")
    assert world.stopped() == ["g#1", "g#2"]
    assert world.nodes("g") == "RUNNING RUNNING RUNNING"
    assert world.in_use() == (3000, 1536, 0)
    world.exit("g#1", 143)
    assert world.status("g") == "RUNNING"
    world.exit("g#2")
    assert world.nodes("g") == "SUCCEEDED FAILED SUCCEEDED"
    assert world.jobs["g#1"].status_reason == reasons.MAIN_NODE_ENDED
    assert world.in_use() == (0, 0, 0)


def test_the_result_and_the_times_are_those_of_the_main_node() -> None:
    world = World()
    running(world)
    started_at = world.jobs["g"].started_at
    world.exit("g", 7, "its reason")
    ended_at = world.now
    world.exit("g#1")
    world.exit("g#2")
    job = world.jobs["g"]
    assert (job.status, job.exit_code, job.reason) == (JobStatus.FAILED, 7, "its reason")
    assert (job.started_at, job.stopped_at) == (started_at, ended_at)
    assert [attempt.exit_code for attempt in job.attempts] == [7]


def test_the_death_of_another_node_changes_nothing() -> None:
    world = World()
    running(world)
    world.exit("g#1", 1)
    world.lose("g#2")
    assert world.nodes("g") == "RUNNING FAILED FAILED"
    assert "Host EC2" in str(world.jobs["g#2"].status_reason)
    world.exit("g")
    assert world.status("g") == "SUCCEEDED"


def test_a_node_that_cannot_start_changes_nothing_either() -> None:
    world = World()
    world.submit(gang("g", 3))
    world.start("g")
    world.fail_to_start("g#1")
    world.run("g#2")
    assert world.nodes("g") == "RUNNING FAILED SUCCEEDED"
    world.exit("g")
    assert world.status("g") == "SUCCEEDED"


def test_a_main_node_that_cannot_start_takes_the_others_with_it() -> None:
    world = World()
    world.submit(gang("g", 2))
    world.fail_to_start("g")
    assert world.nodes("g") == "FAILED FAILED"
    assert world.jobs["g#1"].status_reason == reasons.FAILED_TO_START
    assert world.started() == ["g#0"]
    assert world.in_use() == (0, 0, 0)


def test_a_main_node_nobody_saw_running_has_run_all_the_same() -> None:
    world = World()
    world.submit(gang("g", 2))
    world.exit("g")
    assert (world.started(), world.stopped()) == (["g#0", "g#1"], ["g#1"])
    world.exit("g#1", 143)
    assert world.status("g") == "SUCCEEDED"


def test_late_and_repeated_news_of_the_main_node_change_nothing() -> None:
    world = World()
    running(world, size=2)
    task_id = world.task("g")
    world.exit("g", 3)
    late = (TaskExited(task_id, world.now, 0), TaskStarted(task_id, world.now))
    assert world.tell(*late).changed == []
    world.exit("g#1")
    assert world.jobs["g"].exit_code == 3


# Retry


def test_a_failure_of_the_main_node_restarts_all_of_them() -> None:
    world = World()
    world.submit(retrying(gang("g", 3), 2))
    world.start("g")
    world.start("g#1")
    world.exit("g#1", 5)
    world.exit("g", 1)
    assert world.started() == ["g#0", "g#1", "g#2"], "not before the last of them is gone"
    world.exit("g#2", 143)
    assert world.nodes("g") == "STARTING RUNNABLE RUNNABLE"
    world.start("g")
    again = [command for command in world.commands if isinstance(command, StartTask)][3:]
    assert [(command.job_id, command.attempt) for command in again] == [("g#0", 2), ("g#1", 2), ("g#2", 2)]
    assert again[1].task_id == identity.task_id("g#1", 2)
    assert [attempt.exit_code for attempt in world.jobs["g#1"].attempts] == [5]
    world.exit("g")
    world.exit("g#1", 143)
    world.exit("g#2", 0)
    assert world.nodes("g") == "SUCCEEDED FAILED SUCCEEDED"
    assert len(world.jobs["g#1"].attempts) == 2


def test_nodes_that_never_started_wait_for_the_next_attempt() -> None:
    world = World()
    world.submit(retrying(gang("g", 2), 2))
    world.fail_to_start("g")
    assert world.nodes("g") == "STARTING RUNNABLE"
    world.start("g")
    assert world.commands[-1] == StartTask(identity.task_id("g#1", 2), "g#1", 2, "main", 1, 2, 0)
    assert world.life("g#1") == ["SUBMITTED", "RUNNABLE", "STARTING"]


def test_a_rule_about_the_exit_code_is_about_the_main_nodes() -> None:
    world = World()
    world.submit(retrying(gang("g", 2), 3, ExitRule("EXIT", on_exit_code="4")))
    world.start("g")
    world.exit("g#1", 4)
    world.exit("g", 1)
    assert world.status("g") == "STARTING"
    world.exit("g", 4)
    world.exit("g#1", 0)
    assert world.status("g") == "FAILED"


# Cancel, terminate, time limits


def test_a_cancelled_gang_ends_with_all_its_nodes() -> None:
    world = World(vcpus=2)
    world.submit(spec("first", 2), gang("g", 2))
    world.tell(CancelRequested("g", "not needed"))
    assert world.nodes("g") == "FAILED FAILED"
    node = world.jobs["g#1"]
    assert (node.status_reason, node.is_cancelled, node.stopped_at) == ("not needed", True, world.now)


def test_a_cancel_has_no_effect_once_the_main_node_starts() -> None:
    world = World()
    running(world, size=2)
    assert world.tell(CancelRequested("g", "x"), CancelRequested("g#1", "x")).changed == []


def test_a_terminated_gang_stops_all_its_nodes_at_once() -> None:
    world = World()
    world.submit(retrying(gang("g", 3), 3))
    world.start("g")
    world.start("g#1")
    world.tell(TerminateRequested("g", "enough"))
    assert world.stopped() == ["g#0", "g#1", "g#2"]
    world.exit("g", 143)
    assert world.status("g") == "RUNNING"
    world.exit("g#1", 143)
    world.exit("g#2", 143)
    assert world.nodes("g") == "FAILED FAILED FAILED"
    assert {world.jobs[name].status_reason for name in ("g", "g#1", "g#2")} == {"enough"}
    assert world.jobs["g#1"].is_terminated


def test_a_gang_that_is_to_stop_before_its_main_node_runs_starts_no_others() -> None:
    world = World()
    world.submit(gang("g", 2))
    world.tell(TerminateRequested("g", "enough"))
    world.start("g")
    world.exit("g", 143)
    assert world.started() == ["g#0"]
    assert world.nodes("g") == "FAILED FAILED"


def test_who_names_the_main_node_means_the_job() -> None:
    world = World()
    running(world, size=2)
    world.tell(TerminateRequested("g#0", "enough"))
    assert world.stopped() == ["g#0", "g#1"]


def test_a_terminated_node_ends_alone() -> None:
    world = World()
    running(world)
    world.tell(TerminateRequested("g#1", "this one"))
    world.exit("g#1", 143)
    assert world.nodes("g") == "RUNNING FAILED RUNNING"
    assert (world.jobs["g#1"].status_reason, world.jobs["g#1"].is_terminated) == ("this one", True)


@pytest.mark.parametrize("request_", [CancelRequested, TerminateRequested])
def test_a_node_that_was_ended_before_its_start_never_starts(
    request_: type[CancelRequested] | type[TerminateRequested],
) -> None:
    world = World(vcpus=3)
    world.submit(spec("first", 2), retrying(gang("g", 3), 2))
    world.tell(request_("g#1", "not this one"))
    assert world.nodes("g") == "RUNNABLE FAILED RUNNABLE"
    world.run("first")
    world.start("g")
    world.exit("g#2")
    world.exit("g", 1)
    world.start("g")
    assert world.nodes("g") == "RUNNING FAILED STARTING"
    assert "g#1" not in world.started()


def test_who_terminates_while_the_last_nodes_stop_prevents_another_try() -> None:
    world = World()
    world.submit(retrying(gang("g", 2), 2))
    world.start("g")
    world.exit("g", 1)
    world.tell(TerminateRequested("g", "enough"))
    assert world.stopped() == ["g#1"]
    world.exit("g#1", 143)
    assert (world.status("g"), world.jobs["g"].status_reason) == ("FAILED", "enough")


def test_the_timeout_is_for_the_whole_from_the_start_of_the_main_node() -> None:
    world = World()
    world.submit(limited(gang("g", 2), 60))
    world.start("g")
    world.wait(30)
    world.start("g#1")
    world.wait(30)
    assert world.stopped() == ["g#0", "g#1"]
    world.exit("g#1", 137)
    world.exit("g", 137)
    assert world.jobs["g"].status_reason == reasons.TIMED_OUT


def test_jobs_of_a_deleted_queue_stop_with_all_their_nodes() -> None:
    world = World(vcpus=2)
    world.submit(retrying(gang("g", 2), 2), gang("h", 2))
    world.start("g")
    world.tell(QueueDeleted("q"))
    assert world.stopped() == ["g#0", "g#1"]
    assert world.nodes("h") == "FAILED FAILED"
    world.exit("g", 1)
    world.exit("g#1", 1)
    assert world.scheduler.state.jobs == {}
    assert world.scheduler.state.queues == {}


def test_nodes_start_in_the_place_of_their_gang_whatever_has_become_of_it() -> None:
    world = World()
    world.submit(gang("g", 2))
    world.tell(environment("main", available=False), EnvironmentDeleted("main"))
    world.start("g")
    assert world.jobs["g#1"].environment == "main"
    world.exit("g")
    world.exit("g#1")
    assert world.scheduler.state.environments == {}


def test_a_gang_blocked_for_too_long_is_cancelled_with_its_nodes() -> None:
    world = World()
    reason = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
    world.tell(environment("main", 2), queue("q", "main", limits={reason: 600}))
    world.submit(gang("g", 3))
    world.wait(600)
    assert world.nodes("g") == "FAILED FAILED FAILED"
    assert world.jobs["g#2"].status_reason == reasons.time_limit_passed(reason)


# Dependencies


def test_nodes_wait_with_their_gang_and_jobs_wait_for_the_whole() -> None:
    world = World()
    world.submit(spec("first"), after(gang("g", 2), "first"), after(spec("last"), "g"))
    assert world.nodes("g") == "PENDING PENDING"
    world.run("first")
    world.start("g")
    world.exit("g")
    assert world.status("last") == "PENDING"
    world.exit("g#1", 143)
    assert world.status("last") == "STARTING"


def test_a_gang_whose_dependency_failed_fails_with_its_nodes() -> None:
    world = World()
    world.submit(spec("first"), after(gang("g", 2), "first"))
    world.run("first", 1)
    assert world.nodes("g") == "FAILED FAILED"
    assert world.jobs["g#1"].status_reason == reasons.DEPENDENCY_FAILED


# What is told


def test_every_node_tells_its_own_story_and_the_main_one_that_of_the_job() -> None:
    world = World()
    running(world, size=2)
    world.exit("g")
    world.exit("g#1", 143)
    assert world.life("g") == ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    assert world.life("g#0") == world.life("g")
    assert world.life("g#1") == ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "FAILED"]


def test_an_explanation_tells_how_the_other_nodes_are() -> None:
    world = World()
    world.submit(gang("g", 3))
    assert world.scheduler.explain("g#1")[0] == "Node g#1 is RUNNABLE: it starts once the main node of its job runs."
    world.start("g")
    world.start("g#1")
    assert "Of its other nodes are 1 STARTING, 1 RUNNING." in world.scheduler.explain("g")
    assert world.scheduler.explain("g#0") == world.scheduler.explain("g")
    assert "attempt 1 of 1 is being started" in world.scheduler.explain("g#2")[0]
    world.exit("g")
    world.exit("g#1")
    assert "Its main node has ended, the others stop: 1 STARTING, 1 SUCCEEDED." in world.scheduler.explain("g")
    assert "attempt 1 of 1" in world.scheduler.explain("g")[0]
    assert world.scheduler.explain("g#1") == []
    assert world.scheduler.explain("g#3") == []
    world.exit("g#2")
    assert world.scheduler.explain("g#0") == []


def test_the_explanation_of_a_waiting_gang_is_that_of_any_job() -> None:
    world = World(vcpus=2)
    world.submit(spec("first", 2), gang("g", 2))
    assert "The machine is full" in " ".join(world.scheduler.explain("g"))
    assert world.scheduler.explain("g#0") == world.scheduler.explain("g")
    assert world.scheduler.explain("g#1")[1:] == world.scheduler.explain("g")


@pytest.mark.parametrize("text", ["g", "g#", "g#01", "g#-1", "g:1", "g#x", "#", "g#12345678901"])
def test_what_is_no_id_of_a_node(text: str) -> None:
    assert identity.gang_of(text) is None


def test_a_name_that_is_of_no_node_finds_nothing() -> None:
    world = World()
    world.submit(gang("g", 2), spec("job"))
    for name in ("g#2", "job#0", "nobody#0"):
        assert world.tell(TerminateRequested(name, "x")).changed == []


# Starting again


def restarted(rows: Rows) -> Scheduler:
    again = Scheduler()
    again.step([environment("main"), queue("q", "main"), machine(4)], 5_000_000)
    again.restore(rows.live())
    return again


def test_a_gang_is_taken_back_at_any_moment_as_it_was() -> None:
    world, rows = World(), Rows()
    tell = world.tell_now

    def step(*events: object) -> None:
        rows.save(tell(*events))  # type: ignore[arg-type]
        again = restarted(rows)
        assert again.state.jobs == world.scheduler.state.jobs
        assert sorted(map(repr, again.wanted())) == sorted(map(repr, world.scheduler.wanted()))
        assert sorted(map(repr, again.running())) == sorted(map(repr, world.scheduler.running()))
        assert invariants.check(again.state) == []
        assert again.overview()["used"] == world.scheduler.overview()["used"]

    step(JobSubmitted(retrying(limited(gang("g", 3), 60), 2)))
    step(TaskStarted(world.task("g"), world.now))
    step(TaskStarted(world.task("g#1"), world.now))
    step(TaskExited(world.task("g#1"), world.now, 0))
    step(TaskExited(world.task("g"), world.now, 1))
    step(TaskExited(world.task("g#2"), world.now, 143))
    step(TaskStarted(world.task("g"), world.now))
    step(TerminateRequested("g", "enough"))
    step(TaskExited(world.task("g#1"), world.now, 143))
    step(TaskExited(world.task("g"), world.now, 143))
    step(TaskExited(world.task("g#2"), world.now, 143))
    assert world.status("g") == "FAILED"


def test_stops_of_nodes_are_wanted_again_after_a_crash() -> None:
    world = World()
    running(world)
    world.exit("g")
    assert [repr(command) for command in world.scheduler.wanted()] == [
        f"StopTask(task_id='{world.task(name)}', job_id='{name}')" for name in ("g#1", "g#2")
    ]
