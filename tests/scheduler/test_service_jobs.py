from __future__ import annotations

from dataclasses import replace

from batchd.scheduler.events import (
    CapacityLimit,
    EnvironmentSaved,
    EnvironmentSpec,
    ExitRule,
    JobSpec,
    Resources,
    ServiceSpec,
    TerminateRequested,
)
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.rows import Rows
from tests.scheduler.worlds import World, backfilled, limited, machine, queue, retrying, spec

M5, G5 = "ml.m5.large", "ml.g5.xlarge"
TOO_LARGE = (
    "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE - Service environment(s) associated with the job queue cannot "
    "meet the capacity requirement of the job."
)


def service_environment(arn: str = "se", *, available: bool = True, **limits: int) -> EnvironmentSaved:
    """`limits` by unit, with `_` for `.`."""
    capacity = tuple(CapacityLimit(unit.replace("_", ".") if unit[0] == "m" else unit, n) for unit, n in limits.items())
    return EnvironmentSaved(EnvironmentSpec(arn, available, capacity=capacity))


def training(name: str, unit: str = M5, quantity: int = 1, *, fault: str | None = None, gpus: int = 0) -> JobSpec:
    return JobSpec(name, "training", Resources(100, 64, gpus), service=ServiceSpec(unit, quantity, fault))


def a_world(**limits: int) -> World:
    world = World()
    world.tell(service_environment(**limits), queue("training", "se"))
    return world


def test_an_environment_runs_as_many_instances_as_its_limit() -> None:
    world = a_world(NUM_INSTANCES=2)
    world.submit(training("a"), training("b", G5), training("c"))
    assert world.statuses("a", "b", "c") == "STARTING STARTING RUNNABLE"
    assert "se is full: 2 of 2 instances are in use" in " ".join(world.scheduler.explain("c"))

    world.run("a")
    assert world.statuses("b", "c") == "STARTING STARTING"


def test_limits_of_types_are_apart() -> None:
    world = a_world(ml_m5_large=1, ml_g5_xlarge=2)
    world.submit(training("a"), training("b", G5, 2), training("c", G5))

    assert world.statuses("a", "b", "c") == "STARTING STARTING RUNNABLE"
    assert world.scheduler.state.environments["se"].instances == {M5: 1, G5: 2}


def test_a_job_of_several_instances_waits_for_all_of_them() -> None:
    world = a_world(NUM_INSTANCES=3)
    world.submit(training("a"), training("b", quantity=3), training("c"))
    assert world.statuses("a", "b", "c") == "STARTING RUNNABLE RUNNABLE"

    world.run("a")
    assert world.statuses("b", "c") == "STARTING RUNNABLE"


def test_a_head_larger_than_the_limit_says_so_until_the_limit_is_raised() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.submit(training("a", quantity=2))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("RUNNABLE", TOO_LARGE)
    assert "allows at most 1 instance, the job needs 2 of ml.m5.large." in " ".join(world.scheduler.explain("a"))

    world.tell(service_environment(NUM_INSTANCES=2))
    assert (world.status("a"), world.jobs["a"].status_reason) == ("STARTING", None)


def test_a_type_without_a_limit_never_fits() -> None:
    world = a_world(ml_m5_large=1)
    world.submit(training("a", G5))

    assert world.jobs["a"].status_reason == TOO_LARGE


def test_a_job_whose_gpus_the_machine_lacks_says_so() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.submit(training("a", gpus=1))
    assert world.jobs["a"].status_reason == TOO_LARGE

    world.tell(machine(4, gpus=1))
    assert world.status("a") == "STARTING"


def test_a_lowered_limit_lets_what_runs_go_on() -> None:
    world = a_world(NUM_INSTANCES=2)
    world.submit(training("a"), training("b"), training("c"))
    world.tell(service_environment(NUM_INSTANCES=1))
    world.run("a")
    assert world.statuses("b", "c") == "STARTING RUNNABLE"

    world.run("b")
    assert world.status("c") == "STARTING"


def test_a_blocked_head_is_terminated_when_its_time_is_up() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.tell(queue("training", "se", limits={"MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE": 600}))
    world.submit(training("a", quantity=2))
    world.wait(601)

    assert (world.status("a"), world.jobs["a"].is_terminated) == ("FAILED", True)
    assert world.jobs["a"].status_reason == (
        "Terminated by JobStateTimeLimit action due to reason: MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE"
    )


