"""Repositories: created, described, deleted, and their settings. [ecr.md 1]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError, DuplicateKey
from batchd.gateway.operation import Context, reads, writes
from batchd.gateway.tokens import BadToken, decode_name, encode_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_ecr import type_defs as t

KIND = "ecr.repository"
PAGE = 100
_SETTINGS = ("imageTagMutability", "imageTagMutabilityExclusionFilters")


@writes
def create_repository(params: t.CreateRepositoryRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """RepositoryAlreadyExistsException. Scanning and encryption are always shown: Terraform reads them."""
    name = params["repositoryName"]
    body: Body = {
        "createdAt": ctx.now_ms / 1000,
        "imageTagMutability": params.get("imageTagMutability", "MUTABLE"),
        "imageScanningConfiguration": {"scanOnPush": _scans(params)},
        "encryptionConfiguration": dict(params.get("encryptionConfiguration", {"encryptionType": "AES256"})),
        "tags": {tag["Key"]: tag.get("Value", "") for tag in params.get("tags", ())},
    }
    if params.get("imageTagMutabilityExclusionFilters"):
        body["imageTagMutabilityExclusionFilters"] = list(params["imageTagMutabilityExclusionFilters"])
    try:
        ctx.tx.resources.insert(Key(KIND, ctx.region, name), body)
    except DuplicateKey:
        raise ApiError(
            "RepositoryAlreadyExistsException",
            f"The repository with name '{name}' already exists in the registry with id '{ctx.account}'",
        ) from None
    return {"repository": _described(ctx, name, body)}


@reads
def describe_repositories(params: t.DescribeRepositoriesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The named ones, or all by name."""
    check_registry(ctx, params, "")
    if names := params.get("repositoryNames"):
        return {"repositories": [_described(ctx, name, find_repository(ctx, params, name)) for name in names]}
    limit = params.get("maxResults", PAGE)
    page = ctx.tx.resources.page(KIND, ctx.region, after=_read_token(params.get("nextToken")), limit=limit + 1)
    answer: dict[str, Any] = {"repositories": [_described(ctx, name, body) for name, body in page[:limit]]}
    if len(page) > limit:
        answer["nextToken"] = encode_token([page[limit - 1][0]])
    return answer


@writes
def delete_repository(params: t.DeleteRepositoryRequestTypeDef, ctx: Context) -> dict[str, Any]:
    name = params["repositoryName"]
    body = find_repository(ctx, params, name)
    ctx.tx.resources.delete(Key(KIND, ctx.region, name))
    return {"repository": _described(ctx, name, body)}


@writes
def put_image_tag_mutability(params: t.PutImageTagMutabilityRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Replaces the exclusion filters too."""
    name = params["repositoryName"]
    settings = {
        "imageTagMutability": params["imageTagMutability"],
        "imageTagMutabilityExclusionFilters": params.get("imageTagMutabilityExclusionFilters"),
    }
    body = change_repository(ctx, params, **settings)
    return {**identity(ctx, name), **{member: body[member] for member in _SETTINGS if member in body}}


@writes
def put_image_scanning_configuration(
    params: t.PutImageScanningConfigurationRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    """Remember the wish; nothing scans images here."""
    setting = {"scanOnPush": _scans(params)}
    change_repository(ctx, params, imageScanningConfiguration=setting)
    return {**identity(ctx, params["repositoryName"]), "imageScanningConfiguration": setting}


@reads
def batch_get_repository_scanning_configuration(
    params: t.BatchGetRepositoryScanningConfigurationRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for name in params["repositoryNames"]:
        body = ctx.tx.resources.get(Key(KIND, ctx.region, name))
        if body is None:
            reason = {"failureCode": "REPOSITORY_NOT_FOUND", "failureReason": "Repository not found"}
            failures.append({"repositoryName": name, **reason})
            continue
        scans = body["imageScanningConfiguration"]["scanOnPush"]
        frequency = "SCAN_ON_PUSH" if scans else "MANUAL"
        named = {"repositoryArn": repository_arn(ctx, name), "repositoryName": name}
        found.append({**named, "scanOnPush": scans, "scanFrequency": frequency, "appliedScanFilters": []})
    return {"scanningConfigurations": found, "failures": failures}


def find_repository(ctx: Context, params: Mapping[str, Any], name: str) -> Body:
    """The repository's document; RepositoryNotFoundException, also for another account's registry."""
    check_registry(ctx, params, name)
    body = ctx.tx.resources.get(Key(KIND, ctx.region, name))
    if body is None:
        raise _missing(name, ctx.account)
    return body


def change_repository(ctx: Context, params: Mapping[str, Any], **members: Any) -> Body:
    """Set members of the document of `params["repositoryName"]`; None removes one."""
    name = params["repositoryName"]
    merged = {**find_repository(ctx, params, name), **members}
    body = {member: value for member, value in merged.items() if value is not None}
    ctx.tx.resources.put(Key(KIND, ctx.region, name), body)
    return body


def check_registry(ctx: Context, params: Mapping[str, Any], name: str) -> None:
    registry = params.get("registryId", ctx.account)
    if registry != ctx.account:
        raise _missing(name, registry)


def identity(ctx: Context, name: str) -> dict[str, Any]:
    """What most answers begin with."""
    return {"registryId": ctx.account, "repositoryName": name}


def repository_arn(ctx: Context, name: str) -> str:
    return ctx.arn("ecr", f"repository/{name}")


def registry_host(ctx: Context) -> str:
    """Where `docker login` goes, and what image names begin with."""
    return f"{ctx.account}.dkr.ecr.{ctx.region}.amazonaws.com"


def _read_token(token: str | None) -> str:
    """The name a page starts after."""
    try:
        return decode_name(token)
    except BadToken:
        raise ApiError(
            "InvalidParameterException",
            "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a valid token'",
        ) from None


def _scans(params: Mapping[str, Any]) -> bool:
    return bool(params.get("imageScanningConfiguration", {}).get("scanOnPush", False))


def _missing(name: str, registry: str) -> ApiError:
    return ApiError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
    )


def _described(ctx: Context, name: str, body: Body) -> dict[str, Any]:
    shown = {member: body[member] for member in _SETTINGS if member in body}
    return {
        **identity(ctx, name),
        "repositoryArn": repository_arn(ctx, name),
        "repositoryUri": f"{registry_host(ctx)}/{name}",
        "createdAt": body["createdAt"],
        **shown,
        "imageScanningConfiguration": body["imageScanningConfiguration"],
        "encryptionConfiguration": body["encryptionConfiguration"],
    }
