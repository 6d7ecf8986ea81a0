from __future__ import annotations

import pytest

from batchd.scheduler import forecast, lines
from batchd.scheduler.events import EnvironmentDeleted, JobStatus, Resources, TerminateRequested
from batchd.scheduler.explain import explanation
from batchd.scheduler.fronts import MOST_AHEAD, Fronts
from batchd.scheduler.placement import Hurdle
from tests.scheduler.worlds import (
    World,
    after,
    array,
    backfilled,
    each,
    environment,
    fair,
    limited,
    of,
    queue,
    retrying,
    sequential,
    spec,
)


def hurdles(world: World, name: str) -> list[tuple[str, Hurdle]]:
    found = world.scheduler.explanation(name)
    assert found is not None
    return [(obstacle.subject, obstacle.hurdle) for obstacle in found.obstacles]


def test_a_job_nobody_knows_has_no_explanation() -> None:
    world = World()
    assert (world.scheduler.explain("a"), world.scheduler.explanation("a")) == ([], None)


def test_a_pending_job_names_what_it_waits_for() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), spec("b"), after(spec("c"), "a", "b", "a"))
    assert world.scheduler.explain("c") == [
        "Job c is PENDING: it waits for 2 jobs to succeed.",
        "Job a is STARTING.",
        "Job b is RUNNABLE.",
    ]
    found = world.scheduler.explanation("c")
    assert found is not None
    assert (found.status, found.waits_for) == (JobStatus.PENDING, ("a", "b"))


def test_a_runnable_job_says_who_is_ahead_and_what_the_head_waits_for() -> None:
    world = World(vcpus=4)
    world.tell(environment("main", 8))
    world.submit(spec("a", 3), spec("b", 2), spec("c"))
    assert world.scheduler.explain("c") == [
        "Job c is RUNNABLE in q, 1 job ahead of it.",
        "Nobody overtakes the head of a queue: job b.",
        "The machine is full: 3 of 4 vCPUs, 512 of 8192 MiB and 0 of 0 GPUs are in use; the job needs 2 vCPUs, "
        "512 MiB.",
    ]
    found = world.scheduler.explanation("c")
    assert found is not None
    assert (found.ahead, found.head, hurdles(world, "c")) == (1, "b", [("", Hurdle.MACHINE_FULL)])


def test_a_full_environment_says_how_full_it_is() -> None:
    world = World(vcpus=8)
    world.tell(environment("main", 1.5))
    world.submit(spec("a", 1), spec("b", 1))
    assert world.scheduler.explain("b") == [
        "Job b is RUNNABLE in q, 0 jobs ahead of it.",
        "Compute environment main is full: 1 of 1.5 vCPUs are in use, the job needs 1.",
    ]


def test_an_array_tells_how_its_children_are_and_what_the_next_one_waits_for() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 3), spec("b"))
    assert world.scheduler.explain("a") == [
        "Array job a is PENDING: of its 3 children are 2 RUNNABLE, 1 STARTING.",
        "Job a:1 is RUNNABLE in q, 0 jobs ahead of it.",
        "The machine is full: 1 of 1 vCPUs, 512 of 8192 MiB and 0 of 0 GPUs are in use; the job needs 1 vCPUs, "
        "512 MiB.",
    ]
    found = world.scheduler.explanation("a")
    assert found is not None
    assert (found.job_id, found.status, found.head) == ("a", JobStatus.PENDING, "a:1")
    assert world.scheduler.explain("a:2")[:2] == [
        "Job a:2 is RUNNABLE in q, 1 job ahead of it.",
        "Nobody overtakes the head of a queue: job a:1.",
    ]
    assert world.scheduler.explain("b")[0] == "Job b is RUNNABLE in q, 2 jobs ahead of it."
    assert world.scheduler.explain("a:0") == [
        f"Job a:0 is STARTING: attempt 1 of 1 is being started in main as task {world.task('a:0')}."
    ]


