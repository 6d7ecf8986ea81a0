"""What popular clients of AWS Batch do, each in its own way, and what they lean on in the answers. [batch.md 13]"""

from __future__ import annotations

from typing import Any

from botocore.waiter import WaiterModel, create_waiter_with_client

from tests.clients.refusals import refused
from tests.clients.waiting import described, ended, reached
from tests.clients.worlds import Gate, World, fresh, needs

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
SPOT = [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]


# Nextflow: one definition for each image and settings, known by a token among its parameters


def find_definition(world: World, name: str, token: str) -> str | None:
    page = world.batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE", maxResults=100)
    for one in page["jobDefinitions"]:
        if one["parameters"].get("nf-token") == token:
            return f"{one['jobDefinitionName']}:{one['revision']}"
    return None


def make_definition(world: World, name: str, token: str) -> str:
    made = world.batch.register_job_definition(
        jobDefinitionName=name,
        type="container",
        parameters={"nf-token": token},
        containerProperties={
            "image": "quay.io/biocontainers/samtools:1.19",
            "command": ["true"],
            "resourceRequirements": needs(),
            "mountPoints": [],
            "volumes": [],
        },
    )
    return f"{made['jobDefinitionName']}:{made['revision']}"


def test_nextflow_finds_its_definitions_again_by_their_tokens(world: World) -> None:
    name = fresh("nf-quay-io-biocontainers-samtools-1-19")
    assert find_definition(world, name, "one") is None
    first, second = make_definition(world, name, "one"), make_definition(world, name, "two")
    assert (find_definition(world, name, "one"), find_definition(world, name, "two")) == (first, second)
    world.batch.deregister_job_definition(jobDefinition=first)
    assert find_definition(world, name, "one") is None


