"""Who is placed, where and in which order. [batch.md 5.2, 6.2, 7.1]"""

from __future__ import annotations

import pytest

from batchd.scheduler.events import CancelRequested, EnvironmentDeleted, MachineSized, Resources
from tests.scheduler.worlds import World, environment, machine, queue, retrying, spec

INVALID = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
TOO_SMALL = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
    "CE(s) associated with the job queue cannot meet the CPU requirement of the job."
)
NO_GPU = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)


def test_jobs_start_in_the_order_of_their_submission_as_far_as_there_is_room() -> None:
    world = World(vcpus=2)
    world.submit(spec("a"), spec("b"), spec("c"))
    assert world.started() == ["a", "b"]
    world.run("a")
    assert world.started() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("blocked", "small"),
    [
        (spec("big", 4), spec("small", 1)),
        (spec("big", 1, 8192), spec("small", 1, 1)),
        (spec("big", 4), spec("small", 0)),
    ],
)
def test_a_smaller_job_does_not_overtake_the_head_of_its_queue(blocked, small) -> None:
    world = World(vcpus=4, memory=8192)
    world.submit(spec("running", 2), blocked, small)
    assert world.started() == ["running"]
    world.run("running")
    assert world.started()[1] == "big"


def test_other_queues_go_on_while_a_head_is_blocked() -> None:
    world = World(vcpus=4)
    world.tell(queue("other", "main"))
    world.submit(spec("running", 2), spec("big", 4))
    world.submit(spec("small", 1, on="other"))
    assert world.started() == ["running", "small"]


def test_gpus_and_memory_count_like_vcpus() -> None:
    world = World(vcpus=8, memory=1000, gpus=2)
    world.submit(spec("a", 1, 100, gpus=1), spec("b", 1, 100, gpus=1), spec("c", 1, 100, gpus=1))
    assert world.started() == ["a", "b"]
    assert world.in_use() == (2000, 200, 2)
    world.run("b")
    world.submit(spec("d", 1, 900))
    assert world.started() == ["a", "b", "c"]


def test_the_queue_of_higher_priority_is_served_first() -> None:
    world = World(vcpus=1)
    world.tell(queue("low", "main", priority=1), queue("high", "main", priority=9))
    world.submit(spec("l1", on="low"), spec("l2", on="low"), spec("h1", on="high"), spec("h2", on="high"))
    for _ in range(3):
        world.run(world.started()[-1])
    assert world.started() == ["h1", "h2", "l1", "l2"]


def test_queues_of_equal_priority_take_turns() -> None:
    world = World(vcpus=1)
    world.tell(queue("a", "main"), queue("b", "main"), queue("c", "main"))
    world.submit(*[spec(f"{name}{number}", on=name) for name in "abc" for number in (1, 2)])
    for _ in range(5):
        world.run(world.started()[-1])
    assert world.started() == ["a1", "b1", "c1", "a2", "b2", "c2"]


def test_the_next_environment_is_taken_only_if_the_former_is_full_or_unavailable() -> None:
    world = World(vcpus=16)
    world.tell(environment("off", available=False), environment("small", 2), environment("large", 8))
    world.tell(queue("q", "off", "small", "large"))
    world.submit(spec("a"), spec("b"), spec("c"), spec("d", 4))
    assert [world.jobs[name].environment for name in "abcd"] == ["small", "small", "large", "large"]
    world.run("b")
    world.submit(spec("e"))
    assert world.jobs["e"].environment == "small"


def test_an_environment_does_not_run_more_vcpus_than_its_maximum() -> None:
    world = World(vcpus=16)
    world.tell(environment("main", 3))
    world.submit(spec("a", 2), spec("b", 2))
    assert world.statuses("a", "b") == "STARTING RUNNABLE"
    world.run("a")
    assert world.status("b") == "STARTING"


