from __future__ import annotations

import json

import pytest

from batchd.scheduler.events import ExitRule, JobStatus, JobSubmitted, Resources, ServiceSpec, TerminateRequested
from batchd.scheduler.state import Attempt
from batchd.store.store import Body
from batchd.task import LogDestination, decode_task
from tests.services.batch.service_worlds import (
    ARN,
    PAYLOAD,
    create_environment,
    create_queue,
    ready,
    submission,
    submit,
)
from tests.services.batch.worlds import World

QUEUE = f"{ARN}:job-queue/training"
UNKNOWN = "00000000-0000-4000-8000-00000000abcd"
TASK = "88b610a69aa8380ca5b0a7aba3f81cb8"


def described(world: World, job_id: str) -> Body:
    return world.ask("describe_service_job", jobId=job_id)


def listed(world: World, **params: object) -> list[str]:
    found = world.ask("list_service_jobs", jobQueue="training", **params)["jobSummaryList"]
    return [job["jobId"] for job in found]


def test_a_submit_is_described_as_it_was_sent(world: World) -> None:
    ready(world)
    strategy = {"attempts": 3, "evaluateOnExit": [{"action": "RETRY", "onStatusReason": "Received status from*"}]}
    wishes: Body = {"retryStrategy": strategy, "schedulingPriority": 7, "timeoutConfig": {"attemptDurationSeconds": 90}}
    job_id = submit(world, **wishes, tags={"team": "risk"})

    assert described(world, job_id) == {
        "jobArn": f"{ARN}:service-job/{job_id}",
        "jobId": job_id,
        "jobName": "digits",
        "jobQueue": QUEUE,
        "createdAt": world.now_ms,
        "status": "SUBMITTED",
        **wishes,
        "serviceJobType": "SAGEMAKER_TRAINING",
        "serviceRequestPayload": json.dumps(PAYLOAD),
        "capacityUsage": [{"capacityUnit": "ml.m5.large", "quantity": 1.0}],
        "attempts": [],
        "isTerminated": False,
        "tags": {"team": "risk"},
    }
    (event,) = [event for event in world.events() if isinstance(event, JobSubmitted)]
    spec = event.job
    assert (spec.resources, spec.service) == (Resources(2000, 8192), ServiceSpec("ml.m5.large", 1))
    assert (spec.attempts, spec.timeout_s) == (3, 90)
    assert spec.exit_rules == (ExitRule("RETRY", "Received status from*"),)


def test_the_payload_says_what_runs(world: World) -> None:
    ready(world)
    world.now_ms = 1_700_000_000_000
    more: Body = {"Environment": {"MODE": "fast"}, "HyperParameters": {"learning-rate": "0.1", "=": "no variable"}}
    job_id = submit(world, {**PAYLOAD, **more, "StoppingCondition": {"MaxRuntimeInSeconds": 60}})

    (container,) = decode_task(world.row(job_id).task).containers
    assert (container.image, container.entry_point, container.command) == ("pytorch", ("python",), ("train.py",))
    assert container.environment == {
        "MODE": "fast",
        "SM_HP_LEARNING_RATE": "0.1",
        "SM_HPS": '{"learning-rate":"0.1","=":"no variable"}',
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "SM_NUM_CPUS": "2",
        "SM_NUM_GPUS": "0",
        "SM_CHANNELS": "[]",
    }
    assert decode_task(world.row(job_id).task).labels == {"job_role": PAYLOAD["RoleArn"]}
    assert container.log is not None
    stream = f"AWSBatchdigits{TASK}/algo-1-1700000000"
    assert container.log.of_task(TASK) == LogDestination("us-east-1", "/aws/sagemaker/TrainingJobs", stream)
    assert ("logs", "CreateLogGroup", {"logGroupName": "/aws/sagemaker/TrainingJobs"}) in world.calls
    assert [e.job.timeout_s for e in world.events() if isinstance(e, JobSubmitted)] == [60]


