"""Who may invoke: the statements of a function's resource policy, for each qualifier apart. [lambda.md 1]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.lambda_.documents import find_function, find_version, function_key
from batchd.services.lambda_.faults import conflict, invalid, missing
from batchd.services.lambda_.references import LATEST, Reference, function_arn, reference_of
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_lambda import type_defs as t

_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:.+")


@writes
def add_permission(params: t.AddPermissionRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    latest = _function(ctx, reference)
    statements = _statements(latest, reference.qualifier)
    if any(statement["Sid"] == params["StatementId"] for statement in statements):
        raise conflict(
            f"The statement id ({params['StatementId']}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement."
        )
    arn = function_arn(ctx, reference.name, reference.qualifier)
    statement = _statement(params, arn)
    _save(ctx, reference, latest, [*statements, statement])
    return {"Statement": orjson.dumps(statement).decode()}


@writes
def remove_permission(params: t.RemovePermissionRequestTypeDef, ctx: Context) -> None:
    reference = reference_of(ctx, params)
    latest = _function(ctx, reference)
    statements = _statements(latest, reference.qualifier)
    if not statements:
        raise missing("No policy is associated with the given resource.")
    left = [statement for statement in statements if statement["Sid"] != params["StatementId"]]
    if len(left) == len(statements):
        raise missing(f"Statement {params['StatementId']} is not found in resource policy.")
    _save(ctx, reference, latest, left)


@reads
def get_policy(params: t.GetPolicyRequestTypeDef, ctx: Context) -> Body:
    reference = reference_of(ctx, params)
    latest = _function(ctx, reference)
    statements = _statements(latest, reference.qualifier)
    if not statements:
        raise missing("The resource you requested does not exist.")
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return {"Policy": orjson.dumps(policy).decode(), "RevisionId": latest["aws"]["RevisionId"]}


def _function(ctx: Context, reference: Reference) -> Body:
    if reference.qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    find_version(ctx, reference)
    return find_function(ctx, reference)


def _statements(latest: Body, qualifier: str) -> list[Body]:
    found: list[Body] = latest.get("policies", {}).get(qualifier, [])
    return found


def _save(ctx: Context, reference: Reference, latest: Body, statements: list[Body]) -> None:
    """The last statement takes the policy with it."""
    policies = {**latest.get("policies", {}), reference.qualifier: statements}
    body = {**latest, "policies": {qualifier: kept for qualifier, kept in policies.items() if kept}}
    ctx.tx.resources.put(function_key(ctx.region, reference.name), body)


def _statement(params: Mapping[str, Any], arn: str) -> Body:
    statement: Body = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": arn,
    }
    if conditions := _conditions(params):
        statement["Condition"] = conditions
    return statement


def _principal(text: str) -> Any:  # JSON: "*" or an object
    if text == "*":
        return text
    if len(text) == 12 and text.isdigit():
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _ARN.fullmatch(text):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise ApiError(
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    )


def _conditions(params: Mapping[str, Any]) -> Body:
    conditions: Body = {}
    if "SourceArn" in params:
        conditions["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    equals = {
        "AWS:SourceAccount": params.get("SourceAccount"),
        "aws:PrincipalOrgID": params.get("PrincipalOrgID"),
        "lambda:EventSourceToken": params.get("EventSourceToken"),
        "lambda:FunctionUrlAuthType": params.get("FunctionUrlAuthType"),
    }
    if given := {name: value for name, value in equals.items() if value}:
        conditions["StringEquals"] = given
    return conditions
