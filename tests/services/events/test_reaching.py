"""How targets are reached: which operation is called, by whom, with what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from batchd.clock import ManualClock
from batchd.errors import ApiError, Undeliverable
from batchd.gateway.operation import Caller, Context
from batchd.services.events import reaching
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Delivery, Store, Tx
from tests.contexts import ACCOUNT, NOW_MS, context

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/runner"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/orders"
EVENT: dict[str, Any] = {"id": "e-1", "detail-type": "Order", "source": "my.app", "detail": {"group": "g", "n": 1}}


def arn(service: str, resource: str, region: str = "us-east-1") -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


class Callee:
    """What operations are called, and by whom; each answers what it is told to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.callers: list[tuple[str, str]] = []
        self.answers: dict[str, dict[str, Any]] = {"GetQueueUrl": {"QueueUrl": "http://queue"}}

    def enter(self, tx: Tx, caller: Caller, region: str) -> Context:
        self.callers.append((caller.arn, region))

        def call(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
            self.calls.append((service, operation, params))
            return self.answers.get(operation, {})

        return context(tx, caller=caller, region=region, call=call)

    def deliver(self, hops: int = 0, **target: Any) -> None:
        body = {"kind": "events.target", "region": "us-east-1", "bus": "default", "rule": RULE, "hops": hops}
        delivery = Delivery(
            1, target["Arn"], 0, 0, 0, {**body, "target": {"Id": "t", **target}, "event": EVENT, "at": 0}
        )
        self.store.transact(lambda tx: reaching.deliver_target(self.enter, tx, delivery))


@pytest.fixture
def callee() -> Iterator[Callee]:
    store = open_sqlite(MEMORY, ManualClock())
    yield Callee(store)
    store.close()


def test_a_queue_gets_a_job_in_the_targets_role(callee: Callee) -> None:
    queue = arn("batch", "job-queue/night", "eu-west-1")
    template = (
        '{"ContainerOverrides": {"Command": ["run", <n>], "Environment": [{"Name": "N", "Value": "<n>"}],'
        ' "ResourceRequirements": [{"Type": "VCPU", "Value": "2"}]},'
        ' "Parameters": {"n": "<n>"}, "DependsOn": [{"JobId": "j"}], "detail": 1}'
    )
    callee.deliver(
        Arn=queue,
        RoleArn=ROLE,
        BatchParameters={
            "JobName": "feed",
            "JobDefinition": "feed:1",
            "ArrayProperties": {"Size": 10},
            "RetryStrategy": {"Attempts": 3},
        },
        InputTransformer={"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": template},
    )
    assert callee.calls == [
        (
            "batch",
            "SubmitJob",
            {
                "jobName": "feed",
                "jobQueue": queue,
                "jobDefinition": "feed:1",
                "arrayProperties": {"size": 10},
                "retryStrategy": {"attempts": 3},
                "containerOverrides": {
                    "command": ["run", 1],
                    "environment": [{"name": "N", "value": "1"}],
                    "resourceRequirements": [{"type": "VCPU", "value": "2"}],
                },
                "parameters": {"n": "1"},
                "dependsOn": [{"jobId": "j"}],
            },
        )
    ]
    assert callee.callers == [(f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/e-1", "eu-west-1")]


def test_an_event_that_is_not_shaped_submits_the_job_as_it_is(callee: Callee) -> None:
    queue = arn("batch", "job-queue/night")
    callee.deliver(Arn=queue, BatchParameters={"JobName": "feed", "JobDefinition": "feed"})
    (call,) = callee.calls
    assert call[2] == {"jobName": "feed", "jobQueue": queue, "jobDefinition": "feed"}


def test_functions_topics_queues_and_state_machines_get_the_payload(callee: Callee) -> None:
    whole = json.dumps(EVENT, separators=(",", ":"))
    function, topic, machine = arn("lambda", "function:f:live"), arn("sns", "t"), arn("states", "stateMachine:m")
    for target in (function, topic, arn("sqs", "q"), machine):
        callee.deliver(Arn=target)
    callee.deliver(Arn=arn("sqs", "q.fifo"), Input='"hi"', SqsParameters={"MessageGroupId": "g"})

    name = callee.calls[4][2].pop("name")
    assert name.startswith("e-1_")
    assert callee.calls == [
        ("lambda", "Invoke", {"FunctionName": function, "InvocationType": "Event", "Payload": whole.encode()}),
        ("sns", "Publish", {"TopicArn": topic, "Message": whole}),
        ("sqs", "GetQueueUrl", {"QueueName": "q", "QueueOwnerAWSAccountId": ACCOUNT}),
        ("sqs", "SendMessage", {"QueueUrl": "http://queue", "MessageBody": whole}),
        ("stepfunctions", "StartExecution", {"stateMachineArn": machine, "input": whole}),
        ("sqs", "GetQueueUrl", {"QueueName": "q.fifo", "QueueOwnerAWSAccountId": ACCOUNT}),
        ("sqs", "SendMessage", {"QueueUrl": "http://queue", "MessageBody": '"hi"', "MessageGroupId": "g"}),
    ]
    assert callee.callers[0] == ("events.amazonaws.com", "us-east-1")


def test_a_cluster_runs_a_task_with_the_payload_as_overrides(callee: Callee) -> None:
    cluster = arn("ecs", "cluster/c")
    parameters = {
        "TaskDefinitionArn": arn("ecs", "task-definition/t:1"),
        "TaskCount": 2,
        "LaunchType": "FARGATE",
        "Group": "$.detail.group",
        "EnableECSManagedTags": False,
        "EnableExecuteCommand": True,
        "PropagateTags": "TASK_DEFINITION",
        "ReferenceId": "r",
        "CapacityProviderStrategy": [{"capacityProvider": "x", "weight": 1}],
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "DISABLED"}},
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    overrides = {"containerOverrides": [{"name": "main", "command": ["x"]}], "other": 1}
    callee.deliver(Arn=cluster, EcsParameters=parameters, Input=json.dumps(overrides))
    (call,) = callee.calls
    assert call == (
        "ecs",
        "RunTask",
        {
            "cluster": cluster,
            "taskDefinition": parameters["TaskDefinitionArn"],
            "count": 2,
            "launchType": "FARGATE",
            "group": "g",
            "enableECSManagedTags": False,
            "enableExecuteCommand": True,
            "propagateTags": "TASK_DEFINITION",
            "referenceId": "r",
            "capacityProviderStrategy": [{"capacityProvider": "x", "weight": 1}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "DISABLED"}},
            "tags": [{"key": "a", "value": "b"}],
            "overrides": {"containerOverrides": overrides["containerOverrides"]},
            "startedBy": "events-rule/orders",
        },
    )


def test_a_task_that_found_no_place_is_tried_again(callee: Callee) -> None:
    callee.answers["RunTask"] = {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}
    with pytest.raises(ApiError, match="RESOURCE:MEMORY"):
        callee.deliver(Arn=arn("ecs", "cluster/c"), EcsParameters={"TaskDefinitionArn": "t"})


def test_a_log_group_gets_a_line_in_a_stream_of_its_own(callee: Callee) -> None:
    group = arn("logs", "log-group:/aws/events/orders")
    transformer = {"InputPathsMap": {}, "InputTemplate": '{"timestamp": 7, "message": "hello"}'}
    callee.deliver(Arn=group)
    callee.deliver(Arn=f"{group}:*", InputTransformer=transformer)
    (_, _, made), (_, _, put), _, (_, _, shaped) = callee.calls
    assert made["logGroupName"] == put["logGroupName"] == shaped["logGroupName"] == "/aws/events/orders"
    assert made["logStreamName"] == put["logStreamName"]
    assert json.loads(put["logEvents"][0]["message"]) == EVENT
    assert shaped["logEvents"] == [{"timestamp": 7, "message": "hello"}]
    for at, expected in (('"1970-01-01T00:00:01Z"', 1000), ('"soon"', NOW_MS), ("null", NOW_MS)):
        callee.calls.clear()
        template = f'{{"timestamp": {at}, "message": {{"a": 1}}}}'
        callee.deliver(Arn=group, InputTransformer={"InputPathsMap": {}, "InputTemplate": template})
        assert callee.calls[1][2]["logEvents"] == [{"timestamp": expected, "message": '{"a":1}'}]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({"Arn": arn("kinesis", "stream/s")}, "NO_RESOURCE"),
        ({"Arn": arn("events", "event-bus/none")}, "NO_RESOURCE"),
        ({"Arn": "arn:aws:events:us-east-1:999999999999:event-bus/default"}, "NO_PERMISSIONS"),
        ({"Arn": arn("events", "event-bus/default"), "hops": 5}, "INVALID_PARAMETER"),
        ({"Arn": arn("sns", "t"), "InputPath": "$.detail.none"}, "INVALID_PARAMETER"),
        (
            {
                "Arn": arn("logs", "log-group:g"),
                "InputTransformer": {"InputPathsMap": {}, "InputTemplate": '{"text": "hello"}'},
            },
            "INVALID_PARAMETER",
        ),
    ],
)
def test_what_can_never_arrive_says_why(callee: Callee, target: dict[str, Any], code: str) -> None:
    with pytest.raises(Undeliverable) as refused:
        callee.deliver(**target)
    assert refused.value.code == code