def test_an_image_by_itself_is_told_to_train(world: World) -> None:
    ready(world)
    job_id = submit(world, {**PAYLOAD, "AlgorithmSpecification": {"TrainingImage": "own"}})

    (container,) = decode_task(world.row(job_id).task).containers
    assert (container.entry_point, container.command) == ((), ("train",))
    assert [e.job.timeout_s for e in world.events() if isinstance(e, JobSubmitted)] == [86400]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}, "one instance, not 2"),
        ({"ResourceConfig": {"InstanceType": "ml.q9.large"}}, "does not know the instance type ml.q9.large"),
        ({"AlgorithmSpecification": {"AlgorithmName": "xgboost"}}, "AlgorithmSpecification.AlgorithmName"),
        ({"AlgorithmSpecification": {}}, "neither a TrainingImage nor a ContainerEntrypoint"),
        ({"InputDataConfig": [{"ChannelName": "training"}]}, "InputDataConfig: it has no S3"),
    ],
)
def test_what_can_not_be_run_here_is_taken_with_its_fault(world: World, change: Body, text: str) -> None:
    ready(world)
    submit(world, {**PAYLOAD, **change})

    (event,) = [event for event in world.events() if isinstance(event, JobSubmitted)]
    assert event.job.service is not None
    fault = str(event.job.service.fault)
    assert fault.startswith("Received status from SageMaker: ValidationException: ")
    assert text in fault


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("{", "serviceRequestPayload must be JSON"),
        ("[]", "serviceRequestPayload must be a JSON object"),
        ({}, "serviceRequestPayload: ResourceConfig.InstanceType is required"),
        ({**PAYLOAD, "TrainingJobName": "a b"}, "serviceRequestPayload: TrainingJobName should match valid pattern"),
        ({**PAYLOAD, "ResourceConfig": 1}, "serviceRequestPayload: ResourceConfig must be an object"),
        ({**PAYLOAD, "RoleArn": 1}, "serviceRequestPayload: RoleArn must be a string"),
        ({**PAYLOAD, "InputDataConfig": "s3"}, "serviceRequestPayload: InputDataConfig must be a list"),
        (
            {**PAYLOAD, "AlgorithmSpecification": {"ContainerEntrypoint": "python"}},
            "serviceRequestPayload: ContainerEntrypoint must be a list of strings",
        ),
        (
            {**PAYLOAD, "HyperParameters": {"a": 1}},
            "serviceRequestPayload: HyperParameters must be an object of strings",
        ),
        ({**PAYLOAD, "Environment": {"A B": "c"}}, "serviceRequestPayload: Environment can not have a variable A B"),
        ({**PAYLOAD, "Environment": {"A": "\0"}}, "serviceRequestPayload must not contain the character NUL"),
        (
            {**PAYLOAD, "StoppingCondition": {"MaxRuntimeInSeconds": 0}},
            "serviceRequestPayload: MaxRuntimeInSeconds must be a positive number",
        ),
        ({**PAYLOAD, "Environment": {"A": "b" * 10_240}}, "serviceRequestPayload must not be larger than 10240 bytes"),
    ],
)
def test_what_is_no_request_of_a_training_job_is_refused(world: World, payload: Body | str, text: str) -> None:
    ready(world)

    assert world.wrapped("submit_service_job", **submission(payload)) == text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"jobName": "a b"}, "Job name should match valid pattern"),
        ({"schedulingPriority": 10_000}, "schedulingPriority must be between 0 and 9999"),
        ({"retryStrategy": {"attempts": 11}}, "retryStrategy.attempts must be between 1 and 10"),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}] * 6}},
            "retryStrategy.evaluateOnExit must have at most 5 entries",
        ),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "STAY"}]}},
            "retryStrategy.evaluateOnExit.action must be RETRY or EXIT",
        ),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onStatusReason": "\n"}]}},
            "retryStrategy.evaluateOnExit.onStatusReason should match valid pattern",
        ),
        ({"timeoutConfig": {"attemptDurationSeconds": 59}}, "timeoutConfig.attemptDurationSeconds must be at least 60"),
        (
            {"preemptionConfiguration": {"preemptionRetriesBeforeTermination": -1}},
            "preemptionConfiguration.preemptionRetriesBeforeTermination must not be negative",
        ),
    ],
)
def test_impossible_wishes_are_refused(world: World, params: Body, text: str) -> None:
    ready(world)

    assert world.wrapped("submit_service_job", **submission(**params)) == text