def test_a_child_that_waits_names_its_counterpart_and_the_child_before_it() -> None:
    world = World(vcpus=1)
    world.submit(array("a", 2), spec("b"), sequential(each(after(array("c", 2), "b"), "a")))
    assert world.scheduler.explain("c:1") == [
        "Job c:1 is PENDING: it waits for 3 jobs to succeed.",
        "Job b is RUNNABLE.",
        "Job a:1 is RUNNABLE.",
        "Job c:0 is PENDING.",
    ]
    assert world.scheduler.explain("c") == [
        "Array job c is PENDING: of its 2 children are 2 PENDING.",
        "Job c:0 is PENDING: it waits for 2 jobs to succeed.",
        "Job b is RUNNABLE.",
        "Job a:0 is STARTING.",
    ]


def test_an_array_of_which_nothing_waits_has_no_more_to_tell() -> None:
    world = World()
    world.submit(array("a", 2))
    world.run("a:1", 1)
    assert world.scheduler.explain("a") == ["Array job a is PENDING: of its 2 children are 1 STARTING, 1 FAILED."]
    assert [world.scheduler.explain(name) for name in ("a:1", "a:2", "b:1")] == [[], [], []]


@pytest.mark.parametrize(
    ("change", "hurdle", "sentence"),
    [
        (
            environment("main", available=False),
            Hurdle.ENVIRONMENT_DISABLED,
            "Compute environment main is DISABLED: it takes no new job until it is enabled.",
        ),
        (environment("main", valid=False), Hurdle.ENVIRONMENT_INVALID, "Compute environment main is INVALID."),
        (
            EnvironmentDeleted("main"),
            Hurdle.ENVIRONMENT_UNKNOWN,
            "Compute environment main is not known to the scheduler.",
        ),
        (
            environment("main", 0.5),
            Hurdle.ENVIRONMENT_TOO_SMALL,
            "Compute environment main has at most 0.5 vCPUs, the job needs 1.",
        ),
        (
            environment("main", largest=(Resources(8000, 256),)),
            Hurdle.ENVIRONMENT_LACKS_INSTANCE,
            "Compute environment main has no instance type that is large enough, the job needs 1 vCPUs, 512 MiB.",
        ),
    ],
)
def test_every_hurdle_of_an_environment_has_a_sentence(change, hurdle: Hurdle, sentence: str) -> None:
    world = World()
    world.tell(change)
    world.submit(spec("a"))
    assert hurdles(world, "a") == [("main", hurdle)]
    assert world.scheduler.explain("a")[-1] == sentence


def test_a_job_that_can_never_start_repeats_its_status_reason() -> None:
    world = World()
    world.submit(spec("a", gpus=2))
    assert world.scheduler.explain("a")[1:] == [
        f"The head can never start as things are. {world.jobs['a'].status_reason}",
        "The machine has 0 GPUs, the job needs 2.",
    ]


def test_a_machine_that_is_taken_or_not_idle_or_unknown_says_so() -> None:
    world = World(vcpus=4, gpus=1)
    world.tell(queue("other", "main"))
    world.submit(spec("a", gpus=1))
    world.submit(spec("huge", 8, gpus=1))
    assert world.scheduler.explain("huge")[1:] == ["The job needs the whole machine, and 1 task still on it."]
    world.run("a")
    world.submit(spec("b", gpus=1, on="other"))
    assert world.scheduler.explain("b")[1:] == [
        "The machine is taken by job huge, which asked for more than it has and runs alone."
    ]
    assert "It asked for more than the machine has, so it runs alone with all of it." in world.scheduler.explain("huge")
    world.scheduler.state.machine.capacity = None
    found = explanation(Fronts(world.scheduler.state), "b")
    assert found is not None
    assert found.sentences[1:] == ["The size of the machine is not known yet."]


def test_wanted_gpus_are_among_what_the_job_needs() -> None:
    world = World(gpus=1)
    world.submit(spec("a", gpus=1), spec("b", gpus=1))
    assert world.scheduler.explain("b")[-1].endswith("the job needs 1 vCPUs, 512 MiB and 1 GPU.")


