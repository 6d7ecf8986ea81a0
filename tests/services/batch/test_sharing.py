"""Job queues with a fair-share policy, and the jobs that are submitted to them. [batch.md 3.6, 5.1, 5.5, 7.2]"""

from __future__ import annotations

import pytest

from batchd.quotas import Quotas
from batchd.scheduler.events import FairShare, JobStatus, JobSubmitted, QueueSaved
from batchd.scheduler.state import Share
from batchd.store.store import Body
from tests.services.batch.worlds import World

POLICY = "arn:aws:batch:us-east-1:123456789012:scheduling-policy/fair"
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/night"
WEIGHTS: list[Body] = [{"shareIdentifier": "A*", "weightFactor": 0.5}, {"shareIdentifier": "B"}]


@pytest.fixture
def fair(world: World) -> World:
    """With a queue of shares."""
    world.ask("create_scheduling_policy", name="fair", fairsharePolicy={"shareDistribution": WEIGHTS})
    world.environment()
    world.queue(schedulingPolicyArn=POLICY)
    world.definition(schedulingPriority=7)
    return world


def policy_of(event: object) -> FairShare | None:
    assert isinstance(event, QueueSaved)
    return event.queue.fair_share


def described(world: World) -> Body:
    (queue,) = world.ask("describe_job_queues", jobQueues=["night"])["jobQueues"]
    found: Body = queue
    return found


def test_a_queue_has_the_policy_it_was_created_with(fair: World) -> None:
    assert described(fair)["schedulingPolicyArn"] == POLICY
    assert policy_of(fair.events()[-1]) == FairShare(0, 0, (("A*", 0.5), ("B", 1.0)))


def test_a_changed_policy_takes_effect_for_the_queues_that_have_it(fair: World) -> None:
    fair.queue("other")
    before = len(fair.events())
    fair.ask(
        "update_scheduling_policy", arn=POLICY, fairsharePolicy={"shareDecaySeconds": 900, "computeReservation": 9}
    )
    (event,) = fair.events()[before:]
    assert policy_of(event) == FairShare(900, 9)
    assert fair.body("batch.job-queue", "night")["spec"]["fair_share"]["decay_s"] == 900


def test_a_policy_can_be_replaced_but_neither_added_nor_removed(fair: World) -> None:
    fair.ask("create_scheduling_policy", name="second", fairsharePolicy={"computeReservation": 5})
    fair.ask("update_job_queue", jobQueue="night", schedulingPolicyArn=POLICY.replace("fair", "second"))
    assert described(fair)["schedulingPolicyArn"].endswith("/second")
    assert policy_of(fair.events()[-1]) == FairShare(0, 5)
    fair.ask("update_job_queue", jobQueue="night", priority=3)
    assert described(fair)["schedulingPolicyArn"].endswith("/second"), "what is left out stays"
    text = fair.refusal("update_job_queue", jobQueue="night", schedulingPolicyArn="")
    assert text == "The scheduling policy of JobQueue night can be replaced but not removed"
    fair.queue("plain")
    text = fair.refusal("update_job_queue", jobQueue="plain", schedulingPolicyArn=POLICY)
    assert text == "JobQueue plain has no scheduling policy, and can not be given one"
    fair.ask("update_job_queue", jobQueue="plain", schedulingPolicyArn="")
    text = fair.refusal("update_job_queue", jobQueue="night", schedulingPolicyArn="nobody")
    assert text == "SchedulingPolicy nobody does not exist"


def test_a_policy_is_not_deleted_while_a_queue_has_it(fair: World) -> None:
    text = fair.refusal("delete_scheduling_policy", arn=POLICY)
    assert text == "Cannot delete, found existing JobQueue relationship"
    fair.ask("update_job_queue", jobQueue="night", state="DISABLED")
    fair.ask("delete_job_queue", jobQueue="night")
    fair.ask("delete_scheduling_policy", arn=POLICY)


