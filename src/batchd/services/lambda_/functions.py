"""Functions: made, shown, listed and deleted. [lambda.md 1]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError, DuplicateKey
from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.code import code_link, take_code
from batchd.services.lambda_.configuration import being_created, new_configuration, shown, with_code
from batchd.services.lambda_.documents import (
    ALIAS,
    FUNCTION,
    VERSION,
    find_function,
    find_version,
    function_key,
    version_key,
    versions_of,
)
from batchd.services.lambda_.faults import conflict, invalid
from batchd.services.lambda_.pages import page_of
from batchd.services.lambda_.references import LATEST, Reference, function_arn, reference_of
from batchd.services.lambda_.versions import publish
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t


@writes
def create_function(params: t.CreateFunctionRequestTypeDef, ctx: Context) -> Body:
    """Ready at once, but said to be Pending as AWS does: clients wait for Active."""
    name = reference_of(ctx, params).name
    _check_role(ctx, params["Role"])
    aws = new_configuration(ctx, params, name)
    code = take_code(ctx, params["Code"], f"{ctx.region}/{name}")
    body: Body = {
        "aws": with_code(aws, code),
        "code": code.blob,
        "image": code.image,
        "tags": dict(params.get("Tags", {})),
        "last_version": 0,
    }
    try:
        ctx.tx.resources.insert(function_key(ctx.region, name), body)
    except DuplicateKey:
        raise conflict(f"Function already exist: {name}") from None
    if params.get("Publish"):
        body["aws"] = {**publish(ctx, name, body, "")["aws"]}
    return being_created(ctx, body["aws"])


@reads
def get_function(params: t.GetFunctionRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    latest, (body, _) = find_function(ctx, reference), find_version(ctx, reference)
    answer: Body = {"Configuration": described(ctx, reference, body), "Code": _code(ctx, body)}
    if latest["tags"]:
        answer["Tags"] = latest["tags"]
    if "reserved" in latest:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": latest["reserved"]}
    return answer


@reads
def get_function_configuration(params: t.GetFunctionConfigurationRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    return described(ctx, reference, find_version(ctx, reference)[0])


@reads
def list_functions(params: t.ListFunctionsRequestTypeDef, ctx: Context) -> Body:
    """By name; with `FunctionVersion` ALL every version too."""
    page, marker = page_of(ctx, FUNCTION, params)
    found = []
    for name, body in page:
        found.append(shown(body["aws"]))
        if params.get("FunctionVersion") == "ALL":
            found += [shown(version["aws"]) for version in versions_of(ctx, name)]
    return {"Functions": found, **marker}


@writes
def delete_function(params: t.DeleteFunctionRequestTypeDef, ctx: Context) -> None:
    """Whole, or one version of it."""
    reference = reference_of(ctx, params)
    find_function(ctx, reference)
    if reference.qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if reference.qualifier:
        _delete_version(ctx, reference)
        return
    blobs = {body["code"] for body in (find_function(ctx, reference), *versions_of(ctx, reference.name))}
    for blob in blobs:
        ctx.tx.blobs.delete(blob)
    for kind in (VERSION, ALIAS, "lambda.event-invoke"):
        for name, _ in ctx.tx.resources.page(kind, ctx.region, prefix=f"{reference.name}/"):
            ctx.tx.resources.delete(Key(kind, ctx.region, name))
    ctx.tx.resources.delete(function_key(ctx.region, reference.name))


def described(ctx: Context, reference: Reference, body: Body) -> Body:
    """The ARN is qualified where the request was. [lambda.md 1]"""
    aws = shown(body["aws"])
    if reference.qualifier:
        aws["FunctionArn"] = function_arn(ctx, reference.name, reference.qualifier)
    return aws


def _delete_version(ctx: Context, reference: Reference) -> None:
    for _, alias in ctx.tx.resources.page(ALIAS, ctx.region, prefix=f"{reference.name}/"):
        if alias["FunctionVersion"] == reference.qualifier:
            names = alias["Name"]
            raise conflict(f"Version {reference.qualifier} is referenced by alias {names}.")
    if reference.qualifier.isdigit() and len(reference.qualifier) <= 10:
        ctx.tx.resources.delete(version_key(ctx.region, reference.name, reference.qualifier))


def _check_role(ctx: Context, text: str) -> None:
    """A role that the deployment wants to exist must."""
    arn = parse_arn(text)
    if not ctx.deployment.strict_roles or arn is None:
        return
    try:
        ctx.call("iam", "GetRole", {"RoleName": arn.resource.rpartition("/")[2]})
    except ApiError:
        raise invalid("The role defined for the function cannot be assumed by Lambda.") from None


def _code(ctx: Context, body: Body) -> dict[str, Any]:
    if body.get("image"):
        return {"RepositoryType": "ECR", "ImageUri": body["image"], "ResolvedImageUri": body["image"]}
    return {"RepositoryType": "S3", "Location": code_link(ctx, body["code"])}
