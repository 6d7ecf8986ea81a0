"""Job queues as the scheduler knows them, and the scheduling policies they are attached to. [batch.md 5.1, 7.2]"""

from __future__ import annotations

from dataclasses import asdict, replace

from batchd.gateway.operation import Context
from batchd.scheduler.events import FairShare, QueueSaved, QueueSpec, TimeLimit
from batchd.services.batch.concurrency import limit_of
from batchd.services.batch.faults import client_exception
from batchd.services.batch.listing import existing
from batchd.services.batch.names import POLICY, QUEUE
from batchd.services.batch.quota_shapes import quota_share, shares_of
from batchd.services.batch.service_rules import QUEUE_TYPE
from batchd.store.store import Body, Key

BACKFILL = "batchd:backfill"


def find_policy(ctx: Context, text: str, *, for_service_jobs: bool) -> str:
    """The ARN of the policy with this name or ARN. Raises ClientException: `SchedulingPolicy <name> does not exist`, or
    where it is none for jobs of this kind."""
    _, policy = existing(ctx, POLICY, text)
    if "quotaSharePolicy" in policy and not for_service_jobs:
        raise client_exception("A quota share policy needs a job queue of type SAGEMAKER_TRAINING")
    arn: str = policy["arn"]
    return arn


def replaced_policy(ctx: Context, queue: Body, text: str) -> str:
    """The ARN of another policy for a queue that has one. Raises ClientException: it can neither be added later nor be
    taken away."""
    name = queue["jobQueueName"]
    if "schedulingPolicyArn" not in queue:
        raise client_exception(f"JobQueue {name} has no scheduling policy, and can not be given one")
    if not text:
        raise client_exception(f"The scheduling policy of JobQueue {name} can be replaced but not removed")
    return find_policy(ctx, text, for_service_jobs=queue["jobQueueType"] == QUEUE_TYPE)


def attached_queues(ctx: Context, policy: str) -> list[tuple[Key, Body]]:
    """The keys and AWS shapes of the queues with this policy (ARN)."""
    queues = ctx.tx.resources.page(QUEUE, ctx.region)
    return [
        (Key(QUEUE, ctx.region, name), body["aws"])
        for name, body in queues
        if body["aws"].get("schedulingPolicyArn") == policy
    ]


def save_queue(ctx: Context, key: Key, aws: Body) -> None:
    """The stored document: `spec` is QueueSpec's fields, read by controllers at start-up."""
    spec = queue_spec(ctx, aws)
    ctx.tx.resources.put(key, {"spec": asdict(spec), "aws": aws})
    ctx.tx.journal.append(QueueSaved(spec))


def queue_spec(ctx: Context, aws: Body) -> QueueSpec:
    """What the scheduler keeps."""
    environments = tuple(entry["computeEnvironment"] for entry in aws["computeEnvironmentOrder"])
    environments += tuple(entry["serviceEnvironment"] for entry in aws.get("serviceEnvironmentOrder", ()))
    limits = tuple(TimeLimit(a["reason"], a["maxTimeSeconds"]) for a in aws["jobStateTimeLimitActions"])
    spec = QueueSpec(
        aws["jobQueueArn"],
        aws["priority"],
        environments,
        limits,
        limit_of(aws["tags"]),
        backfill=_is_set(aws["tags"], BACKFILL),
    )
    if "schedulingPolicyArn" not in aws:
        return spec
    policy = existing(ctx, POLICY, aws["schedulingPolicyArn"])[1]
    if "quotaSharePolicy" in policy:
        return replace(spec, quota_shares=tuple(quota_share(share) for share in shares_of(ctx, aws["jobQueueName"])))
    return replace(spec, fair_share=_fair_share(policy["fairsharePolicy"]))


def _is_set(tags: dict[str, str], tag: str) -> bool:
    """Raises ClientException for a value that is neither true nor false."""
    value = tags.get(tag, "false")
    if value not in ("true", "false"):
        raise client_exception(f"The tag {tag} must be true or false")
    return value == "true"


def _fair_share(policy: Body) -> FairShare:
    weights = ((share["shareIdentifier"], share.get("weightFactor", 1.0)) for share in policy["shareDistribution"])
    return FairShare(policy["shareDecaySeconds"], policy["computeReservation"], tuple(weights))
