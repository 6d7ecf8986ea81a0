from __future__ import annotations

from dataclasses import replace

import pytest

from batchd.scheduler.events import (
    CapacityLimit,
    Claim,
    ConsumableSaved,
    ConsumableSpec,
    EnvironmentDeleted,
    JobSpec,
    PriorityChanged,
    QueueDeleted,
    QueueSaved,
    QueueSpec,
    QuotaShare,
    QuotaShareDeleted,
    Resources,
    ServiceSpec,
    TerminateRequested,
)
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.rows import Rows
from tests.scheduler.test_service_jobs import G5, M5, service_environment
from tests.scheduler.worlds import World, consumable, machine, needing, queue, retrying, spec

QUOTA = "MISCONFIGURATION:QUOTA_MANAGEMENT_LIMIT_EXCEEDED - Job"
FOR_OWNER = "Preempted by Batch: the quota share that lent this capacity needs it"
FOR_PRIORITY = "Preempted by Batch: a job of higher priority in the same quota share needs this capacity"


def reserve(name: str, most: int, **more: int) -> QuotaShare:
    limits = (CapacityLimit(M5, most), *(CapacityLimit(G5, n) for n in more.values()))
    return QuotaShare(name, limits)


def lend(name: str, most: int) -> QuotaShare:
    return replace(reserve(name, most), lends=True)


def borrow(name: str, most: int, percent: int = -1) -> QuotaShare:
    return replace(lend(name, most), borrows=percent)


def preempting(share: QuotaShare) -> QuotaShare:
    return replace(share, preempts=True)


def shares(*found: QuotaShare) -> QueueSaved:
    return QueueSaved(QueueSpec("training", 1, ("se",), quota_shares=found))


def in_share(name: str, share: str, priority: int = 0, unit: str = M5, quantity: int = 1) -> JobSpec:
    """A small job; its name is that of the job."""
    return JobSpec(
        name, "training", Resources(10, 10), share=share, priority=priority, service=ServiceSpec(unit, quantity)
    )


def a_world(*found: QuotaShare, capacity: int = 4) -> World:
    world = World()
    world.tell(service_environment(ml_m5_large=capacity, ml_g5_xlarge=capacity), shares(*found))
    return world


def fill(world: World, share: str, *names: str, priority: int = 0) -> None:
    """Jobs of this share come one after the other, and run if they can."""
    for name in names:
        world.submit(in_share(name, share, priority))
        if world.status(name) == "STARTING":
            world.start(name)


def test_a_share_runs_as_many_as_its_own_and_holds_up_nobody_else() -> None:
    world = a_world(reserve("a", 1), reserve("b", 2))
    world.submit(*[in_share(name, "a") for name in ("a1", "a2")], *[in_share(name, "b") for name in ("b1", "b2")])
    assert world.statuses("a1", "a2", "b1", "b2") == "STARTING RUNNABLE STARTING STARTING"
    assert "share a is full" in " ".join(world.scheduler.explain("a2"))

    world.run("a1")
    assert world.status("a2") == "STARTING"


def test_types_have_limits_of_their_own() -> None:
    world = a_world(reserve("a", 1, g5=1))
    world.submit(in_share("m", "a"), in_share("g", "a", unit=G5))

    assert world.statuses("m", "g") == "STARTING STARTING"


@pytest.mark.parametrize(
    ("borrower", "lender", "running"),
    [
        (borrow("a", 1), lend("b", 3), 4),
        (borrow("a", 1), borrow("b", 3), 4),
        (borrow("a", 1, 200), lend("b", 3), 3),
        (borrow("a", 1, 50), lend("b", 3), 1),
        (borrow("a", 1), reserve("b", 3), 1),
        (lend("a", 1), lend("b", 3), 1),
        (reserve("a", 1), lend("b", 3), 1),
    ],
)
def test_a_share_borrows_what_others_lend_up_to_its_limit(
    borrower: QuotaShare, lender: QuotaShare, running: int
) -> None:
    world = a_world(borrower, lender)
    fill(world, "a", "1", "2", "3", "4", "5")

    assert [world.status(name) for name in "12345"].count("RUNNING") == running