def test_the_queue_must_be_there_and_take_service_jobs(world: World) -> None:
    world.ready()
    assert world.refusal("submit_service_job", **submission()) == "JobQueue training not found."
    text = world.refusal("submit_service_job", **submission(jobQueue="night"))
    assert text == "JobQueue night is of type ECS and takes no service jobs."

    create_environment(world)
    create_queue(world, state="DISABLED")
    text = world.refusal("submit_service_job", **submission())
    assert text == "JobQueue training is in DISABLED state. Only ENABLED JobQueues accept jobs."


def test_without_a_scheduling_policy_there_are_no_shares(world: World) -> None:
    ready(world)
    for member in ("shareIdentifier", "quotaShareName"):
        text = world.refusal("submit_service_job", **submission(**{member: "a"}))
        assert f"Job with {member}" in text


def test_a_token_is_good_for_one_submit(world: World) -> None:
    ready(world)
    submit(world, clientToken="once")
    text = world.refusal("submit_service_job", **submission(clientToken="once"))
    assert text == "A service job was already submitted with clientToken once"
    submit(world, clientToken="twice")

    world.now_ms += 8 * 3_600_000
    submit(world, clientToken="once")


def test_a_refused_submit_does_not_spend_its_token(world: World) -> None:
    ready(world)
    world.ask("update_job_queue", jobQueue="training", state="DISABLED")
    assert "DISABLED" in world.refusal("submit_service_job", **submission(clientToken="once"))
    world.ask("update_job_queue", jobQueue="training", state="ENABLED")

    submit(world, clientToken="once")


def test_attempts_are_training_jobs(world: World) -> None:
    ready(world)
    job_id = submit(world)
    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment="gpus", scheduled_at=2)
    starting = described(world, job_id)
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/AWSBatchdigits{TASK}"
    resource = {"serviceResourceId": {"name": "TrainingJobArn", "value": arn}}
    assert (starting["status"], starting["scheduledAt"], starting["attempts"]) == ("STARTING", 2, [])
    assert starting["latestAttempt"] == resource

    said = "Received status from SageMaker: Training job completed"
    over = Attempt(TASK, "gpus", 3, 9, said, 0)
    world.becomes(
        job_id,
        JobStatus.SUCCEEDED,
        [over],
        started_at=3,
        stopped_at=9,
        status_reason=said,
        scheduled_at=2,
        task_id=TASK,
    )
    ended = described(world, job_id)
    assert ended["attempts"] == [{**resource, "startedAt": 3, "stoppedAt": 9, "statusReason": said}]
    assert (ended["latestAttempt"], ended["startedAt"], ended["stoppedAt"]) == (resource, 3, 9)


def test_a_long_name_still_leaves_room_for_the_attempt(world: World) -> None:
    ready(world)
    job_id = submit(world, {**PAYLOAD, "TrainingJobName": "n" * 63})
    world.becomes(job_id, JobStatus.STARTING, task_id=TASK, environment="gpus")

    name = described(world, job_id)["latestAttempt"]["serviceResourceId"]["value"].rpartition("/")[2]
    assert len(name) == 63
    assert name.endswith(TASK)


def test_lists_are_filtered_and_paged(world: World) -> None:
    ready(world)
    ids = []
    for number in range(3):
        world.now_ms += 1
        ids.append(submit(world, jobName=f"Run-{number}"))
    world.becomes(ids[0], JobStatus.RUNNING, task_id=TASK, environment="gpus")

    assert listed(world) == [ids[0]]
    assert listed(world, jobStatus="SUBMITTED") == [ids[2], ids[1]]
    assert listed(world, jobStatus="SCHEDULED") == []
    assert listed(world, filters=[{"name": "JOB_NAME", "values": ["run*"]}]) == ids[::-1]
    after = str(world.now_ms - 1)
    assert listed(world, filters=[{"name": "AFTER_CREATED_AT", "values": [after]}]) == [ids[2]]
    page = world.ask("list_service_jobs", jobQueue=QUEUE, jobStatus="SUBMITTED", maxResults=1)
    rest = world.ask("list_service_jobs", jobQueue=QUEUE, jobStatus="SUBMITTED", nextToken=page["nextToken"])
    assert [job["jobId"] for job in (*page["jobSummaryList"], *rest["jobSummaryList"])] == [ids[2], ids[1]]
    (summary,) = page["jobSummaryList"]
    assert summary == {
        "jobArn": f"{ARN}:service-job/{ids[2]}",
        "jobId": ids[2],
        "jobName": "Run-2",
        "createdAt": world.now_ms,
        "status": "SUBMITTED",
        "capacityUsage": [{"capacityUnit": "ml.m5.large", "quantity": 1.0}],
        "serviceJobType": "SAGEMAKER_TRAINING",
    }


