"""`batchd run`: a command becomes a job, through the same API as everybody's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from batchd.cli.connect import Clients

if TYPE_CHECKING:
    from types_boto3_batch.type_defs import ContainerOverridesTypeDef, SubmitJobRequestTypeDef


@dataclass(frozen=True, slots=True)
class Work:
    """What to run. `directory` is where, for engines that run on the host's files."""

    command: list[str]
    queue: str = "default"
    name: str = ""
    image: str = "python:3-slim"
    vcpus: int = 1
    memory_mib: int = 512
    attempts: int = 1
    timeout_s: int | None = None
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None


def submit(clients: Clients, work: Work) -> str:
    """Make what is missing, submit; returns the job id."""
    return clients.batch.submit_job(**request_of(clients, work))["jobId"]


def request_of(clients: Clients, work: Work) -> SubmitJobRequestTypeDef:
    """A SubmitJob that works: the queue and the definition that it names are there."""
    ensure_queue(clients, work.queue)
    overrides: ContainerOverridesTypeDef = {
        "command": _command(clients, work),
        "environment": [{"name": k, "value": v} for k, v in work.environment.items()],
        "resourceRequirements": [
            {"type": "VCPU", "value": str(work.vcpus)},
            {"type": "MEMORY", "value": str(work.memory_mib)},
        ],
    }
    request: SubmitJobRequestTypeDef = {
        "jobName": work.name or _job_name(work.command),
        "jobQueue": work.queue,
        "jobDefinition": _definition(clients, work.image),
        "containerOverrides": overrides,
        "retryStrategy": {"attempts": work.attempts},
    }
    if work.timeout_s is not None:
        request["timeout"] = {"attemptDurationSeconds": work.timeout_s}
    return request


def ensure_queue(clients: Clients, queue: str) -> None:
    """A queue of this name on an environment of the same name, unless there is one.

    The environment is UNMANAGED: no limit but the machine's.
    """
    batch = clients.batch
    if batch.describe_job_queues(jobQueues=[queue])["jobQueues"]:
        return
    if not batch.describe_compute_environments(computeEnvironments=[queue])["computeEnvironments"]:
        batch.create_compute_environment(computeEnvironmentName=queue, type="UNMANAGED")
    batch.create_job_queue(
        jobQueueName=queue, priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": queue}]
    )


def _definition(clients: Clients, image: str) -> str:
    """One definition per image, registered once."""
    name = "run-" + re.sub(r"[^A-Za-z0-9_-]+", "-", image)[:100]
    found = clients.batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    if not any(d["containerProperties"]["image"] == image for d in found if "containerProperties" in d):
        clients.batch.register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties={
                "image": image,
                "command": ["true"],
                "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
            },
        )
    return name


def _command(clients: Clients, work: Work) -> list[str]:
    """In the caller's directory where jobs run on this host's files; the image's own elsewhere."""
    if work.directory is None or clients.own.get_overview()["engine"] != "process":
        return work.command
    return ["sh", "-c", 'cd "$0" && exec "$@"', str(work.directory), *work.command]


def _job_name(command: list[str]) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", Path(command[0]).name).strip("-_")[:128] or "run"
