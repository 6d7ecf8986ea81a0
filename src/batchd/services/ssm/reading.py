"""Values: one, some, or all below a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.services.ssm.documents import KIND, existing, get_version, parameter_arn, shown, split_selector
from batchd.services.ssm.faults import invalid, not_found
from batchd.services.ssm.filters import passes_filters, read_token, validate_filters, write_token
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ssm import type_defs as t

_SECRETS = "/aws/reference/secretsmanager/"
_PAGE = 10
_SCAN = 100
_PATH_FILTERS = ("Type", "KeyId", "Label")


@reads
def get_parameter(params: t.GetParameterRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name, `name:version`, `name:label` or ARN; or a secret of Secrets Manager below its reference path."""
    return {"Parameter": _parameter(ctx, params["Name"], params.get("WithDecryption", False))}


@reads
def get_parameters(params: t.GetParametersRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Those there are; the others are invalid."""
    found: list[dict[str, Any]] = []
    unknown: list[str] = []
    for name in dict.fromkeys(params["Names"]):
        try:
            found.append(_parameter(ctx, name, params.get("WithDecryption", False)))
        except ApiError as error:
            if error.code not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            unknown.append(name)
    return {"Parameters": found, "InvalidParameters": unknown}


@reads
def get_parameters_by_path(params: t.GetParametersByPathRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """By name. Not recursive: only what is directly below the path."""
    path = params["Path"]
    if not path.startswith("/"):
        raise invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
            'slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, '
            "numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not "
            'allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
            "Valid example: /get/parameters2-/by1./path0_."
        )
    filters = params.get("ParameterFilters", ())
    validate_filters(filters, _PATH_FILTERS)
    limit = params.get("MaxResults", _PAGE)
    found = _below(ctx, params, limit + 1)
    decrypt = params.get("WithDecryption", False)
    answer: dict[str, Any] = {"Parameters": [_newest(ctx, name, body, decrypt) for name, body in found[:limit]]}
    if len(found) > limit:
        answer["NextToken"] = write_token(found[limit - 1][0])
    return answer


def _below(ctx: Context, params: t.GetParametersByPathRequestTypeDef, limit: int) -> list[tuple[str, Body]]:
    """The first of the parameters below a path that pass, after NextToken."""
    path = params["Path"].rstrip("/") + "/"
    filters = params.get("ParameterFilters", ())
    after = read_token(params.get("NextToken"))
    found: list[tuple[str, Body]] = []
    while len(found) < limit:
        page = ctx.tx.resources.page(KIND, ctx.region, prefix="" if path == "/" else path, after=after, limit=_SCAN)
        for name, body in page:
            is_direct = "/" not in name.removeprefix(path)
            if (params.get("Recursive") or is_direct) and passes_filters(name, body, filters):
                found.append((name, body))
        if len(page) < _SCAN:
            break
        after = page[-1][0]
    return found[:limit]


def _newest(ctx: Context, name: str, body: Body, decrypt: bool) -> dict[str, Any]:
    return shown(ctx, name, get_version(ctx.tx, ctx.region, name, (body, "")), decrypt)


def _parameter(ctx: Context, text: str, decrypt: bool) -> dict[str, Any]:
    if text.startswith(_SECRETS):
        return _secret(ctx, text, decrypt)
    name, selector = split_selector(text)
    name, body = existing(ctx, name)
    answer = shown(ctx, name, get_version(ctx.tx, ctx.region, name, (body, selector)), decrypt)
    return {**answer, "Selector": f":{selector}"} if selector else answer


def _secret(ctx: Context, text: str, decrypt: bool) -> dict[str, Any]:
    """A secret of Secrets Manager, as a parameter that cannot be changed."""
    if not decrypt:
        raise invalid("WithDecryption flag must be True for retrieving a Secret Manager secret.")
    name = text.removeprefix(_SECRETS)
    try:
        secret = ctx.call("secretsmanager", "GetSecretValue", {"SecretId": name})
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise ApiError(
            "ParameterNotFound",
            f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {text} not found.",
        ) from None
    if "SecretString" not in secret:
        raise not_found(text)
    origin = {member: value for member, value in secret.items() if member != "SecretString"}
    return {
        "Name": text,
        "Type": "SecureString",
        "Value": secret["SecretString"],
        "Version": 0,
        "SourceResult": orjson.dumps(origin).decode(),
        "LastModifiedDate": secret["CreatedDate"],
        "ARN": parameter_arn(ctx, text),
        "DataType": "text",
    }