def test_a_queue_that_is_unknown_or_has_no_environment_says_so() -> None:
    world = World()
    world.submit(spec("a", on="new"))
    assert world.scheduler.explain("a")[1:] == ["Queue new is not known to the scheduler."]
    world.tell(queue("new"))
    assert world.scheduler.explain("a")[1:] == ["Queue new has no compute environment."]


def test_a_head_with_room_is_placed_in_the_next_round() -> None:
    world = World(vcpus=1)
    world.submit(spec("a"), spec("b"))
    assert world.scheduler.state.machine.capacity is not None
    world.scheduler.state.machine.used_vcpus_milli = 0  # as if room had just come free
    assert world.scheduler.explain("b")[1:] == ["The head will be placed in the next round."]


def test_a_placed_job_says_its_attempt_its_task_and_its_time() -> None:
    world = World()
    world.submit(retrying(limited(spec("a"), 60), 3))
    task = world.task("a")
    assert world.scheduler.explain("a") == [
        f"Job a is STARTING: attempt 1 of 3 is being started in main as task {task}."
    ]
    world.start("a")
    found = world.scheduler.explanation("a")
    assert found is not None
    assert found.stops_at == world.now + 60_000
    assert found.sentences == [
        f"Job a is RUNNING: attempt 1 of 3 runs in main as task {task}.",
        f"Its time is up at {world.now + 60_000} ms since the epoch.",
    ]
    world.tell(TerminateRequested("a", "enough"))
    assert world.scheduler.explain("a")[-1] == "It was asked to stop: enough"


def test_a_share_tells_its_turn_and_what_it_used() -> None:
    world = World(vcpus=1)
    world.tell(queue("q", "main", fair=fair(b=2.0)))
    world.submit(of("a", spec("a1")))
    world.submit(of("b", spec("b1")), of("b", spec("b2")), of("a", spec("a2")))
    assert world.scheduler.explain("b2")[:3] == [
        "Job b2 is RUNNABLE in q, 1 job ahead of it in share b.",
        "It is share b's turn after 0 of 2 shares: it used 0 vCPU-seconds and holds 0 vCPUs, at weight 2.",
        "Nobody overtakes the head of a share: job b1.",
    ]
    why = world.scheduler.why("a2")
    assert why is not None
    assert (why["ahead"], why["head"], why["obstacles"][0]["kind"]) == (0, "a2", "MACHINE_FULL")
    share = {"shareIdentifier": "a", "turn": 2, "shares": 2, "usageVcpuSeconds": 0.999, "vcpus": 1.0, "weight": 1.0}
    assert why["share"] == share
    assert why["gist"] == why["obstacles"][0]["reason"]
    assert "subject" not in why["obstacles"][0]


def test_a_share_says_that_room_is_reserved_or_kept_for_another() -> None:
    world = World(vcpus=8)
    world.tell(environment("main", 8), queue("q", "main", fair=fair(reservation=50)))
    world.submit(*[of("a", spec(f"a{n}", 2)) for n in range(4)])
    assert "What is free is reserved for shares that are not active yet." in world.scheduler.explain("a3")
    world = World(vcpus=4)
    world.tell(queue("q", "main", fair=fair()))
    world.submit(*[of("a", spec(f"a{n}", 2)) for n in range(3)])
    world.submit(of("b", spec("big", 4)))
    world.wait(700)
    world.run("a0")
    assert "Room is kept for the head of share b, which has waited for too long." in world.scheduler.explain("a2")


