"""Array jobs. [batch.md 3.4, 3.5, 8.3]"""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler import arrays, identity, invariants
from batchd.scheduler.children import MOST_DROPS, Drop, new_children
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import (
    CancelRequested,
    Dependency,
    ExitRule,
    JobSpec,
    JobStatus,
    JobSubmitted,
    QueueDeleted,
    Resources,
    TaskExited,
    TerminateRequested,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Draft, Job
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import (
    World,
    after,
    array,
    each,
    ended,
    environment,
    limited,
    machine,
    queue,
    retrying,
    sequential,
    spec,
)


def ids(name: str, *indexes: int) -> list[str]:
    return [f"{name}:{index}" for index in indexes]


def test_children_run_in_order_and_the_array_succeeds_with_the_last() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 3))
    assert world.started() == ids("a", 0, 1)
    assert (world.status("a"), world.summary("a")) == ("PENDING", "1 RUNNABLE, 2 STARTING")
    for index in range(3):
        world.run(f"a:{index}")
    assert world.started() == ids("a", 0, 1, 2)
    assert (world.status("a"), world.summary("a")) == ("SUCCEEDED", "3 SUCCEEDED")
    assert world.life("a") == ["SUBMITTED", "PENDING", "SUCCEEDED"]
    assert world.life("a:2") == ["PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    assert world.scheduler.state.jobs == {}


def test_an_array_fails_when_a_child_did_but_not_before_the_last_one_is_over() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 2))
    world.run("a:0", 1)
    assert world.statuses("a", "a:0") == "PENDING FAILED"
    world.run("a:1")
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "Array Child Job failed")
    assert (world.jobs["a"].attempts, world.jobs["a"].started_at, world.jobs["a"].stopped_at) == ([], None, world.now)


def test_each_child_is_retried_by_itself_and_stands_in_front_of_those_that_were_not_tried() -> None:
    world = World(vcpus=1)
    world.submit(retrying(array("a", 3), 2))
    world.run("a:0", 1)
    world.run("a:0")
    assert world.started() == ids("a", 0, 0, 1)
    assert [attempt.exit_code for attempt in world.jobs["a:0"].attempts] == [1, 0]


def test_an_array_has_one_place_in_the_line() -> None:
    world = World(vcpus=1)
    world.submit(spec("first"), array("a", 3), spec("last"))
    assert world.scheduler.waiting() == 4
    assert [job_id for job_id, _ in world.scheduler.places("q", 9)] == ["a:0", "a:1", "a:2", "last"]
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["a", "last"]
    for name in ("first", "a:0", "a:1", "a:2", "last"):
        world.run(name)
    assert world.started() == ["first", "a:0", "a:1", "a:2", "last"]


def test_a_job_waits_for_all_children_of_an_array() -> None:
    world = World()
    world.submit(array("a", 2), after(spec("b"), "a"))
    world.run("a:0")
    assert world.status("b") == "PENDING"
    world.run("a:1")
    assert world.status("b") == "STARTING"


def test_a_job_waits_for_a_single_child() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), after(spec("b"), "a:1"), after(spec("c"), "a:2"))
    world.run("a:0")
    assert world.status("b") == "PENDING"
    world.run("a:1")
    assert world.status("b") == "RUNNABLE"
    world.run("a:2", 1)
    assert world.statuses("b", "c") == "STARTING FAILED"


def test_a_job_that_waits_for_a_child_fails_when_that_never_starts() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), after(spec("b"), "a:1"))
    world.tell(CancelRequested("a", "no"))
    assert (world.status("b"), world.jobs["b"].status_reason) == ("FAILED", "Dependent Job failed")


def test_an_array_waits_for_a_job() -> None:
    world = World()
    world.submit(spec("a"), after(array("b", 2), "a"))
    assert (world.status("b"), world.summary("b")) == ("PENDING", "2 PENDING")
    world.run("a")
    assert world.summary("b") == "2 STARTING"


def test_an_array_whose_dependency_fails_fails_with_all_its_children() -> None:
    world = World()
    world.submit(spec("a"), after(array("b", 2), "a"), after(spec("c"), "b"))
    world.run("a", 1)
    assert (world.status("b"), world.jobs["b"].status_reason) == ("FAILED", "Dependent Job failed")
    assert world.summary("b") == "2 FAILED"
    assert (world.status("c"), world.jobs["c"].status_reason) == ("FAILED", "Dependent Job failed")
    assert world.life("b:1") == ["PENDING", "FAILED"]


