"""The operations on consumable resources. [batch.md 7.5]

A resource's document has what clients made of it; how many of its units jobs hold, or have used up, is a document of
its own that controllers/schedule writes. Of a resource that is not replenishable `spec.total` is what there ever was:
what has been used up is taken off wherever a total is shown.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.gateway.tokens import encode_token
from batchd.scheduler.events import ConsumableDeleted, ConsumableSaved, ConsumableSpec
from batchd.services.batch import client_tokens
from batchd.services.batch.consumable_rules import (
    REPLENISHABLE,
    matches,
    new_total,
    patterns_of,
    validate_quantity,
    validate_type,
)
from batchd.services.batch.counting import check_count
from batchd.services.batch.faults import client_exception, wrapping
from batchd.services.batch.listing import existing_body, page_limit, read_token, with_token
from batchd.services.batch.names import CONSUMABLE, CONSUMABLE_USE, check_name, resource_arn
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_LOOKED_AT = 1000  # documents a call: a list must not hold up anybody's answer


@writes
@wrapping
def create_consumable_resource(params: batch.CreateConsumableResourceRequestTypeDef, ctx: Context) -> Body:
    """Without totalQuantity there is nothing of it yet."""
    name = params["consumableResourceName"]
    check_name("Consumable resource name", name)
    kind = params.get("resourceType", REPLENISHABLE)
    validate_type(kind)
    total = params.get("totalQuantity", 0)
    validate_quantity("totalQuantity", total)
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    key = Key(CONSUMABLE, ctx.region, name)
    if ctx.tx.resources.get(key) is not None:
        raise client_exception("Object already exists")
    check_count(ctx, CONSUMABLE, ctx.deployment.quotas.consumable_resources)
    arn = resource_arn(ctx, CONSUMABLE, name)
    aws = {
        "consumableResourceName": name,
        "consumableResourceArn": arn,
        "resourceType": kind,
        "createdAt": ctx.now_ms,
        "tags": tags,
    }
    _save(ctx, key, ConsumableSpec(arn, total, kind == REPLENISHABLE), aws)
    return {"consumableResourceName": name, "consumableResourceArn": arn}


@reads
def describe_consumable_resource(params: batch.DescribeConsumableResourceRequestTypeDef, ctx: Context) -> Body:
    """The figures are of the last commit, as the jobs' states are. ClientException for an unknown one."""
    key, body = existing_body(ctx, CONSUMABLE, params["consumableResource"])
    total, in_use = _figures(ctx, key, body)
    figures = {"totalQuantity": total, "inUseQuantity": in_use, "availableQuantity": max(0, total - in_use)}
    return {**body["aws"], **figures}


@reads
def list_consumable_resources(params: batch.ListConsumableResourcesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """In order of name. A call looks at so many; a page may be empty and still have a nextToken."""
    patterns = patterns_of(params.get("filters", ()))
    limit = page_limit(params)
    after = read_token(params, str)
    most = _LOOKED_AT if patterns else limit + 1
    looked_at = ctx.tx.resources.page(CONSUMABLE, ctx.region, after=after[0] if after else "", limit=most)
    found = [(name, body) for name, body in looked_at if matches(name, patterns)]
    last = None
    if len(found) > limit:
        last = found[limit - 1][0]
    elif len(looked_at) == most:
        last = looked_at[-1][0]
    page = [_summary(ctx, name, body) for name, body in found[:limit]]
    return with_token({"consumableResources": page}, None if last is None else encode_token([last]))


@writes
@wrapping
def update_consumable_resource(params: batch.UpdateConsumableResourceRequestTypeDef, ctx: Context) -> Body:
    """Takes effect at once; with less than is in use, nothing is taken from running jobs."""
    key, body = existing_body(ctx, CONSUMABLE, params["consumableResource"])
    if "clientToken" not in params:
        return _update(params, ctx, key, body)
    aws = body["aws"]
    token = f"{aws['consumableResourceArn']}|{aws['createdAt']}|{params['clientToken']}"  # which no tag can be
    asked = {member: params.get(member) for member in ("operation", "quantity")}
    return client_tokens.once(ctx, token, asked, lambda: _update(params, ctx, key, body))


@writes
def delete_consumable_resource(params: batch.DeleteConsumableResourceRequestTypeDef, ctx: Context) -> Body:
    """Not while a job needs it that has not ended."""
    key, body = existing_body(ctx, CONSUMABLE, params["consumableResource"])
    arn = body["spec"]["arn"]
    if ctx.tx.consumables.is_claimed(arn):
        raise client_exception("Cannot delete, resource is in use")
    ctx.tx.resources.delete(key)
    ctx.tx.resources.delete(_use_key(key))
    ctx.tx.journal.append(ConsumableDeleted(arn))
    return {}


def _update(params: batch.UpdateConsumableResourceRequestTypeDef, ctx: Context, key: Key, body: Body) -> Body:
    before, _ = _figures(ctx, key, body)
    total = new_total(before, params.get("operation"), params.get("quantity"))
    spec = ConsumableSpec(**body["spec"])
    _save(ctx, key, ConsumableSpec(spec.arn, spec.total + total - before, spec.replenishable), body["aws"])
    return {
        "consumableResourceName": key.name,
        "consumableResourceArn": spec.arn,
        "totalQuantity": total,
    }


def _figures(ctx: Context, key: Key, body: Body) -> tuple[int, int]:
    """The total and how much is in use; what does not come back is neither."""
    use = ctx.tx.resources.get(_use_key(key))
    used = use["used"] if use is not None else 0
    total: int = body["spec"]["total"]
    return (total, used) if body["spec"]["replenishable"] else (total - used, 0)


def _summary(ctx: Context, name: str, body: Body) -> Body:
    total, in_use = _figures(ctx, Key(CONSUMABLE, ctx.region, name), body)
    aws = body["aws"]
    return {
        "consumableResourceArn": aws["consumableResourceArn"],
        "consumableResourceName": name,
        "totalQuantity": total,
        "inUseQuantity": in_use,
        "resourceType": aws["resourceType"],
    }


def _use_key(key: Key) -> Key:
    return Key(CONSUMABLE_USE, key.region, key.name)


def _save(ctx: Context, key: Key, spec: ConsumableSpec, aws: Body) -> None:
    """The stored document: `spec` is ConsumableSpec's fields, read by controllers at start-up."""
    ctx.tx.resources.put(key, {"spec": asdict(spec), "aws": aws})
    ctx.tx.journal.append(ConsumableSaved(spec))