def test_a_queue_whose_environment_is_full_is_woken_by_that_environment() -> None:
    world = World(vcpus=16)
    world.tell(environment("a", 1), environment("b", 1), queue("qa", "a"), queue("qb", "b"), queue("qab", "a", "b"))
    world.submit(spec("a1", on="qa"), spec("b1", on="qb"))
    world.submit(spec("ab1", on="qab"), spec("ab2", on="qab"), spec("a2", on="qa"))
    assert world.started() == ["a1", "b1"]
    world.run("b1")
    assert world.started() == ["a1", "b1", "ab1"]
    world.run("a1")
    assert world.started() == ["a1", "b1", "ab1", "a2"]
    world.run("ab1")
    assert world.started() == ["a1", "b1", "ab1", "a2", "ab2"]


def test_all_environments_share_the_machine() -> None:
    world = World(vcpus=2)
    world.tell(environment("other"), queue("o", "other"))
    world.submit(spec("a", 2))
    world.submit(spec("b", 1, on="o"))
    assert world.statuses("a", "b") == "STARTING RUNNABLE"
    world.run("a")
    assert world.status("b") == "STARTING"


@pytest.mark.parametrize("huge", [spec("huge", 64), spec("huge", 1, 1_000_000)])
def test_a_job_larger_than_the_machine_runs_alone_on_the_whole_of_it(huge) -> None:
    world = World(vcpus=4)
    world.tell(queue("other", "main"))
    world.submit(spec("a"), huge, spec("later", 0, 0))
    assert world.statuses("huge", "later") == "RUNNABLE RUNNABLE"
    world.run("a")
    world.submit(spec("else", 0, 0, on="other"))
    assert world.statuses("huge", "later", "else") == "STARTING RUNNABLE RUNNABLE"
    assert (world.jobs["huge"].clamped, world.jobs["huge"].status_reason) == (True, None)
    world.run("huge")
    assert world.statuses("huge", "later", "else") == "SUCCEEDED STARTING STARTING"
    assert world.jobs["later"].clamped is False


def test_a_job_larger_than_the_machine_still_has_to_fit_its_environment() -> None:
    world = World(vcpus=4)
    world.tell(environment("main", 8))
    world.submit(spec("a", 16))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", TOO_SMALL)
    world.tell(environment("main", 16))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("STARTING", None)


def test_a_retried_job_is_clamped_to_the_machine_as_it_is_then() -> None:
    world = World(vcpus=4)
    world.submit(retrying(spec("a", 8), 2))
    world.tell(machine(8))
    world.run("a", 1)
    assert (world.status("a"), world.jobs["a"].clamped) == ("STARTING", False)


def test_a_machine_that_shrinks_takes_nothing_new_until_there_is_room_again() -> None:
    world = World(vcpus=4)
    world.submit(spec("a", 2), spec("b", 2), spec("c", 1))
    world.tell(machine(2))
    world.run("a")
    assert world.status("c") == "RUNNABLE"
    world.run("b")
    assert world.status("c") == "STARTING"


def test_a_machine_that_grows_takes_what_waited() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), spec("b"))
    world.tell(machine(2))
    assert world.status("b") == "STARTING"


def test_nothing_starts_on_a_machine_of_unknown_size() -> None:
    world = World()
    world.scheduler.state.machine.capacity = None
    world.submit(spec("a"))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", None)
    world.tell(MachineSized(Resources(1000, 512)))
    assert world.status("a") == "STARTING"


def test_a_disabled_environment_takes_no_new_job_and_lets_the_running_ones_finish() -> None:
    world = World()
    world.submit(spec("a"))
    world.tell(environment("main", available=False))
    world.submit(spec("b"))
    world.run("a")
    assert world.statuses("a", "b") == "SUCCEEDED RUNNABLE"
    assert world.jobs["b"].status_reason is None
    world.tell(environment("main"))
    assert world.status("b") == "STARTING"


def test_jobs_of_a_deleted_environment_go_on_and_it_is_forgotten_after_the_last() -> None:
    world = World()
    world.submit(spec("a"), spec("b"))
    world.tell(EnvironmentDeleted("main"), EnvironmentDeleted("unheard of"))
    world.submit(spec("c"))
    world.run("a")
    world.run("b")
    assert world.statuses("a", "b", "c") == "SUCCEEDED SUCCEEDED RUNNABLE"
    assert world.scheduler.state.environments == {}


