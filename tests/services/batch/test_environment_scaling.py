"""desiredvCpus follows what the jobs use. [batch.md 6.3]"""

from __future__ import annotations

import pytest

from batchd.store.store import Body
from tests.services.batch.worlds import EC2, FARGATE, World

ARN = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"
MINUTE_MS = 60_000
SIZES = {**EC2, "instanceTypes": ["c5.large", "c5.4xlarge"], "maxvCpus": 64}


def desired(world: World) -> int:
    (found,) = world.ask("describe_compute_environments", computeEnvironments=["ce"])["computeEnvironments"]
    vcpus: int = found["computeResources"]["desiredvCpus"]
    return vcpus


class Load:
    """The vCPUs in use over time: (from when, how many)."""

    def __init__(self, world: World) -> None:
        self.steps: list[tuple[int, float]] = [(0, 0.0)]
        self._world = world
        world.deployment["environment_vcpus"] = self.most_since

    def becomes(self, vcpus: float) -> None:
        self.steps.append((self._world.now_ms, vcpus))

    def most_since(self, arn: str, since: int) -> float:
        assert arn == ARN
        ends = [at for at, _ in self.steps[1:]] + [self._world.now_ms + 1]
        return max(vcpus for (_, vcpus), end in zip(self.steps, ends, strict=True) if end > since)


@pytest.fixture
def load(world: World) -> Load:
    return Load(world)


@pytest.mark.parametrize(("in_use", "vcpus"), [(0, 0), (1, 2), (3, 16), (17, 18), (64, 64), (90, 64)])
def test_desired_vcpus_are_those_of_the_machines_that_the_jobs_take_up_to_the_maximum(
    world: World, load: Load, in_use: float, vcpus: int
) -> None:
    world.environment(resources=SIZES)
    load.becomes(in_use)
    assert desired(world) == vcpus


def test_the_minimum_is_kept_without_jobs_and_disabled(world: World) -> None:
    world.environment(resources={**SIZES, "minvCpus": 4}, state="DISABLED")
    world.now_ms += 100 * MINUTE_MS
    assert desired(world) == 4


def test_they_go_down_with_the_last_job_where_there_is_no_delay(world: World, load: Load) -> None:
    world.environment(resources=SIZES)
    load.becomes(16)
    assert desired(world) == 16
    world.now_ms += MINUTE_MS
    load.becomes(0)
    assert desired(world) == 0


def test_they_go_down_after_the_delay_from_the_last_time_they_were_in_use(world: World, load: Load) -> None:
    world.environment(resources={**SIZES, "scalingPolicy": {"minScaleDownDelayMinutes": 30}})
    load.becomes(16)
    world.now_ms += 60 * MINUTE_MS
    load.becomes(1)
    world.now_ms += 30 * MINUTE_MS - 1
    assert desired(world) == 16
    world.now_ms += 1
    assert desired(world) == 2


def test_what_an_operator_asks_for_stays_a_while_and_then_only_what_is_in_use(world: World, load: Load) -> None:
    world.environment(resources=SIZES)
    world.now_ms += 100 * MINUTE_MS
    world.ask("update_compute_environment", computeEnvironment="ce", computeResources={"desiredvCpus": 20})
    assert desired(world) == 20
    world.now_ms += 10 * MINUTE_MS - 1
    assert desired(world) == 20
    world.now_ms += 1
    assert desired(world) == 0


def test_other_updates_do_not_prolong_it(world: World) -> None:
    world.environment(resources={**SIZES, "desiredvCpus": 20})
    world.now_ms += 9 * MINUTE_MS
    world.ask("update_compute_environment", computeEnvironment="ce", computeResources={"maxvCpus": 32})
    assert desired(world) == 20
    world.now_ms += MINUTE_MS
    assert desired(world) == 0


def test_an_operator_may_only_raise_what_is_reported(world: World, load: Load) -> None:
    world.environment(resources=SIZES)
    load.becomes(16)
    change: Body = {"computeEnvironment": "ce", "computeResources": {"desiredvCpus": 8}}
    assert world.wrapped("update_compute_environment", **change).startswith("Manually scaling down")
    load.becomes(0)
    world.now_ms += 1
    assert world.ask("update_compute_environment", **change)["computeEnvironmentName"] == "ce"


def test_fargate_and_unmanaged_environments_report_none(world: World) -> None:
    world.environment(resources=FARGATE)
    world.ask("create_compute_environment", computeEnvironmentName="own", type="UNMANAGED")
    found = world.ask("describe_compute_environments")["computeEnvironments"]
    assert [e.get("computeResources", {}).get("desiredvCpus") for e in found] == [None, None]
