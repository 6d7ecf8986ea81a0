"""What a tick leads to, and what reaches each kind of target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from batchd.controllers.deliver import Failure
from batchd.errors import ApiError, Undeliverable
from batchd.gateway.operation import Context
from batchd.services.scheduler_ import SERVICE
from batchd.services.scheduler_.firing import bury_schedule, deliver_schedule, fire_schedule, lowered
from batchd.store.store import Delivery
from tests.contexts import ACCOUNT, context
from tests.services.direct import Direct, direct

ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:box"
ONCE = {"Name": "s", "ScheduleExpression": "at(2030-01-01T00:00:00)", "FlexibleTimeWindow": {"Mode": "OFF"}}
DUE = 1_893_456_000_000


@pytest.fixture
def service() -> Iterator[Direct]:
    with direct(SERVICE) as made:
        yield made


class Calls:
    """Other services, which say yes; `made` is what they were asked."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        self.made.append((service, operation, params))
        return {"QueueUrl": "url"} if operation == "GetQueueUrl" else {}


def fired(service: Direct, target: dict[str, Any], **more: Any) -> tuple[int | None, list[Delivery]]:
    """A schedule with this target, one tick later: when it is due next, and what is on its way."""
    service("create_schedule", **{**ONCE, **more, "Target": {"RoleArn": ROLE, **target}})

    def work(tx: Any) -> int | None:
        return fire_schedule(context(tx, now_ms=DUE), "default", "s", DUE, is_left_out=False)

    following = service.store.transact(work)
    with service.store.read() as tx:
        return following, tx.deliveries.due(target["Arn"], DUE * 2, 10)


def reached(service: Direct, target: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str, dict[str, Any]]]]:
    """The delivery's body, and the calls it led to."""
    _, (delivery,) = fired(service, target)
    calls = Calls()

    def enter(tx: Any, caller: Any, region: str) -> Context:
        return context(tx, caller=caller, region=region, call=calls)

    service.store.transact(lambda tx: deliver_schedule(enter, tx, delivery))
    return delivery.body, calls.made


def test_a_one_time_schedule_fires_once_and_may_take_itself_away(service: Direct) -> None:
    following, deliveries = fired(service, {"Arn": QUEUE}, ActionAfterCompletion="DELETE")
    assert following is None
    assert (deliveries[0].body["max_attempts"], deliveries[0].body["max_age_s"]) == (186, 86_400)
    assert service("list_schedules") == {"Schedules": []}


def test_a_recurring_schedule_says_when_it_is_due_next(service: Direct) -> None:
    following, _ = fired(service, {"Arn": QUEUE}, ScheduleExpression="cron(0 0 * * ? *)")
    assert following == DUE + 86_400_000


def test_a_schedule_without_input_sends_awss_notification(service: Direct) -> None:
    body, calls = reached(service, {"Arn": QUEUE})
    assert calls[0] == ("sqs", "GetQueueUrl", {"QueueName": "box", "QueueOwnerAWSAccountId": ACCOUNT})
    _, operation, request = calls[1]
    assert (operation, request["QueueUrl"]) == ("SendMessage", "url")
    assert orjson.loads(request["MessageBody"]) == {
        "version": "0",
        "id": body["execution"],
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": "2030-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s"],
        "detail": "{}",
    }


def test_the_context_is_put_into_the_input(service: Direct) -> None:
    text = "<aws.scheduler.scheduled-time> <aws.scheduler.attempt-number> <aws.scheduler.execution-id>"
    body, calls = reached(service, {"Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:news", "Input": text})
    message = f"2030-01-01T00:00:00Z 1 {body['execution']}"
    assert calls == [("sns", "Publish", {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:news", "Message": message})]


def test_a_universal_target_is_any_operation(service: Direct) -> None:
    job = {"JobName": "j", "JobQueue": "q", "JobDefinition": "d", "Parameters": {"Upper": "x"}}
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob", "Input": orjson.dumps(job).decode()}
    _, calls = reached(service, target)
    request = {"jobName": "j", "jobQueue": "q", "jobDefinition": "d", "parameters": {"Upper": "x"}}
    assert calls == [("batch", "SubmitJob", request)]
    assert lowered([{"A": {"B": 1}}, "C"]) == [{"a": {"b": 1}}, "C"]


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (
            {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "Input": "{}"},
            ("lambda", "Invoke", {"InvocationType": "Event", "Payload": b"{}"}),
        ),
        (
            {"Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", "Input": "{}"},
            ("stepfunctions", "StartExecution", {"input": "{}"}),
        ),
        (
            {
                "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default",
                "Input": "{}",
                "EventBridgeParameters": {"DetailType": "t", "Source": "s"},
            },
            ("events", "PutEvents", {}),
        ),
        (
            {
                "Arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c",
                "Input": '{"containerOverrides": []}',
                "EcsParameters": {"TaskDefinitionArn": "t:1", "TaskCount": 2, "LaunchType": "FARGATE"},
            },
            (
                "ecs",
                "RunTask",
                {
                    "taskDefinition": "t:1",
                    "count": 2,
                    "launchType": "FARGATE",
                    "overrides": {"containerOverrides": []},
                },
            ),
        ),
    ],
)
def test_each_kind_of_target_has_its_operation(
    service: Direct, target: dict[str, Any], call: tuple[str, str, dict[str, Any]]
) -> None:
    _, calls = reached(service, target)
    ((name, operation, request),) = calls
    assert (name, operation) == call[:2]
    assert call[2].items() <= request.items()


def test_what_nothing_here_can_reach_is_said(service: Direct) -> None:
    with pytest.raises(Undeliverable, match="nothing to deliver to"):
        reached(service, {"Arn": f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/s"})


@pytest.mark.parametrize("is_there", [True, False])
def test_an_invocation_that_is_given_up_goes_to_the_dead_letter_queue(service: Direct, is_there: bool) -> None:
    grave = f"arn:aws:sqs:us-east-1:{ACCOUNT}:grave"
    _, (delivery,) = fired(service, {"Arn": QUEUE, "Input": "x", "DeadLetterConfig": {"Arn": grave}})
    calls = Calls()

    def call(name: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if not is_there:
            raise ApiError("AWS.SimpleQueueService.NonExistentQueue", "no")
        return calls(name, operation, params)

    def enter(tx: Any, caller: Any, region: str) -> Context:
        return context(tx, call=call)

    failure = Failure("NO_RESOURCE", "it is gone", 3, is_final=True, exhausted="MaximumRetryAttempts")
    assert service.store.transact(lambda tx: bury_schedule(enter, tx, delivery, failure)) is is_there
    if is_there:
        sent = calls.made[-1][2]
        told = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
        assert sent["MessageBody"] == "x"
        assert told | {"EXECUTION_ID": ""} == {
            "ERROR_CODE": "NO_RESOURCE",
            "ERROR_MESSAGE": "it is gone",
            "EXECUTION_ID": "",
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
            "RETRY_ATTEMPTS": "2",
            "SCHEDULE_ARN": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s",
            "TARGET_ARN": QUEUE,
        }