def test_an_environment_without_jobs_is_forgotten_when_it_is_deleted() -> None:
    world = World()
    world.tell(EnvironmentDeleted("main"))
    assert world.scheduler.state.environments == {}


def test_jobs_of_a_detached_environment_go_on_and_new_ones_go_elsewhere() -> None:
    world = World()
    world.submit(spec("a"))
    world.tell(environment("new"), queue("q", "new"))
    world.submit(spec("b"))
    world.run("a")
    assert (world.status("a"), world.jobs["b"].environment) == ("SUCCEEDED", "new")


def test_a_job_waits_for_a_queue_that_nobody_has_told_of_yet() -> None:
    world = World()
    world.submit(spec("a", on="new"))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", None)
    world.tell(queue("new", "main"))
    assert world.status("a") == "STARTING"


def test_the_head_says_when_every_environment_is_invalid_and_takes_it_back() -> None:
    world = World()
    world.tell(environment("main", valid=False), environment("two", valid=False), queue("q", "main", "two"))
    world.submit(spec("a", 9), spec("b"))
    assert (world.jobs["a"].status_reason, world.jobs["b"].status_reason) == (INVALID, None)
    step = world.tell(environment("two", available=False))
    assert [(job.job_id, job.status_reason) for job in step.changed] == [("a", None)]


def test_the_head_says_when_it_is_larger_than_every_environment_will_ever_be() -> None:
    world = World(vcpus=64)
    world.tell(environment("main", 4), environment("off", 8, available=False), queue("q", "main", "off"))
    world.submit(spec("a", 16))
    assert world.jobs["a"].status_reason == TOO_SMALL


@pytest.mark.parametrize(
    "change",
    [environment("off", 16, available=False), environment("off", 16, valid=False), EnvironmentDeleted("off")],
)
def test_clients_kill_on_a_misconfiguration_so_it_is_not_said_while_an_environment_may_yet_do(change) -> None:
    world = World(vcpus=64)
    world.tell(environment("main", 4), environment("off", 16, available=False), queue("q", "main", "off"), change)
    world.submit(spec("a", 16))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", None)


def test_a_job_that_merely_waits_for_room_says_nothing() -> None:
    world = World(vcpus=1)
    world.tell(environment("main", 1))
    world.submit(spec("a"), spec("b"))
    assert (world.status("b"), world.jobs["b"].status_reason) == ("RUNNABLE", None)


def test_a_job_that_needs_more_gpus_than_the_machine_has_says_so() -> None:
    world = World(gpus=1)
    world.submit(spec("a", gpus=2))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", NO_GPU)
    world.tell(machine(4, gpus=2))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("STARTING", None)


@pytest.mark.parametrize(
    "big", [spec("a", 3), spec("a", 1, 5000), spec("a", gpus=2), spec("a", 2, 3000), spec("a", 2, gpus=1)]
)
def test_a_job_larger_than_every_instance_type_says_so_and_starts_once_there_is_one_that_fits(big) -> None:
    world = World(vcpus=64, memory=64_000, gpus=4)
    world.tell(environment("main", largest=(Resources(2000, 2048), Resources(1000, 4096), Resources(1000, 1024, 1))))
    world.submit(big)
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", NO_GPU)
    world.tell(environment("main", largest=(Resources(4000, 8192, 2),)))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("STARTING", None)


def test_a_job_goes_to_the_environment_that_has_an_instance_type_for_it() -> None:
    world = World(vcpus=64)
    world.tell(
        environment("small", largest=(Resources(2000, 4096),)), environment("large", 8), queue("q", "small", "large")
    )
    world.submit(spec("a", 2), spec("b", 4), spec("c", 1))
    assert [world.jobs[name].environment for name in "abc"] == ["small", "large", "small"]


