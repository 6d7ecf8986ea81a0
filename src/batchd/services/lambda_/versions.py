"""Versions: what a function was when it was published; they never change. [lambda.md 1]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.configuration import shown
from batchd.services.lambda_.documents import VERSION, find_function, function_key, version_key, versions_of
from batchd.services.lambda_.pages import page_of
from batchd.services.lambda_.references import LATEST, function_arn, reference_of
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

_OF_THE_MOMENT = ("RevisionId", "LastModified", "Version", "FunctionArn", "Description")


@writes
def publish_version(params: t.PublishVersionRequestTypeDef, ctx: Context) -> Body:
    """No new one if nothing has changed since the last."""
    reference = reference_of(ctx, params)
    latest = find_function(ctx, reference)
    check_revision(params.get("RevisionId"), latest)
    if params.get("CodeSha256") and params["CodeSha256"] != latest["aws"]["CodeSha256"]:
        raise ApiError(
            "InvalidParameterValueException",
            f"CodeSHA256 ({params['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
            f"({latest['aws']['CodeSha256']}). Please try again with the CodeSHA256 in $LATEST.",
        )
    return shown(publish(ctx, reference.name, latest, params.get("Description", ""))["aws"])


@reads
def list_versions_by_function(params: t.ListVersionsByFunctionRequestTypeDef, ctx: Context) -> Body:
    """`$LATEST` first, then the oldest."""
    reference = reference_of(ctx, params)
    latest = find_function(ctx, reference)
    page, marker = page_of(ctx, VERSION, params, f"{reference.name}/", most=10_000)
    first = [] if params.get("Marker") else [latest]
    found = [shown(body["aws"]) for body in (*first, *(body for _, body in page))]
    if not params.get("Marker"):
        found[0]["FunctionArn"] = function_arn(ctx, reference.name, LATEST)
    return {"Versions": found, **marker}


def publish(ctx: Context, name: str, latest: Body, description: str) -> Body:
    """The document of the version that `$LATEST` is now; a new one unless it is the last one already."""
    published = versions_of(ctx, name)
    if published and _is_same(published[-1], latest):
        return published[-1]
    latest = {**latest, "last_version": latest["last_version"] + 1}
    version = str(latest["last_version"])
    aws = {
        **latest["aws"],
        "Version": version,
        "FunctionArn": function_arn(ctx, name, version),
        "RevisionId": ctx.new_id(),
    }
    if description:
        aws["Description"] = description
    body = {"aws": aws, "code": latest["code"], "image": latest["image"]}
    ctx.tx.resources.put(function_key(ctx.region, name), latest)
    ctx.tx.resources.put(version_key(ctx.region, name, version), body)
    return body


def check_revision(wanted: str | None, body: Body) -> None:
    """PreconditionFailedException: somebody else was faster."""
    if wanted and wanted != body["aws"]["RevisionId"]:
        raise ApiError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
            "retrieve the latest Revision Id",
            412,
        )


def _is_same(published: Body, latest: Body) -> bool:
    def lasting(body: Body) -> Body:
        return {member: value for member, value in body["aws"].items() if member not in _OF_THE_MOMENT}

    return (published["code"], published["image"]) == (latest["code"], latest["image"]) and lasting(
        published
    ) == lasting(latest)