def test_child_by_child_one_array_follows_another() -> None:
    world = World(vcpus=2)
    world.submit(array("a", 3), each(array("b", 3), "a"))
    assert world.summary("b") == "3 PENDING"
    world.run("a:1")
    assert world.summary("b") == "2 PENDING, 1 RUNNABLE"
    world.run("a:0", 1)
    assert world.started() == ids("a", 0, 1, 2) + ids("b", 1)
    assert (world.status("b:0"), world.jobs["b:0"].status_reason) == ("FAILED", "Dependent Job failed")
    world.run("a:2")
    world.run("b:1")
    world.run("b:2")
    assert world.statuses("a", "b") == "FAILED FAILED"
    assert world.jobs["b"].status_reason == "Array Child Job failed"


def test_children_that_were_dropped_take_their_followers_with_them() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), each(array("b", 3), "a"), each(array("c", 3), "b"))
    world.tell(CancelRequested("a", "no"))
    assert [world.summary(name) for name in "abc"] == ["1 STARTING, 2 FAILED", "1 PENDING, 2 FAILED"] * 1 + [
        "1 PENDING, 2 FAILED"
    ]
    for name in ("a:0", "b:0", "c:0"):
        world.run(name)
    assert world.statuses("a", "b", "c") == "FAILED FAILED FAILED"


def test_the_children_of_a_sequential_array_go_one_after_the_other() -> None:
    world = World()
    world.submit(sequential(array("a", 3)))
    for index in range(3):
        assert world.started() == ids("a", *range(index + 1))
        world.run(f"a:{index}")
    assert world.status("a") == "SUCCEEDED"


def test_a_failing_child_of_a_sequential_array_fails_all_later_ones() -> None:
    world = World()
    world.submit(sequential(array("a", 4)))
    world.run("a:0")
    world.run("a:1", 1)
    assert (world.status("a"), world.summary("a")) == ("FAILED", "1 SUCCEEDED, 3 FAILED")
    assert world.jobs["a"].status_reason == "Array Child Job failed"
    assert world.children("a").drop_of(3).reason == "Dependent Job failed"


def test_cancelling_an_array_ends_what_waits_and_leaves_what_runs() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), spec("b"))
    world.start("a:0")
    world.tell(CancelRequested("a", "changed my mind"))
    assert (world.status("a"), world.summary("a")) == ("PENDING", "1 RUNNING, 2 FAILED")
    world.exit("a:0")
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "changed my mind")
    assert (world.jobs["a"].is_cancelled, world.jobs["a"].is_terminated) == (True, False)
    assert world.status("b") == "STARTING"
    assert world.stopped() == []


def test_terminating_an_array_stops_what_runs_and_ends_what_waits_for_another_try() -> None:
    world = World(vcpus=2)
    world.submit(retrying(array("a", 4), 2))
    world.tell(environment("main", available=False))
    world.fail_to_start("a:0")
    world.tell(TerminateRequested("a", "stop it"), TerminateRequested("a", "again"))
    assert world.stopped() == ids("a", 1)
    assert (world.status("a:0"), world.jobs["a:0"].status_reason) == ("FAILED", "stop it")
    assert world.status("a") == "PENDING"
    world.exit("a:1", 143)
    for name in ("a", "a:0", "a:1"):
        job = world.jobs[name]
        assert (job.status, job.status_reason, job.is_terminated) == ("FAILED", "stop it", True)
    assert world.children("a").drops == [Drop("stop it", world.now - 1000, is_terminated=True)]


def test_a_request_that_comes_too_late_for_every_child_leaves_no_trace() -> None:
    world = World()
    world.submit(array("a", 2))
    world.tell(CancelRequested("a", "no"))
    world.run("a:0")
    world.run("a:1")
    assert (world.status("a"), world.jobs["a"].is_cancelled) == ("SUCCEEDED", False)


def test_the_first_reason_to_end_an_array_is_its_own() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3))
    world.tell(CancelRequested("a", "first"))
    world.tell(TerminateRequested("a", "second"))
    world.exit("a:0", 143)
    assert world.jobs["a:0"].status_reason == "second"
    job = world.jobs["a"]
    assert (job.status_reason, job.is_cancelled, job.is_terminated) == ("first", True, False)