def test_nextflow_watches_many_jobs_at_once_and_reads_how_each_attempt_ended(world: World, gate: Gate) -> None:
    definition = make_definition(world, fresh("nf"), "token")

    def submit(script: str) -> str:
        overrides = {"command": ["bash", "-o", "pipefail", "-c", script], "resourceRequirements": needs()}
        retry = {"attempts": 5, "evaluateOnExit": SPOT}
        return world.submit(jobDefinition=definition, containerOverrides=overrides, retryStrategy=retry)

    good, bad, endless = submit("true"), submit("exit 7"), submit(gate.script)
    ended(world.batch, good)
    ended(world.batch, bad)
    reached(world.batch, endless, "RUNNING")
    world.batch.terminate_job(jobId=endless, reason="Job killed by NF")
    ended(world.batch, endless)

    jobs = {job["jobId"]: job for job in world.batch.describe_jobs(jobs=[good, bad, endless, *unknown(97)])["jobs"]}

    assert set(jobs) == {good, bad, endless}
    assert (jobs[good]["status"], jobs[good]["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert (jobs[bad]["status"], jobs[bad]["container"]["exitCode"], len(jobs[bad]["attempts"])) == ("FAILED", 7, 1)
    assert "reason" not in jobs[bad]["attempts"][-1]["container"], "nothing that looks like a lost host"
    assert jobs[endless]["statusReason"] == "Job killed by NF"
    with refused("Maximum number of jobs supported is  100"):
        world.batch.describe_jobs(jobs=unknown(101))


def unknown(number: int) -> list[str]:
    return [f"00000000-0000-4000-8000-{n:012d}" for n in range(number)]


# Metaflow: looks at the queue and its first environment before it submits


def test_metaflow_finds_an_active_queue_and_the_type_of_its_first_environment(world: World) -> None:
    pages = world.batch.get_paginator("describe_job_queues").paginate()
    active = [q for page in pages for q in page["jobQueues"] if (q["state"], q["status"]) == ("ENABLED", "VALID")]
    (queue,) = [q for q in active if world.queue in (q["jobQueueName"], q["jobQueueArn"])]
    first = queue["computeEnvironmentOrder"][0]["computeEnvironment"]
    (environment,) = world.batch.describe_compute_environments(computeEnvironments=[first])["computeEnvironments"]
    assert environment["computeResources"]["type"] == "EC2"


def test_metaflow_polls_a_job_and_lists_those_that_are_not_over(world: World, gate: Gate) -> None:
    before = world.batch.describe_job_definitions(jobDefinitionName=fresh("metaflow"), status="ACTIVE")
    assert before["jobDefinitions"] == []
    failing = '[ -n "$AWS_BATCH_CE_NAME$AWS_BATCH_JQ_NAME$AWS_EXECUTION_ENV" ] && exit 3'
    definition = world.define("true", parameters={}, timeout={"attemptDurationSeconds": 60}, propagateTags=True)
    overrides = {"command": ["bash", "-c", failing], "environment": [{"name": "METAFLOW_USER", "value": "me"}]}
    job_id = world.submit(
        jobDefinition=definition,
        containerOverrides=overrides,
        retryStrategy={"attempts": 2},
        timeout={"attemptDurationSeconds": 600},
        tags={"metaflow.run_id": "1"},
    )
    assert described(world.batch, job_id)["jobId"] == job_id, "at once"
    job = ended(world.batch, job_id)
    assert (job["container"]["exitCode"], job["attempts"][-1]["container"]["exitCode"]) == (3, 3)
    assert job["container"]["logStreamName"] == job["attempts"][-1]["container"]["logStreamName"]

    alive = world.submit(gate.script)
    reached(world.batch, alive, "RUNNING")
    unfinished = [
        one["jobId"]
        for status in STATUSES[:5]
        for page in world.batch.get_paginator("list_jobs").paginate(jobQueue=world.queue, jobStatus=status)
        for one in page["jobSummaryList"]
    ]
    assert unfinished == [alive]


# Airflow: sends what is empty, waits with waiters of its own, links to the log


def wait_for(batch: Any, job_id: str, *statuses: str) -> None:
    """A waiter defined by the client, as Airflow has them: any of these statuses is a success."""
    acceptors = [
        {"matcher": "pathAll", "argument": "jobs[].status", "expected": status, "state": "success"}
        for status in statuses
    ]
    wanted = {"operation": "DescribeJobs", "delay": 1, "maxAttempts": 60, "acceptors": acceptors}
    model = WaiterModel({"version": 2, "waiters": {"Wanted": wanted}})
    create_waiter_with_client("Wanted", model, batch).wait(jobs=[job_id])


def test_airflow_sends_empty_members_and_waits_with_waiters_of_its_own(world: World) -> None:
    definition = world.define(
        "echo here",
        containerProperties={"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "us-east-1"}}},
    )
    answer = world.batch.submit_job(
        jobName=fresh("airflow"),
        jobQueue=world.queue,
        jobDefinition=definition,
        arrayProperties={},
        parameters={},
        containerOverrides={},
        ecsPropertiesOverride={},
        eksPropertiesOverride={},
        tags={},
    )
    wait_for(world.batch, answer["jobId"], *STATUSES)
    wait_for(world.batch, answer["jobId"], "SUCCEEDED", "FAILED")
    job = described(world.batch, answer["jobId"])
    container = job["container"]
    assert (job["status"], container["logConfiguration"]["logDriver"]) == ("SUCCEEDED", "awslogs")
    assert container["logConfiguration"]["options"]["awslogs-region"] == "us-east-1"
    streams = [attempt["container"]["logStreamName"] for attempt in job["attempts"]]
    assert streams == [container["logStreamName"]]
    assert world.output(job) == ["here"]


# Step Functions: SubmitJob, then the DescribeJobs element with capitalised keys is the state's output


def test_step_functions_marks_its_jobs_and_capitalises_what_is_described(world: World) -> None:
    marked = {"environment": [{"name": "MANAGED_BY_AWS", "value": "STARTED_BY_STEP_FUNCTIONS"}]}
    job = world.run('echo "$MANAGED_BY_AWS"; exit 2', containerOverrides=marked)
    output = capitalised(job)
    assert (output["Status"], output["Container"]["ExitCode"]) == ("FAILED", 2)
    assert output["StatusReason"] == "Essential container in task exited"
    assert {"JobArn", "JobId", "JobName", "JobQueue", "JobDefinition", "CreatedAt", "Attempts"} <= output.keys()
    assert output["Attempts"][0]["Container"]["ExitCode"] == 2
    assert world.output(job) == ["STARTED_BY_STEP_FUNCTIONS"]


def capitalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: capitalised(one) for name, one in value.items()}
    return [capitalised(one) for one in value] if isinstance(value, list) else value


# Cromwell, Snakemake, Dagster, Prefect, Flyte, dsub: register, submit, describe, terminate, and all at a high rate


def test_many_definitions_are_registered_one_after_the_other_and_each_is_used_once(world: World) -> None:
    definitions = [world.define(f"exit {number}") for number in range(8)]
    jobs = [world.submit(jobDefinition=definition) for definition in definitions]
    codes = [ended(world.batch, job_id)["container"]["exitCode"] for job_id in jobs]
    assert codes == list(range(8))
    for definition in definitions:
        world.batch.deregister_job_definition(jobDefinition=definition)
    with refused("does not exist or is not in ACTIVE status"):
        world.submit(jobDefinition=definitions[0])
