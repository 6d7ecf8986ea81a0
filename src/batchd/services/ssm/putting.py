"""PutParameter, with all that AWS demands of a parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, writes
from batchd.gateway.patterns import matcher
from batchd.services.ssm.documents import KIND, SECURE, version_key
from batchd.services.ssm.faults import invalid
from batchd.services.ssm.tags import new_tags
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_ssm import type_defs as t

_NAME = re.compile(r"[A-Za-z0-9_.\-/]+")
_IMAGE = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
_MOST_LEVELS = 15
_MOST_VERSIONS = 100
_LONGEST_NAME = 1011  # the ARN's part included
_STANDARD, _ADVANCED = 4096, 8192  # bytes of a value
_DATA_TYPES = (
    *("text", "boolean", "integer", "float", "binary", "hostname", "email", "url", "json", "jsonc"),
    *("ipv4-address", "ipv6-address", "aws:ec2:image", "aws:ssm:integration", "aws:region", "aws:account:id"),
)
_MORE = (
    "To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more "
    "information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)
Params = Mapping[str, Any]  # Any: the members of the operation's input, each of its own type


@writes
def put_parameter(params: t.PutParameterRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """A new parameter, or with Overwrite a new version. ParameterAlreadyExists."""
    name = params["Name"].strip(" ")
    _validate_name(ctx, name)
    if params.get("Policies", "[]").strip() not in ("", "[]", "{}"):
        raise ApiError("InvalidPolicyTypeException", "Parameter policies are not supported by this server.")
    before = ctx.tx.resources.get(Key(KIND, ctx.region, name))
    if before is not None and not params.get("Overwrite"):
        raise ApiError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    if params.get("Tags") and params.get("Overwrite"):
        raise invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    row = _row(ctx, params, before or {})
    body = before or {"oldest": 1, "labels": {}, "tags": new_tags(params.get("Tags", ()))}
    key = version_key(ctx.region, name, row["version"])
    ctx.tx.resources.put(key, {**row, "sealed": ctx.deployment.vault.seal(key, params["Value"].encode())})
    oldest = _drop_oldest(ctx, name, body, row["version"])
    ctx.tx.resources.put(Key(KIND, ctx.region, name), {**body, **row, "oldest": oldest})
    return {"Version": row["version"], "Tier": row["tier"]}


def _row(ctx: Context, params: Params, before: Body) -> Body:
    """What is kept of this version, the value apart. Members not given are those of the version before."""
    row: Body = {
        "version": before.get("version", 0) + 1,
        "type": _type(params, before),
        "data_type": _data_type(params, before),
        "modified_at": ctx.now_ms,
        "modified_by": ctx.caller.arn,
    }
    row["tier"] = _tier(params, before)
    for member, shape in (("description", "Description"), ("allowed_pattern", "AllowedPattern")):
        if value := params.get(shape, before.get(member)):
            row[member] = value
    if row["type"] == SECURE:
        row["key_id"] = params.get("KeyId") or before.get("key_id") or "alias/aws/ssm"
    _validate_pattern(row.get("allowed_pattern"), params["Value"])
    return row


def _validate_name(ctx: Context, name: str) -> None:
    bare = name.removeprefix("/").lower()
    if bare.startswith(("aws", "ssm")):
        if name.lower().startswith("/aws") and name.count("/") > 1:
            raise ApiError("AccessDeniedException", f"No access to reserved parameter name: {name}.")
        if "/" not in bare:
            raise invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
        raise _bad_name()
    if not _NAME.fullmatch(name) or "//" in name or name.endswith("/"):
        raise _bad_name()
    if "/" in name and not name.startswith("/"):
        raise invalid("Parameter name must be a fully qualified name.")
    if name.count("/") > _MOST_LEVELS:
        raise ApiError(
            "HierarchyLevelLimitExceededException", f"A hierarchy can have a maximum of {_MOST_LEVELS} levels."
        )
    if len(ctx.arn("ssm", f"parameter/{name.removeprefix('/')}")) > _LONGEST_NAME:
        raise invalid(f"Parameter name: its ARN can't be longer than {_LONGEST_NAME} characters.")


def _bad_name() -> ApiError:
    return invalid(
        'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
        "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
        "following 3 symbols .-_"
    )


def _type(params: Params, before: Body) -> str:
    wanted: str | None = params.get("Type", before.get("type"))
    if wanted is None:
        raise invalid("A parameter type is required when you create a parameter.")
    if before and wanted != before["type"]:
        raise ApiError(
            "HierarchyTypeMismatchException",
            "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change "
            "a parameter from a String type to a SecureString type. You must create a new, unique parameter.",
        )
    if not params["Value"]:
        raise invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1."
        )
    return wanted


def _tier(params: Params, before: Body) -> str:
    """Advanced for ever, once it was; Intelligent-Tiering takes what the value needs."""
    size = len(params["Value"].encode())
    wanted: str = params.get("Tier") or before.get("tier", "Standard")
    if wanted == "Intelligent-Tiering":
        wanted = "Advanced" if size > _STANDARD or before.get("tier") == "Advanced" else "Standard"
    if wanted == "Standard" and before.get("tier") == "Advanced":
        raise invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter."
        )
    if wanted == "Standard" and size > _STANDARD:
        raise invalid(f"Standard tier parameters support a maximum parameter value of {_STANDARD} characters. {_MORE}")
    if size > _ADVANCED:
        raise invalid(f"Advanced tier parameters support a maximum parameter value of {_ADVANCED} characters.")
    return wanted


def _data_type(params: Params, before: Body) -> str:
    wanted: str = params.get("DataType") or before.get("data_type", "text")
    if wanted not in _DATA_TYPES:
        raise invalid(f"The following data type is not supported: {wanted} (Data type names are all lowercase.)")
    if wanted == "aws:ec2:image" and not _IMAGE.fullmatch(params["Value"]):
        raise invalid(
            f"The parameter value, {params['Value']}, does not match the expected format for data type aws:ec2:image"
        )
    return wanted


def _validate_pattern(pattern: str | None, value: str) -> None:
    """Anywhere in the value, as AWS matches it. A pattern that cannot be run safely is refused."""
    if not pattern:
        return
    matches = matcher(f"(?s:.*)(?:{pattern})(?s:.*)")
    if matches is None:
        raise ApiError("InvalidAllowedPatternException", "The request doesn't meet the regular expression requirement.")
    if not matches(value):
        raise ApiError(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {pattern}",
        )


def _drop_oldest(ctx: Context, name: str, body: Body, newest: int) -> int:
    """The oldest version that is kept. ParameterMaxVersionLimitExceeded where a label holds it."""
    oldest: int = body["oldest"]
    if newest - oldest < _MOST_VERSIONS:
        return oldest
    if oldest in body["labels"].values():
        raise ApiError(
            "ParameterMaxVersionLimitExceeded",
            f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. "
            f"Version {oldest}, the oldest version, can't be deleted because it has a label associated with it. Move "
            "the label to another version of the parameter, and try again.",
        )
    ctx.tx.resources.delete(version_key(ctx.region, name, oldest))
    return oldest + 1
