"""`batchd run`: a command becomes a job, through the same API as everybody's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from batchd.cli.connect import Clients
from batchd.errors import BatchdError

if TYPE_CHECKING:
    from types_boto3_batch.type_defs import ContainerOverridesTypeDef, SubmitJobRequestTypeDef

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")


class Unsuitable(BatchdError):
    """Words that make no job."""


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
    """A SubmitJob that works: the queue and the definition that it names are there. Raises Unsuitable."""
    if work.name:
        _check_name("--name", work.name)
    _check_texts(work)
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


def _check_name(flag: str, name: str) -> None:
    """As the service does, which does not say what a name looks like."""
    if not _NAME.fullmatch(name):
        rule = "1 to 128 letters, digits, - and _, of which the first is a letter or digit"
        raise Unsuitable(f"{flag} must be {rule}, not {name!r}")


def _check_texts(work: Work) -> None:
    for text in (*work.command, *work.environment, *work.environment.values(), str(work.directory)):
        try:
            text.encode()
        except UnicodeEncodeError:  # bytes of the command line that Python kept as they were
            raise Unsuitable(f"{text!r} is not UTF-8, as the texts of a job must be") from None


def ensure_queue(clients: Clients, queue: str) -> None:
    """A queue of this name on an environment of the same name, unless there is one.

    The environment is UNMANAGED: no limit but the machine's.
    """
    batch = clients.batch
    if batch.describe_job_queues(jobQueues=[queue])["jobQueues"]:
        return
    _check_name("--queue", queue)
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
    script = 'cd "$1" && shift && exec "$@"'
    return ["sh", "-c", script, "batchd", str(work.directory), *work.command]  # a shell's complaints begin with the $0


def _job_name(command: list[str]) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", Path(command[0]).name).strip("-_")[:128] or "run"
