from __future__ import annotations

import pytest

from batchd.scheduler.events import (
    CapacityLimit,
    Event,
    JobStatus,
    JobSubmitted,
    PriorityChanged,
    QueueSaved,
    QuotaShare,
    QuotaShareDeleted,
)
from batchd.scheduler.reasons import PREEMPTED_FOR_OWNER
from batchd.scheduler.state import Attempt
from batchd.store.store import Body
from tests.services.batch.service_worlds import ARN, create_environment, create_queue, ready, submission, submit
from tests.services.batch.worlds import World

M5 = [{"maxCapacity": 4, "capacityUnit": "ml.m5.large"}]
POLICY = f"{ARN}:scheduling-policy/quotas"
QUEUE = f"{ARN}:job-queue/training"
RISK = f"{QUEUE}/quota-share/risk"
SHARE: Body = {
    "quotaShareName": "risk",
    "jobQueue": "training",
    "capacityLimits": M5,
    "resourceSharingConfiguration": {"strategy": "RESERVE"},
    "preemptionConfiguration": {"inSharePreemption": "DISABLED"},
}


def quota_managed(world: World) -> World:
    """With a queue that has a quota share policy."""
    create_environment(world, limits=M5)
    world.ask("create_scheduling_policy", name="quotas", quotaSharePolicy={"idleResourceAssignmentStrategy": "FIFO"})
    create_queue(world, schedulingPolicyArn=POLICY)
    return world


def last(world: World) -> tuple[QuotaShare, ...] | None:
    """The shares as the scheduler was told of them last."""
    found: Event = [event for event in world.events() if isinstance(event, QueueSaved)][-1]
    assert isinstance(found, QueueSaved)
    return found.queue.quota_shares


def test_a_share_lives_from_create_to_delete(world: World) -> None:
    quota_managed(world)
    assert last(world) == ()
    answer = world.ask("create_quota_share", **SHARE, tags={"team": "risk"})
    assert answer == {"quotaShareName": "risk", "quotaShareArn": RISK}
    assert world.ask("describe_quota_share", quotaShareArn=RISK) == {
        "quotaShareName": "risk",
        "quotaShareArn": RISK,
        "jobQueueArn": QUEUE,
        "capacityLimits": M5,
        "resourceSharingConfiguration": {"strategy": "RESERVE"},
        "preemptionConfiguration": {"inSharePreemption": "DISABLED"},
        "state": "ENABLED",
        "status": "VALID",
        "tags": {"team": "risk"},
    }
    assert last(world) == (QuotaShare("risk", (CapacityLimit("ml.m5.large", 4),)),)

    answer = world.ask(
        "update_quota_share",
        quotaShareArn=RISK,
        state="DISABLED",
        resourceSharingConfiguration={"strategy": "LEND_AND_BORROW"},
        preemptionConfiguration={"inSharePreemption": "ENABLED"},
    )
    assert answer == {"quotaShareName": "risk", "quotaShareArn": RISK}
    (listed,) = world.ask("list_quota_shares", jobQueue="training")["quotaShares"]
    assert listed["resourceSharingConfiguration"] == {"strategy": "LEND_AND_BORROW", "borrowLimit": -1}
    assert (listed["state"], listed["capacityLimits"]) == ("DISABLED", M5)
    limits = (CapacityLimit("ml.m5.large", 4),)
    assert last(world) == (QuotaShare("risk", limits, lends=True, borrows=-1, preempts=True),)

    assert world.ask("delete_quota_share", quotaShareArn=RISK) == {}
    assert world.ask("list_quota_shares", jobQueue="training") == {"quotaShares": []}
    assert world.events()[-2:] == [QuotaShareDeleted(QUEUE, "risk"), world.events()[-1]]
    assert last(world) == ()
    assert world.refusal("describe_quota_share", quotaShareArn=RISK) == f"QuotaShare {RISK} does not exist"