def test_what_nobody_was_promised_is_not_lent() -> None:
    world = a_world(borrow("a", 1), lend("b", 1), capacity=4)
    fill(world, "b", "b1")
    fill(world, "a", "1", "2")

    assert world.statuses("1", "2") == "RUNNING RUNNABLE"
    assert "no other quota share lends what is missing" in " ".join(world.scheduler.explain("2"))


def test_idle_instances_go_to_the_borrower_who_waited_longest() -> None:
    world = a_world(borrow("a", 0), borrow("b", 0), lend("c", 1))
    fill(world, "c", "own")
    world.submit(in_share("b1", "b"))
    world.submit(in_share("a1", "a", 9))
    world.submit(in_share("b2", "b"))
    world.run("own")
    assert world.started()[-1] == "b1"

    world.run("b1")
    assert world.started()[-1] == "a1"


def test_lent_instances_are_taken_back_when_the_owner_comes() -> None:
    world = a_world(borrow("a", 2), lend("b", 2))
    fill(world, "a", "1", "2", "3", "4")
    world.submit(in_share("mine", "b"))
    assert world.stopped() == ["4"]
    assert world.statuses("mine", "4") == "RUNNABLE RUNNING"

    world.exit("4", 143)
    assert world.statuses("mine", "4") == "STARTING RUNNABLE"
    assert (world.jobs["4"].status_reason, world.jobs["4"].attempts[0].status_reason) == (FOR_OWNER, FOR_OWNER)
    world.run("mine")
    assert world.status("4") == "STARTING"
    world.start("4")
    world.exit("4")
    assert world.life("4").count("STARTING") == 2
    assert world.status("4") == "SUCCEEDED"


def test_no_more_are_stopped_than_the_owner_needs() -> None:
    world = a_world(borrow("a", 1), lend("b", 3))
    fill(world, "a", "1", "2", "3", "4")
    world.submit(in_share("b1", "b"), in_share("b2", "b"))
    assert len(world.stopped()) == 2
    world.tell()
    world.submit(in_share("a5", "a"))
    assert len(world.stopped()) == 2

    world.submit(in_share("b3", "b"), in_share("b4", "b"))
    assert sorted(world.stopped()) == ["2", "3", "4"]


def test_who_owns_goes_before_who_borrows() -> None:
    world = a_world(borrow("a", 1), borrow("b", 1), lend("c", 2))
    fill(world, "a", "a1", "a2", "a3")
    fill(world, "b", "b1")
    world.submit(in_share("b2", "b"))
    world.submit(in_share("c1", "c"))
    (victim,) = world.stopped()
    world.exit(victim, 143)

    assert world.statuses("c1", "b2", victim) == "STARTING RUNNABLE RUNNABLE"


def test_the_share_that_borrows_most_gives_first_and_its_least_important_job() -> None:
    world = a_world(borrow("a", 1), borrow("b", 1), lend("c", 3), capacity=5)
    fill(world, "a", "a1", priority=5)
    fill(world, "a", "a2", priority=1)
    fill(world, "a", "a3", priority=5)
    fill(world, "b", "b1", "b2")
    world.submit(in_share("c1", "c"))

    assert world.stopped() == ["a2"]


def test_who_would_only_borrow_takes_nobodys_own_for_somebody_else() -> None:
    world = a_world(lend("owner", 2), borrow("other", 1), borrow("modest", 1))
    fill(world, "owner", "o1")
    world.submit(in_share("m1", "modest", quantity=2))
    world.start("m1")
    fill(world, "other", "x1", "x2")
    fill(world, "modest", "m2")
    assert world.status("x2") == world.status("m2") == "RUNNABLE"

    fill(world, "owner", "o2")

    assert world.stopped() == ["m1"], "x1 has what is its share's own: what m1 gives back is for o2, and m2's by right"