def test_cancelling_one_child_leaves_its_siblings() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3))
    world.tell(CancelRequested("a:1", "not this one"), CancelRequested("a:0", "too late"), CancelRequested("a:7", "?"))
    assert (world.status("a:1"), world.jobs["a:1"].is_cancelled) == ("FAILED", True)
    world.run("a:0")
    world.run("a:2")
    assert world.started() == ids("a", 0, 2)
    assert (world.status("a"), world.jobs["a"].status_reason) == ("FAILED", "Array Child Job failed")


def test_deleting_the_queue_ends_its_arrays() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), sequential(array("b", 3)))
    world.tell(QueueDeleted("q"))
    assert world.stopped() == ids("a", 0)
    world.exit("a:0", 143)
    assert world.statuses("a", "b") == "FAILED FAILED"
    assert [world.jobs[name].status_reason for name in ("a", "a:0", "b")] == ["JobQueue deleted"] * 3
    assert world.scheduler.state.queues == {}


def test_an_array_on_a_failed_job_never_waits() -> None:
    world = World()
    world.submit(after(array("a", 2), ended("gone", JobStatus.FAILED)), each(array("b", 2), "unheard-of"))
    for name in "ab":
        assert (world.status(name), world.jobs[name].status_reason) == ("FAILED", "Dependent Job failed")


def test_child_by_child_on_an_array_that_has_ended() -> None:
    world = World()
    failed = Dependency("gone", JobStatus.FAILED, each=True, failed=((0, 1), (2, 4)))
    world.submit(each(array("a", 5), failed), each(array("b", 2), Dependency("fine", JobStatus.SUCCEEDED, each=True)))
    assert [world.summary(name) for name in "ab"] == ["2 STARTING, 3 FAILED", "2 STARTING"]
    assert world.started() == ids("a", 1, 4) + ids("b", 0, 1)


def test_child_by_child_on_an_array_of_which_some_have_ended() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 4))
    world.run("a:0")
    world.run("a:1", 1)
    world.tell(CancelRequested("a", "no"))
    world.submit(each(array("b", 4), "a"))
    assert world.summary("b") == "1 PENDING, 1 RUNNABLE, 2 FAILED"


def test_child_by_child_on_an_array_that_ended_a_moment_ago() -> None:
    world = World()
    world.submit(array("a", 2))
    world.run("a:0")
    world.tell(TaskExited(world.task("a:1"), world.now, 0), JobSubmitted(each(array("b", 2), "a")))
    assert world.summary("b") == "2 STARTING"


def test_child_by_child_and_as_a_whole() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 2), spec("c"), each(after(array("b", 2), "c"), "a"))
    world.run("a:0")
    world.run("a:1")
    assert world.summary("b") == "2 PENDING"
    world.run("c")
    assert world.summary("b") == "1 RUNNABLE, 1 STARTING"


def test_a_sequential_array_whose_first_child_is_cancelled_is_over() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), sequential(array("b", 3)))
    world.tell(CancelRequested("b:0", "no"))
    assert (world.status("b"), world.summary("b")) == ("FAILED", "3 FAILED")


def test_a_sequential_array_that_follows_another_stops_where_that_was_dropped() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 4), sequential(each(array("b", 4), "a")))
    world.tell(CancelRequested("a", "no"))
    assert world.summary("b") == "1 PENDING, 3 FAILED"


def test_a_follower_that_was_cancelled_is_not_concerned_any_more() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 2), each(array("b", 2), "a"), each(array("c", 2), "a"))
    world.tell(CancelRequested("b:0", "no"))
    world.tell(CancelRequested("c", "no"))
    world.run("a:0", 1)
    world.run("a:1")
    assert world.jobs["b:0"].status_reason == "no"
    assert world.summary("b") == "1 STARTING, 1 FAILED"


def test_an_array_keeps_its_place_while_nobody_has_passed_it() -> None:
    world = World(vcpus=1)
    world.submit(array("first", 2), each(array("a", 2), "first"), spec("other"))
    world.tell(environment("main", available=False))
    world.exit("first:0")
    assert [job_id for job_id, _ in world.scheduler.places("q", 9)] == ["first:1", "other", "a:0"]
    world.tell(CancelRequested("a:0", "no"))
    world.tell(environment("main"))
    world.run("first:1")
    assert world.started()[-1] == "other"
    assert [job_id for job_id, _ in world.scheduler.places("q", 9)] == ["a:1"]


