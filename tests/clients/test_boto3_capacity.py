"""What an environment allows, how it scales and changes, and how fast one may ask: through boto3."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchd.clock import ManualClock
from batchd.controllers.replacement import Replacement
from batchd.quotas import Quotas
from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, eventually, reached
from tests.clients.worlds import MACHINES, Gate, World, fresh, needs

LACKING = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)
SMALL = {"instanceTypes": ["c5.large", "c5.xlarge"], "allocationStrategy": "BEST_FIT_PROGRESSIVE"}


def environment(world: World) -> dict[str, Any]:
    [found] = world.batch.describe_compute_environments(computeEnvironments=[world.environment])["computeEnvironments"]
    made: dict[str, Any] = found
    return made


def update(world: World, **changes: Any) -> None:
    world.batch.update_compute_environment(computeEnvironment=world.environment, **changes)


def sized(vcpus: int, memory_mib: int = 64) -> dict[str, Any]:
    return {"containerOverrides": {"resourceRequirements": needs(str(vcpus), str(memory_mib))}}


@pytest.mark.parametrize("size", [sized(5), sized(1, 8192)])
def test_a_job_that_no_instance_type_holds_says_so_at_the_head_and_starts_once_there_is_one(
    server: Any, size: dict[str, Any]
) -> None:
    world = World.of(server, **SMALL)
    job_id = world.submit(**size)
    job = eventually(lambda: next((j for j in [described(world.batch, job_id)] if "statusReason" in j), None), "reason")
    assert (job["status"], job["statusReason"]) == ("RUNNABLE", LACKING)
    snapshot = world.batch.get_job_queue_snapshot(jobQueue=world.queue)
    [front] = snapshot["frontOfQueue"]["jobs"]
    assert front["jobArn"] == job["jobArn"]
    assert job["createdAt"] <= front["earliestTimeAtPosition"] <= snapshot["frontOfQueue"]["lastUpdatedAt"]
    update(world, computeResources={"instanceTypes": ["c5.4xlarge"]})
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"
    assert world.batch.get_job_queue_snapshot(jobQueue=world.queue)["frontOfQueue"]["jobs"] == []


def test_desired_vcpus_are_the_machines_that_the_running_jobs_take(server: Any, gate: Gate) -> None:
    world = World.of(server, **SMALL)
    jobs = [world.submit(gate.script, **sized(vcpus)) for vcpus in (2, 1)]
    for job_id in jobs:
        reached(world.batch, job_id, "RUNNING")
    assert environment(world)["computeResources"]["desiredvCpus"] == 4
    usage = world.batch.get_job_queue_snapshot(jobQueue=world.queue)["queueUtilization"]["totalCapacityUsage"]
    assert usage == [{"capacityUnit": "VCPU", "quantity": 3.0}]
    update(world, computeResources={"scalingPolicy": {"minScaleDownDelayMinutes": 20}})
    gate.open()
    for job_id in jobs:
        ended(world.batch, job_id)
    assert environment(world)["computeResources"]["desiredvCpus"] == 4
    update(world, computeResources={"scalingPolicy": {"minScaleDownDelayMinutes": 0}})
    update(world, computeResources={"minvCpus": 2})
    assert environment(world)["computeResources"]["minvCpus"] == 2


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Updates of the machines go on once this is set."""
    may_go, go_on = Event(), Replacement.go_on

    async def go_on_if_it_may(self: Replacement) -> None:
        if may_go.is_set():
            await go_on(self)

    monkeypatch.setattr(Replacement, "go_on", go_on_if_it_may)
    return may_go


def test_an_update_of_the_machines_that_ends_jobs_lets_them_try_again(server: Any, gate: Gate, updates: Event) -> None:
    world = World.of(server, **SMALL)
    once = world.submit(gate.script)
    twice = world.submit(gate.script, retryStrategy={"attempts": 2})
    for job_id in (once, twice):
        reached(world.batch, job_id, "RUNNING")
    policy = {"terminateJobsOnUpdate": True, "jobExecutionTimeoutMinutes": 30}
    update(world, computeResources={"instanceTypes": ["m5"]}, updatePolicy=policy)
    assert environment(world)["status"] == "UPDATING"
    with refused("Cannot update, resource is being modified."):
        update(world, state="DISABLED")
    updates.set()
    failed = ended(world.batch, once)
    assert failed["status"] == "FAILED"
    assert failed["statusReason"].startswith("Host EC2 (instance i-")
    eventually(lambda: len(described(world.batch, twice).get("attempts", [])) == 1, "the first attempt is over")
    reached(world.batch, twice, "RUNNING")
    eventually(lambda: environment(world)["status"] == "VALID", "the update is over")
    gate.open()
    assert ended(world.batch, twice)["status"] == "SUCCEEDED"


