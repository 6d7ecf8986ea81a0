"""Resource policies: kept and shown. Who may do what is decided elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.secretsmanager.documents import existing, identity, save, usable

if TYPE_CHECKING:
    from types_boto3_secretsmanager import type_defs as t


@reads
def get_resource_policy(params: t.GetResourcePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Without ResourcePolicy where there is none."""
    name, body = existing(ctx, params["SecretId"])
    answer = identity(name, body)
    return {**answer, "ResourcePolicy": body["policy"]} if "policy" in body else answer


@writes
def put_resource_policy(params: t.PutResourcePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """MalformedPolicyDocumentException; PublicPolicyException where BlockPublicPolicy is set and anybody is let in."""
    name, body = usable(ctx, params["SecretId"])
    statements = _statements(params["ResourcePolicy"])
    if statements is None:
        raise ApiError("MalformedPolicyDocumentException", "This resource policy contains invalid Json.")
    if params.get("BlockPublicPolicy") and any(map(_is_public, statements)):
        raise ApiError(
            "PublicPolicyException", "This resource policy grants public access to your secret, which is blocked."
        )
    return identity(name, save(ctx, name, body, policy=params["ResourcePolicy"]))


@writes
def delete_resource_policy(params: t.DeleteResourcePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """None is fine."""
    name, body = usable(ctx, params["SecretId"])
    return identity(name, save(ctx, name, body, policy=None))


@reads
def validate_resource_policy(params: t.ValidateResourcePolicyRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Whether it is a policy, and lets in only named principals."""
    if "SecretId" in params:
        existing(ctx, params["SecretId"])
    statements = _statements(params["ResourcePolicy"])
    if statements is None:
        raise ApiError("MalformedPolicyDocumentException", "This resource policy contains invalid Json.")
    public = any(map(_is_public, statements))
    errors = [{"CheckName": "PublicPolicy", "ErrorMessage": "The policy grants public access."}] if public else []
    return {"PolicyValidationPassed": not public, "ValidationErrors": errors}


def _statements(text: str) -> list[Any] | None:
    """None: no policy."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or "Statement" not in document:
        return None
    statement = document["Statement"]
    return statement if isinstance(statement, list) else [statement]


def _is_public(statement: Any) -> bool:  # any JSON
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow" or statement.get("Condition"):
        return False
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    return "*" in (named if isinstance(named, list) else [named])
