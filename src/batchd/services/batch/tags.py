"""The tag operations, on everything that has an ARN. [batch.md 10.1]"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchd.arns import parse_arn
from batchd.gateway.operation import Context, reads, writes
from batchd.services.batch import concurrency
from batchd.services.batch.attached import save_queue
from batchd.services.batch.faults import client_exception, wrapping
from batchd.services.batch.names import CONSUMABLE, ENVIRONMENT, POLICY, QUEUE, SERVICE_ENVIRONMENT, key_of
from batchd.services.batch.quota_shares import find_share
from batchd.services.batch.revisions import find_revision, save_revision
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch

_KINDS = {kind.partition(".")[2]: kind for kind in (ENVIRONMENT, QUEUE, POLICY, SERVICE_ENVIRONMENT, CONSUMABLE)}


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A resource's tags, and how to write them."""

    tags: dict[str, str]
    save: Callable[[dict[str, str]], None]


@writes
@wrapping
def tag_resource(params: batch.TagResourceRequestTypeDef, ctx: Context) -> Body:
    """Adds and overwrites."""
    found = _find(ctx, params["resourceArn"])
    found.save(validate_tags({**found.tags, **params["tags"]}, ctx.deployment.quotas.tags_per_resource))
    return {}


@writes
def untag_resource(params: batch.UntagResourceRequestTypeDef, ctx: Context) -> Body:
    """Keys that are not there are ignored."""
    found = _find(ctx, params["resourceArn"])
    found.save({key: value for key, value in found.tags.items() if key not in params["tagKeys"]})
    return {}


@reads
def list_tags_for_resource(params: batch.ListTagsForResourceRequestTypeDef, ctx: Context) -> Body:
    return {"tags": _find(ctx, params["resourceArn"]).tags}


def _find(ctx: Context, arn: str) -> _Tagged:
    """Raises ClientException where nothing here has this ARN."""
    parsed = parse_arn(arn)
    found = None
    if parsed is not None and ctx.arn("batch", parsed.resource) == arn:
        if "/quota-share/" in parsed.resource:
            found = _find_quota_share(ctx, arn)
        elif parsed.kind in ("job", "service-job"):
            found = _find_job(ctx, parsed.name, is_service=parsed.kind == "service-job")
        elif parsed.kind == "job-definition":
            found = _find_definition(ctx, arn)
        elif parsed.kind in _KINDS:
            found = _find_resource(ctx, _KINDS[parsed.kind], arn)
    if found is None:
        raise client_exception(f"Resource {arn} does not exist")
    return found


def _find_job(ctx: Context, job_id: str, *, is_service: bool) -> _Tagged | None:
    row = ctx.tx.jobs.get(job_id)
    if row is None or row.region != ctx.region or row.is_service is not is_service:
        return None
    if row.index is not None:
        raise client_exception(f"{ctx.arn('batch', f'job/{job_id}')} is the child of an array job, which has no tags")
    if row.node is not None:
        raise client_exception(f"{ctx.arn('batch', f'job/{job_id}')} is the node of a job, which has no tags")

    def save(tags: dict[str, str]) -> None:
        concurrency.validate_kept(row.tags, tags)
        ctx.tx.jobs.set_tags(job_id, tags)

    return _Tagged(row.tags, save)


def _find_definition(ctx: Context, arn: str) -> _Tagged | None:
    body = find_revision(ctx, arn)
    if body is None:
        return None

    def save(tags: dict[str, str]) -> None:
        tagged = _with_tags(body, tags)
        save_revision(ctx, tagged)
        concurrency.save_definition_limit(ctx, tagged["aws"])

    return _Tagged(body["aws"]["tags"], save)


def _find_quota_share(ctx: Context, arn: str) -> _Tagged | None:
    share = find_share(ctx, arn)
    if share is None:
        return None
    key, body = share
    return _Tagged(body["aws"]["tags"], lambda tags: ctx.tx.resources.put(key, _with_tags(body, tags)))


def _find_resource(ctx: Context, kind: str, arn: str) -> _Tagged | None:
    key = key_of(ctx, kind, arn)
    body = ctx.tx.resources.get(key)
    if body is None:
        return None
    if kind == QUEUE:
        return _Tagged(body["aws"]["tags"], lambda tags: save_queue(ctx, key, body["aws"] | {"tags": tags}))
    return _Tagged(body["aws"]["tags"], lambda tags: ctx.tx.resources.put(key, _with_tags(body, tags)))


def _with_tags(body: Body, tags: dict[str, str]) -> Body:
    return {**body, "aws": body["aws"] | {"tags": tags}}