def test_an_update_of_the_machines_waits_for_the_jobs_that_run(server: Any, gate: Gate) -> None:
    world = World.of(server, **SMALL)
    job_id = world.submit(gate.script)
    reached(world.batch, job_id, "RUNNING")
    update(world, computeResources={"instanceTypes": ["m5"]})
    assert environment(world)["status"] == "UPDATING"
    assert world.run()["status"] == "SUCCEEDED", "new jobs are taken meanwhile"
    gate.open()
    assert ended(world.batch, job_id)["status"] == "SUCCEEDED"
    eventually(lambda: environment(world)["status"] == "VALID", "the update is over")


def test_machine_types_that_do_not_exist_or_do_not_mix_are_refused(server: Any) -> None:
    with refused("Instance type can only be one of [c3, c3.2xlarge, "):
        World.of(server, instanceTypes=["m5.gigantic"])
    with refused("arm-based instance type cannot be used with other instance types."):
        World.of(server, instanceTypes=["optimal", "m6g"])


def test_roles_must_exist_where_the_operator_says_so(serve: Callable[..., Any]) -> None:
    server = serve(engine="fake", strict_roles=True)
    batch, iam = server.client("batch"), server.client("iam")
    batch.create_compute_environment(computeEnvironmentName="ce", type="MANAGED", computeResources=MACHINES)
    [made] = batch.describe_compute_environments()["computeEnvironments"]
    profile = "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole"
    assert made["status"] == "INVALID"
    assert made["statusReason"] == f"CLIENT_ERROR - Instance profile {profile} does not exist"
    order = [{"order": 1, "computeEnvironment": "ce"}]
    with refused("ComputeEnvironment ce is INVALID"):
        batch.create_job_queue(jobQueueName="night", priority=1, computeEnvironmentOrder=order)
    iam.create_instance_profile(InstanceProfileName="ecsInstanceRole")
    batch.update_compute_environment(computeEnvironment="ce", computeResources={"maxvCpus": 64})
    [made] = batch.describe_compute_environments()["computeEnvironments"]
    assert (made["status"], made["statusReason"]) == ("VALID", "ComputeEnvironment Healthy")
    batch.create_job_queue(jobQueueName="night", priority=1, computeEnvironmentOrder=order)


def test_who_asks_too_often_is_told_so_in_the_words_clients_know(serve: Callable[..., Any]) -> None:
    batch = serve(engine="fake", throttle=2.0).client("batch")
    with pytest.raises(ClientError) as told:
        for _ in range(1000):
            batch.describe_job_queues()
    response = told.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == (
        "TooManyRequestsException",
        "Too Many Requests",
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert batch.describe_compute_environments()["computeEnvironments"] == []


def test_quotas_are_the_operators(serve: Callable[..., Any]) -> None:
    server = serve(engine="fake", quotas=Quotas(job_queues=1, environments_per_queue=5))
    world = World.of(server)
    with refused("At most 1 job queues are allowed"):
        world.add_queue(fresh())
    order = []
    for number in range(5):
        name = fresh("another")
        world.batch.create_compute_environment(computeEnvironmentName=name, type="MANAGED", computeResources=MACHINES)
        order.append({"order": number, "computeEnvironment": name})
    world.batch.update_job_queue(jobQueue=world.queue, computeEnvironmentOrder=order)
    [queue] = world.batch.describe_job_queues()["jobQueues"]
    assert len(queue["computeEnvironmentOrder"]) == 5


def test_a_head_that_is_blocked_for_too_long_is_cancelled_where_its_queue_says_so(serve: Callable[..., Any]) -> None:
    clock = ManualClock()
    server = serve(clock, engine="fake", no_auth=True)
    world = World.of(server, **SMALL)
    limit = {
        "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "state": "RUNNABLE",
        "maxTimeSeconds": 600,
        "action": "CANCEL",
    }
    world.batch.update_job_queue(jobQueue=world.queue, jobStateTimeLimitActions=[limit])
    blocked = world.submit(**sized(5))
    behind = world.submit()
    clock.advance(599)
    assert described(world.batch, blocked)["status"] == "RUNNABLE"
    clock.advance(1)
    reason = "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
    job = ended(world.batch, blocked)
    assert (job["status"], job["statusReason"]) == ("FAILED", reason)
    reached(world.batch, behind, "STARTING", "RUNNING", "SUCCEEDED")
