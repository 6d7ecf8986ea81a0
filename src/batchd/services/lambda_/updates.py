"""Changes of a function's code and configuration. Those that run go on with what they began with. [lambda.md 1]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, writes
from batchd.services.lambda_.code import take_code
from batchd.services.lambda_.configuration import being_updated, changed_configuration, shown, touched, with_code
from batchd.services.lambda_.documents import find_function, function_key, versions_of
from batchd.services.lambda_.references import reference_of
from batchd.services.lambda_.versions import check_revision, publish
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t


@writes
def update_function_configuration(params: t.UpdateFunctionConfigurationRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    latest = find_function(ctx, reference)
    check_revision(params.get("RevisionId"), latest)
    body = {**latest, "aws": changed_configuration(ctx, latest["aws"], params)}
    ctx.tx.resources.put(function_key(ctx.region, reference.name), body)
    return being_updated(ctx, body["aws"])


@writes
def update_function_code(params: t.UpdateFunctionCodeRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    latest = find_function(ctx, reference)
    check_revision(params.get("RevisionId"), latest)
    dry_run = params.get("DryRun", False)
    code = take_code(ctx, params, f"{ctx.region}/{reference.name}", dry_run=dry_run)
    aws = touched(ctx, with_code(latest["aws"], code))
    if "Architectures" in params:
        aws["Architectures"] = params["Architectures"]
    if dry_run:
        return shown(aws)
    body = {**latest, "aws": aws, "code": code.blob, "image": code.image}
    ctx.tx.resources.put(function_key(ctx.region, reference.name), body)
    _drop_unused(ctx, reference.name, latest["code"], code.blob)
    if params.get("Publish"):
        return being_updated(ctx, publish(ctx, reference.name, body, "")["aws"])
    return being_updated(ctx, aws)


def _drop_unused(ctx: Context, name: str, before: str, now: str) -> None:
    """The code before, unless a version still has it."""
    if before and before != now and all(version["code"] != before for version in versions_of(ctx, name)):
        ctx.tx.blobs.delete(before)
