"""The front door: what goes in, what comes out, and what happens when something is wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from batchd.errors import ApiError, StoreError
from batchd.gateway.operation import Context, Operation, Service
from batchd.gateway.request import AuthFailure, AuthFault, HttpRequest, Identity
from batchd.store.store import Key
from tests.gateway.front_door import ACCOUNT, front_door

JOB = {"jobName": "hello", "jobQueue": "night", "jobDefinition": "work:3"}


Function = Callable[[dict[str, Any], Context], Any]


def batch(function: Function, writes: bool = False) -> Service:
    """AWS Batch with nothing but SubmitJob."""
    return Service("batch", {"submit_job": Operation(function, writes)}, "ClientException")


async def test_params_reach_the_operation_and_its_result_the_client() -> None:
    def submit_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {"jobName": params["jobName"], "jobId": "1", "jobArn": ctx.arn("batch", "job/1"), "note": None}

    async with front_door([batch(submit_job)]) as door:
        answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert len(answer.headers["x-amzn-requestid"]) == 36
    assert orjson.loads(answer.body) == {
        "jobName": "hello",
        "jobId": "1",
        "jobArn": f"arn:aws:batch:eu-central-1:{ACCOUNT}:job/1",
    }


async def test_a_body_may_come_in_parts() -> None:
    async with front_door([batch(lambda params, ctx: {"jobName": params["jobName"]})]) as door:
        whole = orjson.dumps(JOB)
        answer = await door.ask("POST", "/v1/submitjob", [whole[:10], whole[10:20], whole[20:]], signed_for="batch")

    assert orjson.loads(answer.body) == {"jobName": "hello"}


async def test_an_answer_to_a_write_leaves_after_its_commit() -> None:
    def submit_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.tx.resources.insert(Key("test.note", ctx.region, params["jobName"]), {"seen": True})
        return {"jobName": params["jobName"]}

    async with front_door([batch(submit_job, writes=True)]) as door:
        answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

        assert answer.status == 200
        with door.store.read() as tx:
            assert tx.resources.get(Key("test.note", "eu-central-1", "hello")) == {"seen": True}


async def test_members_no_model_knows_are_kept_on_the_way_in_and_out() -> None:
    async with front_door([batch(lambda params, ctx: {"seen": params["futureMember"]})]) as door:
        body = orjson.dumps({**JOB, "futureMember": {"a": [1]}})
        answer = await door.ask("POST", "/v1/submitjob", body, signed_for="batch")

    assert orjson.loads(answer.body) == {"seen": {"a": [1]}}


async def test_a_request_that_breaks_the_model_is_refused_with_the_services_own_code() -> None:
    async with front_door([batch(lambda params, ctx: {})]) as door:
        answer = await door.ask("POST", "/v1/submitjob", b'{"jobName": "x"}', signed_for="batch")

    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "ClientException"
    assert orjson.loads(answer.body) == {
        "message": "2 validation errors detected: "
        "Value null at 'jobQueue' failed to satisfy constraint: Member must not be null; "
        "Value null at 'jobDefinition' failed to satisfy constraint: Member must not be null"
    }


async def test_an_error_of_the_operation_reaches_the_client_as_it_is() -> None:
    def submit_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        raise ApiError("ClientException", "JobQueue night not found.")

    async with front_door([batch(submit_job)]) as door:
        answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ClientException")
    assert orjson.loads(answer.body) == {"message": "JobQueue night not found."}


async def test_a_bug_is_told_without_its_traceback_and_logged_with_the_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with front_door([batch(lambda params, ctx: {"x": params["nowhere"]})]) as door:
        with caplog.at_level(logging.ERROR):
            answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (500, "ServerException")
    assert orjson.loads(answer.body) == {"message": "An internal error occurred."}
    (record,) = caplog.records
    assert "batch.SubmitJob" in record.getMessage()
    assert answer.headers["x-amzn-requestid"] in record.getMessage()
    assert record.exc_info is not None


async def test_a_lost_commit_asks_the_client_to_try_again(caplog: pytest.LogCaptureFixture) -> None:
    def submit_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        raise StoreError("disk full")

    async with front_door([batch(submit_job, writes=True)]) as door:
        answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (503, "ServiceUnavailable")
    assert "disk full" not in answer.body.decode()
    assert len(caplog.records) == 1


async def test_a_service_calls_another_for_the_same_caller_in_the_same_transaction() -> None:
    def submit_job(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.tx.resources.insert(Key("test.note", "", "n"), {"by": ctx.caller.arn})
        return ctx.call("logs", "GetLogEvents", {"logGroupName": "g", "logStreamName": "s"})

    def get_log_events(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {"seen": ctx.tx.resources.get(Key("test.note", "", "n")), "params": params}

    logs = Service("logs", {"get_log_events": Operation(get_log_events, writes=False)})
    async with front_door([batch(submit_job, writes=True), logs]) as door:
        answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert orjson.loads(answer.body) == {
        "seen": {"by": f"arn:aws:iam::{ACCOUNT}:root"},
        "params": {"logGroupName": "g", "logStreamName": "s"},
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"logStreamName": "s", "limit": 10_001}, "InvalidParameterException"),
        ({"logStreamName": 7}, "SerializationException"),
        ({}, "InvalidParameterException"),
    ],
)
async def test_a_call_from_inside_is_checked_like_one_from_outside(params: dict[str, Any], code: str) -> None:
    seen: list[ApiError] = []

    def submit_job(_: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with pytest.raises(ApiError) as refused:
            ctx.call("logs", "GetLogEvents", params)
        seen.append(refused.value)
        return {}

    logs = Service("logs", {"get_log_events": Operation(lambda p, c: {}, writes=False)}, "InvalidParameterException")
    async with front_door([batch(submit_job), logs]) as door:
        await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert [error.code for error in seen] == [code]


async def test_calling_an_operation_that_is_not_served_is_an_api_error() -> None:
    async with front_door([batch(lambda params, ctx: ctx.call("sqs", "SendMessage", {}))]) as door:
        answer = await door.ask("POST", "/v1/submitjob", orjson.dumps(JOB), signed_for="batch")

    assert answer.status == 501
    assert orjson.loads(answer.body) == {"message": "sqs:SendMessage is not available on this server"}


async def test_a_request_of_more_bytes_than_allowed_is_refused_before_it_is_read() -> None:
    async with front_door([batch(lambda params, ctx: {})], max_body=100) as door:
        declared = await door.ask("POST", "/v1/submitjob", headers={"content-length": "101"}, signed_for="batch")
        streamed = await door.ask("POST", "/v1/submitjob", [b"x" * 60, b"x" * 60, b"x"], signed_for="batch")

    assert (declared.status, streamed.status) == (413, 413)


async def test_a_request_with_too_many_headers_is_refused() -> None:
    async with front_door([batch(lambda params, ctx: {})]) as door:
        answer = await door.ask("POST", "/v1/submitjob", b"{}", {f"x-{n}": "" for n in range(300)}, signed_for="batch")

    assert answer.status == 431


async def test_a_client_that_goes_away_while_sending_is_forgotten() -> None:
    async with front_door([batch(lambda params, ctx: pytest.fail("it was not whole"))]) as door:
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            pytest.fail("nobody listens")

        scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
        await door.gateway(scope, receive, send)

    assert not messages


async def test_start_and_stop_of_the_asgi_server_are_acknowledged() -> None:
    async with front_door([]) as door:
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[str] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await door.gateway({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


class Refusing:
    """Turns everybody away for one reason."""

    def __init__(self, fault: AuthFault) -> None:
        self._fault = fault

    def authenticate(self, request: HttpRequest) -> Identity:
        raise AuthFailure(self._fault, "The security token included in the request is invalid.")


async def test_a_refused_signature_is_answered_in_the_protocol_of_the_scope() -> None:
    services = [batch(lambda params, ctx: {}), Service("iam", {}), Service("ec2", {}), Service("logs", {})]
    async with front_door(services, Refusing(AuthFault.UNKNOWN_KEY)) as door:
        rest = await door.ask("POST", "/v1/submitjob", b"{}", signed_for="batch")
        rpc = await door.ask("POST", "/", b"{}", {"x-amz-target": "Logs_20140328.PutLogEvents"}, signed_for="logs")
        query = await door.ask("POST", "/", b"Action=ListRoles&Version=2010-05-08", signed_for="iam")
        ec2 = await door.ask("POST", "/", b"Action=DescribeVpcs&Version=2016-11-15", signed_for="ec2")

    assert (rest.status, rest.headers["x-amzn-errortype"]) == (403, "UnrecognizedClientException")
    assert (rpc.status, json.loads(rpc.body)["__type"]) == (400, "UnrecognizedClientException")
    assert (query.status, b"<Code>InvalidClientTokenId</Code>" in query.body) == (403, True)
    assert (ec2.status, b"<Response><Errors><Error><Code>AuthFailure</Code>" in ec2.body) == (401, True)


async def test_what_an_unverified_request_asks_for_is_not_told() -> None:
    async with front_door([batch(lambda params, ctx: {})], Refusing(AuthFault.MISSING)) as door:
        known = await door.ask("POST", "/v1/submitjob", b"{}")
        unknown = await door.ask("GET", "/nowhere")

    assert known.status == unknown.status == 403
    assert known.body == unknown.body