def test_a_job_says_its_share_and_its_priority(fair: World) -> None:
    first = fair.submit(shareIdentifier="A1")
    second = fair.submit(shareIdentifier="B", schedulingPriorityOverride=9)
    specs = [event.job for event in fair.events() if isinstance(event, JobSubmitted)]
    assert [(spec.share, spec.priority) for spec in specs] == [("A1", 7), ("B", 9)]
    shown = [(job["shareIdentifier"], job["schedulingPriority"]) for job in map(fair.job, (first, second))]
    assert shown == [("A1", 7), ("B", 9)]


def test_a_job_without_a_policy_has_neither(world: World) -> None:
    world.ready()
    world.definition(schedulingPriority=7)
    job = world.job(world.submit())
    assert not {"shareIdentifier", "schedulingPriority"} & job.keys()


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"shareIdentifier": "no-dash"}, "shareIdentifier should match valid pattern"),
        ({"shareIdentifier": "*"}, "shareIdentifier should match valid pattern"),
        ({"shareIdentifier": "a" * 256}, "shareIdentifier should match valid pattern"),
        (
            {"shareIdentifier": "a", "schedulingPriorityOverride": 10_000},
            "schedulingPriorityOverride must be between 0 and 9999",
        ),
        (
            {"shareIdentifier": "a", "schedulingPriorityOverride": -1},
            "schedulingPriorityOverride must be between 0 and 9999",
        ),
    ],
)
def test_what_no_share_or_priority_can_be_is_refused(fair: World, params: Body, text: str) -> None:
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", **params}
    assert fair.wrapped("submit_job", **request) == text


def test_a_queue_with_a_policy_takes_no_job_without_a_share(fair: World) -> None:
    text = fair.refusal("submit_job", jobName="run", jobQueue="night", jobDefinition="feed")
    assert text == "Job submitted to job queue with fair share scheduling policy must have a shareIdentifier."


def test_a_queue_has_so_many_active_shares_at_the_most(fair: World) -> None:
    fair.deployment["quotas"] = Quotas(shares_per_queue=2)
    for share in ("a", "b", "a"):
        fair.submit(shareIdentifier=share)
    request = {"jobName": "run", "jobQueue": "night", "jobDefinition": "feed", "shareIdentifier": "c"}
    assert fair.refusal("submit_job", **request) == "At most 2 active share identifiers are allowed in a job queue"
    quiet = Share(QUEUE, "a", 5, fair.now_ms, is_live=False)
    fair.store.transact(lambda tx: tx.shares.save([quiet], ()))
    assert fair.refusal("submit_job", **request), "its usage has not decayed yet"
    fair.now_ms += 600_001
    fair.submit(shareIdentifier="c")
    fair.deployment["quotas"] = Quotas(shares_per_queue=0)
    fair.submit(shareIdentifier="d")


def test_jobs_are_listed_by_share_and_status(fair: World) -> None:
    ids = []
    for share in ("a", "b", "a", "a"):
        fair.now_ms += 1
        ids.append(fair.submit(shareIdentifier=share))
    fair.becomes(ids[2], JobStatus.RUNNING)

    def listed(**more: Body | str) -> list[str]:
        filters = [{"name": "SHARE_IDENTIFIER", "values": ["a"]}]
        answer = fair.ask("list_jobs", jobQueue="night", filters=filters, **more)
        assert all(job["shareIdentifier"] == "a" for job in answer["jobSummaryList"])
        return [job["jobId"] for job in answer["jobSummaryList"]]

    assert listed() == [ids[3], ids[2], ids[0]]
    assert listed(jobStatus="RUNNING") == [ids[2]]
    assert listed(jobStatus="FAILED") == []


def test_a_snapshot_shows_what_the_shares_use(fair: World) -> None:
    fair.deployment["shares"] = lambda queue, limit: (3, [("a", 4.0), ("b", 0.5)]) if queue == QUEUE else (0, [])
    utilization = fair.ask("get_job_queue_snapshot", jobQueue="night")["queueUtilization"]
    assert utilization["fairshareUtilization"] == {
        "activeShareCount": 3,
        "topCapacityUtilization": [
            {"shareIdentifier": "a", "capacityUsage": [{"capacityUnit": "VCPU", "quantity": 4.0}]},
            {"shareIdentifier": "b", "capacityUsage": [{"capacityUnit": "VCPU", "quantity": 0.5}]},
        ],
    }
