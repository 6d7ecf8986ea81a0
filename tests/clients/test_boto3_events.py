"""EventBridge through boto3: rules that watch events or the clock, and start jobs."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from batchd.clock import ManualClock, SystemClock
from batchd.config import Settings
from batchd.services.batchd_ import MODELS
from tests.clients.waiting import described, ended, eventually
from tests.clients.worlds import World, fresh
from tests.conftest import serving
from tests.zips import zipped

ROLE = "arn:aws:iam::123456789012:role/events"


def queue_arn(world: World) -> str:
    arn: str = world.batch.describe_job_queues(jobQueues=[world.queue])["jobQueues"][0]["jobQueueArn"]
    return arn


def job_target(world: World, script: str, **more: Any) -> dict[str, Any]:
    parameters = {"JobName": fresh("started"), "JobDefinition": world.define(script)}
    return {"Id": "job", "Arn": queue_arn(world), "RoleArn": ROLE, "BatchParameters": parameters, **more}


def started(world: World, target: dict[str, Any]) -> list[str]:
    """Ids of the jobs that the target has submitted."""
    names = {"name": "JOB_NAME", "values": [target["BatchParameters"]["JobName"]]}
    page = world.batch.list_jobs(jobQueue=world.queue, filters=[names])
    return [job["jobId"] for job in page["jobSummaryList"]]


def test_an_event_that_a_rule_matches_starts_a_job_with_what_the_event_says(server: Any, world: World) -> None:
    events, source = server.client("events"), fresh("app")
    target = job_target(
        world,
        "echo order $ORDER",
        InputTransformer={
            "InputPathsMap": {"order": "$.detail.order"},
            "InputTemplate": '{"ContainerOverrides": {"Environment": [{"Name": "ORDER", "Value": "<order>"}]}}',
        },
    )
    pattern = {"source": [source], "detail": {"price": [{"numeric": [">", 100]}]}}
    rule = fresh("rule")
    arn = events.put_rule(Name=rule, EventPattern=json.dumps(pattern))["RuleArn"]
    assert events.put_targets(Rule=rule, Targets=[target])["FailedEntryCount"] == 0

    entry = {"Source": source, "DetailType": "Order"}
    answer = events.put_events(
        Entries=[
            {**entry, "Detail": '{"order": "o-1", "price": 50}'},
            {**entry, "Detail": '{"order": "o-2", "price": 150}'},
            {**entry, "Detail": "no json"},
        ]
    )

    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][2]["ErrorCode"] == "MalformedDetail"
    (job_id,) = eventually(lambda: started(world, target), "the job is submitted")
    job = ended(world.batch, job_id)
    assert job["status"] == "SUCCEEDED"
    assert world.output(job) == ["order o-2"]
    assert events.describe_rule(Name=rule)["Arn"] == arn
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == [target]
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets"):
        events.delete_rule(Name=rule)
    events.remove_targets(Rule=rule, Ids=["job"])
    events.delete_rule(Name=rule)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name=rule)


def test_a_rule_with_a_schedule_starts_a_job_each_time_it_is_due(serve: Any) -> None:
    clock = ManualClock(SystemClock().now_ms())  # signatures are good for a quarter of an hour
    running = serve(clock=clock, vcpus=4)
    world = World.of(running)
    target = job_target(world, "true", Input='{"Parameters": {"a": "b"}}')
    events = running.client("events")
    events.put_rule(Name="tick", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="tick", Targets=[target])

    clock.advance(61)
    (first,) = eventually(lambda: started(world, target), "the first job")
    assert described(world.batch, first)["parameters"] == {"a": "b"}
    clock.advance(60)
    eventually(lambda: len(started(world, target)) == 2, "the second job")
    events.disable_rule(Name="tick")
    clock.advance(120)
    events.enable_rule(Name="tick")
    clock.advance(61)
    eventually(lambda: len(started(world, target)) == 3, "a job after the rule was enabled again")


def test_a_time_that_passed_while_the_server_was_down_is_made_up_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)
    clock = ManualClock(SystemClock().now_ms())
    settings = Settings(port=0, engine="process", data_dir=tmp_path / "data", vcpus=4, memory_mib=4096).checked()
    with serving(settings, clock) as running:
        world = World.of(running)
        target = job_target(world, "true")
        running.client("events").put_rule(Name="tick", ScheduleExpression="rate(1 minute)")
        running.client("events").put_targets(Rule="tick", Targets=[target])
    clock.advance(330)
    with serving(settings, clock) as running:
        batch = running.client("batch")
        world = World(batch, running.client("logs"), world.environment, world.queue)
        (job_id,) = eventually(lambda: started(world, target), "the job")
        assert ended(batch, job_id)["status"] == "SUCCEEDED"
        records = running.client("batchd").list_bus_records()["records"]
        told = [json.loads(record["body"]) for record in records if record["kind"] == "schedule"]
        assert [one["how"] for one in told] == ["missed"]
        clock.advance(30)
        eventually(lambda: len(started(world, target)) == 2, "the rate goes on from where it was")


def test_events_travel_over_buses_and_into_logs(server: Any) -> None:
    events, logs, source = server.client("events"), server.client("logs"), fresh("app")
    bus, group, rule = fresh("bus"), f"/aws/events/{fresh('group')}", fresh("rule")
    logs.create_log_group(logGroupName=group)
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "bus", "Arn": arn, "RoleArn": ROLE}])
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"detail-type": ["Order"]}))
    log_target = {"Id": "log", "Arn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"}
    events.put_targets(Rule=rule, EventBusName=arn, Targets=[log_target])

    answer = events.put_events(Entries=[{"Source": source, "DetailType": "Order", "Detail": '{"n": 1}'}])

    (line,) = eventually(lambda: logs.filter_log_events(logGroupName=group)["events"], "the event is logged")
    event = json.loads(line["message"])
    assert (event["id"], event["source"], event["detail"]) == (answer["Entries"][0]["EventId"], source, {"n": 1})


def test_requests_that_break_the_model_are_refused_as_aws_does(server: Any) -> None:
    events = server.client("events", parameter_validation=False)
    entry = {"Source": "a", "DetailType": "b", "Detail": "{}"}
    with pytest.raises(ClientError) as refused:
        events.put_events(Entries=[entry] * 11)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "Member must have length less than or equal to 10" in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="ScheduleExpression is not valid"):
        events.put_rule(Name="bad", ScheduleExpression="cron(0 1 * * * *)")


def test_what_becomes_of_jobs_is_told_and_may_start_others(server: Any, world: World) -> None:
    """A failed job starts another, and its states arrive in a queue in order."""
    events, sqs = server.client("events"), server.client("sqs")
    rule, other = fresh("states"), fresh("failures")
    url = sqs.create_queue(QueueName=rule)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"source": ["aws.batch"], "detail-type": ["Batch Job State Change"]}
    of_queue = {"jobQueue": [queue_arn(world)]}
    events.put_rule(Name=rule, EventPattern=json.dumps({**told, "detail": {**of_queue, "jobName": ["first"]}}))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn, "InputPath": "$.detail.status"}])
    target = job_target(
        world,
        "echo after $JOB",
        InputTransformer={
            "InputPathsMap": {"name": "$.detail.jobName"},
            "InputTemplate": '{"ContainerOverrides": {"Environment": [{"Name": "JOB", "Value": "<name>"}]}}',
        },
    )
    failed = {**of_queue, "status": ["FAILED"], "jobName": ["first"]}
    events.put_rule(Name=other, EventPattern=json.dumps({**told, "detail": failed}))
    events.put_targets(Rule=other, Targets=[target])

    world.submit("exit 3", jobName="first")

    (job_id,) = eventually(lambda: started(world, target), "the other job")
    assert world.output(ended(world.batch, job_id)) == ["after first"]
    states: list[str] = []

    def all_told() -> bool:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        states.extend(json.loads(message["Body"]) for message in messages)
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(states) >= 4

    eventually(all_told, "the states of the first job")
    assert states == ["RUNNABLE", "STARTING", "RUNNING", "FAILED"]


def test_a_blocked_queue_is_told_of(server: Any, world: World) -> None:
    events, sqs, rule = server.client("events"), server.client("sqs"), fresh("blocked")
    url = sqs.create_queue(QueueName=rule)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"detail-type": ["Batch Job Queue Blocked"], "resources": [queue_arn(world)]}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])

    too_large = [{"type": "VCPU", "value": "9999"}]
    job_id = world.submit(containerOverrides={"resourceRequirements": too_large})

    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the queue is blocked")
    detail = json.loads(message["Body"])["detail"]
    assert (detail["jobId"], detail["status"]) == (job_id, "RUNNABLE")
    assert detail["statusReason"].startswith("MISCONFIGURATION:")
    world.batch.terminate_job(jobId=job_id, reason="seen")


def test_what_cannot_be_delivered_is_a_dead_letter_with_its_reason(server: Any) -> None:
    events, sqs, rule = server.client("events"), server.client("sqs"), fresh("dead")
    url = sqs.create_queue(QueueName=rule)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    gone = arn.replace(rule, "gone")
    rule_arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))["RuleArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "gone", "Arn": gone, "DeadLetterConfig": {"Arn": arn}}])

    (put,) = events.put_events(Entries=[{"Source": rule, "DetailType": "x", "Detail": "{}"}])["Entries"]

    def receive() -> Any:
        return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    (letter,) = eventually(receive, "the dead letter")
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": rule_arn,
        "TARGET_ARN": gone,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }
    assert json.loads(letter["Body"])["id"] == put["EventId"]


class Shop(BaseHTTPRequestHandler):
    """An endpoint that wants a token, which it gives to who has the secret."""

    heard: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            answer = b'{"access_token": "abc", "expires_in": 60}' if b"client_secret=hush" in body else b"{}"
        else:
            answer = b"{}"
            self.heard.append((self.path, self.headers["Authorization"], body))
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


def test_an_event_reaches_an_http_endpoint_with_a_token(server: Any) -> None:
    events, rule = server.client("events"), fresh("http")
    with HTTPServer(("127.0.0.1", 0), Shop) as shop:
        Thread(target=shop.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{shop.server_port}"
        oauth = {
            "ClientParameters": {"ClientID": "batchd", "ClientSecret": "hush"},
            "AuthorizationEndpoint": f"{url}/token",
            "HttpMethod": "POST",
        }
        connection = events.create_connection(
            Name=rule, AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters={"OAuthParameters": oauth}
        )["ConnectionArn"]
        destination = events.create_api_destination(
            Name=rule, ConnectionArn=connection, InvocationEndpoint=f"{url}/orders/*", HttpMethod="POST"
        )["ApiDestinationArn"]
        events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
        parameters = {"PathParameterValues": ["$.detail.shop"]}
        target = {"Id": "t", "Arn": destination, "RoleArn": ROLE, "HttpParameters": parameters}
        events.put_targets(Rule=rule, Targets=[{**target, "InputPath": "$.detail"}])
        events.put_events(Entries=[{"Source": rule, "DetailType": "x", "Detail": '{"shop": "a"}'}])
        eventually(lambda: Shop.heard, "the endpoint is called")
        shop.shutdown()
    assert Shop.heard == [("/orders/a", "Bearer abc", b'{"shop":"a"}')]
    assert "ClientSecret" not in json.dumps(events.describe_connection(Name=rule), default=str)


HANDLER = """
import boto3