def test_nobody_leaves_what_is_its_shares_own_because_others_of_it_wait_to_borrow() -> None:
    world = a_world(preempting(lend("a", 3)), borrow("x", 1))
    world.submit(in_share("low", "a", quantity=2))
    world.start("low")
    fill(world, "x", "x1", "x2", "x3")
    world.tell(TerminateRequested("x2", "no"))
    world.submit(in_share("high", "a", 7, quantity=2), in_share("next", "a", 7))
    assert world.stopped() == ["x2", "low"], "x1 runs by right, though x3 will borrow what x2 gives back"

    world.exit("x2", 143)
    world.exit("low", 143)
    assert world.statuses("x3", "high", "next") == "STARTING STARTING RUNNABLE"
    assert world.stopped() == ["x2", "low", "x3"]


def test_nobody_is_stopped_for_a_job_that_stands_behind_one_that_waits_for_another_type() -> None:
    world = a_world(borrow("a", 1), borrow("b", 1), replace(reserve("c", 0, g5=1), lends=True), capacity=2)
    world.submit(in_share("g1", "c", unit=G5))
    world.start("g1")
    fill(world, "a", "a1", "a2", "a3")
    world.tell(TerminateRequested("g1", "no"))
    world.submit(in_share("g2", "b", unit=G5), in_share("b1", "b"))
    assert world.stopped() == ["g1"], "until g2 has started a3 would borrow what a2 left for b1"

    world.exit("g1", 143)
    assert world.statuses("g2", "b1") == "STARTING RUNNABLE"
    assert world.stopped() == ["g1", "a2"]


def test_among_equals_the_one_that_has_run_for_the_shortest_time_gives() -> None:
    world = a_world(borrow("a", 1), lend("b", 2), capacity=3)
    fill(world, "a", "z", "y", "x")
    world.submit(in_share("b1", "b"))

    assert world.stopped() == ["x"]


def test_nobody_is_stopped_for_a_job_that_could_not_start_for_all_the_room() -> None:
    world = a_world(borrow("a", 1), lend("b", 1), capacity=2)
    fill(world, "a", "1", "2")
    world.submit(needing(in_share("b1", "b"), seat=1))
    assert world.stopped() == []

    world.tell(consumable("seat", 1))
    assert world.stopped() == ["2"]


def test_a_preempted_job_may_end_well_by_itself_and_still_comes_back() -> None:
    """It was told to stop: what it exits with says nothing of its work."""
    world = a_world(borrow("a", 0), lend("b", 1), capacity=1)
    fill(world, "a", "1")
    world.submit(in_share("b1", "b"))
    world.exit("1", 0)

    assert world.statuses("1", "b1") == "RUNNABLE STARTING"


def test_preemptions_do_not_count_as_attempts() -> None:
    world = a_world(borrow("a", 0), lend("b", 1), capacity=1)
    world.submit(retrying(in_share("1", "a"), 2))
    for number in range(3):
        world.start("1")
        world.submit(in_share(f"b{number}", "b"))
        world.exit("1", 143)
        world.run(f"b{number}")
    world.run("1", 7)
    assert world.status("1") == "STARTING"

    world.run("1", 7)
    assert (world.status("1"), len(world.jobs["1"].attempts)) == ("FAILED", 5)


@pytest.mark.parametrize("most", [0, 1])
def test_preemptions_have_a_limit(most: int) -> None:
    world = a_world(borrow("a", 0), lend("b", 1), capacity=1)
    job = in_share("1", "a")
    assert job.service is not None
    world.submit(replace(job, service=replace(job.service, preemptions=most)))
    for number in range(most + 1):
        world.start("1")
        world.submit(in_share(f"b{number}", "b"))
        world.exit("1", 143)
        world.run(f"b{number}")

    assert (world.status("1"), world.jobs["1"].status_reason) == ("FAILED", FOR_OWNER)
    assert len(world.jobs["1"].attempts) == most + 1


