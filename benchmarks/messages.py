"""Messages through a queue: sent one by one, received and deleted in tens, and received from a queue of a million."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from typing import Any

import served
import signed
import uvloop

CONNECTIONS = 32
BODY = "x" * 200
DEEP = 1_000_000
PROBES = 200
Body = dict[str, Any]


def passed(signer: signed.Signer, count: int) -> tuple[float, float]:
    """Messages sent per second, one a request, and received and deleted per second, ten a request."""
    url = served.client(signer, "sqs").create_queue(QueueName="bench")["QueueUrl"]
    started = time.perf_counter()
    ask(signer, "SendMessage", [{"QueueUrl": url, "MessageBody": BODY}] * count)
    sent = time.perf_counter() - started
    started = time.perf_counter()
    answers = ask(signer, "ReceiveMessage", [{"QueueUrl": url, "MaxNumberOfMessages": 10}] * (count // 10))
    ask(
        signer,
        "DeleteMessageBatch",
        [_deletion(url, answer["Messages"]) for answer in answers if answer.get("Messages")],
    )
    return count / sent, count / (time.perf_counter() - started)


def deep() -> str:
    """A receive of ten and a wake-up, with an empty queue and with one of a million."""
    with served.batchd("--engine", "fake") as (signer, _, _):
        url = served.client(signer, "sqs").create_queue(QueueName="deep")["QueueUrl"]
        wake = _wake(signer, url)
        entries = [{"Id": str(n), "MessageBody": BODY} for n in range(10)]
        ask(signer, "SendMessageBatch", [{"QueueUrl": url, "Entries": entries}] * 10)
        shallow = _receive(signer, url)
        ask(signer, "SendMessageBatch", [{"QueueUrl": url, "Entries": entries}] * (DEEP // 10))
        return (
            f"a receive of ten: {shallow:.1f} ms, with a million waiting {_receive(signer, url):.1f} ms; "
            f"from send to whoever waits: {wake:.1f} ms"
        )


def ask(signer: signed.Signer, operation: str, bodies: list[Body]) -> list[Body]:
    """The answers to all of them, over many connections."""
    asking = replace(signer, service="sqs", target=f"AmazonSQS.{operation}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(signed.load(asking, "/", list(bodies), CONNECTIONS))


def _deletion(url: str, messages: list[Body]) -> Body:
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    return {"QueueUrl": url, "Entries": entries}


def _receive(signer: signed.Signer, url: str) -> float:
    """Median milliseconds; what was received is seen again at once."""
    connection = signed.Connection(replace(signer, service="sqs", target="AmazonSQS.ReceiveMessage"))
    took = []
    for _ in range(PROBES):
        started = time.perf_counter()
        connection.post("/", {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0})
        took.append((time.perf_counter() - started) * 1e3)
    connection.close()
    return statistics.median(took)


def _wake(signer: signed.Signer, url: str) -> float:
    """Median milliseconds from sending a message to the answer of a receive that waited for it."""
    return statistics.median(asyncio.run(_wakes(signer, url)))


async def _wakes(signer: signed.Signer, url: str) -> list[float]:
    receiver = replace(signer, service="sqs", target="AmazonSQS.ReceiveMessage")
    sender = signed.Connection(replace(signer, service="sqs", target="AmazonSQS.SendMessage"))
    took = []
    for _ in range(PROBES):
        waiting = asyncio.create_task(signed.load(receiver, "/", [{"QueueUrl": url, "WaitTimeSeconds": 20}], 1))
        await asyncio.sleep(0.02)
        started = time.perf_counter()
        sending = asyncio.to_thread(sender.post, "/", {"QueueUrl": url, "MessageBody": BODY})
        _, (answer,) = await asyncio.gather(sending, waiting)
        took.append((time.perf_counter() - started) * 1e3)
        assert answer["Messages"]
    sender.close()
    return took
