"""Functions through boto3: unchanged handlers, really run."""

from __future__ import annotations

import base64
import json
import os
import shutil
from typing import Any
from urllib.request import urlopen

import pytest

from tests.clients.waiting import eventually
from tests.clients.worlds import World, fresh
from tests.zips import zipped

ROLE = "arn:aws:iam::123456789012:role/function"
PYTHON = """
import json, os, boto3
print("loading")

def handler(event, context):
    print("got", event)
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        os._exit(event["exit"])
    if "eat" in event:
        return len(bytearray(event["eat"] * 2**20))
    if "megabyte" in event:
        print("x" * 1_000_000)
    if "queue" in event:
        job = boto3.client("batch").submit_job(
            jobName=event["jobName"], jobQueue=event["queue"], jobDefinition=event["jobDefinition"]
        )
        return job["jobId"]
    return {
        "event": event,
        "pid": os.getpid(),
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "greeting": os.environ.get("GREETING"),
        "version": context.function_version,
        "left": context.get_remaining_time_in_millis() > 0,
    }
"""
ENDLESS = """
import time

def handler(event, context):
    time.sleep(600)
"""
NODE = """
exports.sync = (event, context, callback) => {
  console.log("got %j", event);
  callback(null, { name: context.functionName });
};
exports.async = async (event) => { if (event.fail) throw new TypeError("no"); return event; };
"""