@pytest.mark.parametrize(
    ("sharing", "lends", "borrows"),
    [
        ({"strategy": "RESERVE"}, False, 0),
        ({"strategy": "LEND"}, True, 0),
        ({"strategy": "LEND_AND_BORROW", "borrowLimit": 200}, True, 200),
        ({"strategy": "LEND_AND_BORROW"}, True, -1),
    ],
)
def test_the_strategy_says_who_lends_and_borrows(world: World, sharing: Body, lends: bool, borrows: int) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **{**SHARE, "resourceSharingConfiguration": sharing})

    shares = last(world)
    assert shares is not None
    assert (shares[0].lends, shares[0].borrows) == (lends, borrows)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"quotaShareName": "a b"}, "Quota share name should match valid pattern"),
        ({"capacityLimits": []}, "capacityLimits must have 1 to 5 entries"),
        (
            {"capacityLimits": [{"maxCapacity": 1, "capacityUnit": "NUM_INSTANCES"}]},
            "capacityLimits.capacityUnit must be an instance type",
        ),
        (
            {"resourceSharingConfiguration": {"strategy": "LEND", "borrowLimit": 1}},
            "resourceSharingConfiguration.borrowLimit can only be specified for LEND_AND_BORROW",
        ),
        (
            {"resourceSharingConfiguration": {"strategy": "LEND_AND_BORROW", "borrowLimit": -2}},
            "resourceSharingConfiguration.borrowLimit must be -1 or more",
        ),
    ],
)
def test_impossible_shares_are_refused(world: World, params: Body, text: str) -> None:
    quota_managed(world)

    assert world.wrapped("create_quota_share", **{**SHARE, **params}) == text


def test_shares_belong_to_queues_with_such_a_policy(world: World) -> None:
    ready(world)
    text = world.refusal("create_quota_share", **SHARE)
    assert text == "JobQueue training has no quota share scheduling policy"
    text = world.refusal("create_quota_share", **{**SHARE, "jobQueue": "gone"})
    assert text == "JobQueue gone does not exist"
    assert world.ask("list_quota_shares", jobQueue="training") == {"quotaShares": []}


def test_shares_of_a_queue_are_unique_counted_and_paged(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE)
    assert world.refusal("create_quota_share", **SHARE) == "Object already exists"
    text = world.refusal("delete_quota_share", quotaShareArn=RISK)
    assert text == "Cannot delete, quota share state must be DISABLED"
    for number in range(19):
        world.ask("create_quota_share", **{**SHARE, "quotaShareName": f"more-{number:02}"})
    text = world.refusal("create_quota_share", **{**SHARE, "quotaShareName": "one-too-many"})
    assert text == "At most 20 quota shares are allowed in a job queue"

    first = world.ask("list_quota_shares", jobQueue=QUEUE, maxResults=19)
    rest = world.ask("list_quota_shares", jobQueue=QUEUE, maxResults=19, nextToken=first["nextToken"])
    names = [share["quotaShareName"] for page in (first, rest) for share in page["quotaShares"]]
    assert names == [*(f"more-{number:02}" for number in range(19)), "risk"]


def test_a_share_goes_with_its_queue(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE)
    world.ask("update_job_queue", jobQueue="training", state="DISABLED")
    world.ask("delete_job_queue", jobQueue="training")

    assert "does not exist" in world.refusal("describe_quota_share", quotaShareArn=RISK)


def test_a_share_has_tags(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE)
    world.ask("tag_resource", resourceArn=RISK, tags={"a": "b"})

    assert world.ask("list_tags_for_resource", resourceArn=RISK) == {"tags": {"a": "b"}}
    assert "does not exist" in world.refusal("list_tags_for_resource", resourceArn=f"{RISK}-gone")


def test_a_policy_keeps_its_kind(world: World) -> None:
    quota_managed(world)
    world.ask("create_scheduling_policy", name="fair")
    fair, quotas = f"{ARN}:scheduling-policy/fair", {"idleResourceAssignmentStrategy": "FIFO"}
    found = world.ask("describe_scheduling_policies", arns=[POLICY])["schedulingPolicies"]
    assert found == [{"name": "quotas", "arn": POLICY, "quotaSharePolicy": quotas, "tags": {}}]

    text = "A fair share policy can not become a quota share policy, nor the other way round"
    assert world.refusal("update_scheduling_policy", arn=fair, quotaSharePolicy=quotas) == text
    assert world.refusal("update_scheduling_policy", arn=POLICY, fairsharePolicy={}) == text
    world.ask("update_scheduling_policy", arn=POLICY, quotaSharePolicy=quotas)
    text = "Only one of fairsharePolicy and quotaSharePolicy can be specified"
    assert world.wrapped("create_scheduling_policy", name="both", quotaSharePolicy=quotas, fairsharePolicy={}) == text