def test_an_array_whose_old_place_is_the_head_goes_on_from_there() -> None:
    world = World(vcpus=1)
    world.submit(array("first", 2), spec("blocker"), each(array("a", 2), "first"))
    world.run("first:0")
    world.run("first:1")
    world.tell(CancelRequested("a:0", "no"), CancelRequested("a:1", "no"))
    assert world.scheduler.waiting() == 0
    world.run("blocker")


def test_children_of_cancelled_arrays_do_not_pile_up_in_the_line() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), *[array(f"a{number}", 2) for number in range(200)])
    world.tell(*[CancelRequested(f"a{number}", "no") for number in range(199)])
    line = world.scheduler.state.queues["q"].line("").tiers[0].waiting
    assert len(line) < 100
    assert world.scheduler.waiting() == 2
    assert sum(job.children.in_line for job in line if job.children) == len(line)


def test_an_array_that_can_never_start_says_so_until_it_can() -> None:
    world = World()
    world.submit(array("a", 2, 8))
    world.tell(environment("main", 4))
    assert str(world.jobs["a"].status_reason).startswith("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE")
    world.tell(environment("main", 16))
    assert (world.jobs["a"].status_reason, world.summary("a")) == (None, "1 RUNNABLE, 1 STARTING")


def test_an_array_that_blocks_its_queue_for_too_long_is_cancelled() -> None:
    world = World()
    reason = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
    world.tell(environment("main", 4), queue("q", "main", limits={reason: 600}))
    world.submit(array("a", 2, 8), spec("b"))
    world.wait(600)
    assert world.statuses("a", "b") == "FAILED STARTING"
    assert world.jobs["a"].status_reason == f"Canceled by JobStateTimeLimit action due to reason: {reason}"


def test_children_that_were_dropped_at_too_many_moments_have_the_time_of_the_last() -> None:
    world = World(vcpus=1)
    size = MOST_DROPS + 3
    world.submit(array("first", size), each(array("a", size), "first"))
    draft = Draft(world.now)
    for index in range(1, size):
        draft.now += 1
        arrays.drop(world.scheduler.state, draft, world.scheduler.state.jobs["a"], [index])
    children = world.children("a")
    assert [children.drop_of(index) for index in (1, size - 1)] == [children.drops[0], children.drops[MOST_DROPS - 1]]
    assert children.drop_of(0) is None


def test_a_child_has_the_resources_rules_and_limits_of_its_array_and_waits_for_nothing() -> None:
    whole = limited(retrying(after(array("a", 3), "x"), 3, ExitRule("EXIT", on_exit_code="3")), 60)
    child = arrays.child_spec(whole, 1)
    assert child == JobSpec("a:1", "q", whole.resources, 3, whole.exit_rules, 60, index=1)


def test_a_child_is_started_with_its_index_and_the_size_of_its_array() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 2))
    world.run("a:0")
    assert world.commands[-1] == StartTask(world.task("a:1"), "a:1", 1, "main", 1, 2, None, Resources(1000, 512))


def test_times_are_limited_child_by_child() -> None:
    world = World()
    world.submit(limited(array("a", 2), 60))
    world.start("a:0")
    world.wait(61)
    assert world.stopped() == ["a:0"]


@pytest.mark.parametrize("text", ["a", "a:", "a:x", "a:01", "a:-1", "a:٣", "a:1234567890", ":"])
def test_what_is_no_childs_id(text: str) -> None:
    assert identity.array_of(text) is None


def test_the_id_of_a_child() -> None:
    assert identity.array_of(identity.child_id("a:1", 20)) == ("a:1", 20)


# Starting again