class Functions:
    """Makes functions and calls them."""

    def __init__(self, server: Any) -> None:
        self.client = server.client("lambda")
        self.logs = server.client("logs")

    def make(self, code: bytes, **more: Any) -> str:
        name = fresh("function")
        request = {"Runtime": "python3.11", "Handler": "app.handler", "Timeout": 300, "MemorySize": 512, **more}
        self.client.create_function(FunctionName=name, Role=ROLE, Code={"ZipFile": code}, **request)
        self.client.get_waiter("function_active_v2").wait(FunctionName=name)
        return name

    def call(self, name: str, event: Any = None, **more: Any) -> tuple[Any, str | None]:
        """What it answered, and AWS's word for its failure."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def log(self, name: str) -> list[str]:
        group = f"/aws/lambda/{name}"
        try:
            events = self.logs.filter_log_events(logGroupName=group)["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]


@pytest.fixture
def functions(server: Any) -> Functions:
    return Functions(server)


@pytest.fixture(scope="module")
def python() -> bytes:
    return zipped({"app.py": PYTHON})


def test_a_handler_gets_event_context_and_environment_and_stays_warm(functions: Functions, python: bytes) -> None:
    name = functions.make(python, Environment={"Variables": {"GREETING": "hello"}})
    first, error = functions.call(name, {"a": 1})
    assert error is None
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    pid = first.pop("pid")
    told = {"event": {"a": 1}, "arn": arn, "memory": "512", "greeting": "hello", "version": "$LATEST", "left": True}
    assert first == told
    assert functions.call(name)[0]["pid"] == pid
    functions.client.update_function_configuration(FunctionName=name, Environment={"Variables": {"GREETING": "hi"}})
    changed, _ = functions.call(name)
    assert (changed["greeting"], changed["pid"] != pid) == ("hi", True)


def test_the_log_has_the_platforms_lines_around_the_functions_own(functions: Functions, python: bytes) -> None:
    name = functions.make(python)
    answer = functions.client.invoke(FunctionName=name, Payload=b'{"a": 1}', LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.partition(" ")[0].partition("\t")[0] for line in tail] == [
        "INIT_START",
        "loading",
        "START",
        "got",
        "END",
        "REPORT",
    ]
    assert "Max Memory Used: " in tail[-1] and "Init Duration: " in tail[-1]
    eventually(lambda: functions.log(name) == tail, "the log is written")


@pytest.mark.parametrize(
    ("event", "error_type", "text"),
    [
        ({"raise": "broken"}, "ValueError", "broken"),
        ({"exit": 3}, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ],
)
def test_a_function_that_fails_says_how_and_the_next_call_is_served(
    functions: Functions, python: bytes, event: dict[str, Any], error_type: str, text: str
) -> None:
    name = functions.make(python)
    failed, error = functions.call(name, event)
    assert (error, failed["errorType"]) == ("Unhandled", error_type)
    assert failed["errorMessage"].endswith(text)
    assert functions.call(name, {"a": 1})[1] is None


def test_a_function_that_eats_memory_is_ended_and_harms_nobody(functions: Functions, python: bytes) -> None:
    name = functions.make(python, MemorySize=256)
    failed, error = functions.call(name, {"eat": 1024})
    if error is None and os.environ.get("CI") != "true":
        pytest.skip("this machine does not limit memory (batchd doctor)")
    assert (error, failed["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
    assert failed["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert functions.call(name)[1] is None


def test_a_function_that_prints_a_megabyte_has_it_in_the_log(functions: Functions, python: bytes) -> None:
    name = functions.make(python)
    assert functions.call(name, {"megabyte": True})[1] is None
    printed = eventually(lambda: [line for line in functions.log(name) if line.startswith("xx")], "it is in the log")
    assert sum(map(len, printed)) == 1_000_000


def test_what_functions_do_is_counted(functions: Functions, python: bytes, server: Any) -> None:
    name = functions.make(python)
    functions.call(name)
    functions.call(name, {"raise": "x"})
    page = urlopen(f"{server.endpoint}/metrics").read().decode()
    counted = 'batchd_function_invocations_total{function="%s",region="us-east-1",result="%s"} 1.0'
    assert counted % (name, "succeeded") in page
    assert counted % (name, "failed") in page


def test_a_function_that_takes_too_long_is_ended(functions: Functions) -> None:
    name = functions.make(zipped({"app.py": ENDLESS}), Timeout=1)
    failed, error = functions.call(name)
    assert (error, failed["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert failed["errorMessage"].endswith("Task timed out after 1.00 seconds")


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("app.nothing", "Runtime.HandlerNotFound"),
        ("nothing.handler", "Runtime.ImportModuleError"),
        ("broken.handler", "Runtime.UserCodeSyntaxError"),
    ],
)
def test_a_handler_that_cannot_be_found_says_so_each_time(functions: Functions, handler: str, error_type: str) -> None:
    name = functions.make(zipped({"app.py": "", "broken.py": "def ("}), Handler=handler)
    for _ in range(2):
        failed, error = functions.call(name)
        assert (error, failed["errorType"]) == ("Unhandled", error_type)


def test_a_function_submits_a_job_with_plain_boto3(functions: Functions, python: bytes, world: World) -> None:
    name = functions.make(python)
    definition = world.define("echo started by a function")
    job_id, error = functions.call(name, {"queue": world.queue, "jobName": "feed", "jobDefinition": definition})
    assert error is None
    assert world.batch.describe_jobs(jobs=[job_id])["jobs"][0]["jobName"] == "feed"


def test_an_event_is_run_later_and_its_end_is_told(functions: Functions, python: bytes) -> None:
    name = functions.make(python)
    answer = functions.client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"later": true}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    eventually(lambda: "got {'later': True}" in functions.log(name), "the event is run")


def test_versions_aliases_and_layers_run_what_they_name(functions: Functions) -> None:
    layer = functions.client.publish_layer_version(
        LayerName=fresh("layer"), Content={"ZipFile": zipped({"python/shared.py": "WORD = 'shared'\n"})}
    )
    code = "import shared\ndef handler(event, context):\n    return [shared.WORD, {}, context.function_version]\n"
    name = functions.make(zipped({"app.py": code.format(1)}), Layers=[layer["LayerVersionArn"]])
    functions.client.publish_version(FunctionName=name)
    functions.client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    functions.client.update_function_code(FunctionName=name, ZipFile=zipped({"app.py": code.format(2)}))
    assert functions.call(name)[0] == ["shared", 2, "$LATEST"]
    assert functions.call(f"{name}:live")[0] == ["shared", 1, "1"]
    link = functions.client.get_function(FunctionName=name)["Code"]["Location"]
    assert urlopen(link).read() == zipped({"app.py": code.format(2)})


def test_reserved_concurrency_of_none_lets_nothing_run(functions: Functions, python: bytes) -> None:
    name = functions.make(python)
    functions.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(functions.client.exceptions.TooManyRequestsException, match="Rate Exceeded"):
        functions.call(name)


def needs(program: str) -> None:
    """A laptop may lack it; CI may not."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed (.ci/install)")
        pytest.skip(f"no {program}")


