"""Jobs that ask for nothing but their definition share what was made of it, and nothing else."""

from __future__ import annotations

from typing import Any

from batchd.services.batch.resolve import resolve_job

PARAMS = {"jobName": "a", "jobQueue": "night", "jobDefinition": "work"}


def definition(command: str) -> dict[str, Any]:
    sizes = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    lists: dict[str, Any] = {key: [] for key in ("volumes", "environment", "mountPoints", "ulimits", "secrets")}
    container = {"image": "busybox", "command": [command], "resourceRequirements": sizes, **lists}
    return {
        "jobDefinitionName": "work",
        "jobDefinitionArn": "arn:aws:batch:us-east-1:123456789012:job-definition/work:1",
        "type": "container",
        "containerOrchestrationType": "ECS",
        "parameters": {},
        "containerProperties": container,
    }


def test_plain_jobs_of_one_definition_and_region_are_resolved_once() -> None:
    work = definition("true")

    first = resolve_job(work, PARAMS, "us-east-1")

    assert resolve_job(work, {**PARAMS, "jobName": "b"}, "us-east-1") is first
    assert resolve_job(work, PARAMS, "eu-west-1") is not first


def test_a_definition_that_only_looks_the_same_is_another() -> None:
    alike = definition("true")

    assert resolve_job(alike, PARAMS, "us-east-1") is not resolve_job(definition("true"), PARAMS, "us-east-1")
    assert b"own-words" in resolve_job(definition("own-words"), PARAMS, "us-east-1").task


def test_what_a_job_asks_for_itself_is_its_own() -> None:
    work = definition("true")
    plain = resolve_job(work, PARAMS, "us-east-1")

    own = resolve_job(work, {**PARAMS, "containerOverrides": {"command": ["own-words"]}}, "us-east-1")

    assert (b"own-words" in own.task, b"own-words" in plain.task) == (True, False)
    assert resolve_job(work, PARAMS, "us-east-1") is plain
