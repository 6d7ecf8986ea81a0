"""A queue on an environment of its own, and jobs in one line: what tests with a real boto3 client start from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.waiting import ended

MACHINES = {
    "type": "EC2",
    "minvCpus": 0,
    "maxvCpus": 64,
    "instanceTypes": ["optimal"],
    "instanceRole": "ecsInstanceRole",
    "subnets": ["subnet-1"],
}


def fresh(noun: str = "it") -> str:
    """A name that nothing has."""
    return f"{noun}-{uuid.uuid4().hex[:12]}"


def needs(vcpus: str = "1", memory_mib: str = "64") -> list[dict[str, str]]:
    """resourceRequirements."""
    return [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory_mib}]


def shell(script: str) -> dict[str, Any]:
    """containerProperties of a shell script."""
    return {"image": "busybox", "command": ["sh", "-c", script], "resourceRequirements": needs()}


@dataclass(frozen=True)
class World:
    """One region of a server, seen through boto3."""

    batch: Any
    logs: Any
    environment: str
    queue: str

    @classmethod
    def of(cls, server: Any, region: str = "us-east-1", **resources: Any) -> World:
        """With an EC2 environment of plenty, but for these members of its computeResources."""
        batch, name = server.client("batch", region), fresh("world")
        batch.create_compute_environment(
            computeEnvironmentName=name, type="MANAGED", computeResources={**MACHINES, **resources}
        )
        world = cls(batch, server.client("logs", region), name, name)
        world.add_queue(name)
        return world

    def add_queue(self, name: str, priority: int = 1) -> str:
        """Another queue on the same environment."""
        order = [{"order": 1, "computeEnvironment": self.environment}]
        self.batch.create_job_queue(jobQueueName=name, priority=priority, computeEnvironmentOrder=order)
        return name

    def define(self, script: str = "true", **more: Any) -> str:
        """The ARN of a new definition of a shell script; `more` are members of RegisterJobDefinition."""
        properties = {**shell(script), **more.pop("containerProperties", {})}
        request = {"jobDefinitionName": fresh("definition"), "type": "container", **more}
        arn: str = self.batch.register_job_definition(**request, containerProperties=properties)["jobDefinitionArn"]
        return arn

    def submit(self, script: str = "true", **more: Any) -> str:
        """The id of a job that runs a shell script; `more` are members of SubmitJob."""
        definition = more.pop("jobDefinition", None) or self.define(script)
        request = {"jobName": "job", "jobQueue": self.queue, "jobDefinition": definition, **more}
        job_id: str = self.batch.submit_job(**request)["jobId"]
        return job_id

    def run(self, script: str = "true", **more: Any) -> dict[str, Any]:
        """As `submit`, and wait for its end."""
        return ended(self.batch, self.submit(script, **more))

    def output(self, job: dict[str, Any]) -> list[str]:
        """The lines of the job's last attempt."""
        return self.stream(job["container"]["logStreamName"])

    def stream(self, name: str) -> list[str]:
        page = self.logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=name, startFromHead=True)
        return [event["message"] for event in page["events"]]


@dataclass(frozen=True)
class Gate:
    """A file that a job waits for: what runs goes on running until the test opens it."""

    path: Path

    @property
    def script(self) -> str:
        return f"until [ -e {self.path} ]; do sleep 0.02; done"

    def open(self) -> None:
        self.path.touch()
