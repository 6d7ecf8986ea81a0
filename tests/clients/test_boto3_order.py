"""Who runs when: priorities, capacity, and jobs that do not fit, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, fresh, needs

WHOLE_MACHINE = {"containerOverrides": {"resourceRequirements": needs("2")}}


@pytest.fixture
def small(serve: Callable[..., Any]) -> World:
    """On a machine of two vCPUs and 1024 MiB."""
    return World.of(serve(vcpus=2, memory_mib=1024))


def order_of_starts(world: World, job_ids: list[str]) -> list[str]:
    jobs = [ended(world.batch, job_id) for job_id in job_ids]
    return [job["jobId"] for job in sorted(jobs, key=lambda job: job["startedAt"])]


def test_a_queue_is_served_in_the_order_of_submission(small: World, gate: Gate) -> None:
    first = small.submit(gate.script, **WHOLE_MACHINE)
    definition = small.define("sleep 0.01")
    rest = [small.submit(jobDefinition=definition, **WHOLE_MACHINE) for _ in range(5)]
    gate.open()
    assert order_of_starts(small, [first, *rest]) == [first, *rest]


def test_the_queue_of_higher_priority_is_served_first(small: World, gate: Gate) -> None:
    urgent = small.add_queue(fresh("urgent"), priority=100)
    first = small.submit(gate.script, **WHOLE_MACHINE)
    definition = small.define("sleep 0.01")
    low = [small.submit(jobDefinition=definition, **WHOLE_MACHINE) for _ in range(2)]
    high = [small.submit(jobDefinition=definition, jobQueue=urgent, **WHOLE_MACHINE) for _ in range(2)]
    reached(small.batch, first, "RUNNING")
    gate.open()
    assert order_of_starts(small, [*low, *high]) == [*high, *low]


def test_an_environment_runs_as_many_as_its_vcpus_allow(server: Any, gate: Gate) -> None:
    world = World.of(server, maxvCpus=2)
    definition = world.define(gate.script)
    jobs = [world.submit(jobDefinition=definition) for _ in range(3)]
    for job_id in jobs[:2]:
        reached(world.batch, job_id, "RUNNING")
    waiting = described(world.batch, jobs[2])
    assert waiting["status"] == "RUNNABLE"
    assert waiting["statusReason"].endswith(" is full: 2 of 2 vCPUs are in use, the job needs 1.")
    world.batch.update_compute_environment(computeEnvironment=world.environment, computeResources={"maxvCpus": 3})
    reached(world.batch, jobs[2], "RUNNING")


def test_a_job_larger_than_the_machine_runs_alone_and_says_so(small: World, gate: Gate) -> None:
    large = small.submit(gate.script, containerOverrides={"resourceRequirements": needs("2", "2000")})
    running = reached(small.batch, large, "RUNNING")
    assert running["statusReason"].startswith("Running clamped: the job asks for more than this machine has")
    beside = small.submit()
    assert described(small.batch, beside)["status"] == "RUNNABLE"
    gate.open()
    done = ended(small.batch, large)
    assert (done["status"], done["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert ended(small.batch, beside)["status"] == "SUCCEEDED"


def test_a_job_larger_than_every_environment_of_its_queue_says_so_and_starts_once_it_fits(server: Any) -> None:
    world = World.of(server, maxvCpus=1)
    job_id = world.submit(containerOverrides={"resourceRequirements": needs("2")})
    stuck = described(world.batch, job_id)
    assert stuck["status"] == "RUNNABLE"
    assert stuck["statusReason"] == (
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
        "CE(s) associated with the job queue cannot meet the CPU requirement of the job."
    )
    world.batch.update_compute_environment(computeEnvironment=world.environment, computeResources={"maxvCpus": 2})
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"


def test_a_job_that_asks_for_a_gpu_where_there_is_none_says_so(world: World) -> None:
    gpu = [*needs(), {"type": "GPU", "value": "1"}]
    job_id = world.submit(containerOverrides={"resourceRequirements": gpu})
    assert described(world.batch, job_id)["statusReason"].startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - ")


def test_a_retried_job_goes_to_the_front_of_its_queue(small: World, gate: Gate) -> None:
    script = f'if [ "$AWS_BATCH_JOB_ATTEMPT" = 1 ]; then {gate.script}; exit 1; fi'
    retried = small.submit(script, retryStrategy={"attempts": 2}, **WHOLE_MACHINE)
    behind = small.submit(**WHOLE_MACHINE)
    reached(small.batch, retried, "RUNNING")
    gate.open()
    assert order_of_starts(small, [retried, behind]) == [retried, behind]