def test_queues_environments_and_policies_must_suit_each_other(world: World) -> None:
    quota_managed(world)
    world.ready()
    create_environment(world, "counted")
    world.ask("create_scheduling_policy", name="fair")
    order = [{"order": 1, "serviceEnvironment": "counted"}]
    request = {"jobQueueName": "other", "priority": 1, "serviceEnvironmentOrder": order}

    text = world.refusal("create_job_queue", **request, schedulingPolicyArn=POLICY)
    assert text == "ServiceEnvironment counted must have capacityLimits of instance types for this job queue"
    gpus = [{"order": 1, "serviceEnvironment": "gpus"}]
    text = world.refusal("create_job_queue", **{**request, "serviceEnvironmentOrder": gpus})
    assert text == "ServiceEnvironment gpus must have capacityLimits of NUM_INSTANCES for this job queue"
    text = world.refusal("create_job_queue", **{**request, "serviceEnvironmentOrder": gpus}, schedulingPolicyArn=POLICY)
    assert text == "ServiceEnvironment gpus is connected to another job queue"
    text = world.refusal("update_job_queue", jobQueue="training", serviceEnvironmentOrder=order)
    assert text == "ServiceEnvironment counted must have capacityLimits of instance types for this job queue"
    text = world.refusal(
        "create_job_queue",
        jobQueueName="other",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "ce"}],
        schedulingPolicyArn=POLICY,
    )
    assert text == "A quota share policy needs a job queue of type SAGEMAKER_TRAINING"


def test_a_job_stands_in_its_share(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE)
    limit = {"preemptionRetriesBeforeTermination": 2}
    job_id = submit(world, quotaShareName="risk", schedulingPriority=7, preemptionConfiguration=limit)

    job = world.ask("describe_service_job", jobId=job_id)
    assert (job["quotaShareName"], job["preemptionConfiguration"]) == ("risk", limit)
    (event,) = [event for event in world.events() if isinstance(event, JobSubmitted)]
    assert (event.job.share, event.job.priority) == ("risk", 7)
    assert event.job.service is not None
    assert event.job.service.preemptions == 2


def test_a_queue_of_quota_shares_takes_no_other_jobs(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE, state="DISABLED")

    text = "Job submitted to job queue with quota share scheduling policy must have a quotaShareName."
    assert world.refusal("submit_service_job", **submission()) == text
    assert "shareIdentifier can not" in world.refusal("submit_service_job", **submission(shareIdentifier="a"))
    text = world.refusal("submit_service_job", **submission(quotaShareName="gone"))
    assert text == "QuotaShare gone does not exist"
    text = world.refusal("submit_service_job", **submission(quotaShareName="risk"))
    assert text == "QuotaShare risk is in DISABLED state. Only ENABLED QuotaShares accept jobs."


def test_service_jobs_stand_in_fair_shares_too(world: World) -> None:
    create_environment(world)
    world.ask("create_scheduling_policy", name="fair")
    create_queue(world, schedulingPolicyArn=f"{ARN}:scheduling-policy/fair")
    text = "Job submitted to job queue with fair share scheduling policy must have a shareIdentifier."
    assert world.refusal("submit_service_job", **submission()) == text
    job_id = submit(world, shareIdentifier="blue", schedulingPriority=3)

    assert world.ask("describe_service_job", jobId=job_id)["shareIdentifier"] == "blue"
    (event,) = [event for event in world.events() if isinstance(event, JobSubmitted)]
    assert (event.job.share, event.job.priority) == ("blue", 3)
    found = world.ask(
        "list_service_jobs", jobQueue="training", filters=[{"name": "SHARE_IDENTIFIER", "values": ["blue"]}]
    )
    assert [job["jobId"] for job in found["jobSummaryList"]] == [job_id]


def test_jobs_are_listed_by_share_and_status(world: World) -> None:
    quota_managed(world)
    for name in ("risk", "desk"):
        world.ask("create_quota_share", **{**SHARE, "quotaShareName": name})
    first, second, _ = (submit(world, quotaShareName=name) for name in ("risk", "risk", "desk"))
    world.becomes(first, JobStatus.RUNNING, task_id="t", environment="gpus")
    filters = [{"name": "QUOTA_SHARE_NAME", "values": ["risk"]}]

    def listed(**params: object) -> set[str]:
        page = world.ask("list_service_jobs", jobQueue="training", filters=filters, **params)
        return {job["jobId"] for job in page["jobSummaryList"]}

    assert listed() == {first, second}
    assert listed(jobStatus="RUNNING") == {first}
    assert listed(jobStatus="SCHEDULED") == set()