def test_impossible_lists_are_refused(world: World) -> None:
    ready(world)
    assert world.refusal("list_service_jobs") == "jobQueue must be specified"
    assert world.refusal("list_service_jobs", jobQueue="gone") == "JobQueue gone not found."
    filters = [{"name": "JOB_DEFINITION", "values": ["a"]}]
    text = world.refusal("list_service_jobs", jobQueue="training", filters=filters)
    assert text == "filters.name JOB_DEFINITION is not a filter of service jobs"


def test_jobs_of_one_kind_are_not_seen_among_the_other(world: World) -> None:
    world.ready()
    ready(world)
    job_id, service_id = world.submit(), submit(world)

    assert world.ask("describe_jobs", jobs=[service_id]) == {"jobs": []}
    assert world.ask("list_jobs", jobQueue="training", jobStatus="SUBMITTED") == {"jobSummaryList": []}
    assert world.ask("list_service_jobs", jobQueue="night", jobStatus="SUBMITTED") == {"jobSummaryList": []}
    assert world.refusal("describe_service_job", jobId=job_id) == f"ServiceJob {job_id} does not exist"
    assert world.refusal("describe_service_job", jobId=UNKNOWN) == f"ServiceJob {UNKNOWN} does not exist"
    world.region = "eu-west-1"
    assert world.refusal("describe_service_job", jobId=service_id) == f"ServiceJob {service_id} does not exist"


def test_service_jobs_are_terminated_one_by_one_or_many(world: World) -> None:
    world.ready()
    ready(world)
    one, other, plain = submit(world), submit(world), world.submit()
    arn = described(world, other)["jobArn"]

    assert world.ask("terminate_service_job", jobId=one, reason="enough") == {}
    answer = world.ask("terminate_service_jobs", jobs=[arn, plain, UNKNOWN, "junk"], reason="all of it")
    assert answer == {
        "successful": [arn, plain, UNKNOWN],
        "errors": [{"job": "junk", "code": "ValidationException", "message": "junk is not a service job id"}],
    }
    asked = [event for event in world.events() if isinstance(event, TerminateRequested)]
    assert asked == [TerminateRequested(one, "enough"), TerminateRequested(other, "all of it")]
    world.becomes(one, JobStatus.FAILED, is_terminated=True)
    world.ask("terminate_service_job", jobId=one, reason="again")
    assert [event for event in world.events() if isinstance(event, TerminateRequested)] == asked
    assert described(world, one)["isTerminated"]
    (summary,) = world.ask("list_service_jobs", jobQueue="training", jobStatus="FAILED")["jobSummaryList"]
    assert summary["isTerminated"]
    assert world.refusal("terminate_service_job", jobId="", reason="x") == "jobId must not be empty"
    assert "1 to 1024" in world.refusal("terminate_service_job", jobId=one, reason="")
    assert "1 to 50" in world.refusal("terminate_service_jobs", jobs=[], reason="x")


def test_a_service_job_has_tags(world: World) -> None:
    ready(world)
    job_id = submit(world, tags={"a": "b"})
    arn = described(world, job_id)["jobArn"]
    world.ask("tag_resource", resourceArn=arn, tags={"c": "d"})

    assert described(world, job_id)["tags"] == {"a": "b", "c": "d"}
    other = arn.replace("service-job", "job")
    assert world.refusal("list_tags_for_resource", resourceArn=other) == f"Resource {other} does not exist"