def test_after_a_restart_an_array_is_where_it_was() -> None:
    world, rows = World(vcpus=2), Rows()
    rows.save(world.submit(retrying(array("a", 5), 2), each(array("b", 5), "a"), after(spec("c"), "a:4"), spec("d")))
    rows.save(world.run("a:0"))
    rows.save(world.start("a:1"))
    rows.save(world.tell(environment("main", available=False)))
    rows.save(world.exit("a:1", 1))
    rows.save(world.tell(CancelRequested("b:3", "no")))
    again = restarted(rows)
    assert again.state.jobs == world.scheduler.state.jobs
    for scheduler in (world.scheduler, again):
        assert [job_id for job_id, _ in scheduler.places("q", 9)] == ["a:1", "a:3", "a:4", "d", "b:0"]
    assert again.wanted() == world.scheduler.wanted()


def test_after_a_restart_an_array_still_says_why_it_cannot_start() -> None:
    world, rows = World(), Rows()
    rows.save(world.tell(environment("main", 4)))
    rows.save(world.submit(array("a", 2, 8)))
    again = restarted(rows)
    step = again.step([environment("main")], world.now)
    assert next((job.job_id, job.status_reason) for job in step.changed) == ("a", None)


def test_an_array_that_was_never_looked_at_is_admitted_after_a_restart() -> None:
    again = Scheduler()
    again.restore([Job(array("a", 2), JobStatus.SUBMITTED, 1, children=new_children(2))])
    step = again.step([environment("main"), queue("q", "main"), machine(1)], 2)
    assert [command.job_id for command in step.commands] == ["a:0"]


def test_an_array_whose_dependency_is_gone_at_a_restart_goes_on() -> None:
    again = Scheduler()
    children = new_children(2)
    children.shift(JobStatus.SUBMITTED, JobStatus.PENDING, 2)
    again.restore([Job(after(array("a", 2), "gone"), JobStatus.PENDING, 1, children=children)])
    step = again.step([environment("main"), queue("q", "main"), machine(1)], 2)
    assert [command.job_id for command in step.commands] == ["a:0"]


def restarted(rows: Rows) -> Scheduler:
    again = Scheduler()
    again.step([environment("main"), queue("q", "main"), machine(2)], 1)
    again.restore(rows.live())
    assert invariants.check(again.state) == []
    return again


# Arrays that run again what failed of another


def again(name: str, size: int, *succeeded: tuple[int, int]) -> JobSpec:
    return replace(array(name, size), succeeded=succeeded)


def test_children_that_succeeded_before_do_not_run_again() -> None:
    world = World(vcpus=1)
    world.submit(again("a", 5, (0, 2), (3, 4)))
    assert (world.summary("a"), world.started()) == ("1 RUNNABLE, 1 STARTING, 3 SUCCEEDED", ["a:2"])
    assert (world.life("a:0"), world.life("a:4")) == ([], ["PENDING", "RUNNABLE"])
    world.run("a:2")
    world.run("a:4")
    assert (world.status("a"), world.summary("a")) == ("SUCCEEDED", "5 SUCCEEDED")
    assert world.scheduler.state.jobs == {}


def test_an_array_that_runs_again_may_fail_again_and_be_cancelled() -> None:
    world = World(vcpus=1)
    world.submit(again("a", 3, (0, 1)), again("b", 3, (1, 2)))
    world.tell(CancelRequested("b", "no"))
    assert (world.status("b"), world.summary("b")) == ("FAILED", "1 SUCCEEDED, 2 FAILED")
    world.run("a:1", 1)
    world.run("a:2")
    assert (world.status("a"), world.summary("a")) == ("FAILED", "2 SUCCEEDED, 1 FAILED")


def test_a_sequence_goes_on_where_it_had_failed() -> None:
    world = World()
    world.submit(sequential(again("a", 4, (0, 2))))
    assert world.started() == ["a:2"]
    world.run("a:2")
    assert world.started() == ["a:2", "a:3"]


def test_who_follows_an_array_that_runs_again_need_not_wait_for_what_succeeded_before() -> None:
    world = World()
    world.submit(again("a", 3, (0, 1)), each(array("b", 3), "a"), after(spec("c"), "a:0"), after(spec("d"), "a:1"))
    assert (world.summary("b"), world.statuses("c", "d")) == ("2 PENDING, 1 STARTING", "STARTING PENDING")


def test_after_a_restart_an_array_that_runs_again_is_where_it_was() -> None:
    rows = Rows()
    world = World(vcpus=1)
    rows.save(world.submit(again("a", 4, (1, 3))))
    state = restarted(rows).state
    assert state.jobs == world.scheduler.state.jobs
    assert invariants.check(state) == []