def test_a_higher_priority_takes_the_place_of_a_lower_one_where_the_share_allows_it() -> None:
    world = a_world(preempting(reserve("a", 2)), reserve("b", 1))
    fill(world, "a", "low", priority=1)
    fill(world, "a", "middle", priority=5)
    world.submit(in_share("same", "a", 1))
    assert world.stopped() == []

    world.submit(in_share("high", "a", 5))
    assert world.stopped() == ["low"]
    world.exit("low", 143)
    assert world.statuses("high", "low", "same") == "STARTING RUNNABLE RUNNABLE"
    assert world.jobs["low"].attempts[0].status_reason == FOR_PRIORITY


def test_without_in_share_preemption_a_higher_priority_waits() -> None:
    world = a_world(reserve("a", 1))
    fill(world, "a", "low")
    world.submit(in_share("other", "a"), in_share("high", "a", 9))
    assert world.stopped() == []

    world.run("low")
    assert world.statuses("high", "other") == "STARTING RUNNABLE"


def test_a_changed_priority_moves_a_job_in_its_line() -> None:
    world = a_world(reserve("a", 1))
    fill(world, "a", "0", "1", "2", "3")
    world.tell(PriorityChanged("3", 5))
    world.tell(PriorityChanged("1", 5))
    assert [job_id for job_id, _ in world.scheduler.places("training", 9)] == ["1", "3", "2"]

    world.tell(PriorityChanged("1", 0), PriorityChanged("gone", 0))
    assert [job_id for job_id, _ in world.scheduler.places("training", 9)] == ["3", "1", "2"]


def test_the_first_job_of_each_share_is_told_with_the_time_at_which_it_came_to_its_place() -> None:
    world = a_world(reserve("a", 1), reserve("b", 1), reserve("c", 1))
    world.submit(in_share("a1", "a"), in_share("b1", "b"), in_share("c1", "c"))
    world.submit(in_share("a2", "a"), in_share("a3", "a"))
    a2_came = world.now
    world.submit(in_share("b2", "b"))

    assert world.scheduler.quota_fronts("training") == {"a": ("a2", a2_came), "b": ("b2", world.now)}
    world.run("a1")
    assert world.scheduler.quota_fronts("training")["a"] == ("a3", world.now)


def test_a_queue_without_quota_shares_or_that_nobody_knows_has_no_first_jobs_of_them() -> None:
    world = a_world(reserve("a", 1))
    world.submit(spec("large", 99), spec("next"))

    assert [world.scheduler.quota_fronts(queue) for queue in ("q", "ghost")] == [{}, {}]


def test_a_changed_priority_decides_who_is_preempted() -> None:
    world = a_world(preempting(reserve("a", 2)))
    fill(world, "a", "1", "2", priority=5)
    world.submit(in_share("3", "a", 5))
    world.tell(PriorityChanged("1", 1))

    assert world.stopped() == ["1"]


def test_a_lowered_limit_makes_running_jobs_give_way() -> None:
    world = a_world(lend("a", 3), lend("b", 1))
    fill(world, "a", "1", "2", "3")
    world.tell(shares(lend("a", 1), lend("b", 3)))
    assert world.stopped() == []

    fill(world, "b", "b1", "b2")
    assert world.status("b1") == "RUNNING"
    assert world.stopped() == ["3"]


def test_what_is_reserved_stays_free() -> None:
    world = a_world(borrow("a", 1), lend("b", 1), reserve("c", 2))
    fill(world, "a", "1", "2")
    world.submit(in_share("b1", "b"))
    assert world.stopped() == ["2"]
    assert world.status("b1") == "RUNNABLE"

    fill(world, "c", "c1", "c2")
    assert world.statuses("c1", "c2") == "RUNNING RUNNING"


