"""The operations on quota shares. [batch.md 7.4]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import QuotaShareDeleted
from batchd.services.batch.attached import save_queue
from batchd.services.batch.faults import Invalid, client_exception, missing, wrapping
from batchd.services.batch.listing import existing, existing_body, page_limit, read_token, with_token
from batchd.services.batch.names import QUEUE, QUOTA_SHARE, check_name, key_of
from batchd.services.batch.quota_shapes import share_key, shares_of
from batchd.services.batch.service_limits import limits_shape
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_UNLIMITED = -1
_LISTED = (
    "quotaShareName",
    "quotaShareArn",
    "jobQueueArn",
    "capacityLimits",
    "resourceSharingConfiguration",
    "preemptionConfiguration",
    "state",
    "status",
)


@writes
@wrapping
def create_quota_share(params: batch.CreateQuotaShareRequestTypeDef, ctx: Context) -> Body:
    """VALID at once, of a queue that has a quota share policy."""
    name = params["quotaShareName"]
    check_name("Quota share name", name)
    rules = _rules(params)
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    queue_key, queue = existing_body(ctx, QUEUE, params["jobQueue"])
    if queue["spec"].get("quota_shares") is None:
        raise client_exception(f"JobQueue {queue_key.name} has no quota share scheduling policy")
    key = share_key(ctx, queue_key.name, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    most = ctx.deployment.quotas.quota_shares_per_queue
    if most and len(shares_of(ctx, queue_key.name)) >= most:
        raise client_exception(f"At most {most} quota shares are allowed in a job queue")
    arn = f"{queue['aws']['jobQueueArn']}/quota-share/{name}"
    aws = {
        "quotaShareName": name,
        "quotaShareArn": arn,
        "jobQueueArn": queue["aws"]["jobQueueArn"],
        "state": params.get("state", "ENABLED"),
        "status": "VALID",
        **rules,
        "tags": tags,
    }
    _save(ctx, key, aws)
    return {"quotaShareName": name, "quotaShareArn": arn}


@reads
def describe_quota_share(params: batch.DescribeQuotaShareRequestTypeDef, ctx: Context) -> Body:
    """ClientException for an unknown one."""
    return _existing(ctx, params["quotaShareArn"])[1]


@reads
def list_quota_shares(params: batch.ListQuotaSharesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Of a queue, in order of name; none of a queue without a quota share policy."""
    key, _ = existing(ctx, QUEUE, params["jobQueue"])
    limit, after = page_limit(params), read_token(params, str)
    prefix = f"{key.name}/"
    page = ctx.tx.resources.page(
        QUOTA_SHARE, ctx.region, prefix=prefix, after=after[0] if after else "", limit=limit + 1
    )
    token = encode_token([page[limit - 1][0]]) if len(page) > limit else None
    shown = [{member: body["aws"][member] for member in _LISTED} for _, body in page[:limit]]
    return with_token({"quotaShares": shown}, token)


@writes
@wrapping
def update_quota_share(params: batch.UpdateQuotaShareRequestTypeDef, ctx: Context) -> Body:
    """Takes effect at once: what runs beyond new limits may have to make room."""
    key, aws = _existing(ctx, params["quotaShareArn"])
    changed = {**aws, **_rules({**aws, **params}), "state": params.get("state", aws["state"])}
    _save(ctx, key, changed)
    return {"quotaShareName": aws["quotaShareName"], "quotaShareArn": aws["quotaShareArn"]}


@writes
def delete_quota_share(params: batch.DeleteQuotaShareRequestTypeDef, ctx: Context) -> Body:
    """Gone at once; the scheduler ends its jobs. It must be DISABLED."""
    key, aws = _existing(ctx, params["quotaShareArn"])
    if aws["state"] != "DISABLED":
        raise client_exception("Cannot delete, quota share state must be DISABLED")
    ctx.tx.resources.delete(key)
    ctx.tx.journal.append(QuotaShareDeleted(aws["jobQueueArn"], aws["quotaShareName"]))
    _tell(ctx, aws)
    return {}


def find_share(ctx: Context, arn: str) -> tuple[Key, Body] | None:
    """The key and document of the share with this ARN: `…:job-queue/<queue>/quota-share/<name>`."""
    parsed = parse_arn(arn)
    queue, noun, name = (parsed.name if parsed else "").partition("/quota-share/")
    if not noun or parsed is None or ctx.arn("batch", f"job-queue/{queue}/quota-share/{name}") != arn:
        return None
    key = share_key(ctx, queue, name)
    body = ctx.tx.resources.get(key)
    return None if body is None else (key, body)


def _existing(ctx: Context, arn: str) -> tuple[Key, Body]:
    found = find_share(ctx, arn)
    if found is None:
        raise missing("QuotaShare", arn)
    return found[0], found[1]["aws"]


def _rules(params: Mapping[str, Any]) -> Body:
    """What a share has and how it shares that. Raises Invalid."""
    sharing = dict(params["resourceSharingConfiguration"])
    if sharing["strategy"] == "LEND_AND_BORROW":
        sharing.setdefault("borrowLimit", _UNLIMITED)
        if sharing["borrowLimit"] < _UNLIMITED:
            raise Invalid("resourceSharingConfiguration.borrowLimit must be -1 or more")
    elif "borrowLimit" in sharing:
        raise Invalid("resourceSharingConfiguration.borrowLimit can only be specified for LEND_AND_BORROW")
    return {
        "capacityLimits": limits_shape(params["capacityLimits"], may_count_all=False),
        "resourceSharingConfiguration": sharing,
        "preemptionConfiguration": dict(params["preemptionConfiguration"]),
    }


def _save(ctx: Context, key: Key, aws: Body) -> None:
    ctx.tx.resources.put(key, {"aws": aws})
    _tell(ctx, aws)


def _tell(ctx: Context, aws: Body) -> None:
    """The shares are part of what the scheduler knows of their queue."""
    queue = key_of(ctx, QUEUE, aws["jobQueueArn"])
    body = ctx.tx.resources.get(queue)
    if body is not None:
        save_queue(ctx, queue, body["aws"])
