"""The users' own stack under the real terraform and the real AWS provider, from nothing and back to nothing.

The tests are the chapters of one story and run in the order they stand in: an apply takes a minute, most of it the
provider's own waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.terraform.workspace import Workspace, provider_mirror
from tests.conftest import Running

UPDATED: dict[str, Any] = {
    "max_vcpus": 32,
    "priority": 20,
    "image_tag": "2.0",
    "retention_in_days": 90,
    "stage": "live",
    "ssh_from": ["10.0.0.0/8", "192.168.0.0/16"],
}
# What terraform wants to be told at import, where it is not the id of the state.
IMPORT_IDS = {
    "aws_iam_role_policy_attachment": "{role}/{policy_arn}",
    "aws_route_table_association": "{subnet_id}/{route_table_id}",
    "aws_cloudwatch_log_stream": "{log_group_name}:{name}",
    "aws_cloudwatch_event_target": "{event_bus_name}/{rule}/{target_id}",
}


@pytest.fixture(scope="module")
def mirror() -> Path:
    return provider_mirror()


@pytest.fixture(scope="module")
def first(mirror: Path, server: Running, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    server.client("sqs").create_queue(QueueName="feeds-dead")  # another team's
    return Workspace.of(tmp_path_factory.mktemp("terraform") / "first", server.environ, mirror)


@pytest.fixture(scope="module")
def second(mirror: Path, server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A colleague's copy: the same configuration, an empty state."""
    yield Workspace.of(tmp_path_factory.mktemp("terraform") / "second", server.environ, mirror)


def actions(changes: list[dict[str, Any]]) -> set[str]:
    return {action for change in changes for action in change["change"]["actions"]}


def test_everything_applies_and_then_plans_clean(first: Workspace, server: Running) -> None:
    assert actions(first.plan()) == {"create"}
    first.apply()

    assert first.plan() == []
    queues = server.client("batch").describe_job_queues()["jobQueues"]
    assert {queue["jobQueueName"]: queue["status"] for queue in queues} == {
        "feeds": "VALID",
        "feeds-spare": "VALID",
        "feeds-fargate": "VALID",
    }


def test_a_job_of_the_stack_is_accepted(first: Workspace, server: Running) -> None:
    batch = server.client("batch")
    job = batch.submit_job(
        jobName="load", jobQueue="feeds", jobDefinition="feeds-loader", parameters={"processId": "42"}
    )

    (detail,) = batch.describe_jobs(jobs=[job["jobId"]])["jobs"]

    container = detail["container"]
    assert container["command"] == ["python", "load.py", "--process", "42", "--day", "today"]
    assert (container["user"], {"name": "DAY", "value": "today"} in container["environment"]) == ("nobody", True)
    batch.terminate_job(jobId=job["jobId"], reason="only asked for")


def test_an_update_changes_in_place_and_then_plans_clean(first: Workspace, server: Running) -> None:
    updated = first.with_variables(**UPDATED)

    assert actions(updated.plan()) == {"update"}
    updated.apply()

    assert updated.plan() == []
    batch = server.client("batch")
    environments = batch.describe_compute_environments()["computeEnvironments"]
    assert {environment["computeResources"]["maxvCpus"] for environment in environments} == {32}
    definitions = batch.describe_job_definitions(jobDefinitionName="feeds-loader", status="ACTIVE")["jobDefinitions"]
    assert [definition["containerProperties"]["image"].rpartition(":")[2] for definition in definitions] == ["2.0"]


def test_a_fresh_state_imports_everything_and_then_plans_clean(first: Workspace, second: Workspace) -> None:
    resources = first.resources()
    imports = "".join(f'import {{\n  to = {r["address"]}\n  id = "{import_id(r)}"\n}}\n' for r in resources)
    (second.folder / "imports.tf").write_text(imports)
    updated = second.with_variables(**UPDATED)

    changes = updated.plan()
    assert {change["address"] for change in changes if "importing" in change["change"]} == {
        resource["address"] for resource in resources
    }
    assert actions(changes) <= {"no-op", "update"}
    updated.apply()

    assert updated.plan() == []


def test_what_is_destroyed_leaves_nothing_behind(second: Workspace, server: Running) -> None:
    second.with_variables(**UPDATED).destroy()

    assert second.resources() == []
    batch, ec2 = server.client("batch"), server.client("ec2")
    assert batch.describe_job_queues()["jobQueues"] == []
    assert batch.describe_compute_environments()["computeEnvironments"] == []
    assert batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"] == []
    assert [group["GroupName"] for group in ec2.describe_security_groups()["SecurityGroups"]] == ["default"]
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1
    assert server.client("ecr").describe_repositories()["repositories"] == []
    assert server.client("iam").list_policies(Scope="Local")["Policies"] == []
    assert server.client("sns").list_topics()["Topics"] == []
    assert [url.rpartition("/")[2] for url in server.client("sqs").list_queues()["QueueUrls"]] == ["feeds-dead"]
    events = server.client("events")
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]
    assert events.list_rules()["Rules"] == []


def import_id(resource: dict[str, Any]) -> str:
    values: dict[str, Any] = resource["values"]
    return IMPORT_IDS.get(resource["type"], "{id}").format(**values)
