"""The operations on job definitions. [batch.md 2, 9.3]"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, reads, writes
from batchd.gateway.tokens import encode_token
from batchd.quotas import exceeds
from batchd.services.batch.concurrency import save_definition_limit
from batchd.services.batch.consumable_rules import find_claims
from batchd.services.batch.definition_rules import validate_definition
from batchd.services.batch.definition_shapes import new_definition
from batchd.services.batch.faults import Invalid, client_exception, missing, wrapping
from batchd.services.batch.listing import page_limit, read_token, validate_count, with_token
from batchd.services.batch.names import DEFINITION, check_name, resource_arn
from batchd.services.batch.revisions import (
    add_revision,
    deactivate,
    find_revision,
    next_revision,
    position,
    revisions,
)
from batchd.services.batch.tag_rules import validate_tags
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_batch import type_defs as batch


@writes
@wrapping
def register_job_definition(params: batch.RegisterJobDefinitionRequestTypeDef, ctx: Context) -> Body:
    """A new revision, ACTIVE; earlier ones stay as they are."""
    name = params["jobDefinitionName"]
    check_name("Job definition name", name)
    validate_definition(params, ctx.deployment.quotas)
    largest = ctx.deployment.quotas.job_definition_bytes
    if exceeds(len(orjson.dumps(params)), largest):
        raise Invalid(f"Job definition must not be larger than {largest} bytes")
    tags = validate_tags(params.get("tags", {}), ctx.deployment.quotas.tags_per_resource)
    find_claims(ctx, params.get("consumableResourceProperties", {}))
    revision = next_revision(ctx, name)
    arn = resource_arn(ctx, DEFINITION, f"{name}:{revision}")
    definition = new_definition(params, arn, revision, tags)
    add_revision(ctx, name, revision, definition)
    if tags:
        save_definition_limit(ctx, definition)
    return {"jobDefinitionName": name, "jobDefinitionArn": arn, "revision": revision}


@writes
def deregister_job_definition(params: batch.DeregisterJobDefinitionRequestTypeDef, ctx: Context) -> Body:
    """The revision becomes INACTIVE; its jobs go on. A bare name is refused."""
    body = find_revision(ctx, params["jobDefinition"])
    if body is None:
        raise missing("JobDefinition", params["jobDefinition"])
    if body["aws"]["status"] == "ACTIVE":
        deactivate(ctx, body)
    return {}


@reads
@wrapping
def describe_job_definitions(params: batch.DescribeJobDefinitionsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Those named, or a page of a name's revisions or of all, newest first."""
    named = params.get("jobDefinitions")
    if not named:
        return _page(params, ctx)
    if params.get("jobDefinitionName") or params.get("status"):
        raise Invalid("jobDefinitions can not be combined with jobDefinitionName or status")
    validate_count("job definition", named)
    found = (find_revision(ctx, text) for text in named)
    return {"jobDefinitions": [body["aws"] for body in found if body is not None]}


def _page(params: batch.DescribeJobDefinitionsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    status = params.get("status")
    if status and status not in ("ACTIVE", "INACTIVE"):
        raise client_exception("status must be ACTIVE or INACTIVE")
    limit = page_limit(params)
    after = read_token(params, str)
    found = (body["aws"] for body in revisions(ctx, params.get("jobDefinitionName", ""), after[0] if after else ""))
    page = list(islice((aws for aws in found if not status or aws["status"] == status), limit + 1))
    token = encode_token([position(page[limit - 1])]) if len(page) > limit else None
    return with_token({"jobDefinitions": page[:limit]}, token)
