"""`batchd events`: what happened on the buses, and what was not delivered."""

from __future__ import annotations

import json
import signal
from typing import Any

import boto3

from tests.cli.command import Batchd, one_line
from tests.clients.waiting import eventually
from tests.patience import LONG_S

TOPIC = "arn:aws:kinesis:us-east-1:123456789012:stream/none"


def client(batchd: Batchd, service: str) -> Any:
    keys = json.loads((batchd.data / "keys.json").read_text())
    return boto3.client(
        service,
        endpoint_url=batchd.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
    )


def test_events_are_followed_and_what_was_not_delivered_is_tried_again_or_forgotten(batchd: Batchd) -> None:
    events, logs = client(batchd, "events"), client(batchd, "logs")
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/orders"
    events.put_rule(Name="orders", EventPattern='{"source":["shop"]}')
    events.put_targets(
        Rule="orders", Targets=[{"Id": "log", "Arn": group}, {"Id": "stream", "Arn": TOPIC, "RoleArn": "arn:a:b:c:d:e"}]
    )
    events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}] * 2)
    events.put_events(Entries=[{"Source": "other", "DetailType": "Order", "Detail": "{}"}])

    def dead() -> list[dict[str, Any]]:
        return [json.loads(line) for line in batchd("events", "dead", "--json").stdout.splitlines()]

    eventually(lambda: len(dead()) == 4, "all four are dead")
    told = batchd("events", "tail").stdout
    lines = told.splitlines()
    assert sum("  shop  Order  " in line and line.endswith("  orders") for line in lines) == 2
    assert any(line.endswith("  no rule") for line in lines)
    assert "rule/orders -> stream (stream/none): attempt 1, NO_RESOURCE: this server has no service kinesis" in told
    table = batchd("events", "dead").stdout
    assert "stream/none" in table and "ResourceNotFoundException" in table

    logs.create_log_group(logGroupName="/orders")
    numbers = [str(one["number"]) for one in dead() if one["target"] == group]
    assert batchd("events", "redrive", *numbers).stdout == "2 deliveries will be tried again\n"
    eventually(lambda: len(logs.filter_log_events(logGroupName="/orders")["events"]) == 2, "both are logged")
    records = [json.loads(line) for line in batchd("events", "tail", "--json").stdout.splitlines()]
    assert sum(record["kind"] == "delivered" for record in records) == 2
    assert batchd("events", "discard", "--all").stdout == "2 deliveries forgotten\n"
    assert dead() == []
    following = batchd.begin("events", "tail", "--follow", "--limit", "1")
    assert following.stdout is not None
    assert "delivered" in following.stdout.readline()
    events.put_events(Entries=[{"Source": "other", "DetailType": "Order", "Detail": "{}"}])
    assert "no rule" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    assert following.communicate(timeout=LONG_S)[1] == ""
    assert following.returncode == 0
    assert "give numbers, or --all" in one_line(batchd("events", "redrive").stderr)
