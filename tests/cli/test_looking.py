"""jobs, logs, why, top: looking at what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from batchd.cli.connect import Access, Clients, access
from batchd.cli.top import glance
from tests.cli.command import Batchd, one_line
from tests.patience import LONG_S

MACHINES: Any = {
    "type": "EC2",
    "maxvCpus": 4,
    "subnets": ["subnet-1"],
    "instanceTypes": ["optimal"],
    "instanceRole": "ecsInstanceRole",
    "minvCpus": 0,
}
ID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def large(batchd: Batchd) -> str:
    """The last of three jobs, which have ended."""
    batchd("run", "--queue", "looking", "--name", "first", "--", "true")
    batchd("run", "--queue", "looking", "--name", "broken", "--", "false")
    job: str = batchd("run", "-d", "--queue", "looking", "--name", "large", "--vcpus", "4", "--", "true").stdout.strip()
    batchd("logs", "-f", job)
    return job


def test_jobs_are_listed_newest_first_one_line_each(batchd: Batchd, large: str) -> None:
    lines = batchd("jobs", "--queue", "looking").stdout.splitlines()
    assert lines[0].split() == ["JOB", "ID", "STATUS", "CREATED", "TOOK", "NAME", "REASON"]
    created = r"(?:\d\d:\d\d:\d\d|\d\d \w+)"  # the date, if midnight has passed since
    rows = [re.fullmatch(rf"({ID})  (\w+) +{created} +[\d.]+ s  (\w+) *(.*?) *", line) for line in lines[1:]]
    assert [row and row.groups()[1:] for row in rows] == [
        ("SUCCEEDED", "large", ""),
        ("FAILED", "broken", "exit 1"),
        ("SUCCEEDED", "first", ""),
    ]


def test_jobs_are_narrowed_by_status_and_number(batchd: Batchd, large: str) -> None:
    failed = batchd("jobs", "--queue", "looking", "--status", "failed").stdout.splitlines()
    assert len(failed) == 2
    assert "broken" in failed[1]
    assert len(batchd("jobs", "--limit", "2").stdout.splitlines()) == 3


def test_several_queues_are_told_apart(batchd: Batchd, large: str) -> None:
    batchd("run", "--queue", "another", "--", "true")
    table = batchd("jobs").stdout
    assert "QUEUE" in table.splitlines()[0]
    assert {"another", "looking"} <= set(table.split())


def test_logs_are_found_by_id_and_by_name_with_every_attempt(batchd: Batchd) -> None:
    batchd("run", "--name", "twice", "--attempts", "2", "--", "sh", "-c", 'echo "try $AWS_BATCH_JOB_ATTEMPT"; exit 1')
    assert batchd("logs", "twice").stdout == "try 1\ntry 2\n"
    [job_id] = re.findall(rf"({ID}).*twice", batchd("jobs").stdout)
    assert batchd("logs", job_id).stdout == "try 1\ntry 2\n"


def test_an_array_shows_what_all_its_children_write(batchd: Batchd) -> None:
    batchd("run", "--name", "before", "--", "true")
    batch = Clients(access(batchd.data)).batch
    script = ["sh", "-c", "echo I am $AWS_BATCH_JOB_ARRAY_INDEX"]
    request: Any = {"arrayProperties": {"size": 3}, "containerOverrides": {"command": script}}
    job = batch.submit_job(jobName="array", jobQueue="default", jobDefinition="run-python-3-slim", **request)
    batchd("logs", "-f", job["jobId"])
    lines = [":0: I am 0", ":1: I am 1", ":2: I am 2"]
    assert batchd("logs", "array").stdout.splitlines() == lines
    assert batchd("logs", f"{job['jobId']}:1").stdout == "I am 1\n"


def test_a_job_of_several_nodes_shows_what_all_of_them_write_and_each_its_own(batchd: Batchd, tmp_path: Path) -> None:
    batch = Clients(access(batchd.data)).batch
    batch.create_compute_environment(computeEnvironmentName="gangs", type="MANAGED", computeResources=MACHINES)
    order: Any = [{"order": 1, "computeEnvironment": "gangs"}]
    batch.create_job_queue(jobQueueName="gangs", priority=1, computeEnvironmentOrder=order)
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    done = tmp_path / "done"
    lead = f"until [ -e {done} ]; do sleep 0.02; done; exit 3"
    script = f"echo here; [ $AWS_BATCH_JOB_NODE_INDEX = 0 ] || exec touch {done}; {lead}"
    container: Any = {"image": "busybox", "command": ["sh", "-c", script], "resourceRequirements": needs}
    nodes: Any = {"numNodes": 2, "mainNode": 0, "nodeRangeProperties": [{"targetNodes": ":", "container": container}]}
    batch.register_job_definition(jobDefinitionName="nodes", type="multinode", nodeProperties=nodes)
    job_id = batch.submit_job(jobName="nodes", jobQueue="gangs", jobDefinition="nodes")["jobId"]
    assert sorted(batchd("logs", "-f", job_id).stdout.splitlines()) == ["#0: here", "#1: here"]
    assert batchd("logs", f"{job_id}#1").stdout == "here\n"
    assert batchd("why", "nodes").stdout.splitlines()[-1].strip() == "Its exit code is 3."
    assert f"{job_id}#1 is " in batchd("why", f"{job_id}#1").stdout


def test_why_says_how_a_job_ended(batchd: Batchd) -> None:
    batchd("run", "--name", "over", "--", "true")
    done = batchd("why", "over")
    assert done.stdout.splitlines()[1].strip() == "The job is SUCCEEDED: Essential container in task exited"
    batchd("run", "--name", "badly", "--", "sh", "-c", "exit 9")
    assert batchd("why", "badly").stdout.splitlines()[-1].strip() == "Its exit code is 9."


def test_why_says_how_a_service_job_is(batchd: Batchd) -> None:
    clients = Clients(access(batchd.data))
    limits: Any = [{"maxCapacity": 0, "capacityUnit": "NUM_INSTANCES"}]
    clients.batch.create_service_environment(
        serviceEnvironmentName="none", serviceEnvironmentType="SAGEMAKER_TRAINING", capacityLimits=limits
    )
    clients.batch.create_job_queue(
        jobQueueName="training", priority=1, serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": "none"}]
    )
    job = clients.batch.submit_service_job(
        jobName="digits",
        jobQueue="training",
        serviceJobType="SAGEMAKER_TRAINING",
        serviceRequestPayload='{"AlgorithmSpecification": {"ContainerEntrypoint": ["true"]}, '
        '"ResourceConfig": {"InstanceType": "ml.t3.small"}}',
    )
    for name in (job["jobId"], job["jobArn"]):
        said = " ".join(batchd("why", name).stdout.split())
        assert f"digits {job['jobId']} is RUNNABLE" in said
        assert "allows at most 0 instances, the job needs 1 of ml.t3.small." in said


def test_why_names_what_a_waiting_job_waits_for(batchd: Batchd) -> None:
    blocker = batchd("run", "-d", "--vcpus", "4", "--name", "blocker", "--", "sleep", "600").stdout.strip()
    batchd("run", "-d", "--name", "waiting", "--", "true")
    said = batchd("why", "waiting").stdout
    assert "is RUNNABLE" in said
    assert "The machine is full: 4 of 4 vCPUs" in said
    looked = batchd("logs", "waiting")
    assert (looked.stdout, looked.returncode) == ("", 0)
    assert looked.stderr == "batchd: waiting is RUNNABLE and has printed nothing yet (see `batchd why`)\n"
    followed = batchd.begin("logs", "-f", "waiting")
    assert followed.stderr is not None
    assert followed.stderr.readline().startswith("batchd: waiting is RUNNABLE: ")
    _terminate(batchd, blocker)
    assert followed.communicate(timeout=LONG_S)[0] == ""
    assert followed.returncode == 0


def test_top_shows_queues_environments_and_the_machine_once(batchd: Batchd, large: str) -> None:
    done = batchd("top", "--once")
    assert done.returncode == 0
    assert re.search(r"^batchd \S+  engine process  vCPU [\d.]+/4  memory \d+/8192 MiB$", done.stdout, re.MULTILINE)
    assert re.search(r"^looking +0 +0 +0 +0 +0 +2 +1 us-east-1", done.stdout, re.MULTILINE)
    assert re.search(r"^looking +0 +no limit +yes +us-east-1", done.stdout, re.MULTILINE)


def test_top_stays_when_the_server_goes(batchd: Batchd) -> None:
    shown, trouble = glance(Clients(access(batchd.data)), "before")
    assert (shown == "before", trouble) == (False, "")
    gone = Clients(Access("http://127.0.0.1:1", "us-east-1", "x", "y"))
    assert glance(gone, "before") == ("before", "no server answers at http://127.0.0.1:1: is `batchd serve` running?")


@pytest.mark.parametrize("command", ["logs", "why"])
def test_a_job_that_is_not_there_is_said_in_one_line(batchd: Batchd, command: str) -> None:
    done = batchd(command, "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert one_line(done.stderr) == "there is no job with the id or name 'nobody'"


def test_a_queue_and_a_status_that_are_not_there_are_said_in_one_line(batchd: Batchd) -> None:
    assert one_line(batchd("jobs", "--queue", "nobody").stderr) == "JobQueue nobody not found."
    assert one_line(batchd("jobs", "--status", "done").stderr).startswith("--status must be one of SUBMITTED, ")


def _terminate(batchd: Batchd, job_id: str) -> None:
    from batchd.cli.connect import Clients, local_access
    from batchd.config import Settings

    Clients(local_access(Settings(data_dir=batchd.data))).batch.terminate_job(jobId=job_id, reason="the test is over")
