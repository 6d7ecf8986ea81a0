"""Events, functions and topics while the server is killed again and again: everything acknowledged leads to its job.

An event starts a function, which submits a job; the job tells a topic, which starts a function, which submits a second
job. Duplicates may be, for delivery is at least once, and are told apart by their ids.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.clients.storm import Plan, Serving
from tests.clients.waiting import eventually
from tests.clients.worlds import MACHINES, needs
from tests.patience import LONG_S
from tests.zips import zipped

SEED, EVENTS, KILLS = 20261129, 24, 8
ROLE = "arn:aws:iam::123456789012:role/feeds"
FUNCTION = """
import boto3, json, os

def handler(event, context):
    number = event["detail"]["number"] if "detail" in event else event["Records"][0]["Sns"]["Message"]
    kind = os.environ["KIND"]
    job = boto3.client("batch").submit_job(
        jobName=f"{kind}-{number}", jobQueue="storm", jobDefinition=kind, parameters={"number": str(number)}
    )
    return job["jobId"]
"""
TELL = "import boto3, sys; boto3.client('sns').publish(TopicArn=sys.argv[1], Message=sys.argv[2])"


def prepare(serving: Serving) -> None:
    batch, sns, events = (serving.client(name) for name in ("batch", "sns", "events"))
    batch.create_compute_environment(computeEnvironmentName="storm", type="MANAGED", computeResources=MACHINES)
    order = [{"order": 1, "computeEnvironment": "storm"}]
    batch.create_job_queue(jobQueueName="storm", priority=1, computeEnvironmentOrder=order)
    topic = sns.create_topic(Name="storm")["TopicArn"]
    define(batch, "first", [sys.executable, "-c", TELL, topic, "Ref::number"])
    define(batch, "second", ["true"])
    events.put_rule(Name="storm", EventPattern=json.dumps({"source": ["storm"]}))
    events.put_targets(Rule="storm", Targets=[{"Id": "1", "Arn": function(serving, "first", "events.amazonaws.com")}])
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function(serving, "second", "sns.amazonaws.com"))


def define(batch: Any, name: str, command: list[str]) -> None:
    """A job of it is tried again if the server is away just then."""
    batch.register_job_definition(
        jobDefinitionName=name,
        type="container",
        retryStrategy={"attempts": 10},
        containerProperties={"image": "python", "command": command, "resourceRequirements": needs()},
    )


def function(serving: Serving, kind: str, source: str) -> str:
    client = serving.client("lambda")
    made = client.create_function(
        FunctionName=kind,
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Timeout=300,
        MemorySize=256,
        Code={"ZipFile": zipped({"app.py": FUNCTION})},
        Environment={"Variables": {"KIND": kind}},
    )
    client.add_permission(FunctionName=kind, StatementId="s", Action="lambda:InvokeFunction", Principal=source)
    return str(made["FunctionArn"])


def put(serving: Serving, number: int) -> None:
    """Until it is acknowledged."""
    entry = {"Source": "storm", "DetailType": "happened", "Detail": json.dumps({"number": number})}
    answer = serving.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def finished(serving: Serving) -> Counter[str] | None:
    """How many jobs of each name there are, once all that must be are and have succeeded."""
    try:
        pages = serving.client().get_paginator("list_jobs").paginate(jobQueue="storm", jobStatus="SUCCEEDED")
        names = Counter(job["jobName"] for page in pages for job in page["jobSummaryList"])
    except (BotoCoreError, ClientError):
        return None
    wanted = {f"{kind}-{number}" for kind in ("first", "second") for number in range(EVENTS)}
    return names if wanted <= names.keys() else None


def test_every_event_leads_to_its_jobs_however_often_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    serving = Serving(tmp_path / "data", Plan("process", EVENTS, KILLS, SEED, flags=("--vcpus", "8")))
    serving.start()
    try:
        prepare(serving)
        kills = sorted(chance.sample(range(EVENTS), KILLS))
        for number in range(EVENTS):
            put(serving, number)
            if number in kills:
                time.sleep(chance.uniform(0, 0.5))  # at any moment of what the events have begun
                serving.kill()
                serving.start()
        names = eventually(lambda: finished(serving), f"all jobs are there (seed {SEED})", LONG_S)
    finally:
        serving.stop()
    assert names.keys() == {f"{kind}-{number}" for kind in ("first", "second") for number in range(EVENTS)}