def test_a_priority_is_updated_where_it_counts(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE)
    job_id = submit(world, quotaShareName="risk", schedulingPriority=1)
    arn = f"{ARN}:service-job/{job_id}"
    answer = world.ask("update_service_job", jobId=arn, schedulingPriority=9)
    assert answer == {"jobArn": arn, "jobName": "digits", "jobId": job_id}
    assert world.events()[-1] == PriorityChanged(job_id, 9)
    assert world.ask("describe_service_job", jobId=job_id)["schedulingPriority"] == 9
    with world.store.read() as tx:
        assert [job.spec.priority for job in tx.jobs.live()] == [9]

    text = "schedulingPriority must be between 0 and 9999"
    assert world.wrapped("update_service_job", jobId=job_id, schedulingPriority=10_000) == text
    world.becomes(job_id, JobStatus.FAILED)
    text = world.refusal("update_service_job", jobId=job_id, schedulingPriority=1)
    assert text == f"ServiceJob {job_id} has ended, its priority can not be updated"
    assert "does not exist" in world.refusal("update_service_job", jobId="gone", schedulingPriority=1)


def test_a_priority_in_a_queue_without_shares_is_noted_and_means_nothing(world: World) -> None:
    ready(world)
    job_id = submit(world, schedulingPriority=1)
    before = world.events()
    world.ask("update_service_job", jobId=job_id, schedulingPriority=9)

    assert world.ask("describe_service_job", jobId=job_id)["schedulingPriority"] == 9
    assert world.events() == before
    with world.store.read() as tx:
        assert [job.spec.priority for job in tx.jobs.live()] == [0]


def test_preempted_attempts_are_told_of_apart(world: World) -> None:
    quota_managed(world)
    world.ask("create_quota_share", **SHARE)
    job_id = submit(world, quotaShareName="risk")
    preempted = [Attempt(f"{number:032}", "gpus", 1, 2, PREEMPTED_FOR_OWNER, 143) for number in range(11)]
    failed = Attempt("f" * 32, "gpus", 3, 4, "Received status from SageMaker: AlgorithmError: exit code: 1", 1)
    world.becomes(job_id, JobStatus.FAILED, [*preempted, failed])

    job = world.ask("describe_service_job", jobId=job_id)
    assert [attempt["statusReason"] for attempt in job["attempts"]] == [failed.status_reason]
    summary = job["preemptionSummary"]
    assert (summary["preemptedAttemptCount"], len(summary["recentPreemptedAttempts"])) == (11, 10)
    recent = summary["recentPreemptedAttempts"][-1]
    assert recent["serviceResourceId"]["value"].endswith(f"{10:032}")
    assert (recent["startedAt"], recent["stoppedAt"], recent["statusReason"]) == (1, 2, PREEMPTED_FOR_OWNER)


def test_a_snapshot_tells_of_every_share(world: World) -> None:
    quota_managed(world)
    world.deployment = {
        "quota_fronts": lambda queue: {"risk": ("j-1", 5)} if queue == QUEUE else {},
        "queue_instances": lambda queue: {"risk": {"ml.m5.large": 1}, "desk": {"ml.m5.large": 2, "ml.g5.xlarge": 1}},
    }

    snapshot = world.ask("get_job_queue_snapshot", jobQueue="training")
    front = {"risk": [{"jobArn": f"{ARN}:service-job/j-1", "earliestTimeAtPosition": 5}]}
    assert snapshot["frontOfQuotaShares"] == {"quotaShares": front, "lastUpdatedAt": world.now_ms}
    g5, m5 = ({"capacityUnit": unit, "quantity": n} for unit, n in (("ml.g5.xlarge", 1.0), ("ml.m5.large", 2.0)))
    utilization = snapshot["queueUtilization"]
    assert utilization["quotaShareUtilization"]["topCapacityUtilization"] == [
        {"quotaShareName": "desk", "capacityUsage": [g5, m5]},
        {"quotaShareName": "risk", "capacityUsage": [{**m5, "quantity": 1.0}]},
    ]
    assert utilization["totalCapacityUsage"] == [g5, {**m5, "quantity": 3.0}]
