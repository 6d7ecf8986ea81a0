"""A Batch service over a store of its own. Every request and answer is held against botocore's model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from batchd.clock import ManualClock
from batchd.errors import ApiError
from batchd.gateway.operation import Context, Service
from batchd.scheduler.events import Event, JobStatus
from batchd.scheduler.state import Attempt
from batchd.services.batch import SERVICE
from batchd.store.sqlite import open_sqlite
from batchd.store.store import Body, JobRow, Key, Store, Tx
from tests.contexts import REGION, context, deployment

MODEL: ServiceModel = botocore.session.get_session().get_service_model("batch")
OPERATIONS = {botocore.xform_name(name): name for name in MODEL.operation_names}
SCALARS: dict[str, type] = {"string": str, "integer": int, "long": int, "boolean": bool}

EC2: Body = {
    "type": "EC2",
    "minvCpus": 0,
    "maxvCpus": 16,
    "subnets": ["subnet-1"],
    "instanceTypes": ["optimal"],
    "instanceRole": "ecsInstanceRole",
}
FARGATE: Body = {"type": "FARGATE", "maxvCpus": 8, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
CONTAINER: Body = {
    "image": "busybox:latest",
    "command": ["echo", "hello"],
    "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "1024"}],
}
FARGATE_CONTAINER: Body = {
    "image": "busybox",
    "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
}


class World:
    """`ask` one operation as its own unit of work; what it wrote is committed.

    `calls` are calls of other services, answered by those in `services`, else with nothing. `deployment` are fields of
    the server's Deployment.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.region = REGION
        self.now_ms = 1_700_000_000_000
        self.calls: list[tuple[str, str, Body]] = []
        self.services: dict[str, Service] = {}
        self.deployment: Body = {}
        store.transact(lambda tx: tx.resources.put(Key("logs.group", REGION, "/aws/batch/job"), {}))

    def ask(self, operation: str, /, **params: Any) -> Body:
        shape = MODEL.operation_model(OPERATIONS[operation]).input_shape
        assert shape is not None
        report = ParamValidator().validate(params, shape)
        assert not report.has_errors(), report.generate_report()
        answer = self._answer(operation, params)
        model = MODEL.operation_model(OPERATIONS[operation])
        if model.output_shape is not None:
            check(answer, model.output_shape, operation)
        return answer

    def refusal(self, operation: str, /, **params: Any) -> str:
        """The text of the ClientException that answers this."""
        with pytest.raises(ApiError) as caught:
            self.ask(operation, **params)
        assert caught.value.code == "ClientException"
        return caught.value.message

    def wrapped(self, operation: str, /, **params: Any) -> str:
        """The text within AWS's wrapper."""
        text = self.refusal(operation, **params)
        head, tail = "Error executing request, Exception : ", ", RequestId: 00000000-0000-4000-8000-000000000000"
        assert text.startswith(head)
        assert text.endswith(tail)
        return text.removeprefix(head).removesuffix(tail)

    def events(self) -> list[Event]:
        with self.store.read() as tx:
            return [event for _, _, event in tx.journal.read(0, 1000)]

    def body(self, kind: str, name: str) -> Body:
        with self.store.read() as tx:
            found = tx.resources.get(Key(kind, self.region, name))
        assert found is not None
        return found

    def row(self, job_id: str) -> JobRow:
        with self.store.read() as tx:
            found = tx.jobs.get(job_id)
        assert found is not None
        return found

    def becomes(self, job_id: str, status: JobStatus, attempts: Iterable[Attempt] = (), **changes: Any) -> None:
        """As if the scheduler had said so."""

        def work(tx: Tx) -> None:
            (job,) = [job for job in tx.jobs.live() if job.job_id == job_id]
            tx.jobs.save([replace(job, status=status, attempts=[*job.attempts, *attempts], **changes)])

        self.store.transact(work)

    def _answer(self, operation: str, params: Body) -> Body:
        served = SERVICE.operations[operation]

        def work(tx: Tx) -> Body:
            answer: Body = served.function(params, self.context(tx))
            return answer

        if served.writes:
            return self.store.transact(work)
        with self.store.read() as tx:
            return work(tx)

    def context(self, tx: Tx) -> Context:
        def call(service: str, operation: str, params: Body) -> Body:
            self.calls.append((service, operation, params))
            if service not in self.services:
                return {}
            served = self.services[service].operations[botocore.xform_name(operation)]
            answer: Body = served.function(params, self.context(tx))
            return answer

        server = deployment(**self.deployment)
        return context(tx, region=self.region, now_ms=self.now_ms, call=call, deployment=server)

    # What most tests begin with.

    def environment(self, name: str = "ce", resources: Body = EC2, **params: Any) -> str:
        answer = self.ask(
            "create_compute_environment",
            **{"computeEnvironmentName": name, "type": "MANAGED", "computeResources": resources, **params},
        )
        return str(answer["computeEnvironmentArn"])

    def queue(self, name: str = "night", environments: Iterable[str] = ("ce",), **params: Any) -> str:
        order = [{"order": i, "computeEnvironment": ce} for i, ce in enumerate(environments, 1)]
        answer = self.ask(
            "create_job_queue", **{"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order, **params}
        )
        return str(answer["jobQueueArn"])

    def definition(self, name: str = "feed", container: Body | None = None, **params: Any) -> str:
        """Members of `container` come over those of CONTAINER."""
        properties = {**CONTAINER, **(container or {})}
        answer = self.ask(
            "register_job_definition",
            **{"jobDefinitionName": name, "type": "container", "containerProperties": properties, **params},
        )
        return str(answer["jobDefinitionArn"])

    def ready(self) -> World:
        """With an environment, a queue and a definition."""
        self.environment()
        self.queue()
        self.definition()
        return self

    def fargate_ready(self) -> World:
        """The same on Fargate."""
        self.environment(resources=FARGATE)
        self.queue()
        self.ask(
            "register_job_definition",
            jobDefinitionName="feed",
            type="container",
            platformCapabilities=["FARGATE"],
            containerProperties=FARGATE_CONTAINER,
        )
        return self

    def submit(self, **params: Any) -> str:
        answer = self.ask("submit_job", **{"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", **params})
        return str(answer["jobId"])

    def job(self, job_id: str) -> Body:
        (found,) = self.ask("describe_jobs", jobs=[job_id])["jobs"]
        job: Body = found
        return job


def new_world() -> World:
    return World(open_sqlite(":memory:", ManualClock()))


def without(body: Body, *members: str) -> Body:
    return {member: value for member, value in body.items() if member not in members}


def check(value: object, shape: Shape, where: str) -> None:
    """The value is what the model says, down to the last member; null is never sent. What is ours says so."""
    assert value is not None, where
    if isinstance(shape, StructureShape):
        assert isinstance(value, dict), where
        theirs = {member: one for member, one in value.items() if not member.startswith("batchd")}
        assert theirs.keys() <= shape.members.keys(), f"{where}: {theirs.keys() - shape.members.keys()}"
        for member, one in theirs.items():
            check(one, shape.members[member], f"{where}.{member}")
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), where
        for one in value:
            check(one, shape.member, f"{where}[]")
    elif isinstance(shape, MapShape):
        assert isinstance(value, dict), where
        for one in value.values():
            check(one, shape.value, f"{where}{{}}")
    elif shape.type_name in SCALARS:
        assert isinstance(value, SCALARS[shape.type_name]), where
