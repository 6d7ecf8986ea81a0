"""Events on a bus with a thousand rules: how fast they are accepted, and how fast they arrive.

Every rule wants one customer's orders; each event is one of them, and goes to a queue.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import served
import signed
import uvloop

RULES = 1000
CONNECTIONS = 32


def published(signer: signed.Signer, count: int) -> tuple[float, float]:
    """Events accepted per second, and events accepted and in the queue per second."""
    url = prepare(signer)
    bodies = [_entry(number) for number in range(count)]
    sender = replace(signer, service="events", target="AWSEvents.PutEvents")
    started = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(signed.load(sender, "/", bodies, CONNECTIONS))
    accepted = time.perf_counter() - started
    if len(answers) != count or any(answer["FailedEntryCount"] for answer in answers):
        raise RuntimeError("not every event was accepted")
    sqs = served.client(signer, "sqs")
    while int(_attributes(sqs, url)["ApproximateNumberOfMessages"]) < count:
        time.sleep(0.05)
    return count / accepted, count / (time.perf_counter() - started)


def prepare(signer: signed.Signer) -> str:
    """The rules, and the URL of the queue that they lead to."""
    events, sqs = served.client(signer, "events"), served.client(signer, "sqs")
    url: str = sqs.create_queue(QueueName="bench")["QueueUrl"]
    arn = _attributes(sqs, url)["QueueArn"]
    for number in range(RULES):
        pattern = {"source": ["shop"], "detail": {"customer": [f"c-{number}"], "price": [{"numeric": [">", 0]}]}}
        events.put_rule(Name=f"rule-{number}", EventPattern=json.dumps(pattern))
        events.put_targets(Rule=f"rule-{number}", Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _entry(number: int) -> dict[str, list[dict[str, str]]]:
    detail = {"customer": f"c-{number % RULES}", "price": 1 + number, "items": [{"name": "x", "count": 2}] * 3}
    return {"Entries": [{"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail)}]}


def _attributes(sqs, url: str) -> dict[str, str]:
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found
