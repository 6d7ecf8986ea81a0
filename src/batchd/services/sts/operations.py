"""Temporary credentials. Nothing is stored: a session's token carries all there is to know of it. [iam.md 5]

Session policies and session tags are checked for form; as long as no policy is enforced they narrow nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from batchd.arns import Arn, parse_arn
from batchd.errors import ApiError
from batchd.gateway.credentials import SessionCredentials
from batchd.gateway.operation import Context, reads

if TYPE_CHECKING:
    from types_boto3_sts import type_defs as t

DEFAULT_S = 3600
CHAINED_S = 3600
ROOT_SESSION_S = 3600
SESSION_S = 43_200
_PACKED_LIMIT = 2048

Answer = dict[str, Any]  # Any: members of AWS's shapes


@reads
def get_caller_identity(params: Mapping[str, Any], ctx: Context) -> Answer:
    """Needs no permission."""
    return {"UserId": ctx.caller.user_id, "Account": ctx.account, "Arn": ctx.caller.arn}


@reads
def assume_role(params: t.AssumeRoleRequestTypeDef, ctx: Context) -> Answer:
    """A role that is missing is denied like one that is forbidden."""
    arn, name = params["RoleArn"], params["RoleSessionName"]
    parsed = _parse_role(arn)
    _check_tags(params)
    packed = _packed_size(params)
    role = _find_role(ctx, arn, parsed)
    seconds = params.get("DurationSeconds", min(DEFAULT_S, role["MaxSessionDuration"]))
    _check_duration(ctx, seconds, role["MaxSessionDuration"])
    made = ctx.deployment.issue_session(arn, role["RoleId"], name, seconds, ctx.now_ms)
    answer: Answer = {
        "Credentials": _credentials(made),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role['RoleId']}:{name}",
            "Arn": f"arn:aws:sts::{ctx.account}:assumed-role/{role['RoleName']}/{name}",
        },
    }
    if packed:
        answer["PackedPolicySize"] = packed
    if "SourceIdentity" in params:
        answer["SourceIdentity"] = params["SourceIdentity"]
    return answer


@reads
def get_session_token(params: t.GetSessionTokenRequestTypeDef, ctx: Context) -> Answer:
    """Temporary credentials of who asks: the account itself for an hour at most, a user."""
    caller = ctx.caller
    if _is_session(ctx):
        raise _denied("Cannot call GetSessionToken with session credentials")
    seconds = params.get("DurationSeconds", SESSION_S)
    if caller.user_id == ctx.account:
        seconds = min(seconds, ROOT_SESSION_S)
    made = ctx.deployment.issue_session(caller.arn, caller.user_id, "", seconds, ctx.now_ms)
    return {"Credentials": _credentials(made)}


@reads
def get_access_key_info(params: t.GetAccessKeyInfoRequestTypeDef, ctx: Context) -> Answer:
    """There is one account: every key is of it."""
    return {"Account": ctx.account}


def _parse_role(arn: str) -> Arn:
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "iam" or parsed.kind != "role" or "/" not in parsed.resource:
        raise ApiError("ValidationError", f"{arn} is invalid", 400)
    return parsed


def _find_role(ctx: Context, arn: str, parsed: Arn) -> dict[str, Any]:  # Any: the members of IAM's Role
    try:
        found = ctx.call("iam", "GetRole", {"RoleName": parsed.name.rpartition("/")[2]})["Role"]
    except ApiError as error:
        if error.code not in ("NoSuchEntity", "ValidationError"):
            raise
        raise _not_assumable(ctx, arn) from error
    role: dict[str, Any] = found
    if role["Arn"] != arn:
        raise _not_assumable(ctx, arn)
    return role


def _check_duration(ctx: Context, seconds: int, limit: int) -> None:
    """[iam.md 5]: the role's own limit, and an hour for a role that assumes a role."""
    if seconds > limit:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400
        )
    if seconds > CHAINED_S and ":assumed-role/" in ctx.caller.arn:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            400,
        )


def _check_tags(params: t.AssumeRoleRequestTypeDef) -> None:
    keys = [tag["Key"].lower() for tag in params.get("Tags", [])]
    if len(set(keys)) < len(keys):
        raise ApiError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400
        )
    if not {key.lower() for key in params.get("TransitiveTagKeys", [])}.issubset(keys):
        raise ApiError(
            "InvalidParameterValue",
            "The specified transitive tag key must be included in the requested tags.",
            400,
        )


def _packed_size(params: t.AssumeRoleRequestTypeDef) -> int:
    """Percent of what session policies and tags may take; 0 if there are none."""
    policy = params.get("Policy", "")
    if policy:
        _check_policy(policy)
    texts = [policy, *(each.get("arn", "") for each in params.get("PolicyArns", []))]
    texts += [tag["Key"] + tag["Value"] for tag in params.get("Tags", [])]
    size = sum(len(text.encode()) for text in texts)
    percent = -(-size * 100 // _PACKED_LIMIT)
    if percent > 100:
        raise ApiError("PackedPolicyTooLarge", f"Packed size exceeds the limit by {percent - 100}%", 400)
    return percent


def _check_policy(document: str) -> None:
    try:
        parsed = orjson.loads(document)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict) or "Statement" not in parsed:
        raise ApiError("MalformedPolicyDocument", "Syntax errors in policy.", 400)


def _is_session(ctx: Context) -> bool:
    return ctx.caller.access_key.startswith("ASIA")


def _credentials(made: SessionCredentials) -> Answer:
    return {
        "AccessKeyId": made.access_key,
        "SecretAccessKey": made.secret_key,
        "SessionToken": made.token,
        "Expiration": datetime.fromtimestamp(made.expiration_ms // 1000, UTC),
    }


def _not_assumable(ctx: Context, arn: str) -> ApiError:
    return _denied(f"User: {ctx.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}")


def _denied(text: str) -> ApiError:
    return ApiError("AccessDenied", text, 403)
