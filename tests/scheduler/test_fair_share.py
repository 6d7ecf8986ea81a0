"""Shares of a queue take turns: the least served goes first, and weights say what that means. [batch.md 7.2, 7.3]"""

from __future__ import annotations

from collections import Counter
from math import exp

import pytest

from batchd.scheduler import shares
from batchd.scheduler.events import (
    CancelRequested,
    FairShare,
    JobStatus,
    JobSubmitted,
    PriorityChanged,
    QueueDeleted,
    QueueSaved,
    TaskExited,
    TimePassed,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Line
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import (
    World,
    array,
    consumable,
    environment,
    fair,
    machine,
    needing,
    of,
    queue,
    retrying,
    spec,
)


def world_of(policy: FairShare, vcpus: float = 4) -> World:
    world = World(vcpus=vcpus)
    world.tell(queue("q", "main", fair=policy))
    return world


def submit(world: World, share: str, number: int, vcpus: float = 1) -> list[str]:
    """So many jobs of a share, `<share>1` and so on after those it has."""
    first = sum(name.startswith(share) for name in world.jobs) + 1
    names = [f"{share}{first + n}" for n in range(number)]
    world.submit(*[of(share, spec(name, vcpus)) for name in names])
    return names


def next_started(world: World, ended: str) -> list[str]:
    """What starts because this job ends."""
    before = len(world.started())
    world.run(ended)
    return world.started()[before:]


def test_the_share_that_used_less_goes_first() -> None:
    world = world_of(fair(), vcpus=1)
    submit(world, "a", 3)
    submit(world, "b", 2)
    world.wait(300)
    world.run("a1")
    assert world.started() == ["a1", "b1"]
    assert next_started(world, "b1") == ["b2"], "two seconds are less than three hundred"


def test_shares_without_any_usage_take_turns() -> None:
    world = world_of(fair(), vcpus=6)
    world.submit(*[of(share, spec(f"{share}{n}")) for share in "ab" for n in range(5)])
    assert Counter(name[0] for name in world.started()) == {"a": 3, "b": 3}


@pytest.mark.parametrize(("weight", "most"), [(1.0, 4), (1 / 3, 6), (3.0, 2)])
def test_a_smaller_weight_gets_more(weight: float, most: int) -> None:
    world = world_of(fair(a=weight), vcpus=8)
    world.submit(*[of(share, spec(f"{share}{n}")) for share in "ab" for n in range(9)])
    assert Counter(name[0] for name in world.started())["a"] == most


def test_those_under_one_prefix_share_its_weight() -> None:
    world = world_of(fair(user_=1.0), vcpus=8)
    names = ("user1", "user2", "other")
    world.submit(*[of(share, spec(f"{share}-{n}")) for share in names for n in range(9)])
    found = Counter(name.partition("-")[0] for name in world.started())
    assert (found["user1"], found["user2"], found["other"]) == (2, 2, 4)


def test_a_blocked_head_holds_up_its_own_share_and_no_other() -> None:
    world = world_of(fair(), vcpus=4)
    world.submit(of("a", spec("a1", 3)))
    world.submit(of("b", spec("b1", 4)), of("b", spec("b2")), of("c", spec("c1")))
    assert world.started() == ["a1", "c1"]
    assert world.statuses("b1", "b2") == "RUNNABLE RUNNABLE"
    world.run("c1")
    assert next_started(world, "a1") == ["b1"]


def test_within_a_share_higher_priority_goes_first_then_whoever_was_tried_then_whoever_came_first() -> None:
    world = world_of(fair(), vcpus=1)
    world.submit(of("a", retrying(spec("a1"), 2)))
    world.submit(of("a", spec("low")), of("a", spec("high"), 9), of("a", spec("higher"), 99), of("a", spec("high2"), 9))
    assert next_started(world, "a1") == ["higher"]
    world.submit(of("a", retrying(spec("high3"), 2), 9))
    for name in ("higher", "high", "high2"):
        world.run(name)
    world.run("high3", 1)
    assert world.started()[2:] == ["high", "high2", "high3", "high3"]
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["low"], "a1 succeeded"


def test_a_retried_job_stands_before_others_of_its_priority() -> None:
    world = world_of(fair(), vcpus=1)
    world.submit(of("a", retrying(spec("a1"), 2)), of("a", spec("a2")))
    world.submit(of("a", spec("urgent"), 5))
    world.run("a1", 1)
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["a1", "a2"]
    assert world.started() == ["a1", "urgent"]


def test_an_array_has_one_place_in_the_line_of_its_share() -> None:
    world = world_of(fair(), vcpus=2)
    world.submit(of("a", array("many", 3)), of("a", spec("after")), of("b", spec("b1")))
    assert world.started() == ["many:0", "b1"]
    assert [job.job_id for job in world.scheduler.front("q", 9)] == ["many", "after"]
    assert [job_id for job_id, _ in world.scheduler.places("q", 9)] == ["many:1", "many:2", "after"]
    for name in ("many:0", "many:1", "many:2"):
        world.run(name)
    world.run("b1")
    assert world.started()[2:] == ["many:1", "many:2", "after"]
    world.run("after")
    assert world.status("many") == "SUCCEEDED"


def test_the_front_of_the_queue_is_told_in_the_order_of_the_turns() -> None:
    world = world_of(fair(a=1.0, b=0.25), vcpus=1)
    world.submit(of("c", spec("c1")))
    world.submit(*[of(share, spec(f"{share}{n}")) for share in "ab" for n in range(6)])
    assert [job_id for job_id, _ in world.scheduler.places("q", 6)] == ["a0", "b0", "b1", "b2", "b3", "a1"]
    assert len(world.scheduler.places("q", 100)) == 12


def test_usage_fades_with_the_decay_and_grows_with_what_runs() -> None:
    line = Line("a", used=1_000_000, used_at=0)
    assert shares.usage(line, 600_000, 0) == 1_000_000
    assert shares.usage(line, 600_000, 600_000) == 367_879
    line = Line("a", held=2000, used_at=0)
    assert shares.usage(line, 600_000, 1000) == pytest.approx(2000 * 1000, rel=0.01)
    assert shares.usage(line, 600_000, 10**9) == 2000 * 600_000, "at the most what a whole window holds"


def test_a_longer_decay_remembers_longer() -> None:
    started = []
    for decay in (600, 604_800):
        world = world_of(fair(decay_s=decay), vcpus=1)
        submit(world, "a", 1)
        world.wait(600)
        world.run("a1")
        world.wait(6000)
        submit(world, "c", 1)
        world.wait(60)
        submit(world, "b", 2)
        submit(world, "a", 1)
        world.run("c1")
        world.run("b1")
        started.append(world.started()[-1])
    assert started == ["a2", "b2"]


def test_usage_is_reported_whenever_it_is_settled_and_a_forgotten_share_is_gone() -> None:
    world = world_of(fair(), vcpus=1)
    (share,) = world.submit(of("a", spec("a1"))).shares
    assert (share.queue, share.name, share.used, share.used_at, share.is_live) == ("q", "a", 0, world.now, True)
    world.start("a1")
    step = world.exit("a1")
    assert [(one.is_live, one.used_at) for one in step.shares] == [(False, world.now)]
    assert step.shares[0].used == pytest.approx(2_000_000, rel=0.01)
    world.wait(6001)
    world.tell(queue("q", "main", fair=fair()))
    assert world.tell(TimePassed()).forgotten == []
    assert list(world.scheduler.state.queues["q"].lines) == []


def test_a_restart_goes_on_in_the_same_order() -> None:
    policy = fair(a=0.5, b_=1.0)
    world, rows = world_of(policy, vcpus=3), Rows()
    for number, share in enumerate(("a", "b1", "b2", "c") * 6):
        rows.save(world.submit(of(share, spec(f"{share}-{number}"))))
        if number % 3 == 2:
            job_id = next(iter(world.scheduler.state.tasks.values())).job_id
            rows.save(world.start(job_id))
            rows.save(world.exit(job_id))
    again = Scheduler()
    again.step([machine(3), environment("main"), queue("q", "main", fair=policy)], world.now)
    again.restore(rows.live(), kept=rows.shares.values())
    later = world.now + 2500
    assert again.step([], later).changed == world.scheduler.step([environment("main")], later).changed == []
    assert [name for name, _ in again.places("q", 99)] == [name for name, _ in world.scheduler.places("q", 99)]


def test_a_policy_that_changes_takes_effect_at_once() -> None:
    world = world_of(fair(a=1.0), vcpus=1)
    submit(world, "c", 1)
    submit(world, "b", 1)
    submit(world, "a", 1)
    world.tell(queue("q", "main", fair=fair(a=0.0001, b=999.0)))
    world.submit(of("b", spec("late")))
    world.wait(30)
    assert next_started(world, "c1")[0] in ("a1", "b1")
    assert world.scheduler.state.queues["q"].lines["b"].weight == 999.0


# What is reserved


def test_a_reservation_keeps_room_for_shares_that_are_not_active_yet() -> None:
    world = World(vcpus=8)
    world.tell(environment("main", 8), queue("q", "main", fair=fair(reservation=50)))
    submit(world, "a", 8)
    assert len(world.started()) == 4, "half of it is free for others"
    submit(world, "b", 8)
    assert Counter(name[0] for name in world.started()) == {"a": 4, "b": 2}, "and then a quarter"
    submit(world, "c", 1)
    assert world.started()[-1] == "c1"


def test_a_reservation_does_not_keep_everybody_out() -> None:
    world = World(vcpus=8)
    world.tell(environment("main", 8), queue("q", "main", fair=fair(reservation=99)))
    submit(world, "a", 2, vcpus=4)
    assert world.started() == ["a1"]
    assert next_started(world, "a1") == ["a2"]


def test_nothing_is_reserved_of_what_has_no_limit() -> None:
    world = world_of(fair(reservation=99), vcpus=4)
    submit(world, "a", 4)
    assert len(world.started()) == 4


# Coming and going


def test_jobs_that_leave_their_line_make_room_for_those_behind() -> None:
    world = world_of(fair(), vcpus=1)
    submit(world, "a", 1)
    submit(world, "b", 3)
    world.tell(CancelRequested("b1", "no"), CancelRequested("b2", "no"))
    assert next_started(world, "a1") == ["b3"]


def test_a_deleted_queue_forgets_its_shares_with_its_last_job() -> None:
    world = world_of(fair(), vcpus=1)
    submit(world, "a", 2)
    world.start("a1")
    step = world.tell(QueueDeleted("q"))
    assert step.forgotten == []
    assert world.exit("a1").forgotten == [("q", "a")]
    world.tell(queue("q", "main", fair=fair()))
    assert world.tell(QueueDeleted("q")).forgotten == []


@pytest.mark.parametrize("is_restarted", [False, True], ids=["server lives on", "server is started again"])
def test_given_a_deleted_queue_whose_tasks_run_on_when_it_is_made_again_then_its_shares_are_charged_for_them(
    *, is_restarted: bool
) -> None:
    world, rows = world_of(fair(decay_s=6000), vcpus=2), Rows()
    rows.save(world.submit(of("a", spec("a1")), of("c", spec("c1")), of("quiet", spec("d1"))))
    rows.save(world.tell(CancelRequested("d1", "no")))
    rows.save(world.start("a1", "c1"))
    world.wait(3000)
    deleted = world.tell(QueueDeleted("q"))
    assert [share.name for share in deleted.shares] == ["a", "c"], "a share without jobs was quiet before"
    rows.save(deleted)
    if is_restarted:
        world.scheduler = Scheduler()
        world.tell_now(machine(2), environment("main"))
        world.scheduler.restore(rows.live(), kept=rows.shares.values())
    world.wait(60)
    (ended,) = world.exit("a1").shares
    before, after = 6_000_000 * (1 - exp(-0.5)), 600_000 * (1 - exp(-0.1))
    assert ended.used == pytest.approx(1000 * (before * exp(-0.1) + after), rel=0.01)
    world.tell(queue("q", "main", fair=fair(decay_s=6000)))
    world.submit(of("a", spec("a2")), of("b", spec("b1")))
    assert world.started()[2:] == ["b1"], "a has used something, b has not"


def test_jobs_may_come_before_their_queue() -> None:
    world = World(vcpus=1)
    world.tell(JobSubmitted(of("a", spec("a1", on="late"))), JobSubmitted(of("b", spec("b1", on="late"))))
    world.tell(QueueSaved(queue("late", "main", fair=fair()).queue))
    assert world.started() == ["a1"]
    assert next_started(world, "a1") == ["b1"]


def test_a_head_that_can_never_start_says_so_and_the_other_shares_go_on() -> None:
    world = World(vcpus=4)
    world.tell(environment("main", 4), queue("q", "main", fair=fair()))
    step = world.submit(of("a", spec("a1", 8)), of("b", spec("b1")))
    assert world.started() == ["b1"]
    assert str(world.jobs["a1"].status_reason).startswith("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE")
    assert [(one.job_id, one.is_blocked) for one in step.blocked] == [("a1", True)]
    assert world.run("b1").blocked == [], "once is enough"
    world.tell(environment("main", 8), machine(8))
    assert (world.jobs["a1"].status_reason, world.status("a1")) == (None, "STARTING")


def test_given_an_accused_head_that_is_cancelled_when_the_next_one_can_never_start_either_then_it_says_so() -> None:
    world = World(vcpus=4)
    world.tell(environment("main", 4), queue("q", "main", fair=fair()))
    world.submit(*[of(name[0], spec(name, 8)) for name in ("a1", "b1", "b2")])
    assert world.jobs["b2"].status_reason is None
    step = world.tell_now(CancelRequested("b1", "no"))
    assert [one.job_id for one in step.blocked] == ["b2"]
    assert world.jobs["b2"].status_reason == world.jobs["a1"].status_reason


def test_a_changed_priority_moves_a_job_in_the_line_of_its_share() -> None:
    world = world_of(fair(), vcpus=1)
    submit(world, "a", 3)
    world.tell(PriorityChanged("a3", 7))
    assert next_started(world, "a1") == ["a3"]


def test_the_shares_that_hold_most_are_named_with_what_they_hold() -> None:
    world = world_of(fair(), vcpus=4)
    submit(world, "a", 1)
    submit(world, "b", 1, vcpus=2)
    assert world.scheduler.shares("q", 1) == (2, [("b", 2.0)])
    assert world.scheduler.shares("nowhere", 1) == (0, [])


def test_with_many_shares_a_round_looks_only_at_those_that_something_happened_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_of(fair(), vcpus=1)
    world.submit(*[of(f"s{n}", spec(f"j{n}")) for n in range(500)])
    scheduler, looked_at = world.scheduler, []
    charge = shares.charge
    monkeypatch.setattr(shares, "charge", lambda line, *time: looked_at.append(line.name) or charge(line, *time))
    for _ in range(50):
        (task,) = scheduler.state.tasks
        scheduler.step([TaskExited(task, world.now, 0)], world.now)
    assert len(looked_at) <= 3 * 50


def test_a_head_that_has_waited_too_long_for_room_has_it_kept() -> None:
    world = world_of(fair(), vcpus=4)
    world.submit(*[of("a", spec(f"a{n}", 2)) for n in range(9)])
    world.submit(of("b", spec("big", 4)))
    world.wait(300)
    assert next_started(world, "a0") == ["a2"], "it lets others go on"
    world.wait(400)
    assert next_started(world, "a1") == []
    assert next_started(world, "a2") == ["big"]
    assert next_started(world, "big") == ["a3", "a4"]


def test_those_that_take_nothing_that_such_a_head_needs_go_on() -> None:
    world = World(vcpus=12)
    world.tell(environment("main", 4), environment("small", 2), queue("q", "main", "small", fair=fair()))
    world.tell(queue("other", "main"))
    world.submit(spec("endless", on="other"))
    world.submit(*[of("a", spec(f"a{n}")) for n in range(9)])
    world.submit(of("b", spec("big", 4)))
    assert [world.jobs[f"a{n}"].environment for n in range(5)] == ["main"] * 3 + ["small"] * 2
    world.wait(700)
    assert next_started(world, "a3") == ["a5"], "in the small environment, which big cannot use"
    assert next_started(world, "a0") == []
    world.tell(machine(8))
    assert next_started(world, "a4") == [], "of the machine there is not enough for both"


def test_no_room_is_kept_for_a_head_that_room_would_not_help() -> None:
    world = world_of(fair(), vcpus=4)
    world.submit(of("a", spec("a0", 4)), of("a", spec("a1", 4)), of("b", spec("gpu", gpus=1)))
    world.wait(900)
    assert next_started(world, "a0") == ["a1"]


def test_no_room_is_kept_for_a_head_that_lacks_units_as_well() -> None:
    world = world_of(fair(), vcpus=4)
    world.tell(consumable("seat", 0))
    world.submit(of("a", spec("a0", 4)), of("a", spec("a1", 4)), of("b", needing(spec("b0", 4), seat=1)))
    world.wait(900)

    assert next_started(world, "a0") == ["a1"]


def test_given_a_head_that_can_never_start_when_it_only_lacks_room_any_more_then_it_says_so_no_longer() -> None:
    world = world_of(fair(), vcpus=4)
    world.submit(of("a", spec("large", 4)), of("b", spec("gpu", gpus=1)))
    assert world.jobs["gpu"].status_reason is not None

    world.tell(machine(4, gpus=1))

    assert (world.status("gpu"), world.jobs["gpu"].status_reason) == ("RUNNABLE", None)
    contest = world.scheduler.state.queues["q"].fair
    assert contest is not None
    assert contest.misfits == {}


def test_given_such_a_head_when_it_only_lacks_room_after_a_restart_then_it_says_so_no_longer() -> None:
    world, rows = world_of(fair(), vcpus=4), Rows()
    rows.save(world.submit(of("a", spec("large", 4)), of("b", spec("gpu", gpus=1))))
    assert rows.jobs["gpu"].status_reason is not None

    again = Scheduler()
    again.step([environment("main"), queue("q", "main", fair=fair()), machine(4, gpus=1)], 1)
    again.restore(rows.live())
    rows.save(again.step([], world.now))

    assert (rows.status("gpu"), rows.jobs["gpu"].status_reason) == (JobStatus.RUNNABLE, None)


def test_a_share_that_comes_back_before_its_usage_has_decayed_changes_nothing_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_of(fair(), vcpus=1)
    world.submit(*[of(f"s{n}", spec(f"j{n}")) for n in range(100)])
    world.submit(of("quick", spec("first")))
    world.tell(CancelRequested("first", "no"))
    scheduler, looked_at = world.scheduler, []
    charge = shares.charge
    monkeypatch.setattr(shares, "charge", lambda line, *time: looked_at.append(line.name) or charge(line, *time))
    scheduler.step([JobSubmitted(of("quick", spec("second")))], world.now)
    assert looked_at == ["quick"]
