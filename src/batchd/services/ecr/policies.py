"""Policies of repositories and of the registry: kept and given back word for word. [ecr.md 1]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ecr.repositories import change_repository, find_repository, identity
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_ecr import type_defs as t

_KIND = "ecr.registry-policy"
_ACTIONS = ("expire", "transition")


@writes
def set_repository_policy(params: t.SetRepositoryPolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    text = params["policyText"]
    _check_policy(text, "Invalid repository policy provided")
    change_repository(ctx, params, policyText=text)
    return {**identity(ctx, params["repositoryName"]), "policyText": text}


@reads
def get_repository_policy(params: t.GetRepositoryPolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """RepositoryPolicyNotFoundException where none is set."""
    name = params["repositoryName"]
    body = find_repository(ctx, params, name)
    if "policyText" not in body:
        raise _missing("RepositoryPolicyNotFoundException", "Repository policy", name, ctx)
    return {**identity(ctx, name), "policyText": body["policyText"]}


@writes
def delete_repository_policy(params: t.DeleteRepositoryPolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    gone = get_repository_policy({**params}, ctx)
    change_repository(ctx, params, policyText=None)
    return gone


@writes
def put_lifecycle_policy(params: t.PutLifecyclePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    text = params["lifecyclePolicyText"]
    _check_lifecycle(text)
    change_repository(ctx, params, lifecyclePolicyText=text, lastEvaluatedAt=ctx.now_ms / 1000)
    return {**identity(ctx, params["repositoryName"]), "lifecyclePolicyText": text}


@reads
def get_lifecycle_policy(params: t.GetLifecyclePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """LifecyclePolicyNotFoundException where none is set."""
    name = params["repositoryName"]
    body = find_repository(ctx, params, name)
    if "lifecyclePolicyText" not in body:
        raise _missing("LifecyclePolicyNotFoundException", "Lifecycle policy", name, ctx)
    return {**identity(ctx, name), **{member: body[member] for member in ("lifecyclePolicyText", "lastEvaluatedAt")}}


@writes
def delete_lifecycle_policy(params: t.DeleteLifecyclePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    gone = get_lifecycle_policy({**params}, ctx)
    change_repository(ctx, params, lifecyclePolicyText=None, lastEvaluatedAt=None)
    return gone


@writes
def put_registry_policy(params: t.PutRegistryPolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    text = params["policyText"]
    _check_policy(text, "Invalid registry policy provided")
    ctx.tx.resources.put(_registry_key(ctx), {"policyText": text})
    return {"registryId": ctx.account, "policyText": text}


@reads
def get_registry_policy(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """RegistryPolicyNotFoundException where none is set."""
    return {"registryId": ctx.account, "policyText": _registry_policy(ctx)["policyText"]}


@writes
def delete_registry_policy(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    text = _registry_policy(ctx)["policyText"]
    ctx.tx.resources.delete(_registry_key(ctx))
    return {"registryId": ctx.account, "policyText": text}


def _registry_key(ctx: Context) -> Key:
    return Key(_KIND, ctx.region, "policy")


def _registry_policy(ctx: Context) -> Body:
    body = ctx.tx.resources.get(_registry_key(ctx))
    if body is None:
        raise ApiError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{ctx.account}'",
        )
    return body


def _missing(code: str, what: str, name: str, ctx: Context) -> ApiError:
    return ApiError(
        code, f"{what} does not exist for the repository with name '{name}' in the registry with id '{ctx.account}'"
    )


def _check_policy(text: str, problem: str) -> None:
    document = _json_object(text)
    if document is None or not isinstance(document.get("Statement"), list | dict):
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'PolicyText' failed to satisfy constraint: '{problem}'",
        )


def _check_lifecycle(text: str) -> None:
    """A list of rules, each with a priority of its own, a selection and an action."""
    document = _json_object(text)
    rules = document.get("rules") if document else None
    if not isinstance(rules, list) or not rules or not all(map(_is_rule, rules)):
        raise _bad_lifecycle("Lifecycle policy validation failure")
    if len({rule["rulePriority"] for rule in rules}) < len(rules):
        raise _bad_lifecycle("Lifecycle policy validation failure: rule priorities must be unique")


def _is_rule(rule: Any) -> bool:
    if not isinstance(rule, dict) or not isinstance(rule.get("rulePriority"), int):
        return False
    action = rule.get("action")
    return isinstance(rule.get("selection"), dict) and isinstance(action, dict) and action.get("type") in _ACTIONS


def _bad_lifecycle(problem: str) -> ApiError:
    return ApiError(
        "InvalidParameterException",
        f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{problem}'",
    )


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