def test_with_backfill_those_behind_the_head_learn_what_it_was_promised() -> None:
    world = World(vcpus=4)
    world.tell(backfilled(queue("q", "main")))
    world.submit(limited(spec("long", 3), 3600))
    world.start("long")
    over = world.now + 3600_000 + forecast.STOP_MS
    world.submit(limited(spec("head", 4), 60), limited(spec("short"), 60), spec("last"))
    assert world.scheduler.explain("last")[1:3] == [
        "The head of the queue is job head: only those go before it that cannot delay its start.",
        f"It was promised a start by {over} ms since the epoch.",
    ]
    why = world.scheduler.why("head")
    assert why is not None
    assert why["expectedStartAt"] == over
    assert f"It starts by {over} ms since the epoch at the latest, unless others come before it." in why["reasons"]


def test_given_nobody_went_before_the_head_when_one_behind_it_asks_then_no_promise_is_told() -> None:
    world = World(vcpus=1)
    world.tell(backfilled(queue("q", "main")))
    world.submit(spec("endless"), spec("head"), spec("last"))

    assert world.scheduler.explain("last")[1:] == [
        "The head of the queue is job head: only those go before it that cannot delay its start.",
        "The machine is full: 1 of 1 vCPUs, 512 of 8192 MiB and 0 of 0 GPUs are in use; the job needs 1 vCPUs, "
        "512 MiB.",
    ]


def test_given_somebody_went_before_a_head_that_nothing_can_be_promised_then_no_promise_is_told() -> None:
    world = World(vcpus=4)
    world.tell(backfilled(queue("q", "main")))
    world.submit(spec("endless", 3))
    world.submit(spec("head", 3), spec("beside"), spec("last"))

    assert world.status("beside") == "STARTING"
    assert "promised" not in " ".join(world.scheduler.explain("last"))


def test_programs_learn_what_a_pending_job_waits_for() -> None:
    world = World()
    world.submit(spec("a"), spec("b"), after(spec("c"), "b", "a"))

    assert world.scheduler.why("c") == {
        "status": "PENDING",
        "gist": "Job c is PENDING: it waits for 2 jobs to succeed.",
        "reasons": world.scheduler.explain("c"),
        "waitsFor": ["b", "a"],
    }


def test_programs_learn_when_the_time_of_a_running_job_is_up() -> None:
    world = World()
    world.submit(limited(spec("a"), 60))
    world.start("a")

    assert world.scheduler.why("a") == {
        "status": "RUNNING",
        "gist": f"Job a is RUNNING: attempt 1 of 1 runs in main as task {world.task('a')}.",
        "reasons": world.scheduler.explain("a"),
        "stopsAt": world.now + 60_000,
    }


def test_a_start_that_nobody_can_tell_is_not_told() -> None:
    world = World(vcpus=1)
    world.submit(spec("endless"), spec("next"))
    why = world.scheduler.why("next")
    assert why is not None
    assert "expectedStartAt" not in why
    assert "expectedStartAt" not in (world.scheduler.why("endless") or {})
    assert world.scheduler.why("nobody") is None


def test_however_long_a_line_is_only_its_beginning_is_counted() -> None:
    world = World(vcpus=1)
    world.submit(array("a", MOST_AHEAD), *[spec(f"j{n}") for n in range(3)])
    found = [world.scheduler.why(f"j{n}") for n in range(3)]
    assert [(why or {}).get("ahead") for why in found] == [MOST_AHEAD - 1, MOST_AHEAD, None]
    assert (found[2] or {})["aheadAtLeast"] == MOST_AHEAD
    assert world.scheduler.explain("j2")[0] == f"Job j2 is RUNNABLE in q, more than {MOST_AHEAD} jobs ahead of it."


def test_what_all_have_in_common_is_looked_up_once_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(vcpus=1)
    world.submit(*[spec(f"j{n}") for n in range(200)])
    looked_at: list[str] = []
    order = lines.order
    monkeypatch.setattr(lines, "order", lambda line: looked_at.append(line.name) or order(line))
    for number in range(1, 101):
        world.scheduler.why(f"j{number}")
    assert len(looked_at) <= 4
    world.scheduler.step([], world.now)
    assert world.scheduler.explain("j1")[0] == "Job j1 is RUNNABLE in q, 0 jobs ahead of it."
