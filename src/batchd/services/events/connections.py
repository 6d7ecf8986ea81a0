"""Connections: how API destinations are told who calls. What is secret lies in Secrets Manager, as on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchd.arns import parse_arn
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.destination_rules import check_endpoint
from batchd.services.events.faults import already_exists, invalid, not_found
from batchd.services.events.paging import cut_page, read_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

CONNECTION = "events.connection"
_KINDS = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
}
_SECRETS = ("Password", "ApiKeyValue", "ClientSecret")
_SHOWN = ("ConnectionArn", "Name", "Description", "ConnectionState", "AuthorizationType", "SecretArn", "AuthParameters")
_LISTED = ("ConnectionArn", "Name", "ConnectionState", "AuthorizationType")


@writes
def create_connection(params: t.CreateConnectionRequestTypeDef, ctx: Context) -> Body:
    name, kind = params["Name"], params["AuthorizationType"]
    if ctx.tx.resources.get(Key(CONNECTION, ctx.region, name)) is not None:
        raise already_exists(f"Connection {name} already exists.")
    given: Body = dict(params["AuthParameters"])
    _check(kind, given)
    number = ctx.new_id()
    secret = ctx.call(
        "secretsmanager",
        "CreateSecret",
        {"Name": f"events!connection/{name}/{number}", "SecretString": orjson.dumps(given).decode()},
    )
    body: Body = {
        "Name": name,
        "ConnectionArn": ctx.arn("events", f"connection/{name}/{number}"),
        **({"Description": params["Description"]} if "Description" in params else {}),
        "ConnectionState": "AUTHORIZED",
        "AuthorizationType": kind,
        "SecretArn": secret["ARN"],
        "AuthParameters": _without_secrets(given),
        "at": ctx.now_ms,
    }
    return _save(ctx, body, authorized=True)


@writes
def update_connection(params: t.UpdateConnectionRequestTypeDef, ctx: Context) -> Body:
    """What is not named stays."""
    body = existing_connection(ctx, params["Name"])
    kind = params.get("AuthorizationType") or body["AuthorizationType"]
    given = _merged(auth_of(ctx, body), dict(params.get("AuthParameters", {})))
    others = [member for other, member in _KINDS.items() if other != kind]
    given = {member: value for member, value in given.items() if member not in others}
    _check(kind, given)
    secret = {"SecretId": body["SecretArn"], "SecretString": orjson.dumps(given).decode()}
    ctx.call("secretsmanager", "PutSecretValue", secret)
    if "Description" in params:
        body = {**body, "Description": params["Description"]}
    changed = {"AuthorizationType": kind, "AuthParameters": _without_secrets(given), "ConnectionState": "AUTHORIZED"}
    return _save(ctx, {**body, **changed}, authorized=True)


@writes
def deauthorize_connection(params: t.DeauthorizeConnectionRequestTypeDef, ctx: Context) -> Body:
    """Its secret is forgotten; an update that brings a new one authorizes it again."""
    body = existing_connection(ctx, params["Name"])
    ctx.call("secretsmanager", "PutSecretValue", {"SecretId": body["SecretArn"], "SecretString": "{}"})
    return _save(ctx, {**body, "ConnectionState": "DEAUTHORIZED"})


@writes
def delete_connection(params: t.DeleteConnectionRequestTypeDef, ctx: Context) -> Body:
    body = existing_connection(ctx, params["Name"])
    request = {"SecretId": body["SecretArn"], "ForceDeleteWithoutRecovery": True}
    ctx.call("secretsmanager", "DeleteSecret", request)
    ctx.tx.resources.delete(Key(CONNECTION, ctx.region, body["Name"]))
    return _answer({**body, "ConnectionState": "DELETING"})


@reads
def describe_connection(params: t.DescribeConnectionRequestTypeDef, ctx: Context) -> Body:
    body = existing_connection(ctx, params["Name"])
    return {member: body[member] for member in _SHOWN if member in body} | _times(body)


@reads
def list_connections(params: t.ListConnectionsRequestTypeDef, ctx: Context) -> Body:
    """By name."""
    found = dict(ctx.tx.resources.page(CONNECTION, ctx.region, prefix=params.get("NamePrefix") or ""))
    after, state = read_token(params.get("NextToken")), params.get("ConnectionState")
    names = [name for name, body in found.items() if name > after and state in (None, body["ConnectionState"])]
    page, more = cut_page(names, params.get("Limit"))
    listed = [{member: found[name][member] for member in _LISTED} | _times(found[name]) for name in page]
    return {"Connections": listed, **more}


def connection_of(ctx: Context, text: str) -> Body:
    """Of an ARN. ResourceNotFoundException."""
    arn = parse_arn(text)
    name = arn.name.partition("/")[0] if arn is not None and arn.kind == "connection" else ""
    body = ctx.tx.resources.get(Key(CONNECTION, ctx.region, name))
    if body is None or body["ConnectionArn"] != text:
        raise not_found(f"Connection {name or text} does not exist.")
    return body


def auth_of(ctx: Context, body: Body) -> Body:
    """All of its parameters, the secret ones too."""
    found = ctx.call("secretsmanager", "GetSecretValue", {"SecretId": body["SecretArn"]})
    auth: Body = orjson.loads(found["SecretString"])
    return auth


def existing_connection(ctx: Context, name: str) -> Body:
    """ResourceNotFoundException."""
    body = ctx.tx.resources.get(Key(CONNECTION, ctx.region, name))
    if body is None:
        raise not_found(f"Connection {name} does not exist.")
    return body


def _check(kind: str, given: Body) -> None:
    if not given.get(_KINDS[kind]):
        raise invalid(f"Parameter {_KINDS[kind]} is required for authorization type {kind}.")
    if any(given.get(member) for other, member in _KINDS.items() if other != kind):
        raise invalid(f"Only {_KINDS[kind]} may be specified for authorization type {kind}.")
    if kind == "OAUTH_CLIENT_CREDENTIALS":
        check_endpoint(given["OAuthParameters"]["AuthorizationEndpoint"], "AuthorizationEndpoint")


def _without_secrets(value: Any) -> Any:
    """What may be shown."""
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    is_secret = value.get("IsValueSecret", False)
    return {
        name: _without_secrets(inner)
        for name, inner in value.items()
        if name not in _SECRETS and not (is_secret and name == "Value")
    }


def _merged(old: Any, new: Any) -> Any:
    """The old parameters with the new ones in their places; lists are replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{name: _merged(old.get(name), inner) for name, inner in new.items()}}


def _save(ctx: Context, body: Body, authorized: bool = False) -> Body:
    moment = {"changed": ctx.now_ms, **({"authorized": ctx.now_ms} if authorized else {})}
    body = {**body, **moment}
    ctx.tx.resources.put(Key(CONNECTION, ctx.region, body["Name"]), body)
    return _answer(body)


def _answer(body: Body) -> Body:
    return {"ConnectionArn": body["ConnectionArn"], "ConnectionState": body["ConnectionState"], **_times(body)}


def _times(body: Body) -> Body:
    times = {"CreationTime": body["at"], "LastModifiedTime": body["changed"], "LastAuthorizedTime": body["authorized"]}
    return {name: at / 1000 for name, at in times.items()}


def unavailable(body: Body) -> ApiError | None:
    """Why the connection cannot be used, if it cannot."""
    if body["ConnectionState"] == "AUTHORIZED":
        return None
    return ApiError("AccessDeniedException", f"Connection {body['Name']} is {body['ConnectionState']}")