@pytest.mark.parametrize("handler", ["sync", "async"])
def test_node_handlers_answer_by_callback_and_by_promise(functions: Functions, handler: str) -> None:
    needs("node")
    name = functions.make(zipped({"index.js": NODE}), Runtime="nodejs20.x", Handler=f"index.{handler}")
    expected = {"name": name} if handler == "sync" else {"a": 1}
    assert functions.call(name, {"a": 1}) == (expected, None)
    if handler == "async":
        failed, error = functions.call(name, {"fail": True})
        assert (error, failed["errorType"], failed["errorMessage"]) == ("Unhandled", "TypeError", "no")
        assert failed["trace"][0] == "TypeError: no"


def test_a_shell_script_may_be_a_runtime(functions: Functions) -> None:
    script = """#!/bin/sh
API=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while :; do
  curl -sS -D headers -o event $API/next || exit
  ID=$(tr -d '\\r' < headers | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
  curl -sS -o answer --data-binary @event $API/$ID/response
done
"""
    needs("curl")
    name = functions.make(zipped({"bootstrap": script}, 0o755), Runtime="provided.al2023", Handler="any.thing")
    assert functions.call(name, {"a": 1}) == ({"a": 1}, None)


def test_messages_of_a_queue_come_in_batches_and_only_those_that_fit(functions: Functions, server: Any) -> None:
    queues = server.client("sqs")
    url = queues.create_queue(QueueName=fresh("queue"))["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    code = """
def handler(event, context):
    for record in event["Records"]:
        print("got", record["body"], record["eventSourceARN"].rpartition(":")[2] != "")
    failed = [r["messageId"] for r in event["Records"] if "again" in r["body"]]
    first = [r for r in failed if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in first]}
"""
    name = functions.make(zipped({"app.py": code}))
    mapping = functions.client.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["feed", "again"]}}'}]},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert mapping["State"] == "Creating"
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    for kind in ("feed", "other", "again"):
        queues.send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind}))

    def seen() -> list[str]:
        return [line for line in functions.log(name) if line.startswith("got")]

    eventually(lambda: sum('"again"' in line for line in seen()) == 2, "the message that failed comes again")
    assert sorted(set(seen())) == ['got {"kind": "again"} True', 'got {"kind": "feed"} True']
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> set[str]:
        return set(queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())

    eventually(lambda: left() == {"0"}, "the queue is empty")
    functions.client.delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_functions_failure_is_told_to_its_dead_letter_queue(functions: Functions, python: bytes, server: Any) -> None:
    queues = server.client("sqs")
    url = queues.create_queue(QueueName=fresh("dead"))["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = functions.make(python, DeadLetterConfig={"TargetArn": arn})
    functions.client.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    functions.client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"raise": "broken"}')
    found: dict[str, dict[str, Any]] = {}

    def look() -> bool:
        answer = queues.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
        found.update({message["MessageId"]: message for message in answer.get("Messages", [])})
        return len(found) == 2

    eventually(look, "both have been told")
    record, letter = sorted(found.values(), key=lambda message: "MessageAttributes" in message)
    assert json.loads(record["Body"])["requestContext"]["condition"] == "RetriesExhausted"
    assert json.loads(record["Body"])["responsePayload"]["errorMessage"] == "broken"
    assert letter["Body"] == '{"raise": "broken"}'
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "broken"
