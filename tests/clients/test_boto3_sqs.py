"""SQS through real clients: long polling, groups, dead letters, and messages that outlive the server."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.clients.storm import Plan, Serving
from tests.clients.test_aws_cli import command
from tests.clients.worlds import fresh
from tests.conftest import Running


@pytest.fixture
def sqs(server: Running) -> Any:
    return server.client("sqs")


def queue(sqs: Any, suffix: str = "", **attributes: str) -> str:
    if suffix:
        attributes["FifoQueue"] = "true"
    return str(sqs.create_queue(QueueName=fresh("queue") + suffix, Attributes=attributes)["QueueUrl"])


def take(sqs: Any, url: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, **more).get("Messages", [])
    return found


def test_two_who_wait_for_each_other_wait_for_nothing_else(server: Running, sqs: Any) -> None:
    """Twenty messages to and fro: each is received while the other waits for up to twenty seconds."""
    ping, pong = queue(sqs), queue(sqs)

    def answer() -> None:
        own = server.client("sqs")
        for _ in range(20):
            (message,) = take(own, ping, WaitTimeSeconds=20)
            own.delete_message(QueueUrl=ping, ReceiptHandle=message["ReceiptHandle"])
            own.send_message(QueueUrl=pong, MessageBody=message["Body"] + "!")

    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(answer)
        for number in range(20):
            sqs.send_message(QueueUrl=ping, MessageBody=str(number))
            (message,) = take(sqs, pong, WaitTimeSeconds=20)
            assert message["Body"] == f"{number}!"
            sqs.delete_message(QueueUrl=pong, ReceiptHandle=message["ReceiptHandle"])
        answering.result()


def test_each_of_many_who_wait_gets_a_message_and_each_message_one_of_them(server: Running, sqs: Any) -> None:
    url = queue(sqs)

    def wait_for_one(_: int) -> str:
        (message,) = take(server.client("sqs"), url, WaitTimeSeconds=20)
        return str(message["Body"])

    with ThreadPoolExecutor(8) as pool:
        waiting = pool.map(wait_for_one, range(8))
        for number in range(8):
            sqs.send_message(QueueUrl=url, MessageBody=str(number))
        assert sorted(waiting) == [str(number) for number in range(8)]


def test_a_message_becomes_visible_to_who_waits_when_it_is_let_go_and_when_it_is_due(server: Running, sqs: Any) -> None:
    url = queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (held,) = take(sqs, url)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take, server.client("sqs"), url, WaitTimeSeconds=20, VisibilityTimeout=1)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
        assert [message["Body"] for message in waiting.result()] == ["x"]
    (again,) = take(sqs, url, WaitTimeSeconds=20, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "3"}


def test_workers_on_a_fifo_queue_keep_the_order_of_each_group(server: Running, sqs: Any) -> None:
    url = queue(sqs, ".fifo", ContentBasedDeduplication="true", VisibilityTimeout="60")
    for number in range(30):
        sqs.send_message(QueueUrl=url, MessageBody=f"{number:02}", MessageGroupId=f"g{number % 3}")

    def work(_: int) -> list[tuple[float, str]]:
        own, done = server.client("sqs"), []
        while messages := take(own, url, WaitTimeSeconds=1, MaxNumberOfMessages=2):
            for message in messages:
                done.append((time.monotonic(), message["Body"]))
                own.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return done

    with ThreadPoolExecutor(3) as pool:
        done = [body for _, body in sorted(one for part in pool.map(work, range(3)) for one in part)]
    assert sorted(done) == [f"{number:02}" for number in range(30)]
    for group in range(3):
        own = [body for body in done if int(body) % 3 == group]
        assert own == sorted(own)


def test_what_fails_too_often_ends_in_the_dead_letter_queue(sqs: Any) -> None:
    grave, url = queue(sqs), queue(sqs)
    arn = sqs.get_queue_attributes(QueueUrl=grave, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    sqs.send_message(QueueUrl=url, MessageBody="x")
    for _ in range(2):
        assert take(sqs, url, VisibilityTimeout=0, WaitTimeSeconds=5)
    assert take(sqs, url) == []

    (buried,) = take(sqs, grave, MessageSystemAttributeNames=["DeadLetterQueueSourceArn"])
    assert buried["Attributes"]["DeadLetterQueueSourceArn"].rpartition(":")[2] == url.rpartition("/")[2]
    sqs.change_message_visibility(QueueUrl=grave, ReceiptHandle=buried["ReceiptHandle"], VisibilityTimeout=0)
    sqs.start_message_move_task(SourceArn=arn)
    (back,) = take(sqs, url, WaitTimeSeconds=20)
    assert back["Body"] == "x"


def test_the_aws_command_sends_and_receives(server: Running) -> None:
    def aws(*arguments: str) -> Any:
        # Version 1 of the command has an address of its own for SQS, which only this flag changes.
        done = command(server, "--endpoint-url", server.endpoint, "sqs", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    url = aws("create-queue", "--queue-name", fresh("cli"))["QueueUrl"]
    attributes = '{"kind": {"DataType": "String", "StringValue": "late"}}'
    aws("send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes", attributes)
    received = aws("receive-message", "--queue-url", url, "--message-attribute-names", "All")
    assert received["Messages"][0]["MessageAttributes"]["kind"]["StringValue"] == "late"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    made = Serving(tmp_path / "data", Plan("fake", 0, 0, 0))
    made.start()
    yield made
    made.stop()


def test_no_message_that_was_acknowledged_is_lost_when_the_server_is_killed(serving: Serving) -> None:
    chance = random.Random(20261129)
    url = serving.client("sqs").create_queue(QueueName="storm", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    sent: set[str] = set()
    deleted: set[str] = set()
    for kill in range(4):
        with ThreadPoolExecutor(1) as pool:
            notes, rages = (sent, deleted), Event()
            stormed = pool.submit(_send_and_delete, serving.client("sqs"), url, notes, (f"{kill}-", rages))
            assert rages.wait(60), "the storm has begun"
            time.sleep(chance.uniform(0, 0.2))  # to kill it at any moment: nothing is waited for
            serving.kill()
            stormed.result()
        serving.start()
    sqs = serving.client("sqs")
    there: set[str] = set()
    while messages := take(sqs, url, MaxNumberOfMessages=10, VisibilityTimeout=60):
        there |= {message["Body"] for message in messages}

    assert len(sent) >= 16 and deleted
    assert sent - deleted <= there
    assert not deleted & there


def _send_and_delete(sqs: Any, url: str, notes: tuple[set[str], set[str]], storm: tuple[str, Event]) -> None:
    """Until the server is gone: two sent for each that is deleted; what is in doubt is noted as neither. The storm has
    a name, and rages from the eighth message on."""
    sent, deleted = notes
    prefix, rages = storm
    number = 0
    try:
        while True:
            for _ in range(2):
                body, number = f"{prefix}{number}", number + 1
                sqs.send_message(QueueUrl=url, MessageBody=body)
                sent.add(body)
            if number >= 8:
                rages.set()
            (message,) = take(sqs, url)
            sent.discard(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            deleted.add(message["Body"])
    except (BotoCoreError, ClientError):
        return