def test_where_more_was_promised_than_there_is_nobody_is_stopped_in_vain() -> None:
    world = a_world(reserve("a", 4), reserve("b", 4))
    fill(world, "a", "1", "2", "3", "4")
    fill(world, "b", "b1")
    assert (world.status("b1"), world.stopped()) == ("RUNNABLE", [])

    world.run("1")
    assert world.status("b1") == "STARTING"


def test_a_full_machine_is_no_reason_to_stop_those_who_can_not_help() -> None:
    world = a_world(borrow("a", 1), lend("b", 3))
    fill(world, "a", "1", "2")
    world.submit(JobSpec("all", "q", Resources(3980, 8172)))
    world.submit(in_share("b1", "b"))
    assert world.stopped() == ["2"], "its place on the machine is enough"

    world.exit("2", 143)
    assert world.status("b1") == "STARTING"
    world.submit(replace(in_share("b2", "b"), resources=Resources(500, 500)))
    assert world.stopped() == ["2"]


@pytest.mark.parametrize(
    ("share", "quantity", "text"),
    [
        (reserve("a", 2), 3, f"{QUOTA} requirements exceed quota share capacity limits."),
        (lend("a", 2), 3, f"{QUOTA} requirements exceed quota share capacity limits."),
        (borrow("a", 2, 50), 4, f"{QUOTA} requirements exceed quota share capacity limits and borrow limits."),
        (borrow("a", 2), 6, f"{QUOTA} requires borrowing that exceeds all configured borrowable capacity."),
    ],
)
def test_a_head_that_no_share_can_hold_says_so(share: QuotaShare, quantity: int, text: str) -> None:
    world = a_world(share, lend("b", 2), capacity=9)
    world.submit(in_share("1", "a", quantity=quantity))
    assert (world.status("1"), world.jobs["1"].status_reason) == ("RUNNABLE", text)

    world.tell(shares(reserve("a", 6)))
    assert (world.status("1"), world.jobs["1"].status_reason) == ("STARTING", None)


def why(world: World, name: str) -> str:
    return " ".join(world.scheduler.explain(name))


def test_a_head_can_say_what_keeps_it_out() -> None:
    world = a_world(borrow("a", 1), lend("b", 1), reserve("c", 1), capacity=3)
    world.submit(in_share("large", "c", quantity=2))
    assert "Quota share c can have at most 1 of ml.m5.large, the job needs 2." in why(world, "large")
    world.tell(TerminateRequested("large", "no"))
    world.submit(JobSpec("all", "q", Resources(3980, 100)))
    world.submit(replace(in_share("owner", "b"), resources=Resources(500, 10)))
    fill(world, "a", "1")
    world.submit(in_share("2", "a"))
    assert "Quota share a would borrow ml.m5.large, and others wait for what is their own." in why(world, "2")
    assert "The machine is full" in why(world, "owner")

    world.tell(service_environment(ml_m5_large=1, ml_g5_xlarge=1))
    assert "Service environment se is full: 1 of 1 instance are in use" in why(world, "2")


def test_what_is_kept_for_others_can_be_told() -> None:
    world = a_world(lend("a", 2), reserve("b", 1), capacity=3)
    fill(world, "a", "1", "2")
    world.tell(shares(lend("a", 1), lend("c", 1), reserve("b", 1)))
    world.submit(in_share("c1", "c"))
    assert world.stopped() == ["2"]
    assert "What is free of ml.m5.large is reserved for other quota shares." in why(world, "c1")


def test_without_its_environment_a_queue_waits() -> None:
    world = a_world(reserve("a", 1))
    world.tell(EnvironmentDeleted("se"))
    world.submit(in_share("1", "a"))
    assert (world.status("1"), world.jobs["1"].status_reason) == ("RUNNABLE", None)
    assert "Service environment se is not known to the scheduler." in why(world, "1")

    world.tell(service_environment(ml_m5_large=1, ml_g5_xlarge=1))
    assert world.status("1") == "STARTING"


