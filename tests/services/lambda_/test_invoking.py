from __future__ import annotations

import base64
from typing import Any

import pytest

from batchd.invocation import Outcome
from batchd.services.lambda_.aliases import routed
from batchd.services.lambda_.mappings import processed
from tests.contexts import ACCOUNT, NOW_MS
from tests.services.direct import Direct
from tests.services.lambda_.conftest import create

ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"


def queued(service: Direct) -> list[Any]:
    with service.store.read() as tx:
        return [delivery for lane in tx.deliveries.lanes() for delivery in tx.deliveries.due(lane, NOW_MS * 2, 100)]


def test_an_event_is_queued_with_one_request_id_and_the_limits_of_its_configuration(
    service: Direct, made: dict[str, Any]
) -> None:
    service("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60)
    answer = service("invoke", FunctionName="f", InvocationType="Event", Payload=b' {"a": 1}')
    assert answer == {"StatusCode": 202}
    (delivery,) = queued(service)
    assert delivery.lane == ARN
    assert delivery.body.pop("request_id")
    assert delivery.body == {
        "kind": "lambda.event",
        "region": "us-east-1",
        "function": ARN,
        "payload": ' {"a": 1}',
        "max_attempts": 2,
        "max_age_s": 60,
    }


def test_a_dry_run_checks_and_runs_nothing(service: Direct, made: dict[str, Any]) -> None:
    assert service("invoke", FunctionName="f", InvocationType="DryRun") == {"StatusCode": 204}
    assert service.error("invoke", FunctionName="g", InvocationType="DryRun")[0] == "ResourceNotFoundException"
    assert queued(service) == []


@pytest.mark.parametrize("kind", ["Event", "RequestResponse"])
def test_a_payload_must_be_json_and_not_too_large(service: Direct, made: dict[str, Any], kind: str) -> None:
    code, text = service.error("invoke", FunctionName="f", InvocationType=kind, Payload=b"{a")
    assert (code, text[:44]) == ("InvalidRequestContentException", "Could not parse request body into json: Coul")
    huge = b'"' + b"x" * 6_291_456 + b'"'
    assert service.error("invoke", FunctionName="f", InvocationType=kind, Payload=huge)[0] == "RequestTooLargeException"
    context = base64.b64encode(b"{").decode()
    assert service.error("invoke", FunctionName="f", ClientContext=context)[0] == "InvalidRequestContentException"


def test_an_alias_sends_a_share_of_its_calls_to_its_second_version() -> None:
    alias = {"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.25}}}
    assert [routed(alias, chance) for chance in (0.0, 0.24, 0.25, 0.99)] == ["2", "2", "1", "1"]
    assert routed({"FunctionVersion": "1"}, 0.0) == "1"


def test_event_invoke_configurations_are_put_changed_and_deleted(service: Direct, made: dict[str, Any]) -> None:
    assert service.error("put_function_event_invoke_config", FunctionName="f") == (
        "InvalidParameterValueException",
        "You must specify at least one of error handling or destination setting.",
    )
    assert service.error("put_function_event_invoke_config", FunctionName="g", MaximumRetryAttempts=0) == (
        "ResourceNotFoundException",
        "The function doesn't exist.",
    )
    put = service("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=0)
    assert put["FunctionArn"] == f"{ARN}:$LATEST"
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    changed = service("update_function_event_invoke_config", FunctionName="f", MaximumEventAgeInSeconds=70)
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 70)
    assert service("list_function_event_invoke_configs", FunctionName="f")["FunctionEventInvokeConfigs"] == [changed]
    service("delete_function_event_invoke_config", FunctionName="f")
    assert service.error("get_function_event_invoke_config", FunctionName="f") == (
        "ResourceNotFoundException",
        f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
    )


@pytest.mark.parametrize(
    ("types", "outcome", "done"),
    [
        ([], Outcome(b"null"), {"a", "b"}),
        ([], Outcome(b"{}", "Unhandled"), set()),
        (["ReportBatchItemFailures"], Outcome(b"null"), {"a", "b"}),
        (["ReportBatchItemFailures"], Outcome(b'{"batchItemFailures":[{"itemIdentifier":"a"}]}'), {"b"}),
        (["ReportBatchItemFailures"], Outcome(b'{"batchItemFailures":[{"itemIdentifier":"x"}]}'), set()),
        (["ReportBatchItemFailures"], Outcome(b'{"batchItemFailures":[{}]}'), set()),
    ],
)
def test_a_function_says_which_messages_it_is_done_with(types: list[str], outcome: Outcome, done: set[str]) -> None:
    assert processed(outcome, ["a", "b"], {"FunctionResponseTypes": types}) == done


def test_only_queues_are_sources(service: Direct) -> None:
    create(service)
    stream = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
    assert service.error("create_event_source_mapping", FunctionName="f", EventSourceArn=stream) == (
        "InvalidParameterValueException",
        "Unrecognized event source.",
    )
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    assert service.error("create_event_source_mapping", FunctionName="g", EventSourceArn=queue) == (
        "InvalidParameterValueException",
        "Function does not exist",
    )
