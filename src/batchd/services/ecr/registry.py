"""The registry as a whole: the right to enter it, and how it is set up. [ecr.md 1]"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, reads
from batchd.services.ecr.repositories import registry_host

if TYPE_CHECKING:
    from types_boto3_ecr import type_defs as t

_TOKEN_SECONDS = 12 * 3600


@reads
def get_authorization_token(params: t.GetAuthorizationTokenRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """base64 of `AWS:` and a password that is good for twelve hours.

    The password is the caller's own identity as a session: base64 of its access key id and signed token. It lacks the
    session's secret, so that a password left in a file opens the registry and nothing else.
    """
    caller = ctx.caller
    session = ctx.deployment.issue_session(caller.arn, caller.user_id, "ecr", _TOKEN_SECONDS, ctx.now_ms)
    claims = {"accessKey": session.access_key, "token": session.token, "expiration": session.expiration_ms // 1000}
    password = base64.urlsafe_b64encode(orjson.dumps(claims))
    entry = {
        "authorizationToken": base64.b64encode(b"AWS:" + password).decode(),
        "expiresAt": session.expiration_ms / 1000,
        "proxyEndpoint": f"https://{registry_host(ctx)}",
    }
    return {"authorizationData": [entry]}


@reads
def describe_registry(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    return {"registryId": ctx.account, "replicationConfiguration": {"rules": []}}


@reads
def get_registry_scanning_configuration(params: dict[str, Any], ctx: Context) -> dict[str, Any]:
    return {"registryId": ctx.account, "scanningConfiguration": {"scanType": "BASIC", "rules": []}}