def test_what_can_not_run_fails_at_once() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.submit(training("a", fault="Received status from SageMaker: ValidationException: no"), training("b"))

    assert (world.life("a"), world.jobs["a"].status_reason) == (
        ["SUBMITTED", "FAILED"],
        "Received status from SageMaker: ValidationException: no",
    )
    assert world.status("b") == "STARTING"


def test_sagemaker_tells_how_an_attempt_ended() -> None:
    world = a_world(NUM_INSTANCES=9)
    world.submit(*[training(name) for name in "abcde"])
    world.run("a")
    world.run("b", 3)
    world.start("c")
    world.exit("c", 137, "OutOfMemoryError: Container killed due to memory usage")
    world.fail_to_start("d")
    world.lose("e")

    said = [str(world.jobs[name].status_reason).removeprefix("Received status from SageMaker: ") for name in "abcde"]
    assert said == [
        "Training job completed",
        "AlgorithmError: exit code: 3",
        "AlgorithmError: OutOfMemoryError: Container killed due to memory usage, exit code: 137",
        "ClientError: CannotPullContainerError: no such image",
        "InternalServerError: We encountered an internal error. Please try again.",
    ]


def test_retries_look_at_what_sagemaker_said() -> None:
    rules = (
        ExitRule("RETRY", "Received status from SageMaker: InternalServerError*"),
        ExitRule("EXIT", "*exit code: 3"),
        ExitRule("RETRY", "*Algorithm*"),
        ExitRule("EXIT", "*"),
    )
    world = a_world(NUM_INSTANCES=1)
    world.submit(retrying(training("a"), 9, *rules))
    world.lose("a")
    world.run("a", 4)
    assert world.life("a").count("STARTING") == 3

    world.run("a", 3)
    assert (world.status("a"), len(world.jobs["a"].attempts)) == ("FAILED", 3)


def test_the_last_place_is_told_with_its_time() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.submit(retrying(training("a"), 2))
    first = world.jobs["a"].scheduled_at
    world.run("a", 1)

    assert first is not None
    assert world.jobs["a"].scheduled_at == world.now
    assert world.now > first


def test_a_service_job_is_terminated_and_timed_out_like_any_other() -> None:
    world = a_world(NUM_INSTANCES=2)
    world.submit(limited(training("a"), 60), training("b"))
    world.start("a", "b")
    world.wait(62)
    world.tell(TerminateRequested("b", "enough"))
    world.exit("a", 143)
    world.exit("b", 143)

    assert (world.jobs["a"].status_reason, world.jobs["b"].status_reason) == (
        "Job attempt duration exceeded timeout",
        "enough",
    )
    assert world.jobs["b"].is_terminated


def test_a_deleted_or_disabled_environment_takes_no_job() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.tell(service_environment(available=False, NUM_INSTANCES=1))
    world.submit(training("a"))
    assert world.status("a") == "RUNNABLE"
    assert "Service environment se is DISABLED: it takes no new job" in " ".join(world.scheduler.explain("a"))


def test_a_queue_that_is_backfilled_foresees_the_end_of_service_jobs() -> None:
    world = a_world(NUM_INSTANCES=1)
    world.tell(backfilled(queue("q", "main")))
    world.submit(limited(replace(training("a"), resources=Resources(3000, 64)), 600))
    world.start("a")
    world.submit(spec("head", 4), limited(spec("short"), 60))
    assert world.statuses("head", "short") == "RUNNABLE STARTING"

    world.exit("a")
    world.run("short")
    assert world.status("head") == "STARTING"


def test_a_restarted_scheduler_counts_instances_again() -> None:
    world, rows = a_world(NUM_INSTANCES=1), Rows()
    rows.save(world.submit(training("a"), training("b")))
    again = Scheduler()
    again.step([service_environment(NUM_INSTANCES=1), queue("training", "se"), machine(4)], 1)
    again.restore(rows.live())

    assert again.state.environments["se"].instances == {M5: 1}
    assert again.step([], 2).commands == []
    assert replace(rows.jobs["a"]).scheduled_at == world.now
