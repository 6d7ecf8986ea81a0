"""The operations on scheduling policies: of fair shares, and of quota shares. [batch.md 7.2, 7.4]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.services.batch.attached import attached_queues, save_queue
from batchd.services.batch.counting import check_count
from batchd.services.batch.faults import Invalid, client_exception, wrapping
from batchd.services.batch.listing import existing, listed, validate_count, with_token
from batchd.services.batch.names import POLICY, check_name, key_of, resource_arn
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_SHARE = re.compile(r"[0-9A-Za-z]{1,255}\*?|\*")


@writes
@wrapping
def create_scheduling_policy(params: batch.CreateSchedulingPolicyRequestTypeDef, ctx: Context) -> Body:
    name = params["name"]
    check_name("Scheduling policy name", name)
    rules = _rules(params)
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    key = Key(POLICY, ctx.region, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    check_count(ctx, POLICY, ctx.deployment.quotas.scheduling_policies)
    arn = resource_arn(ctx, POLICY, name)
    ctx.tx.resources.put(key, {"aws": {"name": name, "arn": arn, **rules, "tags": tags}})
    return {"name": name, "arn": arn}


@reads
def describe_scheduling_policies(params: batch.DescribeSchedulingPoliciesRequestTypeDef, ctx: Context) -> Body:
    """Unknown ARNs are left out."""
    validate_count("scheduling policy", params["arns"])
    found = (ctx.tx.resources.get(key_of(ctx, POLICY, arn)) for arn in params["arns"])
    return {"schedulingPolicies": [body["aws"] for body in found if body is not None]}


@reads
def list_scheduling_policies(params: batch.ListSchedulingPoliciesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """ARNs only."""
    page, token = listed(ctx, POLICY, params)
    return with_token({"schedulingPolicies": [{"arn": aws["arn"]} for aws in page]}, token)


@writes
@wrapping
def update_scheduling_policy(params: batch.UpdateSchedulingPolicyRequestTypeDef, ctx: Context) -> Body:
    """Its policy is replaced as a whole, at once for every queue that has it; without one nothing changes."""
    key, aws = existing(ctx, POLICY, params["arn"])
    if "fairsharePolicy" in params or "quotaSharePolicy" in params:
        rules = _rules(params)
        if not rules.keys() <= aws.keys():
            raise client_exception("A fair share policy can not become a quota share policy, nor the other way round")
        ctx.tx.resources.put(key, {"aws": aws | rules})
        for queue, shape in attached_queues(ctx, aws["arn"]):
            save_queue(ctx, queue, shape)
    return {}


@writes
def delete_scheduling_policy(params: batch.DeleteSchedulingPolicyRequestTypeDef, ctx: Context) -> Body:
    """Refused while a queue has it."""
    key, aws = existing(ctx, POLICY, params["arn"])
    if attached_queues(ctx, aws["arn"]):
        raise client_exception("Cannot delete, found existing JobQueue relationship")
    ctx.tx.resources.delete(key)
    return {}


def _rules(params: Mapping[str, Any]) -> Body:
    """The one of the two policies there may be; without any, a fair share policy."""
    if "quotaSharePolicy" not in params:
        return {"fairsharePolicy": fair_share_shape(params.get("fairsharePolicy", {}))}
    if "fairsharePolicy" in params:
        raise Invalid("Only one of fairsharePolicy and quotaSharePolicy can be specified")
    return {"quotaSharePolicy": dict(params["quotaSharePolicy"])}


def fair_share_shape(policy: Mapping[str, Any]) -> Body:
    """A fairsharePolicy with AWS's defaults. Raises Invalid."""
    decay = policy.get("shareDecaySeconds", 0)
    reservation = policy.get("computeReservation", 0)
    shares = list(policy.get("shareDistribution", ()))
    if not 0 <= decay <= 604800:
        raise Invalid("shareDecaySeconds must be between 0 and 604800")
    if not 0 <= reservation <= 99:
        raise Invalid("computeReservation must be between 0 and 99")
    for share in shares:
        _validate_share(share)
    _validate_overlap([share["shareIdentifier"] for share in shares])
    return {"shareDecaySeconds": decay, "computeReservation": reservation, "shareDistribution": shares}


def _validate_share(share: Mapping[str, Any]) -> None:
    if not _SHARE.fullmatch(share["shareIdentifier"]):
        raise Invalid("shareIdentifier should match valid pattern")
    if not 0.0001 <= share.get("weightFactor", 1.0) <= 999.9999:
        raise Invalid("weightFactor must be between 0.0001 and 999.9999")


def _validate_overlap(identifiers: list[str]) -> None:
    """`UserA*` and `UserA1` would both be the rule of UserA1."""
    for one, other in combinations(identifiers, 2):
        if _covers(one, other) or _covers(other, one):
            raise Invalid(f"shareIdentifier {one} overlaps with {other}")


def _covers(rule: str, identifier: str) -> bool:
    return identifier.startswith(rule[:-1]) if rule.endswith("*") else rule == identifier
