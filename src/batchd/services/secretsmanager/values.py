"""Values of secrets: put, get, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.secretsmanager.documents import CURRENT, identity, save, usable, value_key, version_at
from batchd.services.secretsmanager.faults import invalid_parameter, invalid_request, no_value
from batchd.services.secretsmanager.listing import matching
from batchd.services.secretsmanager.versions import add_version, given_value, read_value
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t

_BATCH = 20


@writes
def put_secret_value(params: t.PutSecretValueRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """A new version, current unless VersionStages says otherwise."""
    name, body = usable(ctx, params["SecretId"])
    if given_value(params) is None:
        raise invalid_request("You must provide either SecretString or SecretBinary.")
    version, versions = add_version(ctx, name, body, params, params.get("VersionStages") or [CURRENT])
    body = save(ctx, name, body, versions=versions)
    return {**identity(name, body), "VersionId": version, "VersionStages": versions[version]["stages"]}


@reads
def get_secret_value(params: t.GetSecretValueRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The current version unless another is named."""
    name, body = usable(ctx, params["SecretId"])
    return _answer(ctx, name, body, _version(body, params.get("VersionId"), params.get("VersionStage")))


@reads
def batch_get_secret_value(params: t.BatchGetSecretValueRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Of the secrets named, or of those that match: up to twenty a page. What cannot be had is in `Errors`."""
    names, filters = params.get("SecretIdList"), params.get("Filters")
    if bool(names) == bool(filters):
        raise invalid_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    if names:
        if "MaxResults" in params:
            raise invalid_parameter(
                "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."
            )
        return _values_of(ctx, names)
    page, token = matching(ctx, params, params.get("MaxResults", _BATCH))
    answer = _values_of(ctx, [body["arn"] for _, body in page])
    return {**answer, "NextToken": token} if token else answer


def _values_of(ctx: Context, names: Sequence[str]) -> dict[str, Any]:
    values: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for secret_id in names:
        try:
            name, body = usable(ctx, secret_id)
            values.append(_answer(ctx, name, body, _version(body, None, None)))
        except ApiError as error:
            errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
    return {"SecretValues": values, "Errors": errors}


def _answer(ctx: Context, name: str, body: Body, version: str) -> dict[str, Any]:
    one = body["versions"][version]
    answer = {
        **identity(name, body),
        "VersionId": version,
        **read_value(ctx.tx, ctx.deployment.vault, value_key(ctx.region, name, version)),
        "CreatedDate": one["created_at"] / 1000,
    }
    return {**answer, "VersionStages": list(one["stages"])} if one["stages"] else answer


def _version(body: Body, version: str | None, stage: str | None) -> str:
    """The version asked for. ResourceNotFoundException, or InvalidRequestException where id and label disagree."""
    if version is None:
        found = version_at(body, stage or CURRENT)
        if found is None:
            raise no_value(f"staging label: {stage or CURRENT}")
        return found
    if version not in body["versions"]:
        raise no_value(f"VersionId: {version}")
    if stage is not None and stage not in body["versions"][version]["stages"]:
        raise invalid_request("You provided a VersionStage that is not associated to the provided VersionId.")
    return version