def test_a_job_that_no_environment_can_hold_for_one_reason_or_the_other_lacks_resources() -> None:
    world = World(vcpus=64)
    world.tell(
        environment("few", 2), environment("small", largest=(Resources(2000, 4096),)), queue("q", "few", "small")
    )
    world.submit(spec("a", 4))
    assert world.jobs["a"].status_reason == NO_GPU


def test_a_large_enough_instance_type_in_a_disabled_environment_is_waited_for_without_a_word() -> None:
    world = World(vcpus=64)
    world.tell(
        environment("small", largest=(Resources(2000, 4096),)),
        environment("off", available=False, largest=(Resources(8000, 8192),)),
        queue("q", "small", "off"),
    )
    world.submit(spec("a", 4))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", None)


def test_an_instance_type_larger_than_the_machine_does_not_keep_the_job_from_running_alone() -> None:
    world = World(vcpus=4)
    world.tell(environment("main", largest=(Resources(96_000, 768_000),)))
    world.submit(spec("a", 90, 700_000))
    assert (world.status("a"), world.jobs["a"].clamped) == ("STARTING", True)


def test_only_the_head_accuses_and_cancelling_it_lets_the_next_one_go() -> None:
    world = World()
    world.submit(spec("a", gpus=1), spec("b", gpus=1), spec("c"))
    assert (world.jobs["a"].status_reason, world.jobs["b"].status_reason) == (NO_GPU, None)
    world.tell(CancelRequested("a", "no"))
    assert (world.jobs["a"].status_reason, world.jobs["b"].status_reason) == ("no", NO_GPU)
    world.tell(CancelRequested("b", "no"))
    assert world.status("c") == "STARTING"


def test_a_head_that_a_retried_job_displaces_accuses_no_more() -> None:
    world = World()
    world.submit(retrying(spec("a"), 2), spec("b", gpus=1))
    world.start("a")
    assert world.jobs["b"].status_reason == NO_GPU
    world.tell(environment("main", available=False))
    world.exit("a", 1)
    assert [job.job_id for job in world.scheduler.front("q", 2)] == ["a", "b"]
    assert world.jobs["b"].status_reason is None


def test_a_retried_head_falls_back_to_its_last_attempts_reason() -> None:
    world = World(vcpus=1)
    world.submit(retrying(spec("a"), 2))
    world.start("a")
    world.tell(environment("main", valid=False))
    world.exit("a", 1)
    assert world.jobs["a"].status_reason == INVALID
    world.tell(environment("main", available=False))
    assert world.jobs["a"].status_reason == "Essential container in task exited"


def test_the_front_of_a_queue_is_listed_in_the_order_of_placement() -> None:
    world = World(vcpus=1)
    world.submit(*[spec(name) for name in "abcdef"])
    world.tell(CancelRequested("c", "no"))
    assert [job.job_id for job in world.scheduler.front("q", 3)] == ["b", "d", "e"]
    assert world.scheduler.waiting() == 4
    assert world.scheduler.front("unheard of", 3) == []
    assert world.scheduler.places("unheard of", 3) == []


def test_a_place_in_the_line_is_held_since_the_submit_or_since_the_line_moved_up() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"))
    world.submit(spec("b"))
    world.submit(retrying(spec("c"), 2))
    first = world.now
    assert world.scheduler.places("q", 9) == [("b", first - 1000), ("c", first)]
    world.tell(CancelRequested("b", "no"))
    assert world.scheduler.places("q", 9) == [("c", first + 1000)]
    world.run("a")
    world.submit(spec("d"))
    world.start("c")
    world.tell(environment("main", available=False))
    world.exit("c", 1)
    assert world.scheduler.places("q", 9) == [("c", world.now), ("d", first + 4000)]


def test_cancelled_jobs_do_not_pile_up_behind_a_blocked_head() -> None:
    world = World(vcpus=1)
    world.submit(spec("running"), spec("head"))
    for number in range(300):
        world.submit(spec(f"j{number}"))
        world.tell(CancelRequested(f"j{number}", "no"))
    assert len(world.scheduler.state.queues["q"].line("").tiers[0].waiting) < 100
    world.run("running")
    assert world.started() == ["running", "head"]
