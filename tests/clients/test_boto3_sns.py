"""SNS through real clients: from a topic to queues and HTTP endpoints."""

from __future__ import annotations

import base64
import json
import queue
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1

from tests.clients.storm import Plan, Serving
from tests.clients.test_aws_cli import command
from tests.clients.waiting import eventually
from tests.clients.worlds import fresh
from tests.conftest import Running
from tests.patience import LONG_S
from tests.zips import zipped


@pytest.fixture
def sns(server: Running) -> Any:
    return server.client("sns")


@pytest.fixture
def sqs(server: Running) -> Any:
    return server.client("sqs")


def topic(sns: Any, suffix: str = "", **attributes: str) -> str:
    return str(sns.create_topic(Name=fresh("topic") + suffix, Attributes=attributes)["TopicArn"])


def box(sqs: Any, suffix: str = "", **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    url = sqs.create_queue(QueueName=fresh("queue") + suffix, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(sqs: Any, url: str) -> dict[str, Any]:
    def look() -> list[dict[str, Any]] | None:
        asked = {"QueueUrl": url, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"]}
        found: list[dict[str, Any]] | None = sqs.receive_message(**asked).get("Messages")
        return found

    (message,) = eventually(look, f"a message in {url}")
    return message


class Endpoint:
    """An HTTP server of the user's. It answers with the statuses it is given, then with 200."""

    def __init__(self, url: str, statuses: list[int]) -> None:
        self.url = url
        self._came: queue.SimpleQueue[tuple[dict[str, str], str]] = queue.SimpleQueue()
        self._statuses = statuses

    def take(self, headers: dict[str, str], text: str) -> int:
        self._came.put((headers, text))
        return self._statuses.pop(0) if self._statuses else 200

    def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        headers, text = self._came.get(timeout=LONG_S)
        return headers, json.loads(text)


@contextmanager
def endpoint(*statuses: int) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            self.send_response(made.take({name.lower(): value for name, value in self.headers.items()}, text))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made = Endpoint(f"http://127.0.0.1:{server.server_port}/hook", list(statuses))
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def follow(link: str) -> str:
    """As anybody may, without a key."""
    with urllib.request.urlopen(link) as answer:
        text: str = answer.read().decode()
    return text


def verify(said: dict[str, Any]) -> None:
    """As AWS tells verifiers to: with the certificate from where the message says it is."""
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    plain = "".join(f"{name}\n{said[name]}\n" for name in names if name in said)
    certificate = x509.load_pem_x509_certificate(follow(said["SigningCertURL"]).encode())
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(base64.b64decode(said["Signature"]), plain.encode(), PKCS1v15(), SHA1())


def test_a_message_fans_out_to_the_queues_that_want_it(sns: Any, sqs: Any) -> None:
    arn = topic(sns)
    (first, first_arn), (second, second_arn) = box(sqs), box(sqs)
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=first_arn)
    late = {"FilterPolicy": json.dumps({"kind": ["late"]}), "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=second_arn, Attributes=late)
    for kind in ("early", "late"):
        attribute = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=arn, Message=f"it is {kind}", MessageAttributes=attribute)

    envelopes = [json.loads(receive(sqs, first)["Body"]) for _ in range(2)]
    assert sorted(envelope["Message"] for envelope in envelopes) == ["it is early", "it is late"]
    verify(envelopes[0])
    raw = receive(sqs, second)
    assert (raw["Body"], raw["MessageAttributes"]["kind"]["StringValue"]) == ("it is late", "late")


def test_a_fifo_topic_keeps_the_order_in_a_fifo_queue(sns: Any, sqs: Any) -> None:
    arn = topic(sns, ".fifo", FifoTopic="true", ContentBasedDeduplication="true")
    url, queue_arn = box(sqs, ".fifo", FifoQueue="true")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    for number in (0, 1, 1, 2, 3, 0):
        sns.publish(TopicArn=arn, Message=str(number), MessageGroupId="g")

    bodies = []
    for _ in range(4):
        message = receive(sqs, url)
        bodies.append(message["Body"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies == ["0", "1", "2", "3"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_an_http_endpoint_confirms_is_tried_again_and_leaves(sns: Any) -> None:
    arn = topic(sns)
    policy = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}})
    with endpoint(200, 503) as hook:
        asked = {"TopicArn": arn, "Protocol": "http", "Endpoint": hook.url, "Attributes": {"DeliveryPolicy": policy}}
        subscription = sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
        headers, invitation = hook.next()
        assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
        verify(invitation)
        assert f"<SubscriptionArn>{subscription}</SubscriptionArn>" in follow(invitation["SubscribeURL"])
        sent = sns.publish(TopicArn=arn, Message="hello", Subject="Greeting")
        (_, refused), (headers, notification) = hook.next(), hook.next()
        assert refused == notification
        assert (notification["MessageId"], notification["Message"]) == (sent["MessageId"], "hello")
        assert headers["x-amz-sns-subscription-arn"] == subscription
        verify(notification)
        follow(notification["UnsubscribeURL"])
        _, farewell = hook.next()
        assert farewell["Type"] == "UnsubscribeConfirmation"
        assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_what_an_endpoint_refuses_for_good_ends_in_the_dead_letter_queue(sns: Any, sqs: Any) -> None:
    arn = topic(sns)
    grave, grave_arn = box(sqs)
    with endpoint(200, 404) as hook:
        attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": grave_arn})}
        sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=hook.url, Attributes=attributes)
        follow(hook.next()[1]["SubscribeURL"])
        sns.publish(TopicArn=arn, Message="nobody wants this")
        assert json.loads(receive(sqs, grave)["Body"])["Message"] == "nobody wants this"


HANDLER = """
import json
import boto3

def handler(event, context):
    (record,) = event["Records"]
    boto3.client("sqs").send_message(QueueUrl=record["Sns"]["Message"], MessageBody=json.dumps(record))
"""


def test_a_message_runs_a_function_with_aws_own_event(server: Running, sns: Any, sqs: Any) -> None:
    arn, (url, _) = topic(sns), box(sqs)
    functions, name = server.client("lambda"), fresh("function")
    made = functions.create_function(
        FunctionName=name,
        Role="arn:aws:iam::123456789012:role/function",
        Runtime="python3.11",
        Handler="app.handler",
        Timeout=300,
        Code={"ZipFile": zipped({"app.py": HANDLER})},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    subscription = sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=made["FunctionArn"])["SubscriptionArn"]
    sent = sns.publish(TopicArn=arn, Message=url)

    record = json.loads(receive(sqs, url)["Body"])
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", subscription)
    assert record["Sns"]["MessageId"] == sent["MessageId"]
    verify({name.replace("Url", "URL"): value for name, value in record["Sns"].items() if value is not None})


def test_the_aws_command_publishes(server: Running, sqs: Any) -> None:
    def aws(*arguments: str) -> Any:
        done = command(server, "sns", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    url, queue_arn = box(sqs)
    arn = aws("create-topic", "--name", fresh("cli"))["TopicArn"]
    aws("subscribe", "--topic-arn", arn, "--protocol", "sqs", "--notification-endpoint", queue_arn)
    aws("publish", "--topic-arn", arn, "--message", "hello")
    assert json.loads(receive(sqs, url)["Body"])["Message"] == "hello"


def test_what_was_published_arrives_once_though_the_server_is_killed(tmp_path: Path) -> None:
    serving = Serving(tmp_path / "data", Plan("fake", 0, 0, 0))
    serving.start()
    try:
        arn = topic(serving.client("sns"))
        url, queue_arn = box(serving.client("sqs"), VisibilityTimeout="3600")
        raw = {"RawMessageDelivery": "true"}
        serving.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes=raw)
        published = []
        for kill in range(2):
            sns = serving.client("sns")
            for number in range(20):
                sns.publish(TopicArn=arn, Message=f"{kill}-{number}")
                published.append(f"{kill}-{number}")
            serving.kill()
            serving.start()
        sqs = serving.client("sqs")
        arrived: list[str] = []
        while len(arrived) < len(published):
            asked = {"QueueUrl": url, "WaitTimeSeconds": 20, "MaxNumberOfMessages": 10}
            arrived += [message["Body"] for message in sqs.receive_message(**asked).get("Messages", [])]
        assert sorted(arrived) == sorted(published)
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
    finally:
        serving.stop()