def handler(event, context):
    job = boto3.client("batch").submit_job(jobName=event["id"], jobQueue=event["queue"], jobDefinition=event["feed"])
    print(job["jobId"])
"""


def test_an_event_reaches_a_function_that_submits_a_job_and_a_topic(server: Any, world: World) -> None:
    """The scheduled function of many a nightly feed, and a message for whoever subscribes."""
    events, sns, sqs = server.client("events"), server.client("sns"), server.client("sqs")
    rule, definition = fresh("feeds"), world.define("echo fed")
    function = server.client("lambda").create_function(
        FunctionName=rule,
        Runtime="python3.11",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": zipped({"index.py": HANDLER})},
        Timeout=300,
    )["FunctionArn"]
    server.client("lambda").add_permission(
        FunctionName=rule, StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    topic = sns.create_topic(Name=rule)["TopicArn"]
    url = sqs.create_queue(QueueName=rule)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    template = f'{{"id": "<id>", "queue": "{world.queue}", "feed": "{definition}"}}'
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(
        Rule=rule,
        Targets=[
            {
                "Id": "function",
                "Arn": function,
                "InputTransformer": {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": template},
            },
            {"Id": "topic", "Arn": topic, "InputPath": "$.detail"},
        ],
    )

    events.put_events(Entries=[{"Source": rule, "DetailType": "x", "Detail": f'{{"id": "{rule}"}}'}])

    target = {"BatchParameters": {"JobName": rule}}
    (job_id,) = eventually(lambda: started(world, target), "the function's job")
    assert world.output(ended(world.batch, job_id)) == ["fed"]
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the message")
    assert json.loads(message["Body"])["Message"] == f'{{"id":"{rule}"}}'
