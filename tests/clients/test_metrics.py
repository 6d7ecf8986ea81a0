"""What Prometheus reads, as Prometheus reads it."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.clients.waiting import described, eventually
from tests.clients.worlds import Gate, World, fresh
from tests.conftest import Running

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(server: Running) -> Samples:
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: Any) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def of_queue(server: Running, world: World, name: str, **labels: str) -> float:
    return value(scrape(server), name, queue=world.queue, region="us-east-1", **labels)


def test_jobs_are_counted_by_queue_and_result_with_their_times(server: Running, world: World) -> None:
    jobs = [world.run("true"), world.run("exit 1", retryStrategy={"attempts": 2})]

    assert of_queue(server, world, "batchd_jobs_ended_total", result="succeeded") == 1
    assert of_queue(server, world, "batchd_jobs_ended_total", result="failed") == 1
    assert of_queue(server, world, "batchd_job_wait_seconds_count") == 3
    assert of_queue(server, world, "batchd_job_run_seconds_count") == 3
    ran_ms = [attempt["stoppedAt"] - attempt["startedAt"] for job in jobs for attempt in job["attempts"]]
    assert of_queue(server, world, "batchd_job_run_seconds_sum") == pytest.approx(sum(ran_ms) / 1000)
    assert of_queue(server, world, "batchd_queue_jobs", status="SUCCEEDED") == 1


def test_the_children_of_an_array_are_counted_one_by_one(server: Running, world: World) -> None:
    world.run("true", arrayProperties={"size": 3})

    assert of_queue(server, world, "batchd_jobs_ended_total", result="succeeded") == 3
    assert of_queue(server, world, "batchd_job_run_seconds_count") == 3


def test_depth_and_capacity_are_those_of_the_moment(server: Running, world: World, gate: Gate) -> None:
    job_id = world.submit(gate.script)
    eventually(lambda: described(world.batch, job_id)["status"] == "RUNNING", "the job runs")

    samples = scrape(server)

    assert value(samples, "batchd_queue_jobs", queue=world.queue, region="us-east-1", status="RUNNING") == 1
    assert value(samples, "batchd_capacity", resource="vcpus") == 8
    assert value(samples, "batchd_capacity", resource="memory_mib") == 16384
    assert value(samples, "batchd_capacity_used", resource="vcpus") >= 1
    in_use = {"environment": world.environment, "region": "us-east-1"}
    assert value(samples, "batchd_environment_vcpus_used", **in_use) == 1


def test_requests_are_counted_by_operation_and_status(server: Running, world: World) -> None:
    before = scrape(server)
    with pytest.raises(world.batch.exceptions.ClientException):
        world.batch.submit_job(jobName="x", jobQueue="never", jobDefinition="never")
    world.batch.describe_jobs(jobs=["x"])
    after = scrape(server)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("batchd_requests_total", service="batch", operation="SubmitJob", status="400") == 1
    assert more("batchd_requests_total", service="batch", operation="DescribeJobs", status="200") == 1
    assert more("batchd_request_seconds_count", service="batch", operation="DescribeJobs") == 1
    assert more("batchd_requests_total", service="", operation="unknown", status="200") == 0


def test_strangers_cannot_make_up_series(server: Running) -> None:
    for path in ("/never/1", "/never/2"):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(server.endpoint + path)

    unknown = [
        labels for name, labels in scrape(server) if name == "batchd_requests_total" and ("service", "") in labels
    ]

    assert {dict(labels)["operation"] for labels in unknown} == {"unknown"}


def test_commits_and_reports_are_counted(server: Running, world: World) -> None:
    before = scrape(server)
    world.run("true")
    after = scrape(server)

    for name, labels in (
        ("batchd_commit_units_count", {}),
        ("batchd_commit_seconds_count", {}),
        ("batchd_engine_reports_total", {"kind": "Started"}),
        ("batchd_engine_reports_total", {"kind": "Exited"}),
    ):
        assert value(after, name, **labels) > value(before, name, **labels), name
    assert value(after, "process_resident_memory_bytes") > 0
    info = [dict(labels) for name, labels in after if name == "batchd_info"]
    assert [(one["engine"], one["store"]) for one in info] == [("process", "sqlite")]


def test_messages_are_counted_by_queue_and_state(server: Running) -> None:
    sqs, name = server.client("sqs"), fresh("queue")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    for delay in (0, 0, 0, 900):
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=delay)
    sqs.receive_message(QueueUrl=url)

    samples = scrape(server)
    counted = [
        value(samples, "batchd_sqs_messages", queue=name, region="us-east-1", state=state)
        for state in ("ready", "in_flight", "delayed")
    ]
    assert counted == [2, 1, 1]
