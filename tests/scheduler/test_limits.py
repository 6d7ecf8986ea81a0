"""Concurrency limits: of a queue, of a definition, of a key, of an array. Who is held steps aside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler.events import (
    CancelRequested,
    DefinitionLimited,
    JobSpec,
    MachineSized,
    PriorityChanged,
    QueueDeleted,
    Resources,
    TerminateRequested,
)
from batchd.scheduler.state import PoolKind
from tests.scheduler.worlds import (
    World,
    array,
    consumable,
    each,
    fair,
    keyed,
    machine,
    needing,
    queue,
    retrying,
    spec,
)


@pytest.fixture
def world() -> World:
    return World(vcpus=16)


def of(job: JobSpec, definition: str) -> JobSpec:
    return replace(job, definition=definition)


def capped(job: JobSpec, limit: int) -> JobSpec:
    """An array of which at most so many children run at once."""
    return keyed(job, limit, job.job_id)


# A key


def test_jobs_of_a_key_run_so_many_at_a_time_in_their_order(world: World) -> None:
    world.submit(*[keyed(spec(name), 2) for name in "abcde"])
    assert world.statuses(*"abcde") == "STARTING STARTING RUNNABLE RUNNABLE RUNNABLE"
    for name in "bacde":
        world.run(name)
    assert world.started() == ["a", "b", "c", "d", "e"]
    assert world.scheduler.state.pools == {}, "a key vanishes with its last job"


def test_a_job_that_is_held_lets_those_behind_it_go_on(world: World) -> None:
    world.submit(keyed(spec("a"), 1), keyed(spec("b"), 1), spec("c"), keyed(spec("d"), 1, "other"), spec("e"))
    assert world.started() == ["a", "c", "d", "e"]
    world.run("a")
    assert world.status("b") == "STARTING"


def test_a_job_that_comes_back_stands_where_it_stood(world: World) -> None:
    world.submit(keyed(spec("a", 8), 1), keyed(spec("b", 8), 1), spec("c", 8), spec("d", 8))
    assert world.started() == ["a", "c"]
    world.run("a")
    assert world.started() == ["a", "c", "b"], "before d, which came later"
    world.run("c")
    assert world.started() == ["a", "c", "b", "d"]


def test_jobs_that_come_back_from_several_keys_keep_their_order(world: World) -> None:
    world.submit(keyed(spec("a"), 1, "k"), keyed(spec("b"), 1, "l"))
    world.submit(keyed(spec("c"), 1, "k"), keyed(spec("d"), 1, "l"), spec("e", 14), spec("f"))
    assert world.statuses("e", "f") == "STARTING RUNNABLE"
    world.tell(queue("q"))  # without an environment
    world.run("b")
    world.run("a")
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["c", "d", "f"]
    world.tell(queue("q", "main"))
    assert world.started() == ["a", "b", "e", "c", "d"]


def test_the_smallest_limit_that_a_live_job_names_is_in_force(world: World) -> None:
    world.submit(keyed(spec("a"), 3), keyed(spec("b"), 3))
    world.submit(keyed(spec("c"), 1), keyed(spec("d"), 3))
    assert world.started() == ["a", "b"], "nothing is stopped, nothing starts"
    world.run("a")
    assert world.statuses("c", "d") == "RUNNABLE RUNNABLE"
    world.run("b")
    assert world.statuses("c", "d") == "STARTING RUNNABLE"
    world.run("c")
    assert world.status("d") == "STARTING"


def test_a_stricter_job_that_is_cancelled_lets_the_others_go_on(world: World) -> None:
    world.submit(keyed(spec("a"), 2), keyed(spec("b"), 1), keyed(spec("c"), 2), keyed(spec("d"), 2))
    assert world.started() == ["a"]
    world.tell(CancelRequested("b", "no"))
    assert world.started() == ["a", "c"]


def test_a_job_that_is_cancelled_while_it_is_held_is_passed_over(world: World) -> None:
    world.submit(*[keyed(spec(name), 1) for name in "abcd"])
    world.tell(CancelRequested("b", "no"))
    world.tell(TerminateRequested("c", "no"))
    world.run("a")
    assert world.statuses("b", "c", "d") == "FAILED FAILED STARTING"
    assert world.scheduler.waiting() == 0


def test_a_job_that_was_called_and_is_cancelled_hands_its_turn_on(world: World) -> None:
    world.submit(keyed(spec("a", 16), 1), keyed(spec("b", 16), 1), keyed(spec("c", 4), 1), spec("d", 8))
    world.run("a")
    world.tell(machine(4))
    world.run("b")
    world.submit(keyed(spec("e", 2), 1))
    assert world.statuses("c", "d", "e") == "STARTING RUNNABLE RUNNABLE"


def test_a_called_job_for_which_there_is_no_room_blocks_its_line_as_any_head_does(world: World) -> None:
    world.submit(keyed(spec("a", 2), 1), keyed(spec("b", 16), 1), spec("c", 14), spec("d"))
    world.run("a")
    assert world.statuses("b", "c", "d") == "RUNNABLE STARTING RUNNABLE"
    world.tell(CancelRequested("b", "no"))
    assert world.status("d") == "STARTING"


def test_a_head_that_waits_for_room_steps_aside_once_its_key_is_taken(world: World) -> None:
    world.tell(queue("other", "main", priority=9))
    world.submit(spec("a", 10))
    world.submit(keyed(spec("b", 8), 1), spec("c"))
    assert world.statuses("b", "c") == "RUNNABLE RUNNABLE"
    world.submit(keyed(spec("d", on="other"), 1))
    assert world.statuses("d", "b", "c") == "STARTING RUNNABLE STARTING"


def test_the_queues_of_a_key_each_get_on_when_another_cannot(world: World) -> None:
    world.tell(queue("other", "main"))
    world.submit(keyed(spec("a"), 1))
    world.submit(keyed(spec("b"), 1), keyed(spec("c", on="other"), 1))
    world.tell(queue("q"))  # without an environment
    world.run("a")
    assert world.statuses("b", "c") == "RUNNABLE STARTING"
    world.tell(queue("q", "main"))
    world.run("c")
    assert world.status("b") == "STARTING"


def test_a_retried_job_goes_before_those_of_its_key_that_were_not_tried(world: World) -> None:
    world.submit(keyed(retrying(spec("a"), 2), 1), keyed(spec("b"), 1), keyed(spec("c"), 1))
    world.run("a", 1)
    assert world.started() == ["a", "a"]
    world.run("a", 1)
    world.run("b")
    assert world.started() == ["a", "a", "b", "c"]


def test_retried_jobs_that_are_held_come_back_first(world: World) -> None:
    world.submit(*[keyed(retrying(spec(name), 2), 2) for name in "abc"])
    world.submit(keyed(spec("d"), 1))
    world.run("a", 1)
    world.run("b", 1)
    assert world.started() == ["a", "b", "a"]
    world.run("a")
    assert world.started() == ["a", "b", "a", "b"]
    world.run("b")
    assert world.started()[4:] == ["c"]


def test_a_job_of_a_higher_priority_comes_back_first(world: World) -> None:
    jobs = [
        keyed(replace(spec(name), share="s", priority=number), 1) for name, number in (("a", 1), ("b", 1), ("c", 5))
    ]
    world.submit(jobs[0])
    world.submit(*jobs[1:])
    world.run("a")
    assert world.status("c") == "STARTING"


def test_a_job_of_a_higher_priority_does_not_wait_for_one_that_was_called_before_it_came(world: World) -> None:
    world.tell(queue("other", "main"))
    world.submit(keyed(spec("x"), 1, "other-key"), keyed(spec("a"), 1), spec("c"))
    world.submit(keyed(spec("large", 16), 1, "other-key"), keyed(spec("b"), 1))
    world.run("x")
    world.run("a")
    assert world.statuses("large", "b") == "RUNNABLE RUNNABLE", "both called; no room for the first beside c"
    world.submit(keyed(spec("d", on="other"), 1))
    world.submit(keyed(replace(spec("e"), priority=7), 1))
    assert world.statuses("d", "e") == "STARTING RUNNABLE"
    world.run("d")
    assert world.status("e") == "STARTING"
    for name in ("e", "c", "large"):
        world.run(name)
    assert world.status("b") == "STARTING"


def test_a_held_job_may_be_given_another_priority(world: World) -> None:
    world.submit(*[keyed(spec(name), 1) for name in "abcd"])
    world.tell(PriorityChanged("d", 3), PriorityChanged("c", 1))
    world.tell(CancelRequested("c", "no"))
    for name in "ad":
        world.run(name)
    assert world.started() == ["a", "d", "b"]


def test_two_limits_hold_a_job_until_both_let_it_go(world: World) -> None:
    world.submit(keyed(spec("a"), 1, "k"), keyed(spec("b"), 1, "l"))
    world.submit(keyed(keyed(spec("c"), 1, "k"), 1, "l"), keyed(spec("d"), 1, "k"), keyed(spec("e"), 1, "l"))
    world.run("a")
    assert world.statuses(*"cde") == "RUNNABLE STARTING RUNNABLE", "c waits for the other key now, and d went on"
    world.run("b")
    assert world.statuses(*"ce") == "RUNNABLE STARTING"
    world.run("d")
    assert world.statuses("c") == "RUNNABLE"
    world.run("e")
    assert world.statuses("c") == "STARTING"


def test_a_key_and_a_consumable_resource_hold_each_in_its_way(world: World) -> None:
    world.submit(needing(keyed(spec("a"), 1), ghost=1), spec("b"))
    assert world.statuses("a", "b") == "RUNNABLE RUNNABLE", "for units a job blocks its line"
    world.submit(keyed(replace(spec("c"), queue="other"), 1))
    world.tell(queue("other", "main"))
    assert world.statuses("c", "b") == "STARTING STARTING", "and steps aside for its key"


def test_thousands_that_are_held_are_passed_once(world: World) -> None:
    world.submit(*[keyed(spec(f"k{number}"), 1) for number in range(3000)])
    line = world.scheduler.state.queues["q"].line("")
    assert (line.standing, line.aside, len(line.tiers[0].waiting)) == (0, 2999, 0)
    world.submit(spec("a"))
    world.run("k0")
    assert world.statuses("a", "k1", "k2") == "STARTING STARTING RUNNABLE"
    assert world.scheduler.waiting() == 2998
    world.tell(*[CancelRequested(f"k{number}", "no") for number in range(2, 2900)])
    assert sum(len(bench.waiting) for bench in world.scheduler.state.pools["key"].benches.values()) < 300
    world.run("k1")
    assert world.status("k2900") == "STARTING"


def test_when_many_who_sit_aside_leave_from_behind_then_their_places_are_swept(world: World) -> None:
    world.submit(*[keyed(spec(f"k{number}"), 1) for number in range(131)])
    bench = world.scheduler.state.pools["key"].benches["q", ""]

    world.tell(*[CancelRequested(f"k{number}", "no") for number in range(131 - 65, 131)])
    assert (len(bench.waiting), bench.stale) == (130, 65), "not yet more than half of them"
    world.tell(CancelRequested("k65", "no"))

    assert (len(bench.waiting), bench.stale) == (64, 0)
    world.run("k0")
    assert world.statuses("k1", "k2") == "STARTING RUNNABLE"


# An array


def test_of_an_array_so_many_children_run_at_once(world: World) -> None:
    world.submit(capped(array("a", 5), 2), spec("b"))
    assert (world.summary("a"), world.status("b")) == ("3 RUNNABLE, 2 STARTING", "STARTING")
    for index in (1, 0, 2, 3, 4):
        world.run(f"a:{index}")
    assert world.started() == ["a:0", "a:1", "b", "a:2", "a:3", "a:4"]
    assert (world.status("a"), world.scheduler.state.pools) == ("SUCCEEDED", {})


def test_a_retried_child_goes_before_its_sisters(world: World) -> None:
    world.submit(retrying(capped(array("a", 4), 1), 2))
    world.run("a:0", 1)
    assert world.started() == ["a:0", "a:0"]
    world.run("a:0")
    assert world.started()[2:] == ["a:1"]


def test_the_children_of_an_array_with_a_key_count_each(world: World) -> None:
    world.submit(keyed(array("a", 3), 2), keyed(spec("b"), 2))
    assert (world.summary("a"), world.status("b")) == ("1 RUNNABLE, 2 STARTING", "RUNNABLE")
    world.run("a:0")
    world.run("a:1")
    assert (world.summary("a"), world.status("b")) == ("1 STARTING, 2 SUCCEEDED", "STARTING")


def test_children_of_an_array_that_sits_aside_join_it_there_and_leave_it_there(world: World) -> None:
    world.submit(array("first", 3))
    follower = capped(array("a", 3), 1)
    world.submit(each(follower, "first"))
    world.run("first:0")
    world.run("first:1")
    world.run("first:2")
    assert world.summary("a") == "2 RUNNABLE, 1 STARTING"
    world.tell(CancelRequested("a:1", "no"))
    assert world.summary("a") == "1 RUNNABLE, 1 STARTING, 1 FAILED"
    world.tell(CancelRequested("a:2", "no"))
    assert world.scheduler.waiting() == 0
    world.run("a:0")
    assert world.status("a") == "FAILED"


def test_an_array_that_is_terminated_while_it_sits_aside_leaves_nothing_behind(world: World) -> None:
    world.submit(capped(array("a", 9), 2))
    world.tell(TerminateRequested("a", "no"))
    assert world.summary("a") == "2 STARTING, 7 FAILED"
    world.exit("a:0", 137)
    world.exit("a:1", 137)
    assert (world.status("a"), world.scheduler.state.pools) == ("FAILED", {})


# Shares

PATIENT = fair()


def shared(share: str, job: JobSpec) -> JobSpec:
    return replace(job, share=share)


def test_a_share_whose_head_is_held_goes_on_with_those_behind_it(world: World) -> None:
    world.tell(queue("q", "main", fair=PATIENT))
    world.submit(shared("a", keyed(spec("a1"), 1)))
    world.submit(shared("a", keyed(spec("a2"), 1)), shared("a", spec("a3")), shared("b", keyed(spec("b1"), 1)))
    world.submit(shared("b", spec("b2")))
    assert world.statuses("a2", "a3", "b1", "b2") == "RUNNABLE STARTING RUNNABLE STARTING"
    world.run("a1")
    assert sorted(world.statuses("a2", "b1").split()) == ["RUNNABLE", "STARTING"], "one of both shares"
    for name in ("a2", "b1"):
        if world.status(name) == "STARTING":
            world.run(name)
    assert "RUNNABLE" not in world.statuses("a2", "b1")


def test_the_last_unit_is_given_out_once_among_shares(world: World) -> None:
    world.tell(queue("q", "main", fair=PATIENT), consumable("seat", 1))
    world.submit(*[shared(name, keyed(needing(spec(f"{name}1"), seat=1), 2)) for name in "abc"])
    assert sorted(world.statuses("a1", "b1", "c1").split()) == ["RUNNABLE", "RUNNABLE", "STARTING"]
    world.submit(shared("d", spec("d1")))
    assert world.status("d1") == "STARTING", "for units a share blocks nobody but itself"


def test_a_share_with_no_room_for_its_head_steps_aside_once_its_key_is_taken(world: World) -> None:
    world.tell(queue("q", "main", fair=PATIENT), queue("other", "main", priority=9))
    world.submit(spec("big", 10, on="other"))
    world.submit(shared("a", keyed(spec("a1", 8), 1)), shared("a", spec("a2")), shared("b", keyed(spec("b1", 8), 1)))
    assert world.statuses("a1", "a2", "b1") == "RUNNABLE RUNNABLE RUNNABLE"
    world.submit(keyed(spec("taker", on="other"), 1), shared("b", spec("b2")))
    assert world.statuses("taker", "a1", "a2", "b2") == "STARTING RUNNABLE STARTING STARTING"


# A definition


def test_a_limit_of_a_definition_holds_its_jobs_in_every_queue(world: World) -> None:
    world.tell(queue("other", "main"), DefinitionLimited("d:1", 1))
    world.submit(of(spec("a"), "d:1"))
    world.submit(of(spec("b", on="other"), "d:1"), of(spec("c"), "d:2"), of(spec("e"), "d:1"))
    assert world.statuses(*"abce") == "STARTING RUNNABLE STARTING RUNNABLE"
    world.tell(DefinitionLimited("d:1", 2))
    assert sorted(world.started()) == ["a", "b", "c"]
    world.tell(DefinitionLimited("d:1", None))
    assert (world.status("e"), world.scheduler.state.pools) == ("STARTING", {})


def test_a_limit_that_comes_later_counts_what_runs_and_holds_what_waits(world: World) -> None:
    world.submit(of(spec("a", 8), "d:1"), of(spec("b", 16), "d:1"), spec("c", 8))
    assert world.statuses(*"abc") == "STARTING RUNNABLE RUNNABLE"
    world.tell(DefinitionLimited("d:1", 1))
    assert world.statuses(*"abc") == "STARTING RUNNABLE STARTING", "b steps aside"
    world.run("c")
    world.run("a")
    assert world.status("b") == "STARTING"


def test_a_limit_that_is_taken_back_lets_all_go_in_their_order(world: World) -> None:
    world.tell(DefinitionLimited("d:1", 0))
    world.submit(*[of(spec(name, 6), "d:1") for name in "abcd"], spec("e", 6))
    assert world.started() == ["e"]
    world.tell(DefinitionLimited("d:1", None))
    assert world.started() == ["e", "a"]
    for name in "eab":
        world.run(name)
    assert world.started() == ["e", "a", "b", "c", "d"]
    assert world.scheduler.state.pools == {}


# A queue


def test_a_limit_of_a_queue_holds_the_whole_queue(world: World) -> None:
    world.tell(queue("q", "main", most=2), queue("other", "main"))
    world.submit(spec("a"), array("b", 2), spec("c"), spec("d", on="other"))
    assert sorted(world.started()) == ["a", "b:0", "d"]
    world.run("a")
    world.run("b:0")
    assert world.statuses("b:1", "c") == "STARTING STARTING"
    world.submit(spec("e"))
    world.tell(queue("q", "main"))
    assert (world.status("e"), world.scheduler.state.pools) == ("STARTING", {})


def test_a_limit_of_nothing_pauses_a_queue(world: World) -> None:
    world.submit(spec("a"))
    world.tell(queue("q", "main", most=0))
    world.submit(spec("b"))
    world.run("a")
    assert world.status("b") == "RUNNABLE"
    world.tell(queue("q", "main", most=1))
    assert world.status("b") == "STARTING"
    world.tell(QueueDeleted("q"))
    assert world.scheduler.state.pools == {}


# Why


def test_a_job_that_is_held_says_by_what(world: World) -> None:
    world.tell(queue("q", "main", most=4), DefinitionLimited("d:1", 1))
    world.submit(of(spec("a"), "d:1"), of(spec("b"), "d:1"), of(spec("c"), "d:1"))
    found = world.scheduler.explanation("c")
    assert found is not None
    assert (found.ahead, found.head) == (1, "b")
    assert [(one.hurdle, one.subject) for one in found.obstacles] == [(PoolKind.DEFINITION, "d:1")]
    assert found.sentences == [
        "Job c is RUNNABLE in q and has stepped aside, 1 job ahead of it there: those behind it go on.",
        "Of the jobs of definition d:1 at most 1 run at a time, and 1 are under way.",
    ]
    assert world.scheduler.explain("b")[0].startswith("Job b is RUNNABLE in q and has stepped aside, 0 jobs ahead")


def test_what_holds_a_queue_and_a_key_and_an_array_is_told_apart(world: World) -> None:
    world.tell(queue("q", "main", most=5))
    key = "arn:aws:batch:r:1:concurrency-key/feed"
    world.submit(keyed(spec("a"), 1, key), keyed(spec("b"), 1, key), capped(array("c", 3), 2))
    assert world.scheduler.explain("b")[1] == (
        "Of the jobs with concurrency key feed at most 1 run at a time, and 1 are under way."
    )
    assert world.scheduler.explain("c:2")[1] == (
        "Of the children of array job c at most 2 run at a time, and 2 are under way."
    )
    assert world.scheduler.explain("c")[1].startswith("Job c:2 is RUNNABLE in q and has stepped aside")
    world.submit(spec("d"), spec("e"), spec("f"))
    assert world.scheduler.explain("f")[-1] == "Of the jobs of queue q at most 5 run at a time, and 5 are under way."


def test_a_job_that_was_called_is_explained_as_any_that_stands_in_line(world: World) -> None:
    world.submit(keyed(spec("a", 2), 1), keyed(spec("b", 16), 1), spec("c", 14), keyed(spec("d"), 1))
    world.run("a")
    assert world.scheduler.explain("b")[0] == "Job b is RUNNABLE in q, 0 jobs ahead of it."
    assert world.scheduler.explain("d") == [
        "Job d is RUNNABLE in q and has stepped aside, 1 job ahead of it there: those behind it go on.",
        "Job b goes first.",
    ]


def test_a_machine_is_not_filled_by_those_who_sit_aside(world: World) -> None:
    world.tell(MachineSized(Resources(1000, 4096)))
    world.submit(*[keyed(spec(name), 1) for name in "abc"])
    assert world.in_use()[0] == 1000
    assert [job_id for job_id, _ in world.scheduler.places("q", 9)] == [], "nobody's turn comes before a unit is free"