def test_who_stands_in_a_share_that_is_no_more_waits_for_its_return() -> None:
    world = a_world(reserve("a", 1), borrow("b", 1))
    fill(world, "a", "1", "2")
    world.tell(shares(borrow("b", 1)))
    world.run("1")
    assert world.status("2") == "RUNNABLE"
    assert "can have at most 0 of ml.m5.large" in why(world, "2")

    world.tell(shares(reserve("a", 1), borrow("b", 1)))
    assert world.status("2") == "STARTING"


def test_an_owner_who_waits_for_something_else_holds_up_no_borrower() -> None:
    world = a_world(lend("a", 2), lend("b", 1), borrow("c", 0))
    world.tell(ConsumableSaved(ConsumableSpec("license", 0)))
    counted = replace(in_share("1", "a"), claims=(Claim("license", 1),))
    world.submit(counted, replace(in_share("2", "b"), resources=Resources(10, 10, gpus=1)), in_share("3", "c"))
    assert world.statuses("1", "2", "3") == "RUNNABLE RUNNABLE STARTING"

    world.tell(ConsumableSaved(ConsumableSpec("license", 1)))
    assert world.status("1") == "STARTING"


def test_who_asks_a_job_to_stop_for_good_goes_before_who_wants_its_place() -> None:
    world = a_world(borrow("a", 0), lend("b", 2), capacity=2)
    fill(world, "a", "1", "2")
    world.submit(in_share("b1", "b"), in_share("b2", "b"))
    world.tell(TerminateRequested("1", "enough"))
    world.exit("1", 143)
    assert (world.status("1"), world.jobs["1"].status_reason) == ("FAILED", "enough")
    assert world.jobs["1"].is_terminated

    world.tell(QuotaShareDeleted("training", "a"), shares(lend("b", 2)))
    world.exit("2", 143)
    assert (world.status("2"), world.jobs["2"].status_reason) == ("FAILED", "QuotaShare deleted")


def test_what_is_left_of_a_queue_of_the_same_name_is_in_nobodys_way() -> None:
    world = World()
    world.tell(queue("training", "main"))
    world.submit(spec("old", on="training"))
    world.start("old")
    world.tell(QueueDeleted("training"))
    world.tell(service_environment(ml_m5_large=1, ml_g5_xlarge=1), shares(borrow("a", 0), lend("b", 1)))
    fill(world, "a", "1")
    world.submit(in_share("b1", "b"))

    assert world.stopped() == ["old", "1"]


def test_a_deleted_share_takes_its_jobs_with_it() -> None:
    world = a_world(reserve("a", 1), reserve("b", 1))
    fill(world, "a", "1", "2")
    fill(world, "b", "b1")
    world.tell(QuotaShareDeleted("training", "a"), shares(reserve("b", 1)))
    assert (world.statuses("1", "2", "b1"), world.stopped()) == ("RUNNING FAILED RUNNING", ["1"])

    world.exit("1", 143)
    assert world.jobs["1"].status_reason == world.jobs["2"].status_reason == "QuotaShare deleted"


def test_a_restarted_scheduler_knows_who_is_making_room_for_whom() -> None:
    world, rows = a_world(borrow("a", 1), lend("b", 1), capacity=2), Rows()
    rows.save(world.submit(in_share("1", "a")))
    rows.save(world.submit(in_share("2", "a")))
    rows.save(world.start("1", "2"))
    rows.save(world.submit(in_share("b1", "b")))
    assert world.stopped() == ["2"]
    again = Scheduler()
    again.step(
        [service_environment(ml_m5_large=2, ml_g5_xlarge=2), shares(borrow("a", 1), lend("b", 1)), machine(4)], 1
    )
    again.restore(rows.live())

    assert [command.job_id for command in again.wanted()] == ["2"]
    assert again.step([], world.now).commands == []
    assert again.state.queues["training"].lines["a"].instances == {M5: 2}
