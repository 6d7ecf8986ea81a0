"""Log groups and their retention. A group is a document; its streams and events are in the log table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from batchd.arns import parse_arn
from batchd.errors import ApiError, DuplicateKey
from batchd.gateway.operation import Context, reads, writes
from batchd.services.logs.tokens import read_token, write_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_logs import type_defs as t

KIND = "logs.group"
PAGE = 50
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_SCAN = 500  # groups read from the store at a time


def group_key(region: str, name: str) -> Key:
    return Key(KIND, region, name)


def new_group(now_ms: int) -> Body:
    """The document of a group nobody has configured: kept for ever (no `retentionInDays`), no tags."""
    return {"creationTime": now_ms, "logGroupClass": "STANDARD", "deletionProtectionEnabled": False, "tags": {}}


def group_arn(ctx: Context, name: str) -> str:
    """Without the `:*` that policies want behind it."""
    return ctx.arn("logs", f"log-group:{name}")


def find_group(ctx: Context, name: str) -> Body:
    """The group's document; ResourceNotFoundException. [logs.md 1]"""
    body = ctx.tx.resources.get(group_key(ctx.region, name))
    if body is None:
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
    return body


def named_group(ctx: Context, params: Mapping[str, Any]) -> str:
    """The existing group a request means by `logGroupName` or by `logGroupIdentifier`, a name or an ARN. [logs.md 1]"""
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if name and identifier:
        raise ApiError("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if not name and not identifier:
        raise ApiError("ValidationException", "LogGroup name or LogGroup ARN must be specified.")
    found = str(name or identified_group(identifier or ""))
    find_group(ctx, found)
    return found


def identified_group(identifier: str) -> str:
    """The name in an identifier: a name, or an ARN with or without `:*`."""
    arn = parse_arn(identifier)
    if arn is None:
        return identifier
    return arn.resource.removeprefix("log-group:").removesuffix(":*")


@writes
def create_log_group(params: t.CreateLogGroupRequestTypeDef, ctx: Context) -> None:
    """[logs.md 1]"""
    name = params["logGroupName"]
    if name.startswith("aws/"):
        raise ApiError("InvalidParameterException", "Log group names starting with 'aws/' are reserved.")
    body = new_group(ctx.now_ms)
    for member in ("logGroupClass", "deletionProtectionEnabled", "tags", "kmsKeyId"):
        if params.get(member):
            body[member] = params[member]
    try:
        ctx.tx.resources.insert(group_key(ctx.region, name), body)
    except DuplicateKey:
        raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists") from None


@writes
def delete_log_group(params: t.DeleteLogGroupRequestTypeDef, ctx: Context) -> None:
    """Streams and events go with it."""
    name = params["logGroupName"]
    if find_group(ctx, name)["deletionProtectionEnabled"]:
        raise ApiError("ValidationException", "The specified log group has deletion protection enabled.")
    ctx.tx.resources.delete(group_key(ctx.region, name))
    ctx.tx.logs.delete_group(ctx.region, name)


@reads
def describe_log_groups(params: t.DescribeLogGroupsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name. `logGroupNamePattern` is a part of the name. [logs.md 1]"""
    prefix = params.get("logGroupNamePrefix", "")
    if prefix and params.get("logGroupNamePattern"):
        raise ApiError(
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        )
    limit = params.get("limit", PAGE)
    start = read_token(params.get("nextToken"), str)
    found = _groups(ctx, (prefix, start[0] if start else ""), _wanted(params), limit + 1)
    answer: dict[str, Any] = {"logGroups": [_describe(ctx, name, body) for name, body in found[:limit]]}
    if len(found) > limit:
        answer["nextToken"] = write_token(found[limit - 1][0])
    return answer


@writes
def put_retention_policy(params: t.PutRetentionPolicyRequestTypeDef, ctx: Context) -> None:
    """Events older than this many days are deleted."""
    days = params["retentionInDays"]
    if days not in RETENTION_DAYS:
        allowed = ", ".join(str(value) for value in RETENTION_DAYS)
        raise ApiError(
            "InvalidParameterException",
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{allowed}]",
        )
    change_group(ctx, params["logGroupName"], retentionInDays=days)


@writes
def delete_retention_policy(params: t.DeleteRetentionPolicyRequestTypeDef, ctx: Context) -> None:
    """Events stay for ever again."""
    change_group(ctx, params["logGroupName"], retentionInDays=None)


@writes
def put_log_group_deletion_protection(params: t.PutLogGroupDeletionProtectionRequestTypeDef, ctx: Context) -> None:
    name = identified_group(params["logGroupIdentifier"])
    change_group(ctx, name, deletionProtectionEnabled=params["deletionProtectionEnabled"])


def change_group(ctx: Context, name: str, **members: Any) -> None:
    """Set members of an existing group; None removes one."""
    body = {**find_group(ctx, name), **members}
    kept = {member: value for member, value in body.items() if value is not None}
    ctx.tx.resources.put(group_key(ctx.region, name), kept)


def _wanted(params: t.DescribeLogGroupsRequestTypeDef) -> Callable[[str, Body], bool]:
    part, wanted_class = params.get("logGroupNamePattern", ""), params.get("logGroupClass")
    identifiers = params.get("logGroupIdentifiers")
    names = {identified_group(identifier) for identifier in identifiers} if identifiers else None

    def wanted(name: str, body: Body) -> bool:
        if wanted_class and body["logGroupClass"] != wanted_class:
            return False
        return part in name and (names is None or name in names)

    return wanted


def _groups(
    ctx: Context, start: tuple[str, str], wanted: Callable[[str, Body], bool], limit: int
) -> list[tuple[str, Body]]:
    prefix, after = start
    found: list[tuple[str, Body]] = []
    while len(found) < limit:
        page = ctx.tx.resources.page(KIND, ctx.region, prefix=prefix, after=after, limit=_SCAN)
        found += [(name, body) for name, body in page if wanted(name, body)]
        if len(page) < _SCAN:
            break
        after = page[-1][0]
    return found[:limit]


def _describe(ctx: Context, name: str, body: Body) -> dict[str, Any]:
    arn = group_arn(ctx, name)
    shown = {member: value for member, value in body.items() if member != "tags"}
    return {
        **shown,
        "logGroupName": name,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "metricFilterCount": 0,
        "storedBytes": 0,
    }
